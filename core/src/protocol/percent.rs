//! Percent encoding.
