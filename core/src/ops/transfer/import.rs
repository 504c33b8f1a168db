//! Records into a store that holds none.
//!
//! While an import is under way, the store's record of itself names the store that the records are of, with that
//! store's epoch, and is not active: nothing is freed. Once all records are in, the blob store is told of a new epoch,
//! and the metadata store takes it and becomes active in one step. So whichever metadata store owned the bytes before does not
//! any more.

use std::future::Future;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, TryStreamExt};

use super::lines::ExportStream;
use super::placing::{
    Existing, active, place_bucket, place_credential, place_object, place_part, place_upload, place_version,
};
use super::reader::Reader;
use super::walk::RecordSink;
use super::{Counts, Header, Record, TransferError};
use crate::model::{Bucket, DocumentKind, Format, Upload};
use crate::ops::{Progress, raise_format, rows};
use crate::ports::{OwnerRecord, Ports, StoreRecord, StoreResult};

/// How many records are written at the same time.
const AT_ONCE: usize = 32;

/// What an import brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// What the store holds now.
    pub counts: Counts,
    /// Credentials that stayed behind, since the export has no secret keys.
    pub without_secret: u64,
    /// The store's record of itself.
    pub store: StoreRecord,
}

/// Reads an export to its end and checks that it is whole, and nothing else.
pub async fn inspect(input: ExportStream, progress: &Progress) -> Result<(Header, Counts), TransferError> {
    let mut reader = Reader::new(input);
    let header = reader.header().await?;
    while reader.next().await?.is_some() {
        progress.pass_records(1);
    }
    Ok((header, reader.counts()))
}

/// Puts an export's records into a metadata store that holds none, over the blob store that has their bytes.
///
/// Where it fails or is broken off, the store is left inactive, and the same import goes on from there when it is begun
/// again. Nobody else may use the store meanwhile. Inline bodies and layouts that do not fit into the store's rows are
/// written to blobs.
pub async fn import(
    ports: &Ports,
    input: ExportStream,
    progress: &Progress,
) -> Result<ImportReport, TransferError> {
    let mut reader = Reader::new(input);
    let header = reader.header().await?;
    let mut importer = Importer::begin(ports, &header, Existing::Refuse, progress).await?;
    let filled = fill(&mut importer, &mut reader).await;
    // What was good of an export that turns out to be damaged need not be written again.
    importer.settle().await?;
    filled?;
    importer.finish().await
}

async fn fill(importer: &mut Importer<'_>, reader: &mut Reader) -> Result<(), TransferError> {
    while let Some(record) = reader.next().await? {
        importer.accept(record).await?;
    }
    Ok(())
}

/// A store that is being filled.
pub(super) struct Importer<'a> {
    ports: &'a Ports,
    progress: &'a Progress,
    existing: Existing,
    /// The record that says that an import is under way.
    record: StoreRecord,
    bucket: Option<Bucket>,
    upload: Option<Upload>,
    counts: Counts,
    without_secret: u64,
    under_way: FuturesUnordered<BoxFuture<'static, Result<(), TransferError>>>,
}

impl<'a> Importer<'a> {
    /// Marks the store as one that is being filled, if it is empty or the mark is there already.
    pub(super) async fn begin(
        ports: &'a Ports,
        header: &Header,
        existing: Existing,
        progress: &'a Progress,
    ) -> Result<Self, TransferError> {
        let found = ports
            .metadata
            .store_record()
            .await
            .map_err(TransferError::Target)?;
        let record = StoreRecord {
            store: header.store,
            epoch: header.epoch,
            active: false,
            gc_cursor: None,
            // What the store held before may have raised its format, which never falls.
            ..found.unwrap_or_else(|| StoreRecord::new(header.store))
        };
        match found {
            Some(found) if found == record => {}
            Some(found) if !found.active => {
                return Err(TransferError::OtherImport {
                    store: found.store,
                    epoch: found.epoch,
                });
            }
            found => {
                check_empty(ports, &record).await?;
                let swapped = ports.metadata.swap_store_record(found.as_ref(), &record).await;
                if !swapped.map_err(TransferError::Target)? {
                    return Err(TransferError::NotEmpty);
                }
            }
        }
        Ok(Self {
            ports,
            progress,
            existing,
            record: in_format_of(ports, header, record)
                .await
                .map_err(TransferError::Target)?,
            bucket: None,
            upload: None,
            counts: Counts::default(),
            without_secret: 0,
            under_way: FuturesUnordered::new(),
        })
    }

