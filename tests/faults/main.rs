//! What operations do when stores fail.
