//! Reading a blob: one piece ahead of the client, and each frame of a checked file checked before any of it is passed
//! on.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bleepstore_core::digest::crc32c;
use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{BlobRead, BlobStream, StoreError, StoreErrorKind, StoreResult};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use rustix::io::Errno;
use tokio::task::{JoinHandle, spawn_blocking};

use super::buffers::SIZE;
use super::folders::Form;
use super::frames::{ENTRY, FOOTER, FRAME, Footer, body_length, entry_at, frames};
use super::{Disk, stopped, store_error};

/// A piece is made of whole frames.
const _: () = assert!(SIZE.is_multiple_of(FRAME));

/// How many entries of a table are held at a time: those of 256 MiB.
const ENTRIES_AT_ONCE: u64 = 4_096;

/// Opens a blob and reads the first piece, in one trip to a blocking thread. A read holds two pieces: one is sent while
/// the next one is read. The open file outlives its
/// name, so a blob that is deleted from here on is read to its end.
pub(super) fn open(disk: &Arc<Disk>, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
    if disk.deletions.hides(blob) {
        return Ok(BlobRead::Missing);
    }
    // A blob gets its checked file before it loses its plain one: both may happen between two looks.
    for form in [Form::Checked, Form::Plain, Form::Checked] {
        if let Some(opened) = Opened::find(disk, blob, form)? {
            return Ok(BlobRead::Found(opened.read(range)?));
        }
    }
    Ok(BlobRead::Missing)
}

/// A file of a blob that is open.
pub(super) struct Opened {
    disk: Arc<Disk>,
    file: File,
    path: PathBuf,
    /// Bytes of the body.
    pub(super) length: u64,
    /// Those of a checked file.
    checks: Option<Checks>,
}

impl Opened {
    /// Opens the blob's file of that form, if there is one, and checks that it is that blob's. Blocks.
    pub(super) fn find(disk: &Arc<Disk>, blob: &BlobRef, form: Form) -> StoreResult<Option<Self>> {
        let path = disk.folders.path(blob, form);
        let (file, length) = match disk.files.open_own(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, error)),
        };
        let mut opened = Self {
            disk: Arc::clone(disk),
            file,
            path,
            length,
            checks: None,
        };
        if form == Form::Checked {
            opened.check_footer(blob, length)?;
        }
        Ok(Some(opened))
    }

    fn check_footer(&mut self, blob: &BlobRef, file_length: u64) -> StoreResult<()> {
        let Some(length) = body_length(file_length) else {
            let problem = format!("it has {file_length} bytes, as no whole file of a blob has");
            return Err(damaged(&self.path, problem));
        };
        let mut bytes = [0; FOOTER];
        self.read_at(&mut bytes, file_length - FOOTER as u64)?;
        let Some(footer) = Footer::decode(&bytes) else {
            return Err(damaged(&self.path, "its footer is damaged, or it was cut"));
        };
        if footer.blob != *blob {
            return Err(damaged(
                &self.path,
                format!("it is the file of blob {}", footer.blob),
            ));
        }
        if footer.length != length {
            let problem = format!("it has {length} bytes of body, and not {}", footer.length);
            return Err(damaged(&self.path, problem));
        }
        self.length = length;
        self.checks = Some(Checks::default());
        Ok(())
    }

    /// The bytes of a range that is not empty. The first piece is read at once. Blocks.
    pub(super) fn read(self, range: Range<u64>) -> StoreResult<BlobStream> {
        if self.length < range.end {
            let problem = format!("it has {} bytes of body, fewer than {}", self.length, range.end);
            return Err(damaged(&self.path, problem));
        }
        let mut source = Source {
            opened: self,
            left: range,
        };
        let first = source.next()?;
        Ok(pieces(source, first))
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> StoreResult<()> {
        let read = self.disk.files.read_at(&self.file, bytes, offset);
        read.map_err(|error| failed(&self.path, error))
    }
}

/// The part of a checked file's table that is at hand.
#[derive(Default)]
struct Checks {
    /// The frames that it is of.
    frames: Range<u64>,
    table: Vec<u8>,
}

