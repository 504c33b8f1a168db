//! The wire format of S3: signatures, chunked bodies, headers, XML. Knows only `model`, and `digest` and
//! `body` for what passes through it.

pub mod absent;
pub mod attributes;
pub mod aws_chunked;
pub mod checksum;
pub mod conditions;
pub mod cors;
pub mod date;
pub mod error;
pub mod form;
pub mod headers;
pub mod hoisted;
pub mod host;
pub mod html;
pub mod payload;
pub mod percent;
pub mod query;
mod query_signature;
pub mod range;
mod resource;
pub mod route;
pub mod sigv2;
pub mod sigv4;
pub mod sts;
pub mod token;

pub mod xml;
