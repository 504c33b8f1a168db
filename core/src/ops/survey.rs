//! What the records say of bytes, for whoever checks these.

use async_trait::async_trait;
use futures_util::TryStreamExt;

use super::inline::check_inline;
use super::layout::{Extents, all_extents};
use super::rows;
use crate::model::{Bucket, Extent, Manifest, ObjectRecord};
use crate::ports::{Ports, StoreError, StoreResult};

/// Is told what the records say.
#[async_trait]
pub trait Surveyor: Send {
    /// A record names these runs of blobs.
    async fn named(&mut self, extents: &[Extent]);

    /// Whether the bodies in records shall be read and checked.
    fn wants_bodies(&self) -> bool;

    /// A body of that many bytes lies in its record, whole or as the error says.
    async fn inline(&mut self, bytes: u64, state: StoreResult<()>);

    /// A layout that lies in a blob cannot be read, so that the blobs which it names are not told.
    async fn unreadable(&mut self, problem: &StoreError);
}

/// Reads the documents of all buckets, all objects and the parts of all open uploads, and checks the bodies that lie in records. What is written
/// meanwhile may be left out, and what only a retired manifest names is.
pub async fn survey(ports: &Ports, surveyor: &mut dyn Surveyor) -> StoreResult<()> {
    let mut buckets = rows::each_bucket(ports);
    while let Some(bucket) = buckets.try_next().await? {
        let documents: Vec<_> = bucket.documents.blobs().map(|(_, extent)| *extent).collect();
        surveyor.named(&documents).await;
        let mut uploads = rows::uploads(ports, &bucket);
        while let Some(page) = uploads.try_next().await? {
            for upload in page {
                let mut parts = rows::parts(ports, &upload);
                while let Some(page) = parts.try_next().await? {
                    for part in page {
                        surveyor.named(&part.extents).await;
                    }
                }
            }
        }
        let mut records = rows::records(ports, &bucket);
        while let Some(page) = records.try_next().await? {
            let page = match surveyor.wants_bodies() {
                true => page,
                false => without_bodies(page),
            };
            let mut whole = rows::with_bodies(ports, &bucket, page);
            while let Some(record) = whole.try_next().await? {
                survey_object(ports, &bucket, &record, surveyor).await?;
            }
        }
    }
    Ok(())
}

fn without_bodies(page: Vec<ObjectRecord>) -> Vec<ObjectRecord> {
    let in_blobs = |record: &ObjectRecord| !matches!(record.manifest, Manifest::Inline(_));
    page.into_iter().filter(in_blobs).collect()
}

async fn survey_object(
    ports: &Ports,
    bucket: &Bucket,
    record: &ObjectRecord,
    surveyor: &mut dyn Surveyor,
) -> StoreResult<()> {
    if let Manifest::Inline(body) = &record.manifest {
        let state = check_inline(&bucket.name, record);
        surveyor.inline(body.len() as u64, state).await;
        return Ok(());
    }
    if let Some(layout) = record.manifest.layout_blob() {
        surveyor.named(&[*layout]).await;
    }
    let named = match all_extents(ports, &record.manifest).await {
        Ok(Some(extents)) => survey_extents(extents, surveyor).await,
        // Replaced meanwhile, or lost, which a check of the whole store finds.
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match named {
        Err(error) if error.is_damage() => surveyor.unreadable(&error).await,
        named => named?,
    }
    Ok(())
}

async fn survey_extents(mut extents: Extents, surveyor: &mut dyn Surveyor) -> StoreResult<()> {
    while let Some(page) = extents.next_page().await? {
        surveyor.named(&page).await;
    }
    Ok(())
}
