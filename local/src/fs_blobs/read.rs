//! Reading a blob: one piece ahead of the client.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{BlobRead, BlobStream, StoreResult};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::task::{JoinHandle, spawn_blocking};

use super::buffers::SIZE;
use super::{Disk, stopped, store_error};

/// Opens a blob and reads the first piece, in one trip to a blocking thread. A read holds two pieces: one is sent while
/// the next one is read. The open file outlives its
/// name, so a blob that is deleted from here on is read to its end.
pub(super) fn open(disk: &Arc<Disk>, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
    if disk.deletions.hides(blob) {
        return Ok(BlobRead::Missing);
    }
    let (file, length) = match disk.files.open(&disk.folders.path(blob)) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BlobRead::Missing),
        Err(error) => return Err(store_error(error)),
    };
    if length < range.end {
        let text = format!("blob {blob} has {length} bytes, fewer than {}", range.end);
        return Err(store_error(io::Error::new(io::ErrorKind::UnexpectedEof, text)));
    }
    let mut source = Source {
        disk: Arc::clone(disk),
        file,
        left: range,
    };
    let first = source.next().map_err(store_error)?;
    Ok(BlobRead::Found(pieces(source, first)))
}

struct Source {
    disk: Arc<Disk>,
    file: File,
    left: Range<u64>,
}

impl Source {
    fn next(&mut self) -> io::Result<Bytes> {
        let length = (self.left.end - self.left.start).min(SIZE as u64);
        let mut piece = self.disk.buffers.take();
        piece.fill(length as usize, |bytes| {
            self.disk.files.read_at(&self.file, bytes, self.left.start)
        })?;
        self.left.start += length;
        Ok(Bytes::from_owner(piece))
    }
}

/// Where a stream of pieces stands.
enum Position {
    /// This piece is at hand.
    Ready(Source, Bytes),
    /// The next piece is being read.
    Reading(JoinHandle<io::Result<(Source, Bytes)>>),
    End,
}

fn pieces(source: Source, first: Bytes) -> BlobStream {
    stream::unfold(Position::Ready(source, first), |position| async {
        let (source, piece) = match position {
            Position::Ready(source, piece) => (source, piece),
            Position::Reading(reading) => match reading.await {
                Ok(Ok(read)) => read,
                Ok(Err(error)) => return Some((Err(store_error(error)), Position::End)),
                Err(error) => return Some((Err(stopped(error)), Position::End)),
            },
            Position::End => return None,
        };
        Some((Ok(piece), after(source)))
    })
    .boxed()
}

/// Starts reading what follows, if anything does.
fn after(mut source: Source) -> Position {
    if source.left.is_empty() {
        return Position::End;
    }
    Position::Reading(spawn_blocking(move || {
        let piece = source.next()?;
        Ok((source, piece))
    }))
}
