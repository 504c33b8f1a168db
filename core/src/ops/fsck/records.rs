//! Reading every record, and noting what it names in the slice.

use futures_util::TryStreamExt;

use super::{Finding, FsckOptions, Naming, Slice, Suspect};
use crate::model::{BlobRef, Bucket, Extent, Manifest, ObjectRecord, Timestamp, Upload};
use crate::ops::gc::retired_until;
use crate::ops::inline::damage;
use crate::ops::layout::{Extents, LayoutReader, all_extents};
use crate::ops::progress::Progress;
use crate::ops::rows::{self, Pages};
use crate::ports::{Ports, StoreError, StoreResult};

impl Slice {
    /// In gc's order, so that a blob that is named throughout is met in at least one place.
    pub(super) async fn read_records(
        &mut self,
        ports: &Ports,
        options: &FsckOptions,
        started: Timestamp,
        progress: &Progress,
    ) -> StoreResult<()> {
        let mut buckets = rows::each_bucket(ports);
        while let Some(bucket) = buckets.try_next().await? {
            for (kind, extent) in bucket.documents.blobs() {
                let named_by = Naming::Document {
                    bucket: bucket.name.clone(),
                    kind,
                };
                self.name(extent, &named_by);
            }
            let mut uploads = rows::uploads(ports, &bucket);
            while let Some(page) = uploads.try_next().await? {
                for upload in page {
                    self.read_parts(ports, &upload, progress).await?;
                }
            }
        }
        let mut buckets = rows::each_bucket(ports);
        while let Some(bucket) = buckets.try_next().await? {
            let records = rows::records(ports, &bucket);
            self.read_objects(ports, (&bucket, records), options, progress)
                .await?;
        }
        let mut buckets = rows::each_bucket(ports);
        while let Some(bucket) = buckets.try_next().await? {
            if bucket.versioning.is_some() {
                let versions = rows::versions(ports, &bucket);
                self.read_objects(ports, (&bucket, versions), options, progress)
                    .await?;
            }
        }
        let mut retired = rows::retired(ports, retired_until(options.grace, started));
        while let Some(page) = retired.try_next().await? {
            for retired in page {
                self.read_retired(ports, &retired.manifest).await?;
            }
        }
        Ok(())
    }

    async fn read_objects(
        &mut self,
        ports: &Ports,
        (bucket, mut records): (&Bucket, Pages<ObjectRecord>),
        options: &FsckOptions,
        progress: &Progress,
    ) -> StoreResult<()> {
        while let Some(page) = records.try_next().await? {
            progress.pass_records(page.len() as u64);
            self.report.records += page.len() as u64;
            for record in &page {
                self.read_object(ports, bucket, record).await?;
            }
            // Each slice reads all records.
            if options.verify_checksums && self.after.is_none() {
                self.check_bodies(ports, bucket, page).await?;
            }
        }
        Ok(())
    }

    async fn read_parts(&mut self, ports: &Ports, upload: &Upload, progress: &Progress) -> StoreResult<()> {
        let mut parts = rows::parts(ports, upload);
        while let Some(page) = parts.try_next().await? {
            progress.pass_records(page.len() as u64);
            self.report.records += page.len() as u64;
            for part in page {
                let named_by = Naming::Part {
                    bucket: upload.bucket_name.clone(),
                    key: upload.key.clone(),
                    upload: upload.id,
                    number: part.number,
                };
                for extent in &part.extents {
                    self.name(extent, &named_by);
                }
            }
        }
        Ok(())
    }

    async fn read_object(
        &mut self,
        ports: &Ports,
        bucket: &Bucket,
        record: &ObjectRecord,
    ) -> StoreResult<()> {
        let named_by = Naming::Object {
            bucket: bucket.name.clone(),
            key: record.key.clone(),
            version: record.version.and_then(|version| version.id),
        };
        let layout_blob = record.manifest.layout_blob();
        if let Some(extent) = layout_blob {
            self.name(extent, &named_by);
        } else if matches!(record.manifest, Manifest::Inline(_)) {
            return Ok(());
        }
        let mut layout = LayoutReader::of(ports, &record.manifest);
        let named = match layout.extents(0..u64::MAX).await {
            Ok(Some(extents)) => match self.name_all(extents, &named_by).await {
                Ok(length) => check_parts(&mut layout, &record.manifest, length)
                    .await
                    .map(|()| length),
                failed => failed,
            },
            // Its blob is among those that are missing.
            Ok(None) => {
                self.unreadable = true;
                return Ok(());
            }
            Err(error) => Err(error),
        };
        let (covers, is_first) = (
            layout_blob.is_some_and(|extent| self.covers(&extent.blob)),
            self.after.is_none(),
        );
        let (reported, problem) = match named {
            Ok(length) if length == record.size => return Ok(()),
            Ok(length) => {
                let problem = format!("its extents have {length} bytes, and it has {}", record.size);
                (is_first, problem)
            }
            Err(error) if error.is_damage() => {
                self.unreadable = true;
                (covers, error.to_string())
            }
            Err(error) => return Err(error),
        };
        if reported {
            let finding = Finding::BadLayout { named_by, problem };
            self.report.findings.push(finding);
        }
        Ok(())
    }