    /// Lets a step be taken beside others.
    async fn spawn(
        &mut self,
        step: impl Future<Output = Result<(), TransferError>> + Send + 'static,
    ) -> Result<(), TransferError> {
        if self.under_way.len() >= AT_ONCE {
            self.under_way.try_next().await?;
        }
        self.under_way.push(step.boxed());
        Ok(())
    }

    /// Waits until every record that was accepted is in the store.
    pub(super) async fn settle(&mut self) -> Result<(), TransferError> {
        while self.under_way.try_next().await?.is_some() {}
        Ok(())
    }

    /// Checks that the store holds what was written and nothing else, and makes it active, as the owner of the bytes.
    pub(super) async fn finish(self) -> Result<ImportReport, TransferError> {
        let ports = self.ports;
        let found = count(ports).await.map_err(TransferError::Target)?;
        if found != self.counts {
            return Err(TransferError::Extra {
                found: Box::new(found),
                wanted: Box::new(self.counts),
            });
        }
        let owner = ports.blobs.owner().await.map_err(TransferError::Target)?;
        let latest = owner
            .filter(|owner| owner.store == self.record.store)
            .map_or(0, |owner| owner.epoch)
            .max(self.record.epoch);
        // What was written meanwhile may have raised the format, and nobody else changes the record.
        let found = ports
            .metadata
            .store_record()
            .await
            .map_err(TransferError::Target)?;
        let begun = |found: &StoreRecord| StoreRecord {
            format: self.record.format,
            written_by: self.record.written_by,
            ..*found
        };
        let found = found.filter(|found| begun(found) == self.record);
        let found = found.ok_or(TransferError::NotEmpty)?;
        let store = StoreRecord {
            epoch: latest + 1,
            active: true,
            ..found
        };
        let owner = OwnerRecord::of(&store);
        // In this order: where it ends in between, neither this store nor the one before it owns the bytes, and the
        // import can be finished.
        ports
            .blobs
            .set_owner(&owner)
            .await
            .map_err(TransferError::Target)?;
        let swapped = ports.metadata.swap_store_record(Some(&found), &store).await;
        if !swapped.map_err(TransferError::Target)? {
            return Err(TransferError::NotEmpty);
        }
        Ok(ImportReport {
            counts: self.counts,
            without_secret: self.without_secret,
            store,
        })
    }
}

#[async_trait]
impl RecordSink for Importer<'_> {
    async fn accept(&mut self, record: Record) -> Result<(), TransferError> {
        self.progress.pass_records(1);
        if let Record::Credential(credential) = record {
            return match credential.into_credential() {
                Some(credential) => {
                    self.counts.credentials += 1;
                    place_credential(self.ports, &credential).await
                }
                None => {
                    self.without_secret += 1;
                    Ok(())
                }
            };
        }
        self.counts.add(&record);
        match record {
            Record::Bucket(bucket) => {
                let bucket = active(bucket);
                if bucket.versioning.is_some() {
                    let raised = raise_format(self.ports, Format::VERSIONS).await;
                    raised.map_err(TransferError::Target)?;
                }
                if bucket.documents.get(DocumentKind::Notification).is_some() {
                    let raised = raise_format(self.ports, Format::EVENTS).await;
                    raised.map_err(TransferError::Target)?;
                }
                place_bucket(self.ports, &bucket, self.existing).await?;
                self.bucket = Some(bucket);
                Ok(())
            }
            Record::Object(object) => {
                let (ports, existing) = (self.ports.clone(), self.existing);
                let bucket = self.bucket.clone().ok_or_else(out_of_place)?;
                self.spawn(async move { place_object(&ports, &bucket, *object, existing).await })
                    .await
            }
            Record::Version(version) => {
                // After the row that is current, which names it from then on.
                self.settle().await?;
                let bucket = self.bucket.clone().ok_or_else(out_of_place)?;
                place_version(self.ports, &bucket, *version).await
            }
            Record::Upload(upload) => {
                place_upload(self.ports, &upload).await?;
                self.upload = Some(*upload);
                Ok(())
            }
            Record::Part(part) => {
                let ports = self.ports.clone();
                let upload = self.upload.clone().ok_or_else(out_of_place)?;
                self.spawn(async move { place_part(&ports, &upload, &part).await })
                    .await
            }
            Record::Header(_) | Record::Trailer(_) | Record::Credential(_) => Ok(()),
        }
    }
}

