//! Layouts: in the row, in a blob as JSON, or in a blob as an index and pages. Whoever reads one names the range of the
//! object that it is for, and gets the extents of that range a page at a time.

mod page;
mod spilled;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use writer::write_pages;

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};

use self::page::{Entry, Index, PAGE, decode_extents};
use crate::digest::crc64nvme;
use crate::model::{BlobRef, ErrorCode, Extent, Manifest, PagedLayout, PartBoundary, PartNumber, S3Error};
use crate::ports::{BlobRead, BlobStore, Ports, StoreError, StoreResult};
use crate::rows::read_stored;

/// Extents and parts together that a layout in a blob lists as JSON; with more it has pages.
pub(super) const ONE_PAGE: usize = PAGE;

/// Extents of an object at most: 5 TiB in pieces of 5 MiB, and two more for each of 10,000 parts.
pub(super) const MOST_EXTENTS: usize = 1_100_000;

/// Bytes of an index, or of a page or some that are read at once, at most.
const LONGEST: u64 = 1 << 20;

/// What a layout lists.
pub(super) enum Listed {
    /// In its list of extents.
    Extent(Extent),
    /// In its list of parts.
    Part(PartBoundary),
}

/// The extents of a range of an object, in order. Those of one read are held at a time.
pub(super) struct Extents {
    at_hand: VecDeque<Extent>,
    /// The pages to come; `None` when all are at hand.
    pages: Option<BoxStream<'static, StoreResult<Vec<Extent>>>>,
}

impl Extents {
    fn listed(extents: Vec<Extent>) -> Self {
        Self {
            at_hand: extents.into(),
            pages: None,
        }
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> StoreResult<Option<Extent>> {
        while self.at_hand.is_empty() {
            match self.next_page().await? {
                Some(page) => self.at_hand.extend(page),
                None => return Ok(None),
            }
        }
        Ok(self.at_hand.pop_front())
    }

    /// The next ones, as many as are at hand.
    pub(super) async fn next_page(&mut self) -> StoreResult<Option<Vec<Extent>>> {
        if !self.at_hand.is_empty() {
            return Ok(Some(std::mem::take(&mut self.at_hand).into()));
        }
        match &mut self.pages {
            Some(pages) => pages.try_next().await,
            None => Ok(None),
        }
    }

    /// Whether there is certainly no further one.
    pub(super) fn is_at_end(&self) -> bool {
        self.at_hand.is_empty() && self.pages.is_none()
    }
}

/// `InvalidRequest` where an object would have more extents than a layout lists.
pub(super) fn check_extents(extents: usize) -> Result<(), S3Error> {
    if extents <= MOST_EXTENTS {
        return Ok(());
    }
    Err(S3Error::message(
        ErrorCode::InvalidRequest,
        format!(
            "The object would consist of more than {MOST_EXTENTS} pieces. Copy larger parts, or upload them."
        ),
    ))
}

/// The extents of `range` of an object's bytes; `None` when the blob that lists them is gone.
pub(super) async fn extents_of(
    ports: &Ports,
    manifest: &Manifest,
    range: Range<u64>,
) -> StoreResult<Option<Extents>> {
    LayoutReader::of(ports, manifest).extents(range).await
}

/// All extents of an object; `None` when the blob that lists them is gone.
pub(super) async fn all_extents(ports: &Ports, manifest: &Manifest) -> StoreResult<Option<Extents>> {
    extents_of(ports, manifest, 0..u64::MAX).await
}

/// All parts of an object, 10,000 at most; `None` when the blob that lists them is gone.
pub(super) async fn parts_of(ports: &Ports, manifest: &Manifest) -> StoreResult<Option<Vec<PartBoundary>>> {
    LayoutReader::of(ports, manifest).parts().await
}

/// The runs of bytes at `range` of the bytes that `extents` make up, the first of which is at `start`.
pub(super) fn slice(start: u64, extents: &[Extent], range: &Range<u64>) -> Vec<Extent> {
    let mut sliced = Vec::new();
    let mut start = start;
    for extent in extents {
        let end = start.saturating_add(extent.length);
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            sliced.push(Extent {
                offset: extent.offset.saturating_add(from - start),
                length: to - from,
                ..*extent
            });
        }
        start = end;
    }
    sliced
}

/// A part of an object, and where its bytes start.
pub(super) struct FoundPart {
    pub(super) start: u64,
    pub(super) part: PartBoundary,
}

