//! Exports as bytes: taking one, and giving it to another store.

use std::io;

use async_trait::async_trait;
use bleepstore_core::ops::{
    ExportStream, ImportReport, LineSink, Progress, TransferError, export, import, inspect,
};
use bleepstore_core::ports::Ports;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};

/// Keeps what is written.
#[derive(Default)]
struct Kept(BytesMut);

#[async_trait]
impl LineSink for Kept {
    async fn write(&mut self, line: Bytes) -> io::Result<()> {
        self.0.extend_from_slice(&line);
        Ok(())
    }
}

/// The store's export.
pub(crate) async fn exported(ports: &Ports, secrets: bool) -> Bytes {
    let mut kept = Kept::default();
    export(ports, secrets, &mut kept, &Progress::default())
        .await
        .unwrap();
    kept.0.freeze()
}

/// The bytes in pieces that end anywhere.
pub(crate) fn stream_of(bytes: &Bytes) -> ExportStream {
    let pieces: Vec<_> = bytes
        .chunks(1_000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    stream::iter(pieces).boxed()
}

/// Imports an export.
pub(crate) async fn imported(ports: &Ports, bytes: &Bytes) -> Result<ImportReport, TransferError> {
    import(ports, stream_of(bytes), &Progress::default()).await
}

/// Whether the export is whole, in one line.
pub(crate) async fn problem(bytes: &Bytes) -> String {
    match inspect(stream_of(bytes), &Progress::default()).await {
        Ok(_) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}
