//! The form of a checked file: the body, then a table with the CRC-32C of each of its frames, then a footer that says
//! whose body it is and how long.
//!
//! Frames are 64 KiB, the last one is what is left. The table has four bytes for each, little-endian. The footer has
//! its own checksum. So a read checks the footer, the table's entries for the frames that it needs, and these frames.

use bleepstore_core::digest::crc32c;
use bleepstore_core::model::{BlobId, BlobRef, BucketId};

/// Bytes of body that have one checksum.
pub(super) const FRAME: usize = 64 * 1024;

/// Bytes of one checksum in the table.
pub(super) const ENTRY: usize = 4;

/// Bytes of the footer: the mark, the bucket's id, the blob's id, the length of the body, and a checksum of these.
pub(super) const FOOTER: usize = 8 + 16 + 16 + 8 + 4;

/// What every footer of this form begins with.
const MARK: [u8; 8] = *b"bleep-c1";

/// How many frames a body of that length has.
pub(super) const fn frames(body: u64) -> u64 {
    body.div_ceil(FRAME as u64)
}

/// Where the table's entry for a frame lies, in a file with a body of that length.
pub(super) const fn entry_at(body: u64, frame: u64) -> u64 {
    body + frame * ENTRY as u64
}

/// The length of the body in a checked file of that length; `None` where no checked file has it.
pub(super) fn body_length(file: u64) -> Option<u64> {
    const WHOLE: u64 = (FRAME + ENTRY) as u64;
    let framed = file.checked_sub(FOOTER as u64)?;
    let last = match framed % WHOLE {
        0 => 0,
        rest => rest.checked_sub(ENTRY as u64).filter(|last| *last > 0)?,
    };
    Some(framed / WHOLE * FRAME as u64 + last)
}

/// The checksums of a body that is being written.
#[derive(Default)]
pub(super) struct Sums {
    table: Vec<u8>,
    length: u64,
}

impl Sums {
    /// Takes the next bytes of the body. All but the last ones are whole frames.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        debug_assert!(self.length.is_multiple_of(FRAME as u64));
        for frame in bytes.chunks(FRAME) {
            self.table.extend(crc32c(frame).to_le_bytes());
        }
        self.length += bytes.len() as u64;
    }

    /// What stands after the body: the table, and the footer of this blob.
    pub(super) fn finish(mut self, blob: &BlobRef) -> Vec<u8> {
        let footer = Footer {
            blob: *blob,
            length: self.length,
        };
        self.table.extend(footer.encode());
        self.table
    }
}

/// What the end of a checked file says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) blob: BlobRef,
    /// Bytes of the body.
    pub(super) length: u64,
}

impl Footer {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FOOTER);
        bytes.extend(MARK);
        bytes.extend(self.blob.bucket.as_bytes());
        bytes.extend(self.blob.blob.as_bytes());
        bytes.extend(self.length.to_le_bytes());
        bytes.extend(crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// `None` where this is no footer, or a damaged one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (stated, sum) = bytes.split_last_chunk::<4>()?;
        if u32::from_le_bytes(*sum) != crc32c(stated) {
            return None;
        }
        let stated = stated.strip_prefix(&MARK)?;
        let (bucket, stated) = stated.split_first_chunk::<16>()?;
        let (blob, stated) = stated.split_first_chunk::<16>()?;
        Some(Self {
            blob: BlobRef {
                bucket: BucketId::from_bytes(*bucket),
                blob: BlobId::from_bytes(*blob),
            },
            length: u64::from_le_bytes(stated.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: BlobRef = BlobRef {
        bucket: BucketId::from_bytes([0xb0; 16]),
        blob: BlobId::from_bytes([0x1d; 16]),
    };

    fn file_length(body: usize) -> u64 {
        let mut sums = Sums::default();
        sums.add(&vec![7; body]);
        body as u64 + sums.finish(&BLOB).len() as u64
    }

    #[test]
    fn a_body_is_as_long_as_its_file_says_and_no_other_file_says_so() {
        let mut known = Vec::new();
        for body in [
            0,
            1,
            4,
            FRAME - 1,
            FRAME,
            FRAME + 1,
            4 * FRAME,
            4 * FRAME + 5,
            1_000_003,
        ] {
            let file = file_length(body);
            assert_eq!(body_length(file), Some(body as u64), "a body of {body}");
            known.push((file, body as u64));
        }
        for (file, body) in known {
            for other in file.saturating_sub(9)..file + 9 {
                assert!(other == file || body_length(other) != Some(body), "{other}");
            }
        }
        assert_eq!(body_length(FOOTER as u64 - 1), None);
        assert_eq!(body_length(FOOTER as u64 + ENTRY as u64), None);
    }

    #[test]
    fn a_footer_reads_back_and_a_damaged_one_does_not() {
        let footer = Footer {
            blob: BLOB,
            length: 1 << 40,
        };
        let bytes = footer.encode();
        assert_eq!((bytes.len(), Footer::decode(&bytes)), (FOOTER, Some(footer)));
        for bit in 0..FOOTER * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Footer::decode(&damaged), None, "bit {bit}");
        }
        assert_eq!(Footer::decode(&bytes[1..]), None);
        assert_eq!(Footer::decode(&[]), None);
    }

    /// Once written, files are read for ever: this is what they look like.
    #[test]
    fn the_end_of_a_file_is_what_it_always_was() {
        let mut sums = Sums::default();
        sums.add(b"123456789");
        let end = sums.finish(&BLOB);
        // The check value of CRC-32C.
        assert_eq!(end[..ENTRY], 0xe306_9283_u32.to_le_bytes());
        assert_eq!(&end[ENTRY..ENTRY + 8], b"bleep-c1");
        assert_eq!(end[ENTRY + 8..][..16], [0xb0; 16]);
        assert_eq!(end[ENTRY + 24..][..16], [0x1d; 16]);
        assert_eq!(end[ENTRY + 40..][..8], 9_u64.to_le_bytes());
        assert_eq!(end.len(), ENTRY + FOOTER);
    }
}