/// The layout of an object that is being read. The index of one in pages is read once, when it is first needed.
///
/// Each answer is `None` when the blob of the layout is gone.
pub(super) struct LayoutReader<'a> {
    ports: &'a Ports,
    manifest: &'a Manifest,
    index: Option<Index>,
}

impl<'a> LayoutReader<'a> {
    pub(super) fn of(ports: &'a Ports, manifest: &'a Manifest) -> Self {
        Self {
            ports,
            manifest,
            index: None,
        }
    }

    /// The extents of `range` of the object's bytes.
    pub(super) async fn extents(&mut self, range: Range<u64>) -> StoreResult<Option<Extents>> {
        let listed = match self.manifest {
            Manifest::Inline(_) => Vec::new(),
            Manifest::Extents(layout) => slice(0, &layout.extents, &range),
            Manifest::Spilled(layout) => {
                let (mut listed, mut start) = (Vec::new(), 0_u64);
                let mut take = |entry| {
                    let Listed::Extent(extent) = entry else {
                        return ControlFlow::Break(());
                    };
                    listed.extend(slice(start, &[extent], &range));
                    start = start.saturating_add(extent.length);
                    if start < range.end {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                };
                if spilled::read(self.ports, layout, &mut take).await?.is_none() {
                    return Ok(None);
                }
                listed
            }
            Manifest::Paged(layout) => return self.paged_extents(layout, range).await,
        };
        Ok(Some(Extents::listed(listed)))
    }

    /// The part of that number; the inner `None` where there is no such part.
    pub(super) async fn part(&mut self, number: PartNumber) -> StoreResult<Option<Option<FoundPart>>> {
        let Manifest::Paged(layout) = self.manifest else {
            let parts = self.parts().await?;
            return Ok(parts.map(|parts| find(0, parts, number)));
        };
        let blob = LayoutBlob::of(self.ports, layout);
        let Some(index) = self.index(&blob, layout).await? else {
            return Ok(None);
        };
        let after = index.parts.partition_point(|entry| entry.number <= number.get());
        let Some(entry) = after.checked_sub(1).and_then(|at| index.parts.get(at)) else {
            return Ok(Some(None));
        };
        let parts = blob.parts(entry).await?;
        Ok(parts.map(|parts| find(entry.start, parts, number)))
    }

    /// All parts.
    pub(super) async fn parts(&mut self) -> StoreResult<Option<Vec<PartBoundary>>> {
        match self.manifest {
            Manifest::Inline(_) => Ok(Some(Vec::new())),
            Manifest::Extents(layout) => Ok(Some(layout.parts.clone())),
            Manifest::Spilled(layout) => {
                let mut parts = Vec::new();
                let mut take = |entry| {
                    if let Listed::Part(part) = entry {
                        parts.push(part);
                    }
                    ControlFlow::Continue(())
                };
                let read = spilled::read(self.ports, layout, &mut take).await?;
                Ok(read.map(|()| parts))
            }
            Manifest::Paged(layout) => {
                let blob = LayoutBlob::of(self.ports, layout);
                let Some(index) = self.index(&blob, layout).await? else {
                    return Ok(None);
                };
                let mut parts = Vec::with_capacity(layout.parts.min(10_000) as usize);
                for entry in &index.parts {
                    match blob.parts(entry).await? {
                        Some(page) => parts.extend(page),
                        None => return Ok(None),
                    }
                }
                Ok(Some(parts))
            }
        }
    }

    async fn index(&mut self, blob: &LayoutBlob, layout: &PagedLayout) -> StoreResult<Option<&Index>> {
        if self.index.is_none() {
            self.index = blob.index(layout).await?;
        }
        Ok(self.index.as_ref())
    }

    /// Reads the first page of the range at once, and the others when their turn comes.
    async fn paged_extents(
        &mut self,
        layout: &PagedLayout,
        range: Range<u64>,
    ) -> StoreResult<Option<Extents>> {
        let blob = LayoutBlob::of(self.ports, layout);
        let Some(index) = self.index(&blob, layout).await? else {
            return Ok(None);
        };
        // Each page ends where the next one starts.
        let ends = index.extents.iter().skip(1).map(|entry| entry.start);
        let ends = ends.chain([u64::MAX]);
        let wanted: VecDeque<Entry> = std::iter::zip(&index.extents, ends)
            .filter(|(entry, end)| entry.start < range.end && *end > range.start)
            .map(|(entry, _)| *entry)
            .collect();
        let mut pages = Pages { blob, wanted, range };
        let first = match pages.wanted.pop_front() {
            None => return Ok(Some(Extents::listed(Vec::new()))),
            Some(entry) => match pages.read(&[entry]).await? {
                Some(first) => first,
                None => return Ok(None),
            },
        };
        let rest = stream::try_unfold(pages, |mut pages| async move {
            let run = pages.next_run();
            if run.is_empty() {
                return Ok(None);
            }
            let extents = pages.read(&run).await?;
            let extents = extents.ok_or_else(|| pages.blob.corrupt("is gone"))?;
            Ok(Some((extents, pages)))
        });
        Ok(Some(Extents {
            at_hand: first.into(),
            pages: Some(rest.boxed()),
        }))
    }
}

fn find(start: u64, parts: Vec<PartBoundary>, number: PartNumber) -> Option<FoundPart> {
    let mut start = start;
    for part in parts {
        if part.number == number {
            return Some(FoundPart { start, part });
        }
        start += part.length;
    }
    None
}

/// The pages of a range that are still to be read.
struct Pages {
    blob: LayoutBlob,
    wanted: VecDeque<Entry>,
    range: Range<u64>,
}

impl Pages {
    /// The next pages that lie one after the other, as many as one read takes.
    fn next_run(&mut self) -> Vec<Entry> {
        let mut run: Vec<Entry> = Vec::new();
        let mut length = 0;
        while let Some(next) = self.wanted.front().copied() {
            length += u64::from(next.length);
            let adjoins = run.last().is_none_or(|last| last.end() == next.at);
            if !run.is_empty() && (!adjoins || length > LONGEST) {
                break;
            }
            run.push(next);
            self.wanted.pop_front();
        }
        run
    }

