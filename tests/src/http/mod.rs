//! A small S3 client over real sockets, and the deployments that the S3 suite runs against.
//!
//! The client sends exactly the bytes that a test asks for (no library normalises paths, headers or framing; only where
//! a deployment is reached over HTTP/2 hyper frames them) and signs with `aws-sigv4`, a signer that shares no code with
//! the server, or with Signature Version 2 of its own.

mod account;
mod bucket;
pub mod chunked;
mod connection;
pub mod deployment;
pub mod encoding;
pub mod form;
pub mod function_url;
mod http2;
mod outcome;
mod request;
mod response;
mod server;
mod sigv2;
mod sts;

pub use account::{ALICE, ALICE_READER, ANONYMOUS_ID, Account, BOB, OWNER_WRITER};
pub use bucket::{Bucket, S3, UploadedPart};
pub use connection::Connection;
pub use deployment::{Deployment, Endpoint, Front};
pub use request::{Request, SignedRequest};
pub use response::{ErrorDocument, Response};
pub use server::{
    DOMAIN, PREVIOUS_SECRET_KEY, WEBSITE_DOMAIN, endpoint, settings, start_server, start_server_notifying,
    start_server_with,
};
pub use sts::{Session, StsError};
