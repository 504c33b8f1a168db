//! What is computed of a body while it passes.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Checksum;

/// What was computed of a body that passed whole and was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Bytes in the decoded body.
    pub length: u64,
    /// MD5 of the body: the ETag.
    pub md5: [u8; 16],
    /// CRC-64/NVME of the body: kept with the blob.
    pub crc64nvme: u64,
    /// The checksum that the client sent, or the one that it asked for.
    pub checksum: Option<Checksum>,
}

/// Where the digests of a body are found once its stream has ended well.
#[derive(Clone, Debug, Default)]
pub struct DigestSlot(Arc<Mutex<Option<Digests>>>);

impl DigestSlot {
    /// Puts the digests there.
    pub fn fill(&self, digests: Digests) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(digests);
    }

    /// The digests; `None` while the stream has not ended well.
    pub fn take(&self) -> Option<Digests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
