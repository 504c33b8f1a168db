//! The wire format of S3: signatures, chunked bodies, headers, XML. Knows only `model`.

pub mod aws_chunked;
pub mod percent;
pub mod sigv4;
