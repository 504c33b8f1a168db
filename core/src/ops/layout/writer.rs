//! Writing a layout of many pages while what it lists is still being found: one page of extents is held at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Listed;
use super::page::{Entry, Index, PAGE, encode_extents};
use crate::digest::{Crc64nvmeHasher, crc64nvme};
use crate::model::{BlobRef, ErrorCode, Extent, PagedLayout, PartBoundary, S3Error};
use crate::ports::{Ports, StoreError, StoreResult, WriteError};

/// Writes the layout of what `listed` gives, the extents and the parts each in the object's order, to `blob`. Nothing
/// names it yet.
pub(in crate::ops) async fn write_pages(
    ports: &Ports,
    blob: BlobRef,
    listed: BoxStream<'static, Result<Listed, S3Error>>,
) -> Result<PagedLayout, S3Error> {
    let written = Arc::default();
    let writing = Writing {
        blob,
        listed,
        writer: Some(LayoutWriter::default()),
        ready: VecDeque::new(),
        written: Arc::clone(&written),
    };
    let pages = stream::try_unfold(writing, |mut writing| async move {
        let page = writing.next().await?;
        Ok(page.map(|page| (page, writing)))
    });
    match ports.blobs.write(&blob, pages.boxed(), None).await {
        Ok(_) => {}
        Err(WriteError::Store(error)) => return Err(error.into()),
        Err(WriteError::Body(error)) => return Err(error),
    }
    let written = written.lock().unwrap_or_else(PoisonError::into_inner).take();
    written.ok_or_else(|| ErrorCode::InternalError.into())
}

/// The pages of a layout as a blob's body.
struct Writing {
    blob: BlobRef,
    listed: BoxStream<'static, Result<Listed, S3Error>>,
    /// `None` once everything is listed.
    writer: Option<LayoutWriter>,
    /// Pages that are full.
    ready: VecDeque<Bytes>,
    /// What finds it all, from the end of the body on.
    written: Arc<Mutex<Option<PagedLayout>>>,
}

impl Writing {
    async fn next(&mut self) -> Result<Option<Bytes>, S3Error> {
        loop {
            if let Some(page) = self.ready.pop_front() {
                return Ok(Some(page));
            }
            let Some(mut writer) = self.writer.take() else {
                return Ok(None);
            };
            match self.listed.try_next().await? {
                Some(Listed::Extent(extent)) => self.ready.extend(writer.extent(extent)),
                Some(Listed::Part(part)) => writer.part(part)?,
                None => {
                    let (rest, layout) = writer.finish(self.blob)?;
                    self.ready.extend(rest);
                    *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(layout);
                    continue;
                }
            }
            self.writer = Some(writer);
        }
    }
}

/// Takes extents and parts in the object's order and makes the bytes of their layout.
#[derive(Default)]
struct LayoutWriter {
    index: Index,
    /// What the page of extents that is being filled lists, and where in the object it starts.
    extents: Vec<Extent>,
    start: u64,
    /// How far the extents go in the object.
    end: u64,
    /// The same of parts, whose pages come after all extents.
    parts: Vec<PartBoundary>,
    parts_start: u64,
    parts_end: u64,
    parts_count: u32,
    pages_of_parts: Vec<PageOfParts>,
    /// Bytes made so far, and their CRC.
    at: u64,
    crc: Crc64nvmeHasher,
}

/// A page of parts that is full.
struct PageOfParts {
    number: u16,
    start: u64,
    bytes: Vec<u8>,
}

impl LayoutWriter {
    /// Takes the next extent. Returns the bytes of a page that is full by that.
    fn extent(&mut self, extent: Extent) -> Option<Bytes> {
        self.end += extent.length;
        self.extents.push(extent);
        (self.extents.len() == PAGE).then(|| self.flush_extents())
    }

    /// Takes the next part.
    fn part(&mut self, part: PartBoundary) -> StoreResult<()> {
        self.parts_end += part.length;
        self.parts_count += 1;
        self.parts.push(part);
        if self.parts.len() == PAGE {
            self.flush_parts()
        } else {
            Ok(())
        }
    }

    fn flush_extents(&mut self) -> Bytes {
        let page = encode_extents(&self.extents);
        let entry = self.entry(0, self.start, &page);
        self.index.extents.push(entry);
        self.extents.clear();
        self.start = self.end;
        self.made(page)
    }

    fn flush_parts(&mut self) -> StoreResult<()> {
        self.pages_of_parts.push(PageOfParts {
            number: self.parts.first().map_or(0, |part| part.number.get()),
            start: self.parts_start,
            bytes: serde_json::to_vec(&self.parts).map_err(StoreError::internal)?,
        });
        self.parts.clear();
        self.parts_start = self.parts_end;
        Ok(())
    }

    fn entry(&self, number: u16, start: u64, page: &[u8]) -> Entry {
        Entry {
            number,
            start,
            at: self.at,
            length: page.len() as u32,
            crc64nvme: crc64nvme(page),
        }
    }

    fn made(&mut self, bytes: Vec<u8>) -> Bytes {
        self.at += bytes.len() as u64;
        self.crc.update(&bytes);
        Bytes::from(bytes)
    }

    /// The rest of the bytes, and what finds it all in `blob`.
    fn finish(mut self, blob: BlobRef) -> StoreResult<(Vec<Bytes>, PagedLayout)> {
        let mut rest = Vec::new();
        if !self.extents.is_empty() {
            rest.push(self.flush_extents());
        }
        if !self.parts.is_empty() {
            self.flush_parts()?;
        }
        for page in std::mem::take(&mut self.pages_of_parts) {
            let entry = self.entry(page.number, page.start, &page.bytes);
            self.index.parts.push(entry);
            rest.push(self.made(page.bytes));
        }
        let index = self.index.encode();
        let (at, index_crc64nvme) = (self.at, crc64nvme(&index));
        rest.push(self.made(index));
        let layout = PagedLayout {
            extent: Extent::whole(blob, self.at, self.crc.value()),
            index: at,
            index_crc64nvme,
            parts: self.parts_count,
        };
        Ok((rest, layout))
    }
}
