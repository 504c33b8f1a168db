//! The wire format of S3: signatures, chunked bodies, headers, XML. Knows only `model`, and `digest` and
//! `body` for what passes through it.

pub mod aws_chunked;
pub mod checksum;
pub mod payload;
pub mod percent;
pub mod sigv4;