impl Checks {
    /// The checksum of a frame, if it is at hand.
    fn of(&self, frame: u64) -> Option<u32> {
        let at = usize::try_from(frame.checked_sub(self.frames.start)?).ok()? * ENTRY;
        let entry = self.table.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*entry))
    }
}

struct Source {
    opened: Opened,
    left: Range<u64>,
}

impl Source {
    fn next(&mut self) -> StoreResult<Bytes> {
        match self.opened.checks.take() {
            Some(checks) => self.next_checked(checks),
            None => self.next_plain(),
        }
    }

    fn next_plain(&mut self) -> StoreResult<Bytes> {
        let length = (self.left.end - self.left.start).min(SIZE as u64);
        let mut piece = self.opened.disk.buffers.take();
        piece.fill(length as usize, |bytes| {
            self.opened.read_at(bytes, self.left.start)
        })?;
        self.left.start += length;
        Ok(Bytes::from_owner(piece))
    }

    /// Reads the frames that the next bytes lie in, and passes on what was asked for of them.
    fn next_checked(&mut self, mut checks: Checks) -> StoreResult<Bytes> {
        let body = self.opened.length;
        let first = self.left.start / FRAME as u64;
        let start = first * FRAME as u64;
        let last_asked = self.left.end.next_multiple_of(FRAME as u64).min(body);
        let end = last_asked.min(start + SIZE as u64);
        let mut piece = self.opened.disk.buffers.take();
        piece.fill((end - start) as usize, |bytes| self.opened.read_at(bytes, start))?;
        for (frame, bytes) in (first..).zip(piece.as_ref().chunks(FRAME)) {
            if !checks.frames.contains(&frame) {
                checks = self.load(frame..frames(last_asked))?;
            }
            if checks.of(frame) != Some(crc32c(bytes)) {
                let from = frame * FRAME as u64;
                let problem = format!(
                    "the bytes from {from} to {} of its body, or their checksum, are damaged",
                    from + bytes.len() as u64 - 1
                );
                return Err(damaged(&self.opened.path, problem));
            }
        }
        self.opened.checks = Some(checks);
        let (from, to) = (self.left.start - start, self.left.end.min(end) - start);
        self.left.start = start + to;
        Ok(Bytes::from_owner(piece).slice(from as usize..to as usize))
    }

    /// The entries of these frames, or of as many as are held at a time.
    fn load(&self, wanted: Range<u64>) -> StoreResult<Checks> {
        let count = (wanted.end - wanted.start).min(ENTRIES_AT_ONCE);
        let mut table = vec![0; count as usize * ENTRY];
        self.opened
            .read_at(&mut table, entry_at(self.opened.length, wanted.start))?;
        Ok(Checks {
            frames: wanted.start..wanted.start + count,
            table,
        })
    }
}

/// A file does not hold what was written to it.
fn damaged(path: &Path, problem: impl AsRef<str>) -> StoreError {
    StoreError::corrupt(format!("{} is damaged: {}", path.display(), problem.as_ref()))
}

/// What Linux says of a damaged file system.
#[cfg(target_os = "linux")]
const UNCLEAN: Errno = Errno::UCLEAN;
#[cfg(not(target_os = "linux"))]
const UNCLEAN: Errno = Errno::IO;

/// What a failed operation on a blob's file means, with the file's name.
fn failed(path: &Path, error: io::Error) -> StoreError {
    let text = format!("{} cannot be read: {error}", path.display());
    // The disk has lost what lies there, or the file system finds its own checksums wrong.
    let lost = [Errno::IO, Errno::BADMSG, UNCLEAN]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
    let kind = if lost {
        StoreErrorKind::Corrupt
    } else {
        store_error(error).kind
    };
    StoreError::new(kind, text)
}

/// Where a stream of pieces stands.
enum Position {
    /// This piece is at hand.
    Ready(Source, Bytes),
    /// The next piece is being read.
    Reading(JoinHandle<StoreResult<(Source, Bytes)>>),
    End,
}

fn pieces(source: Source, first: Bytes) -> BlobStream {
    stream::unfold(Position::Ready(source, first), |position| async {
        let (source, piece) = match position {
            Position::Ready(source, piece) => (source, piece),
            Position::Reading(reading) => match reading.await {
                Ok(Ok(read)) => read,
                Ok(Err(error)) => return Some((Err(error), Position::End)),
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
