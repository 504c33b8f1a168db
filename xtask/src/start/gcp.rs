//! The Google Cloud deployment as the server that a container runs.

mod firestore;
mod grpc;
mod protobuf;
mod storage;

use std::net::SocketAddr;
use std::path::Path;

use super::program::Server;

/// Starts a program as the server, which must become well. It ends when this is dropped.
pub(crate) fn start(program: &Path) -> Result<Server, String> {
    until_healthy(program, imitations()?)
}

/// Where imitations of Firestore and of Cloud Storage listen.
pub(crate) fn imitations() -> Result<(SocketAddr, SocketAddr), String> {
    let failed = |error: std::io::Error| format!("loopback: {error}");
    Ok((
        firestore::start().map_err(failed)?,
        storage::start().map_err(failed)?,
    ))
}

/// Starts a program as the server over these imitations.
pub(crate) fn until_healthy(
    program: &Path,
    (firestore, storage): (SocketAddr, SocketAddr),
) -> Result<Server, String> {
    let (firestore, storage) = (firestore.to_string(), storage.to_string());
    let variables = [
        ("FIRESTORE_EMULATOR_HOST", firestore.as_str()),
        ("STORAGE_EMULATOR_HOST", storage.as_str()),
        ("BLEEPSTORE_PROJECT", "project"),
        ("BLEEPSTORE_REGION", "europe-west1"),
        ("BLEEPSTORE_BLOB_BUCKET", "blobs"),
        ("BLEEPSTORE_ACCESS_KEY", "root"),
        ("BLEEPSTORE_SECRET_KEY", "root-secret"),
        ("BLEEPSTORE_LOG", "warn"),
    ];
    Server::start(program, "PORT", &variables)
}
