//! The parts that a CompleteMultipartUpload lists, as the layout of an object.
//!
//! Parts are read a page at a time and in order. Where there are more extents and parts than one page of a layout
//! takes, the layout is written while they are read: an object of a million extents takes the memory of some pages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::claims::{self, CompleteMultipartUpload, CompletedPart, MIN_PART};
use crate::digest::{
    combine_crc64nvme, composite_checksum, crc64nvme_checksum, crc64nvme_value, full_object_checksum,
    md5_of_md5s,
};
use crate::model::{
    BlobRef, BucketId, Checksum, ChecksumKind, ETag, ErrorCode, Extent, Layout, Manifest, PagedLayout, Part,
    PartBoundary, S3Error, Upload,
};
use crate::ops::Context;
use crate::ops::free::free_blob;
use crate::ops::layout::{Listed, ONE_PAGE, check_extents, write_pages};
use crate::ops::manifest::{in_pages, new_blob, place_layout, whole_crc};
use crate::ops::rows::{Pages, parts};

/// What the parts make.
pub(super) struct Assembled {
    pub(super) etag: ETag,
    pub(super) size: u64,
    pub(super) checksum: Option<Checksum>,
    pub(super) shared: bool,
    pub(super) manifest: Manifest,
}

/// Makes the layout of the parts that are listed, if they and the object are what the request says of them.
pub(super) async fn assemble(
    context: &Context,
    bucket: BucketId,
    upload: &Upload,
    listed: Vec<CompletedPart>,
    input: &CompleteMultipartUpload,
) -> Result<Assembled, S3Error> {
    let mut chosen = Chosen::new(context, upload, listed);
    let mut totals = Totals::default();
    let mut extents = Vec::new();
    while totals.extents + totals.parts.len() <= ONE_PAGE {
        let Some(part) = chosen.next().await? else {
            let checksum = totals.verify(upload, input)?;
            let parts = std::mem::take(&mut totals.parts);
            let layout = Layout { extents, parts };
            let manifest = place_layout(&context.ports, bucket, layout).await?;
            return Ok(totals.into_assembled(checksum, manifest));
        };
        totals.add(&part)?;
        extents.extend(part.extents);
    }
    let blob = new_blob(&context.ports, bucket);
    let (totals, layout) = write_layout(context, blob, chosen, totals, extents).await?;
    let placed = match totals.verify(upload, input) {
        Ok(checksum) => in_pages(&context.ports, layout)
            .await
            .map(|manifest| (checksum, manifest)),
        Err(error) => Err(error),
    };
    match placed {
        Ok((checksum, manifest)) => Ok(totals.into_assembled(checksum, manifest)),
        Err(error) => {
            free_blob(context, blob).await;
            Err(error)
        }
    }
}

/// What the parts come to, beside where their bytes are.
struct Totals {
    parts: Vec<PartBoundary>,
    md5s: Vec<[u8; 16]>,
    /// The CRC-64/NVME of each part, and its length; `None` once one is not known.
    crcs: Option<Vec<(u64, u64)>>,
    extents: usize,
    size: u64,
    shared: bool,
    /// The last part so far, where it is smaller than all but the last may be.
    last_is_small: Option<S3Error>,
    too_small: Option<S3Error>,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            parts: Vec::new(),
            md5s: Vec::new(),
            crcs: Some(Vec::new()),
            extents: 0,
            size: 0,
            shared: false,
            last_is_small: None,
            too_small: None,
        }
    }
}

impl Totals {
    /// Adds the next part. How the object remembers it.
    fn add(&mut self, part: &Part) -> Result<PartBoundary, S3Error> {
        if self.too_small.is_none() {
            self.too_small = self.last_is_small.take();
        }
        self.last_is_small = (part.size < MIN_PART).then(|| claims::too_small(part));
        self.extents += part.extents.len();
        check_extents(self.extents)?;
        self.size += part.size;
        self.shared |= part.shared;
        self.md5s.extend(part.etag.md5());
        let crc = part.checksum.as_ref().and_then(crc64nvme_value);
        match (crc.or_else(|| whole_crc(&part.extents)), &mut self.crcs) {
            (Some(crc), Some(crcs)) => crcs.push((crc, part.size)),
            _ => self.crcs = None,
        }
        let boundary = PartBoundary {
            number: part.number,
            length: part.size,
            checksum: part.checksum.clone(),
        };
        self.parts.push(boundary.clone());
        Ok(boundary)
    }

    /// The CRC-64/NVME of all bytes, where those of the parts are known.
    fn crc64nvme(&self) -> Option<u64> {
        self.crcs
            .as_ref()
            .map(|crcs| combine_crc64nvme(crcs.iter().copied()))
    }

