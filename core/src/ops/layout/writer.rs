//! Writing a layout of many pages, of which one page at a time is held.

use bytes::Bytes;

use super::page::{Entry, Index, PAGE, encode_extents};
use crate::digest::{Crc64nvmeHasher, crc64nvme};
use crate::model::{BlobRef, Extent, PagedLayout, PartBoundary};
use crate::ports::{StoreError, StoreResult};

/// Takes extents and parts in the object's order and makes the bytes of their layout.
#[derive(Default)]
pub(in crate::ops) struct LayoutWriter {
    index: Index,
    /// What the page of extents that is being filled lists, and where in the object it starts.
    page: Vec<Extent>,
    start: u64,
    /// How far the extents go in the object.
    end: u64,
    parts: Vec<PartBoundary>,
    /// Bytes made so far, and their CRC.
    at: u64,
    crc: Crc64nvmeHasher,
}

impl LayoutWriter {
    /// Takes the next extent. Returns the bytes of a page that is full by that.
    pub(in crate::ops) fn extent(&mut self, extent: Extent) -> Option<Bytes> {
        self.end += extent.length;
        self.page.push(extent);
        (self.page.len() == PAGE).then(|| self.flush())
    }

    /// Takes the next part. Those of an object are few enough to be held.
    pub(in crate::ops) fn part(&mut self, part: PartBoundary) {
        self.parts.push(part);
    }

    fn flush(&mut self) -> Bytes {
        let page = encode_extents(&self.page);
        let entry = self.entry(0, self.start, &page);
        self.index.extents.push(entry);
        self.page.clear();
        self.start = self.end;
        self.made(page)
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
    pub(in crate::ops) fn finish(mut self, blob: BlobRef) -> StoreResult<(Vec<Bytes>, PagedLayout)> {
        let mut rest = Vec::new();
        if !self.page.is_empty() {
            rest.push(self.flush());
        }
        let parts = std::mem::take(&mut self.parts);
        let mut start = 0;
        for page in parts.chunks(PAGE) {
            let bytes = serde_json::to_vec(page).map_err(StoreError::internal)?;
            let number = page.first().map_or(0, |part| part.number.get());
            let entry = self.entry(number, start, &bytes);
            self.index.parts.push(entry);
            start += page.iter().map(|part| part.length).sum::<u64>();
            rest.push(self.made(bytes));
        }
        let index = self.index.encode();
        let (at, index_crc64nvme) = (self.at, crc64nvme(&index));
        rest.push(self.made(index));
        let layout = PagedLayout {
            extent: Extent::whole(blob, self.at, self.crc.value()),
            index: at,
            index_crc64nvme,
            parts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        };
        Ok((rest, layout))
    }
}
