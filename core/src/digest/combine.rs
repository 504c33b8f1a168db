//! CRCs of adjoining bytes as the CRC of all of them, without the bytes.
//!
//! A CRC is the remainder of the bytes as a polynomial over the field of two elements, so putting n bytes after others
//! multiplies their CRC by x to the power of 8n. Powers of two of that are tables here: a combination takes a
//! multiplication for each bit that is set in the length. An object of 10,000 parts, and a layout of a million extents,
//! need as many combinations.

/// A CRC whose polynomial and register are reflected, and which begins and ends with an inversion: all of S3's are.
pub(super) struct Crc {
    /// Its polynomial, reflected.
    poly: u64,
    /// The bit that stands for x to the power of 0.
    one: u64,
    /// x to the powers of 8, 16, 32 and so on: what 1, 2, 4 bytes multiply by.
    bytes: [u64; 64],
}

/// CRC-32/ISO-HDLC.
pub(super) static CRC32: Crc = Crc::new(0xedb8_8320, 32);

/// CRC-32/ISCSI.
pub(super) static CRC32C: Crc = Crc::new(0x82f6_3b78, 32);

/// CRC-64/NVME.
pub(super) static CRC64NVME: Crc = Crc::new(0x9a6c_9329_ac4b_c9b5, 64);

impl Crc {
    const fn new(poly: u64, width: u32) -> Self {
        let mut bytes = [0; 64];
        bytes[0] = 1 << (width - 9);
        let mut at = 1;
        while at < bytes.len() {
            bytes[at] = multiply(poly, 1 << (width - 1), bytes[at - 1], bytes[at - 1]);
            at += 1;
        }
        Self {
            poly,
            one: 1 << (width - 1),
            bytes,
        }
    }

    /// The CRC of bytes whose CRC is `first`, with `length` bytes after them whose CRC is `second`.
    pub(super) fn combine(&self, first: u64, second: u64, length: u64) -> u64 {
        let mut shifted = first;
        let mut left = length;
        while left != 0 {
            let power = self.bytes[left.trailing_zeros() as usize];
            shifted = multiply(self.poly, self.one, power, shifted);
            left &= left - 1;
        }
        shifted ^ second
    }
}

/// The product of two polynomials modulo `poly`. The bit of the highest power is the lowest.
const fn multiply(poly: u64, one: u64, a: u64, b: u64) -> u64 {
    let (mut bit, mut b, mut product) = (one, b, 0);
    while bit != 0 {
        if a & bit != 0 {
            product ^= b;
        }
        b = if b & 1 == 1 { (b >> 1) ^ poly } else { b >> 1 };
        bit >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use crc_fast::CrcAlgorithm;

    use super::*;

    #[test]
    fn crcs_combine_to_that_of_all_bytes() {
        let bytes: Vec<u8> = (0..70_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8)
            .collect();
        for (crc, algorithm) in [
            (&CRC32, CrcAlgorithm::Crc32IsoHdlc),
            (&CRC32C, CrcAlgorithm::Crc32Iscsi),
            (&CRC64NVME, CrcAlgorithm::Crc64Nvme),
        ] {
            let of = |bytes: &[u8]| crc_fast::checksum(algorithm, bytes);
            for at in [0, 1, 2, 255, 4_096, 34_567, 65_535, 65_536, 69_999, 70_000] {
                let (first, second) = bytes.split_at(at);
                let combined = crc.combine(of(first), of(second), second.len() as u64);
                assert_eq!(combined, of(&bytes), "{algorithm:?} {at}");
            }
        }
    }

    #[test]
    fn lengths_beyond_what_can_be_summed_combine_as_by_the_library() {
        for (crc, algorithm, mask) in [
            (&CRC32, CrcAlgorithm::Crc32IsoHdlc, u64::from(u32::MAX)),
            (&CRC32C, CrcAlgorithm::Crc32Iscsi, u64::from(u32::MAX)),
            (&CRC64NVME, CrcAlgorithm::Crc64Nvme, u64::MAX),
        ] {
            for length in [5 << 20, 5 << 30, (5 << 40) - 1, u64::MAX >> 8] {
                let (first, second) = (0x0123_4567_89ab_cdef & mask, 0xfedc_ba98_7654_3210 & mask);
                let library = crc_fast::checksum_combine(algorithm, first, second, length);
                assert_eq!(
                    crc.combine(first, second, length),
                    library,
                    "{algorithm:?} {length}"
                );
            }
        }
    }
}
