//! Encodings and digests as S3's clients write them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest as _, Sha256};

/// Percent-encodes all but the unreserved characters, as SigV4's canonical form does.
pub fn percent(text: &str) -> String {
    encode(text, "")
}

/// Percent-encodes an object key: as [`percent`], with slashes kept.
pub fn percent_path(key: &str) -> String {
    encode(key, "/")
}

fn encode(text: &str, keep: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let character = char::from(byte);
        if character.is_ascii_alphanumeric() || "-._~".contains(character) || keep.contains(character) {
            encoded.push(character);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Decodes what `encoding-type=url` encodes: percent-encoding, with `+` for a space.
pub fn url_decode(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).expect("two hex digits")
            }
            other => other,
        });
    }
    String::from_utf8(decoded).expect("UTF-8 behind the percent signs")
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The MD5 of some bytes.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// The ETag of an object that one PutObject stored, in its quotes.
pub fn etag(body: &[u8]) -> String {
    format!("\"{}\"", hex(&md5(body)))
}

/// The ETag of an object that was completed of these parts, in its quotes.
pub fn multipart_etag(parts: &[&[u8]]) -> String {
    let digests: Vec<u8> = parts.iter().flat_map(|part| md5(part)).collect();
    format!("\"{}-{}\"", hex(&md5(&digests)), parts.len())
}

/// The value of `Content-MD5`.
pub fn content_md5(body: &[u8]) -> String {
    base64(&md5(body))
}

/// The SHA-256 of some bytes in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The value of `x-amz-checksum-sha256`.
pub fn checksum_sha256(bytes: &[u8]) -> String {
    base64(&Sha256::digest(bytes))
}

/// The `COMPOSITE` value of `x-amz-checksum-sha256` of an object that was completed of these parts.
pub fn composite_sha256(parts: &[&[u8]]) -> String {
    let digests: Vec<u8> = parts.iter().flat_map(Sha256::digest).collect();
    format!("{}-{}", checksum_sha256(&digests), parts.len())
}

/// The value of `x-amz-checksum-crc32`.
pub fn checksum_crc32(bytes: &[u8]) -> String {
    base64(&crc32(bytes).to_be_bytes())
}

/// The `COMPOSITE` value of `x-amz-checksum-crc32` of an object that was completed of these parts.
pub fn composite_crc32(parts: &[&[u8]]) -> String {
    let digests: Vec<u8> = parts.iter().flat_map(|part| crc32(part).to_be_bytes()).collect();
    format!("{}-{}", checksum_crc32(&digests), parts.len())
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

/// Decodes the RFC 2047 encoded words in which S3 returns metadata that is not ASCII.
pub fn rfc2047_decode(value: &str) -> String {
    let mut decoded = Vec::new();
    for word in value.split(' ') {
        let encoded = word
            .strip_prefix("=?UTF-8?")
            .and_then(|word| word.strip_suffix("?="));
        match encoded.and_then(|word| word.split_once('?')) {
            Some(("B", text)) => decoded.extend(STANDARD.decode(text).expect("base64 in an encoded word")),
            Some(("Q", text)) => {
                let percent = text
                    .replace('+', "%2B")
                    .replace('%', "%25")
                    .replace('=', "%")
                    .replace('_', "%20");
                decoded.extend(url_decode(&percent).into_bytes());
            }
            _ => decoded.extend(word.as_bytes()),
        }
    }
    String::from_utf8(decoded).expect("UTF-8 in the encoded words")
}

/// `length` bytes that no two lengths or seeds share, cheap to make.
pub fn pattern(seed: u8, length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32 ^ (u32::from(seed) << 8) ^ 1;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let word = state.to_le_bytes();
        bytes.extend_from_slice(&word[..word.len().min(length - bytes.len())]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_gives_the_check_value() {
        assert_eq!(
            checksum_crc32(b"123456789"),
            base64(&0xCBF4_3926_u32.to_be_bytes())
        );
    }

    #[test]
    fn encoded_words_decode() {
        assert_eq!(rfc2047_decode("=?UTF-8?B?w4Q=?="), "Ä");
        assert_eq!(rfc2047_decode("=?UTF-8?Q?=C3=84_1?="), "Ä 1");
        assert_eq!(rfc2047_decode("plain"), "plain");
    }
}
