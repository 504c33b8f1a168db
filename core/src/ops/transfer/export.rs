//! A store's records as lines.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;

use super::walk::{RecordSink, header, walk};
use super::{Counts, Record, Trailer, TransferError};
use crate::digest::Sha256Hasher;
use crate::ops::Progress;
use crate::ports::Ports;

/// Where the lines of an export go.
#[async_trait]
pub trait LineSink: Send {
    /// Takes one line, its end included.
    async fn write(&mut self, line: Bytes) -> io::Result<()>;
}

/// Writes all records of the store, with the secret keys of its credentials or without.
///
/// Every record that stands throughout under its key is in the export, as it was at some moment of it; one that is renamed
/// meanwhile may not be. It is the store at *one*
/// moment only where nothing is written meanwhile.
pub async fn export(
    ports: &Ports,
    secrets: bool,
    out: &mut dyn LineSink,
    progress: &Progress,
) -> Result<Counts, TransferError> {
    let header = header(ports, secrets).await?;
    let version = header.version;
    let mut writer = Writer {
        out,
        hasher: Sha256Hasher::default(),
        progress,
    };
    writer.line(&Record::Header(header)).await?;
    let counts = walk(ports, secrets, &mut writer).await?;
    if super::walk::header(ports, secrets).await?.version != version {
        return Err(TransferError::Rose);
    }
    let sha256 = writer.hasher.hex();
    writer.line(&Record::Trailer(Trailer { counts, sha256 })).await?;
    Ok(counts)
}

struct Writer<'a> {
    out: &'a mut dyn LineSink,
    hasher: Sha256Hasher,
    progress: &'a Progress,
}

impl Writer<'_> {
    async fn line(&mut self, record: &Record) -> Result<(), TransferError> {
        let mut line =
            serde_json::to_vec(record).map_err(|error| TransferError::Output(io::Error::other(error)))?;
        line.push(b'\n');
        self.hasher.update(&line);
        self.out
            .write(Bytes::from(line))
            .await
            .map_err(TransferError::Output)
    }
}

#[async_trait]
impl RecordSink for Writer<'_> {
    async fn accept(&mut self, record: Record) -> Result<(), TransferError> {
        self.progress.pass_records(1);
        self.line(&record).await
    }
}