    /// Names every extent; the bytes that they have.
    async fn name_all(&mut self, mut extents: Extents, named_by: &Naming) -> StoreResult<u64> {
        let mut length = 0_u64;
        while let Some(extent) = extents.next().await? {
            length = length.saturating_add(extent.length);
            self.name(&extent, named_by);
        }
        Ok(length)
    }

    /// Checks the bodies that lie in these records.
    async fn check_bodies(
        &mut self,
        ports: &Ports,
        bucket: &Bucket,
        page: Vec<ObjectRecord>,
    ) -> StoreResult<()> {
        let inline = page
            .into_iter()
            .filter(|record| matches!(record.manifest, Manifest::Inline(_)));
        let mut whole = rows::with_bodies(ports, bucket, inline.collect());
        while let Some(record) = whole.try_next().await? {
            let Manifest::Inline(body) = &record.manifest else {
                continue;
            };
            if let Some(problem) = damage(&record, body) {
                let named_by = Naming::Object {
                    bucket: bucket.name.clone(),
                    version: record.version.and_then(|version| version.id),
                    key: record.key,
                };
                self.report
                    .findings
                    .push(Finding::DamagedBody { named_by, problem });
            }
        }
        Ok(())
    }

    /// What a retired manifest names is no garbage, and may be missing.
    async fn read_retired(&mut self, ports: &Ports, manifest: &Manifest) -> StoreResult<()> {
        for blob in manifest.blobs() {
            self.retire(&blob);
        }
        if manifest.layout_blob().is_none() {
            return Ok(());
        }
        let retired = match all_extents(ports, manifest).await {
            Ok(Some(extents)) => self.retire_all(extents).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        match retired {
            Err(error) if error.is_damage() => {
                self.unreadable = true;
                Ok(())
            }
            retired => retired,
        }
    }

    async fn retire_all(&mut self, mut extents: Extents) -> StoreResult<()> {
        while let Some(extent) = extents.next().await? {
            self.retire(&extent.blob);
        }
        Ok(())
    }

    fn retire(&mut self, blob: &BlobRef) {
        if let Some(seen) = self.blobs.get_mut(blob) {
            seen.retired = true;
        }
    }

    fn name(&mut self, extent: &Extent, named_by: &Naming) {
        let Some(seen) = self.blobs.get_mut(&extent.blob) else {
            if self.covers(&extent.blob) {
                self.suspects.push(Suspect {
                    extent: *extent,
                    named_by: named_by.clone(),
                });
            }
            return;
        };
        if seen.size != extent.blob_length || extent.range().end > extent.blob_length {
            self.report.findings.push(Finding::WrongLength {
                blob: extent.blob,
                named_by: named_by.clone(),
                expected: extent.blob_length.max(extent.range().end),
                found: seen.size,
            });
        }
        match &seen.named {
            None => seen.named = Some((named_by.clone(), extent.blob_crc64nvme)),
            Some((_, first)) if *first != extent.blob_crc64nvme => {
                self.report.findings.push(Finding::WrongChecksum {
                    blob: extent.blob,
                    named_by: named_by.clone(),
                    expected: extent.blob_crc64nvme,
                    found: *first,
                });
            }
            Some(_) => {}
        }
    }
}

/// An error where the parts in a layout's pages cannot be read, or are not those of an object of that length.
async fn check_parts(layout: &mut LayoutReader<'_>, manifest: &Manifest, length: u64) -> StoreResult<()> {
    if !matches!(manifest, Manifest::Paged(_)) || manifest.parts_count() == 0 {
        return Ok(());
    }
    let Some(parts) = layout.parts().await? else {
        return Ok(());
    };
    let lengths = parts.iter().map(|part| part.length);
    let of_parts = lengths.fold(0, u64::saturating_add);
    if parts.len() == manifest.parts_count() as usize && of_parts == length {
        return Ok(());
    }
    Err(StoreError::corrupt(format!(
        "it has {} parts with {length} bytes, and lists {} with {of_parts}",
        manifest.parts_count(),
        parts.len()
    )))
}
