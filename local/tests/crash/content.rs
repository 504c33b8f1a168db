//! What an object holds.

use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::http::encoding::{checksum_sha256, etag, multipart_etag};

/// The bytes of one object. No two are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// The seed and the length of each part.
    parts: Vec<(u64, usize)>,
    multipart: bool,
}

impl Content {
    /// What one request writes.
    pub(crate) fn single(seed: u64, length: usize) -> Self {
        Self {
            parts: vec![(seed, length)],
            multipart: false,
        }
    }

    /// What an upload of parts of these lengths makes.
    pub(crate) fn multipart(seed: u64, lengths: &[usize]) -> Self {
        Self {
            parts: (seed..).zip(lengths.iter().copied()).collect(),
            multipart: true,
        }
    }

    pub(crate) fn parts(&self) -> Vec<Vec<u8>> {
        let part = |&(seed, length): &(u64, usize)| {
            let entropy = SeededEntropy::new(seed);
            let mut bytes = vec![0; length];
            for piece in bytes.chunks_mut(8) {
                piece.copy_from_slice(&entropy.next_u64().to_be_bytes()[..piece.len()]);
            }
            bytes
        };
        self.parts.iter().map(part).collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.parts().concat()
    }

    pub(crate) fn etag(&self) -> String {
        let parts = self.parts();
        if self.multipart {
            multipart_etag(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
        } else {
            etag(&parts.concat())
        }
    }

    /// The SHA-256 that was sent with it.
    pub(crate) fn checksum(&self) -> Option<String> {
        (!self.multipart).then(|| checksum_sha256(&self.bytes()))
    }

    pub(crate) fn length(&self) -> usize {
        self.parts.iter().map(|(_, length)| length).sum()
    }
}
