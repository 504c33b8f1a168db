//! Decoding of `aws-chunked` bodies.
