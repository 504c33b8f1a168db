//! The checksum that Cloud Storage keeps of every object.

use bleepstore_core::digest::ChecksumHasher;
use bleepstore_core::model::ChecksumAlgorithm;

/// A CRC-32C of bytes that pass.
pub(super) struct Crc32c(ChecksumHasher);

impl Crc32c {
    pub(super) fn new() -> Self {
        Self(ChecksumHasher::new(ChecksumAlgorithm::Crc32c))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The value as the JSON API has it: base64 of it in big-endian byte order.
    pub(super) fn base64(self) -> String {
        self.0.finish().value
    }
}
