//! The bytes of a layout of many pages: `docs/formats.md` has the form. All numbers are big-endian.

use bytes::{Buf, BufMut};

use crate::digest::crc64nvme;
use crate::model::{BlobId, BlobRef, BucketId, Extent};

/// Extents, or parts, that a page lists at most.
pub(super) const PAGE: usize = 1_000;

/// What an index begins with: its version.
const INDEX_V1: [u8; 4] = *b"BSL1";

/// Bytes of an extent in a page.
const EXTENT: usize = 44;

/// Bytes of a page in the index.
const ENTRY: usize = 26;

/// Bytes of a position or a length: 256 TiB, more than any object has.
const U48: usize = 6;

/// A page as the index lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number of its first part; 0 for a page of extents.
    pub(super) number: u16,
    /// Where in the object its bytes start.
    pub(super) start: u64,
    /// Where in the blob the page starts.
    pub(super) at: u64,
    /// Bytes of the page.
    pub(super) length: u32,
    /// CRC-64/NVME of the page.
    pub(super) crc64nvme: u64,
}

impl Entry {
    /// Where in the blob the page ends.
    pub(super) fn end(&self) -> u64 {
        self.at.saturating_add(u64::from(self.length))
    }

    /// Whether these are the page's bytes.
    pub(super) fn is_of(&self, page: &[u8]) -> bool {
        crc64nvme(page) == self.crc64nvme
    }
}

/// The pages of a layout, in the order of the object's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// Those that list extents.
    pub(super) extents: Vec<Entry>,
    /// Those that list parts.
    pub(super) parts: Vec<Entry>,
}

impl Index {
    /// The index as it is stored.
    pub(super) fn encode(&self) -> Vec<u8> {
        let entries = self.extents.len() + self.parts.len();
        let mut bytes = Vec::with_capacity(INDEX_V1.len() + 8 + entries * ENTRY);
        bytes.put_slice(&INDEX_V1);
        bytes.put_u32(self.extents.len() as u32);
        bytes.put_u32(self.parts.len() as u32);
        for entry in self.extents.iter().chain(&self.parts) {
            bytes.put_u16(entry.number);
            bytes.put_uint(entry.start, U48);
            bytes.put_uint(entry.at, U48);
            bytes.put_u32(entry.length);
            bytes.put_u64(entry.crc64nvme);
        }
        bytes
    }

    /// The index of those bytes, or what is wrong with them.
    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() < INDEX_V1.len() + 8 {
            return Err("its index is too short");
        }
        if bytes.split_to_array() != INDEX_V1 {
            return Err("its index is of a form that this program does not know");
        }
        let (extents, parts) = (bytes.get_u32() as usize, bytes.get_u32() as usize);
        if extents.saturating_add(parts).checked_mul(ENTRY) != Some(bytes.len()) {
            return Err("its index is not as long as it says");
        }
        let mut entries = bytes.chunks_exact(ENTRY).map(|mut entry| Entry {
            number: entry.get_u16(),
            start: entry.get_uint(U48),
            at: entry.get_uint(U48),
            length: entry.get_u32(),
            crc64nvme: entry.get_u64(),
        });
        Ok(Self {
            extents: entries.by_ref().take(extents).collect(),
            parts: entries.collect(),
        })
    }
}

/// The first bytes of a slice as an array, and the slice moved on past them.
trait SplitToArray {
    fn split_to_array<const N: usize>(&mut self) -> [u8; N];
}

impl SplitToArray for &[u8] {
    fn split_to_array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        self.copy_to_slice(&mut array);
        array
    }
}

/// A page of extents as it is stored: the buckets that they name once each, then the extents.
pub(super) fn encode_extents(extents: &[Extent]) -> Vec<u8> {
    let mut buckets: Vec<BucketId> = Vec::new();
    let mut body = Vec::with_capacity(extents.len() * EXTENT);
    for extent in extents {
        let bucket = extent.blob.bucket;
        // Mostly there is one, and neighbours name the same.
        let place = buckets.iter().rposition(|known| *known == bucket);
        let place = place.unwrap_or_else(|| {
            buckets.push(bucket);
            buckets.len() - 1
        });
        body.put_u16(place as u16);
        body.put_slice(extent.blob.blob.as_bytes());
        body.put_uint(extent.offset, U48);
        body.put_uint(extent.length, U48);
        body.put_uint(extent.blob_length, U48);
        body.put_u64(extent.blob_crc64nvme);
    }
    let mut page = Vec::with_capacity(4 + buckets.len() * 16 + body.len());
    page.put_u16(buckets.len() as u16);
    page.put_u16(extents.len() as u16);
    for bucket in &buckets {
        page.put_slice(bucket.as_bytes());
    }
    page.extend_from_slice(&body);
    page
}

/// The extents of a page; `None` where it is no such page.
pub(super) fn decode_extents(mut page: &[u8]) -> Option<Vec<Extent>> {
    if page.len() < 4 {
        return None;
    }
    let (buckets, extents) = (page.get_u16() as usize, page.get_u16() as usize);
    if page.len() != buckets * 16 + extents * EXTENT {
        return None;
    }
    let buckets: Vec<BucketId> = (0..buckets)
        .map(|_| BucketId::from_bytes(page.split_to_array()))
        .collect();
    let extent = |mut bytes: &[u8]| {
        Some(Extent {
            blob: BlobRef {
                bucket: *buckets.get(bytes.get_u16() as usize)?,
                blob: BlobId::from_bytes(bytes.split_to_array()),
            },
            offset: bytes.get_uint(U48),
            length: bytes.get_uint(U48),
            blob_length: bytes.get_uint(U48),
            blob_crc64nvme: bytes.get_u64(),
        })
    };
    page.chunks_exact(EXTENT).map(extent).collect()
}
