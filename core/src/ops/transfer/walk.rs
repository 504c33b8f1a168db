//! All records of a store, in the order of an export.

use async_trait::async_trait;
use futures_util::TryStreamExt;

use super::{Counts, ExportedCredential, FORMAT, Header, Record, TransferError};
use crate::model::{Bucket, BucketState, ObjectKey, ObjectRecord, Release, UploadState, Version};
use crate::ops::rows;
use crate::ports::{Ports, VersionRange};

/// What takes the records.
#[async_trait]
pub(super) trait RecordSink: Send {
    async fn accept(&mut self, record: Record) -> Result<(), TransferError>;
}

/// What an export of the store begins with.
pub(super) async fn header(ports: &Ports, secrets: bool) -> Result<Header, TransferError> {
    let record = ports
        .metadata
        .store_record()
        .await
        .map_err(TransferError::Source)?;
    let record = record
        .filter(|record| record.active)
        .ok_or(TransferError::SourceNotActive)?;
    Ok(Header {
        format: FORMAT.to_owned(),
        version: Header::version_of(record.format),
        store: record.store,
        epoch: record.epoch,
        created: ports.clock.now(),
        secrets,
        written_by: Some(Release::CURRENT),
    })
}

/// Gives everything between the header and the trailer to `sink`. An upload that was completing, or a bucket that was
/// being deleted, is given as it was before that began.
pub(super) async fn walk(
    ports: &Ports,
    secrets: bool,
    sink: &mut dyn RecordSink,
) -> Result<Counts, TransferError> {
    let mut counts = Counts::default();
    let mut credentials = rows::credentials(ports);
    while let Some(page) = credentials.try_next().await.map_err(TransferError::Source)? {
        for credential in page {
            let credential = ExportedCredential::new(credential, secrets);
            give(sink, &mut counts, Record::Credential(credential)).await?;
        }
    }
    let mut buckets = rows::buckets(ports);
    while let Some(page) = buckets.try_next().await.map_err(TransferError::Source)? {
        for bucket in page {
            let exported = Bucket {
                state: BucketState::Active,
                ..bucket.clone()
            };
            give(sink, &mut counts, Record::Bucket(exported)).await?;
            walk_objects(ports, &bucket, sink, &mut counts).await?;
            walk_uploads(ports, &bucket, sink, &mut counts).await?;
        }
    }
    Ok(counts)
}

async fn give(sink: &mut dyn RecordSink, counts: &mut Counts, record: Record) -> Result<(), TransferError> {
    counts.add(&record);
    sink.accept(record).await
}

async fn walk_objects(
    ports: &Ports,
    bucket: &Bucket,
    sink: &mut dyn RecordSink,
    counts: &mut Counts,
) -> Result<(), TransferError> {
    let mut records = rows::records(ports, bucket);
    while let Some(page) = records.try_next().await.map_err(TransferError::Source)? {
        let mut whole = rows::with_bodies(ports, bucket, page);
        while let Some(record) = whole.try_next().await.map_err(TransferError::Source)? {
            match record.as_version().newest {
                None => give(sink, counts, Record::Object(Box::new(record))).await?,
                Some(_) => walk_versions(ports, bucket, &record.key, sink, counts).await?,
            }
        }
    }
    Ok(())
}

/// All that is under a key, as at one moment as far as it is on one page. Which other versions there are is not said of
/// any: whoever takes them finds out.
async fn walk_versions(
    ports: &Ports,
    bucket: &Bucket,
    key: &ObjectKey,
    sink: &mut dyn RecordSink,
    counts: &mut Counts,
) -> Result<(), TransferError> {
    let mut before = None;
    loop {
        let range = VersionRange {
            before,
            ..VersionRange::newest(bucket, key, rows::PAGE)
        };
        let page = ports.metadata.key_versions(range).await;
        let page = page.map_err(TransferError::Source)?;
        let head = page.head.filter(|_| before.is_none());
        let heads = usize::from(head.is_some());
        let last = page.versions.last().map(ObjectRecord::sequence);
        let rows: Vec<ObjectRecord> = head.into_iter().chain(page.versions).collect();
        let mut whole = rows::with_bodies(ports, bucket, rows);
        let mut given = 0;
        while let Some(mut record) = whole.try_next().await.map_err(TransferError::Source)? {
            record.version = record
                .version
                .map(|version| Version::alone(version.id, version.sequence));
            let record = Box::new(record);
            let record = if given < heads {
                Record::Object(record)
            } else {
                Record::Version(record)
            };
            give(sink, counts, record).await?;
            given += 1;
        }
        match last {
            Some(_) if page.more => before = last,
            _ => return Ok(()),
        }
    }
}

async fn walk_uploads(
    ports: &Ports,
    bucket: &Bucket,
    sink: &mut dyn RecordSink,
    counts: &mut Counts,
) -> Result<(), TransferError> {
    let mut uploads = rows::uploads(ports, bucket);
    while let Some(page) = uploads.try_next().await.map_err(TransferError::Source)? {
        for mut upload in page {
            let mut parts = rows::parts(ports, &upload);
            upload.state = UploadState::Open;
            give(sink, counts, Record::Upload(Box::new(upload))).await?;
            while let Some(page) = parts.try_next().await.map_err(TransferError::Source)? {
                for part in page {
                    give(sink, counts, Record::Part(Box::new(part))).await?;
                }
            }
        }
    }
    Ok(())
}
