//! An export on its way in: parsed, and checked for order and wholeness.

use serde::Deserialize;

use super::lines::{ExportStream, Lines};
use super::{Counts, FORMAT, Header, Record, TransferError, VERSION};
use crate::digest::Sha256Hasher;
use crate::model::{BucketId, LaterFormat, ObjectKey, UploadId};
use crate::rows::unreadable;

/// The records of an export.
pub(super) struct Reader {
    lines: Lines,
    hasher: Sha256Hasher,
    counts: Counts,
    bucket: Option<BucketId>,
    upload: Option<UploadId>,
    /// The key of the object before.
    object: Option<ObjectKey>,
}

/// As much of a first line as every version has.
#[derive(Deserialize)]
struct Preface {
    header: Origin,
}

#[derive(Deserialize)]
struct Origin {
    format: String,
    version: u32,
    #[serde(default)]
    written_by: Option<String>,
}

impl Reader {
    pub(super) fn new(input: ExportStream) -> Self {
        Self {
            lines: Lines::new(input),
            hasher: Sha256Hasher::default(),
            counts: Counts::default(),
            bucket: None,
            upload: None,
            object: None,
        }
    }

    /// What was read so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The first line.
    pub(super) async fn header(&mut self) -> Result<Header, TransferError> {
        let line = self.lines.next().await?.ok_or(TransferError::NotAnExport)?;
        let preface: Preface = serde_json::from_slice(&line).map_err(|_| TransferError::NotAnExport)?;
        if preface.header.format != FORMAT {
            return Err(TransferError::NotAnExport);
        }
        let written_by = preface.header.written_by.and_then(|release| release.parse().ok());
        LaterFormat::refuse("the export", preface.header.version, VERSION, written_by)?;
        match self.parse(&line)? {
            Record::Header(header) => {
                self.take_in(&line);
                Ok(header)
            }
            _ => Err(TransferError::NotAnExport),
        }
    }

    /// The next record; `None` once the trailer says that the export is whole, and nothing follows it.
    pub(super) async fn next(&mut self) -> Result<Option<Record>, TransferError> {
        let Some(line) = self.lines.next().await? else {
            return Err(self.wrong("the export ends here, without its trailer: it is cut off"));
        };
        let record = self.parse(&line)?;
        if let Record::Trailer(trailer) = &record {
            if trailer.sha256 != self.hasher.hex() {
                return Err(self.wrong("the checksum is not that of the lines before it: they were altered"));
            }
            if trailer.counts != self.counts {
                return Err(self.wrong("the counts are not those of the lines before it"));
            }
            if self.lines.next().await?.is_some() {
                return Err(self.wrong("something follows the trailer"));
            }
            return Ok(None);
        }
        self.check_place(&record)?;
        self.take_in(&line);
        self.counts.add(&record);
        Ok(Some(record))
    }

    /// Checks that the record belongs to what came before it.
    fn check_place(&mut self, record: &Record) -> Result<(), TransferError> {
        let follows = match record {
            Record::Header(_) | Record::Trailer(_) => false,
            Record::Credential(_) => self.bucket.is_none(),
            Record::Bucket(bucket) => {
                self.bucket = Some(bucket.id);
                self.upload = None;
                self.object = None;
                true
            }
            Record::Object(object) => {
                self.object = Some(object.key.clone());
                self.upload.is_none() && self.bucket == Some(object.bucket)
            }
            Record::Version(version) => {
                self.upload.is_none()
                    && self.bucket == Some(version.bucket)
                    && self.object.as_ref() == Some(&version.key)
            }
            Record::Upload(upload) => {
                self.upload = Some(upload.id);
                self.bucket == Some(upload.bucket)
            }
            Record::Part(_) => self.upload.is_some(),
        };
        if follows {
            Ok(())
        } else {
            Err(self.wrong(format!(
                "this {} does not belong to what is before it",
                record.name()
            )))
        }
    }

    fn parse(&self, line: &[u8]) -> Result<Record, TransferError> {
        serde_json::from_slice(line)
            .map_err(|error| self.wrong(format!("it cannot be understood: {}", unreadable(line, &error))))
    }

    fn take_in(&mut self, line: &[u8]) {
        self.hasher.update(line);
        self.hasher.update(b"\n");
    }

    fn wrong(&self, problem: impl Into<String>) -> TransferError {
        TransferError::line(self.lines.number(), problem)
    }
}
