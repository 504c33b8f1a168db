//! The Google Cloud deployment as the server that a container runs, up to its first answer.

mod firestore;
mod grpc;
mod protobuf;
mod storage;

use super::started::{starts, until_healthy};
use super::{Figure, megabytes, milliseconds};
use crate::package::{self, Arch};

pub(super) fn measure() -> Result<Vec<Figure>, String> {
    let package = package::gcp(Arch::X86_64)?;
    let failed = |error: std::io::Error| format!("loopback: {error}");
    let (firestore, storage) = (
        firestore::start().map_err(failed)?,
        storage::start().map_err(failed)?,
    );
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
    let measured = starts(|| until_healthy(&package.binary, "PORT", &variables))?;
    Ok(vec![
        megabytes("image", package::size(&package.archive)?, 30.0),
        milliseconds("start to first answer", measured.time, 30.0),
        megabytes("memory when idle", measured.memory, 30.0),
    ])
}