    /// The object's checksum from the parts': the one that the upload asked for, else CRC-64/NVME of the whole, which S3
    /// keeps for every object and which the blobs' own give without reading them.
    fn object_checksum(&self, upload: &Upload) -> Result<Option<Checksum>, S3Error> {
        let Some((algorithm, kind)) = upload.checksum else {
            return Ok(self.crc64nvme().map(crc64nvme_checksum));
        };
        let mut checksums = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let stored = part
                .checksum
                .as_ref()
                .filter(|checksum| checksum.algorithm == algorithm);
            checksums.push((
                stored.ok_or_else(|| claims::missing_checksum(algorithm, part.number))?,
                part.length,
            ));
        }
        let checksum = match kind {
            ChecksumKind::Composite => {
                composite_checksum(algorithm, checksums.into_iter().map(|(one, _)| one))
            }
            ChecksumKind::FullObject => full_object_checksum(algorithm, checksums),
        };
        checksum
            .map(Some)
            .ok_or_else(|| S3Error::new(ErrorCode::InternalError))
    }

    /// Checks the object against what the request says of it. Its checksum.
    fn verify(&self, upload: &Upload, input: &CompleteMultipartUpload) -> Result<Option<Checksum>, S3Error> {
        if let Some(error) = &self.too_small {
            return Err(error.clone());
        }
        claims::check_size(input.size, self.size)?;
        let checksum = self.object_checksum(upload)?;
        claims::check_checksum(input, upload, checksum.as_ref())?;
        Ok(checksum)
    }

    fn into_assembled(self, checksum: Option<Checksum>, manifest: Manifest) -> Assembled {
        Assembled {
            etag: ETag::from_parts(md5_of_md5s(self.md5s.iter().copied()), self.md5s.len()),
            size: self.size,
            checksum,
            shared: self.shared,
            manifest,
        }
    }
}

/// The stored parts that the client lists, in its order, each as it claims.
struct Chosen {
    upload: Upload,
    listed: VecDeque<CompletedPart>,
    stored: VecDeque<Part>,
    pages: Pages<Part>,
}

impl Chosen {
    fn new(context: &Context, upload: &Upload, listed: Vec<CompletedPart>) -> Self {
        Self {
            upload: upload.clone(),
            listed: listed.into(),
            stored: VecDeque::new(),
            pages: parts(&context.ports, upload),
        }
    }

    async fn next(&mut self) -> Result<Option<Part>, S3Error> {
        let Some(listed) = self.listed.pop_front() else {
            return Ok(None);
        };
        while let Some(part) = self.next_stored().await? {
            if part.number < listed.number {
                continue;
            }
            if claims::is_as_listed(&self.upload, &part, &listed) {
                return Ok(Some(part));
            }
            break;
        }
        Err(S3Error::new(ErrorCode::InvalidPart)
            .with("UploadId", self.upload.id)
            .with("PartNumber", listed.number)
            .with("ETag", listed.etag.as_str()))
    }

    async fn next_stored(&mut self) -> Result<Option<Part>, S3Error> {
        while self.stored.is_empty() {
            match self.pages.try_next().await? {
                Some(page) => self.stored.extend(page),
                None => return Ok(None),
            }
        }
        Ok(self.stored.pop_front())
    }
}

/// Writes the layout of what has been read and of all that follows.
async fn write_layout(
    context: &Context,
    blob: BlobRef,
    chosen: Chosen,
    totals: Totals,
    extents: Vec<Extent>,
) -> Result<(Totals, PagedLayout), S3Error> {
    let parts = totals.parts.clone();
    let read = extents.into_iter().map(Listed::Extent);
    let read = read.chain(parts.into_iter().map(Listed::Part));
    let totals = Arc::new(Mutex::new(totals));
    let state = (chosen, Arc::clone(&totals));
    let rest = stream::try_unfold(state, |(mut chosen, totals)| async move {
        let Some(part) = chosen.next().await? else {
            return Ok::<_, S3Error>(None);
        };
        let boundary = locked(&totals).add(&part)?;
        let extents = part.extents.into_iter().map(Listed::Extent);
        let listed = extents.chain([Listed::Part(boundary)]).map(Ok);
        Ok(Some((stream::iter(listed), (chosen, totals))))
    });
    let listed = stream::iter(read.map(Ok)).chain(rest.try_flatten());
    let layout = write_pages(&context.ports, blob, listed.boxed()).await?;
    let totals = std::mem::take(&mut *locked(&totals));
    Ok((totals, layout))
}

fn locked(totals: &Mutex<Totals>) -> MutexGuard<'_, Totals> {
    totals.lock().unwrap_or_else(PoisonError::into_inner)
}