    async fn read(&self, run: &[Entry]) -> StoreResult<Option<Vec<Extent>>> {
        let Some(pages) = self.blob.run(run).await? else {
            return Ok(None);
        };
        let mut all = Vec::new();
        for (entry, page) in std::iter::zip(run, pages) {
            let extents = decode_extents(&page);
            let extents = extents.ok_or_else(|| self.blob.corrupt("has a page that is none"))?;
            all.extend(slice(entry.start, &extents, &self.range));
        }
        Ok(Some(all))
    }
}

/// The blob of a layout of many pages.
struct LayoutBlob {
    blobs: Arc<dyn BlobStore>,
    blob: BlobRef,
}

impl LayoutBlob {
    fn of(ports: &Ports, layout: &PagedLayout) -> Self {
        Self {
            blobs: Arc::clone(&ports.blobs),
            blob: layout.extent.blob,
        }
    }

    fn corrupt(&self, what: &str) -> StoreError {
        StoreError::corrupt(format!("the layout in blob {} {what}", self.blob))
    }

    async fn index(&self, layout: &PagedLayout) -> StoreResult<Option<Index>> {
        let Some(bytes) = self.read(layout.index..layout.extent.blob_length).await? else {
            return Ok(None);
        };
        if crc64nvme(&bytes) != layout.index_crc64nvme {
            return Err(self.corrupt("has a damaged index"));
        }
        let index = Index::decode(&bytes).map_err(|what| self.corrupt(&format!("cannot be read: {what}")))?;
        Ok(Some(index))
    }

    /// Pages that lie one after the other.
    async fn run(&self, run: &[Entry]) -> StoreResult<Option<Vec<Bytes>>> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Ok(Some(Vec::new()));
        };
        let Some(mut bytes) = self.read(first.at..last.end()).await? else {
            return Ok(None);
        };
        let mut pages = Vec::with_capacity(run.len());
        for entry in run {
            let length = entry.length as usize;
            if length > bytes.len() || !entry.is_of(&bytes[..length]) {
                return Err(self.corrupt("has a damaged page"));
            }
            pages.push(bytes.split_to(length));
        }
        Ok(Some(pages))
    }

    async fn parts(&self, entry: &Entry) -> StoreResult<Option<Vec<PartBoundary>>> {
        let page = self.run(std::slice::from_ref(entry)).await?;
        let page = page.and_then(|mut pages| pages.pop());
        page.map(read_stored).transpose()
    }

    async fn read(&self, range: Range<u64>) -> StoreResult<Option<Bytes>> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 || length > LONGEST {
            return Err(self.corrupt("has a page of a length that no program writes"));
        }
        let BlobRead::Found(mut pieces) = self.blobs.read(&self.blob, range).await? else {
            return Ok(None);
        };
        let mut bytes = BytesMut::with_capacity(length as usize);
        while let Some(piece) = pieces.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(Some(bytes.freeze()))
    }
}
