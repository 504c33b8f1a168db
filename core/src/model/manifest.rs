//! Where an object's bytes are.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{BlobId, BucketId, Checksum, PartNumber};

/// The name of a blob: the bucket that it was written for, and its own id. Ordered by the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobRef {
    /// The bucket that it was written for. Objects of other buckets may share it.
    pub bucket: BucketId,
    /// Unique in the store.
    pub blob: BlobId,
}

/// `{bucket id}/{blob id}`: the blob's name in every blob store.
impl fmt::Display for BlobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bucket, self.blob)
    }
}

/// A run of bytes of one blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// The blob.
    pub blob: BlobRef,
    /// Where in the blob the run starts.
    pub offset: u64,
    /// Bytes in the run; never 0.
    pub length: u64,
    /// Bytes in the whole blob.
    pub blob_length: u64,
    /// CRC-64/NVME of the whole blob, so that a check can tell damage.
    pub blob_crc64nvme: u64,
}

impl Extent {
    /// All of a blob.
    pub const fn whole(blob: BlobRef, length: u64, crc64nvme: u64) -> Self {
        Self {
            blob,
            offset: 0,
            length,
            blob_length: length,
            blob_crc64nvme: crc64nvme,
        }
    }

    /// Where in the blob the run lies.
    pub const fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.length
    }

    /// Whether the run is the whole blob.
    pub const fn is_whole(&self) -> bool {
        self.offset == 0 && self.length == self.blob_length
    }
}

/// A part of a multipart object, as the object remembers it after completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartBoundary {
    /// The number that it was uploaded under.
    pub number: PartNumber,
    /// Its bytes.
    pub length: u64,
    /// Its checksum, where the upload asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
}

/// The runs of bytes that make up an object, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The runs.
    pub extents: Vec<Extent>,
    /// The parts of a multipart object; empty for any other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartBoundary>,
}

impl Layout {
    /// The sum of the runs, in bytes.
    pub fn length(&self) -> u64 {
        self.extents.iter().map(|extent| extent.length).sum()
    }
}

/// A layout that is too large for its row and lies in a blob of its own, as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpilledLayout {
    /// The blob that holds the layout: always the whole blob.
    pub extent: Extent,
    /// How many parts the layout lists, for the `x-amz-mp-parts-count` of a HEAD.
    pub parts: u32,
}

/// A layout of more entries than one page has, in a blob of its own: pages of extents, pages of parts, and an index of
/// the pages, so that a range of the object takes the index and the pages of that range only. `docs/formats.md` has
/// the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagedLayout {
    /// The blob that holds the layout: always the whole blob.
    pub extent: Extent,
    /// Where in the blob the index starts, which goes on to the blob's end.
    pub index: u64,
    /// CRC-64/NVME of the index, which has those of the pages.
    pub index_crc64nvme: u64,
    /// How many parts the layout lists.
    pub parts: u32,
}

/// Where an object's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manifest {
    /// Here.
    Inline(#[serde(with = "base64_bytes")] Bytes),
    /// In these blobs.
    Extents(Layout),
    /// In the blobs that a layout lists which lies in a blob itself.
    Spilled(SpilledLayout),
    /// In the blobs that a layout of many pages lists. Programs of release 0.1 do not know it:
    /// [`Format::PAGED`](super::Format::PAGED).
    Paged(PagedLayout),
}

impl Manifest {
    /// The manifest of an empty object.
    pub const fn empty() -> Self {
        Self::Inline(Bytes::new())
    }

    /// The blobs that this manifest names by itself: those of its extents, or the one of its layout.
    pub fn blobs(&self) -> impl Iterator<Item = BlobRef> + '_ {
        let extents: &[Extent] = match self {
            Self::Extents(layout) => &layout.extents,
            Self::Inline(_) | Self::Spilled(_) | Self::Paged(_) => &[],
        };
        let of_layout = self.layout_blob().map(|extent| extent.blob);
        extents.iter().map(|extent| extent.blob).chain(of_layout)
    }

    /// The blob that the layout lies in, where it lies in one.
    pub const fn layout_blob(&self) -> Option<&Extent> {
        match self {
            Self::Inline(_) | Self::Extents(_) => None,
            Self::Spilled(spilled) => Some(&spilled.extent),
            Self::Paged(paged) => Some(&paged.extent),
        }
    }

    /// How many parts the object was uploaded in; 0 when it was not a multipart upload.
    pub fn parts_count(&self) -> u32 {
        match self {
            Self::Inline(_) => 0,
            Self::Extents(layout) => u32::try_from(layout.parts.len()).unwrap_or(u32::MAX),
            Self::Spilled(spilled) => spilled.parts,
            Self::Paged(paged) => paged.parts,
        }
    }
}

mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(serde::de::Error::custom)
    }
}