/// The store's record, in a format that is no lower than that of the records that are brought, and of their blobs.
async fn in_format_of(ports: &Ports, header: &Header, record: StoreRecord) -> StoreResult<StoreRecord> {
    let owner = ports.blobs.owner().await?;
    let of_blobs = owner.map_or(Format::FIRST, |owner| owner.format);
    let format = of_blobs.max(header.least_format());
    if format <= record.format {
        return Ok(record);
    }
    raise_format(ports, format).await?;
    let raised = ports.metadata.store_record().await?;
    Ok(raised.unwrap_or(record))
}

/// The reader and the walk keep the order, so that this is a defect.
fn out_of_place() -> TransferError {
    TransferError::Target(crate::ports::StoreError::internal(
        "a record came before what it belongs to",
    ))
}

/// Refuses a metadata store that holds something, and a blob store that holds another store's blobs.
async fn check_empty(ports: &Ports, wanted: &StoreRecord) -> Result<(), TransferError> {
    let bucket = rows::each_bucket(ports).try_next().await;
    let credential = rows::one_by_one(rows::credentials(ports)).try_next().await;
    let empty = bucket.map_err(TransferError::Target)?.is_none()
        && credential.map_err(TransferError::Target)?.is_none();
    if !empty {
        return Err(TransferError::NotEmpty);
    }
    let owner = ports.blobs.owner().await.map_err(TransferError::Target)?;
    let Some(owner) = owner.filter(|owner| owner.store != wanted.store) else {
        return Ok(());
    };
    let blobs = ports.blobs.scan(None, 1).await.map_err(TransferError::Target)?;
    if blobs.blobs.is_empty() {
        Ok(())
    } else {
        Err(TransferError::ForeignBlobs {
            found: owner.store,
            wanted: wanted.store,
        })
    }
}

/// What the store holds.
async fn count(ports: &Ports) -> StoreResult<Counts> {
    let mut counts = Counts::default();
    let mut credentials = rows::credentials(ports);
    while let Some(page) = credentials.try_next().await? {
        counts.credentials += page.len() as u64;
    }
    let mut buckets = rows::each_bucket(ports);
    while let Some(bucket) = buckets.try_next().await? {
        counts.buckets += 1;
        let mut records = rows::records(ports, &bucket);
        while let Some(page) = records.try_next().await? {
            counts.objects += page.len() as u64;
        }
        if bucket.versioning.is_some() {
            let mut versions = rows::versions(ports, &bucket);
            while let Some(page) = versions.try_next().await? {
                counts.versions += page.len() as u64;
            }
        }
        let mut uploads = rows::uploads(ports, &bucket);
        while let Some(page) = uploads.try_next().await? {
            counts.uploads += page.len() as u64;
            for upload in &page {
                let mut parts = rows::parts(ports, upload);
                while let Some(page) = parts.try_next().await? {
                    counts.parts += page.len() as u64;
                }
            }
        }
    }
    Ok(counts)
}
