//! Bodies of requests: bytes that do not compress, with their SHA-256 known.

use std::sync::{Arc, LazyLock};

use sha2::{Digest, Sha256};

use bleepstore_bench::signer::hex;

/// The bytes of a body that are kept; a longer one repeats them.
const BLOCK: usize = 64 << 20;

/// A body. Clones share its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    block: Arc<Vec<u8>>,
    pub(crate) length: u64,
    pub(crate) sha256: String,
}

impl Body {
    /// A body without bytes.
    pub(crate) fn empty() -> &'static Self {
        static EMPTY: LazyLock<Body> = LazyLock::new(|| Body::of(Vec::new()));
        &EMPTY
    }

    /// A body of these bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
            block: Arc::new(bytes),
        }
    }

    /// A body of this length. It is the same in every run.
    pub(crate) fn noise(length: u64) -> Self {
        let bytes = usize::try_from(length).unwrap_or(usize::MAX).min(BLOCK);
        let mut body = Self {
            block: Arc::new(noise(bytes)),
            length,
            sha256: String::new(),
        };
        let mut hasher = Sha256::new();
        body.pieces().for_each(|piece| hasher.update(piece));
        body.sha256 = hex(&hasher.finalize());
        body
    }

    /// Its bytes in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut left = self.length;
        std::iter::from_fn(move || {
            let piece = usize::try_from(left).unwrap_or(usize::MAX).min(self.block.len());
            left -= piece as u64;
            (piece > 0).then(|| &self.block[..piece])
        })
    }
}

/// Numbers of a xorshift generator (Marsaglia, 2003) as bytes.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_longer_than_its_block_repeats_it() {
        let body = Body {
            block: Arc::new(b"abc".to_vec()),
            length: 7,
            sha256: String::new(),
        };
        assert_eq!(body.pieces().collect::<Vec<_>>().concat(), b"abcabca");
        assert_eq!(Body::empty().pieces().count(), 0);
    }

    #[test]
    fn noise_has_its_length_and_its_hash() {
        let body = Body::noise(5_000);
        let bytes = body.pieces().collect::<Vec<_>>().concat();
        assert_eq!(bytes.len(), 5_000);
        assert_eq!(body.sha256, hex(&Sha256::digest(&bytes)));
        assert_eq!(body.sha256, Body::noise(5_000).sha256);
    }
}
