//! What is computed of a body while it passes, and what can be computed of parts without their bytes.

mod combine;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh64::Xxh64;

use self::combine::{CRC32, CRC32C, CRC64NVME, Crc};
use crate::model::{Checksum, ChecksumAlgorithm, ChecksumKind, hex};

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

/// Computes the checksum of one algorithm, piece by piece.
pub struct ChecksumHasher {
    algorithm: ChecksumAlgorithm,
    state: ChecksumState,
}

impl fmt::Debug for ChecksumHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChecksumHasher")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

enum ChecksumState {
    Crc(crc_fast::Digest),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
    Md5(Md5),
    Xxh64(Xxh64),
    /// Half a kilobyte, unlike the others.
    Xxh3(Box<Xxh3>),
}

impl ChecksumHasher {
    /// A hasher that has seen no bytes.
    pub fn new(algorithm: ChecksumAlgorithm) -> Self {
        let state = match algorithm {
            ChecksumAlgorithm::Sha1 => ChecksumState::Sha1(Sha1::new()),
            ChecksumAlgorithm::Sha256 => ChecksumState::Sha256(Sha256::new()),
            ChecksumAlgorithm::Sha512 => ChecksumState::Sha512(Sha512::new()),
            ChecksumAlgorithm::Md5 => ChecksumState::Md5(Md5::new()),
            ChecksumAlgorithm::Xxhash64 => ChecksumState::Xxh64(Xxh64::new(0)),
            ChecksumAlgorithm::Xxhash3 | ChecksumAlgorithm::Xxhash128 => {
                ChecksumState::Xxh3(Box::new(Xxh3::new()))
            }
            ChecksumAlgorithm::Crc32 => crc_state(CrcAlgorithm::Crc32IsoHdlc),
            ChecksumAlgorithm::Crc32c => crc_state(CrcAlgorithm::Crc32Iscsi),
            ChecksumAlgorithm::Crc64nvme => crc_state(CrcAlgorithm::Crc64Nvme),
        };
        Self { algorithm, state }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            ChecksumState::Crc(crc) => crc.update(bytes),
            ChecksumState::Sha1(sha) => sha.update(bytes),
            ChecksumState::Sha256(sha) => sha.update(bytes),
            ChecksumState::Sha512(sha) => sha.update(bytes),
            ChecksumState::Md5(md5) => md5.update(bytes),
            ChecksumState::Xxh64(xxh) => xxh.update(bytes),
            ChecksumState::Xxh3(xxh) => xxh.update(bytes),
        }
    }

    /// The checksum of all bytes taken, of kind `FullObject`.
    pub fn finish(self) -> Checksum {
        let algorithm = self.algorithm;
        match self.state {
            ChecksumState::Crc(crc) => crc_checksum(algorithm, crc.finalize()),
            ChecksumState::Sha1(sha) => full_object(algorithm, &sha.finalize()),
            ChecksumState::Sha256(sha) => full_object(algorithm, &sha.finalize()),
            ChecksumState::Sha512(sha) => full_object(algorithm, &sha.finalize()),
            ChecksumState::Md5(md5) => full_object(algorithm, &md5.finalize()),
            // The canonical form of xxHash is big-endian, as that of the CRCs.
            ChecksumState::Xxh64(xxh) => full_object(algorithm, &xxh.digest().to_be_bytes()),
            ChecksumState::Xxh3(xxh) if algorithm == ChecksumAlgorithm::Xxhash128 => {
                full_object(algorithm, &xxh.digest128().to_be_bytes())
            }
            ChecksumState::Xxh3(xxh) => full_object(algorithm, &xxh.digest().to_be_bytes()),
        }
    }
}

/// Computes what a stored body needs, and no digest twice: MD5 and CRC-64/NVME always, SHA-256 and one
/// checksum where they are asked for.
#[derive(Debug)]
pub struct BodyHasher {
    length: u64,
    md5: Md5,
    crc64nvme: crc_fast::Digest,
    sha256: Option<Sha256>,
    checksum: Option<WantedChecksum>,
}

#[derive(Debug)]
enum WantedChecksum {
    /// The CRC-64/NVME that is computed anyway.
    Crc64nvme,
    /// The SHA-256 that the payload hash needs too.
    Sha256,
    /// The MD5 that the ETag needs too.
    Md5,
    /// Computed for itself.
    Own(Box<ChecksumHasher>),
}

/// All that a [`BodyHasher`] computed.
#[derive(Debug)]
pub struct HashedBody {
    /// What is stored with the body.
    pub digests: Digests,
    /// SHA-256 of the body, where it was asked for.
    pub sha256: Option<[u8; 32]>,
}

impl BodyHasher {
    /// A hasher that has seen no bytes. `sha256` asks for the payload hash beside the checksum.
    pub fn new(checksum: Option<ChecksumAlgorithm>, sha256: bool) -> Self {
        let checksum = checksum.map(|algorithm| match algorithm {
            ChecksumAlgorithm::Crc64nvme => WantedChecksum::Crc64nvme,
            ChecksumAlgorithm::Sha256 => WantedChecksum::Sha256,
            ChecksumAlgorithm::Md5 => WantedChecksum::Md5,
            ChecksumAlgorithm::Crc32
            | ChecksumAlgorithm::Crc32c
            | ChecksumAlgorithm::Sha1
            | ChecksumAlgorithm::Sha512
            | ChecksumAlgorithm::Xxhash64
            | ChecksumAlgorithm::Xxhash3
            | ChecksumAlgorithm::Xxhash128 => WantedChecksum::Own(Box::new(ChecksumHasher::new(algorithm))),
        });
        let sha256 = sha256 || matches!(checksum, Some(WantedChecksum::Sha256));
        Self {
            length: 0,
            md5: Md5::new(),
            crc64nvme: crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme),
            sha256: sha256.then(Sha256::new),
            checksum,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        self.md5.update(bytes);
        self.crc64nvme.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(WantedChecksum::Own(checksum)) = &mut self.checksum {
            checksum.update(bytes);
        }
    }

    /// Bytes taken so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digests of all bytes taken.
    pub fn finish(self) -> HashedBody {
        let crc64nvme = self.crc64nvme.finalize();
        let md5: [u8; 16] = self.md5.finalize().into();
        let sha256: Option<[u8; 32]> = self.sha256.map(|sha256| sha256.finalize().into());
        let checksum = self.checksum.and_then(|checksum| match checksum {
            WantedChecksum::Crc64nvme => Some(crc64nvme_checksum(crc64nvme)),
            WantedChecksum::Sha256 => sha256.map(|raw| full_object(ChecksumAlgorithm::Sha256, &raw)),
            WantedChecksum::Md5 => Some(full_object(ChecksumAlgorithm::Md5, &md5)),
            WantedChecksum::Own(hasher) => Some(hasher.finish()),
        });
        HashedBody {
            digests: Digests {
                length: self.length,
                md5,
                crc64nvme,
                checksum,
            },
            sha256,
        }
    }
}

/// A SHA-256 of bytes that pass.
#[derive(Clone, Debug, Default)]
pub struct Sha256Hasher(Sha256);

impl Sha256Hasher {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The value for the bytes so far, as 64 lower-case hex digits.
    pub fn hex(&self) -> String {
        hex(self.0.clone().finalize())
    }
}

/// A CRC-64/NVME of bytes that pass.
#[derive(Clone, Debug)]
pub struct Crc64nvmeHasher(crc_fast::Digest);

impl Default for Crc64nvmeHasher {
    fn default() -> Self {
        Self(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme))
    }
}

impl Crc64nvmeHasher {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The value for the bytes so far.
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }
}

/// The MD5 of some bytes.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// The MD5 of the parts' MD5s in order: what the ETag of a multipart object is made of.
pub fn md5_of_md5s(parts: impl IntoIterator<Item = [u8; 16]>) -> [u8; 16] {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part);
    }
    md5.finalize().into()
}

/// The CRC-64/NVME of some bytes.
pub fn crc64nvme(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

/// The CRC-32C of some bytes.
pub fn crc32c(bytes: &[u8]) -> u32 {
    // A value of 32 bits in a wider type.
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// A CRC-64/NVME as the checksum of a whole object.
pub fn crc64nvme_checksum(crc: u64) -> Checksum {
    crc_checksum(ChecksumAlgorithm::Crc64nvme, crc)
}

/// The value of a CRC-64/NVME of a whole object or part; `None` of any other checksum.
pub fn crc64nvme_value(checksum: &Checksum) -> Option<u64> {
    raw_value(ChecksumAlgorithm::Crc64nvme, checksum).map(|raw| big_endian(&raw))
}

/// The CRC-64/NVME of adjoining byte ranges, each given by its CRC and its length.
pub fn combine_crc64nvme(ranges: impl IntoIterator<Item = (u64, u64)>) -> u64 {
    combine_crcs(&CRC64NVME, ranges)
}

/// The `COMPOSITE` checksum of an object: the checksum of its parts' raw checksums, with `-N` after it.
/// `None` when a part's checksum is of another algorithm, or not of a whole part.
pub fn composite_checksum<'a>(
    algorithm: ChecksumAlgorithm,
    parts: impl IntoIterator<Item = &'a Checksum>,
) -> Option<Checksum> {
    let mut hasher = ChecksumHasher::new(algorithm);
    let mut count = 0_u32;
    for part in parts {
        hasher.update(&raw_value(algorithm, part)?);
        count += 1;
    }
    let value = format!("{}-{count}", hasher.finish().value);
    Some(Checksum {
        algorithm,
        kind: ChecksumKind::Composite,
        value,
    })
}

/// The `FULL_OBJECT` checksum of an object, from its parts' checksums and lengths in order. `None` when the
/// algorithm does not combine, or when a part's checksum is of another algorithm or not of a whole part.
pub fn full_object_checksum<'a>(
    algorithm: ChecksumAlgorithm,
    parts: impl IntoIterator<Item = (&'a Checksum, u64)>,
) -> Option<Checksum> {
    let crc = match algorithm {
        ChecksumAlgorithm::Crc32 => &CRC32,
        ChecksumAlgorithm::Crc32c => &CRC32C,
        ChecksumAlgorithm::Crc64nvme => &CRC64NVME,
        ChecksumAlgorithm::Sha1
        | ChecksumAlgorithm::Sha256
        | ChecksumAlgorithm::Sha512
        | ChecksumAlgorithm::Md5
        | ChecksumAlgorithm::Xxhash64
        | ChecksumAlgorithm::Xxhash3
        | ChecksumAlgorithm::Xxhash128 => return None,
    };
    let ranges: Option<Vec<_>> = parts
        .into_iter()
        .map(|(part, length)| Some((big_endian(&raw_value(algorithm, part)?), length)))
        .collect();
    Some(crc_checksum(algorithm, combine_crcs(crc, ranges?)))
}

/// That of no bytes is 0.
fn combine_crcs(algorithm: &Crc, ranges: impl IntoIterator<Item = (u64, u64)>) -> u64 {
    let ranges = ranges.into_iter();
    ranges.fold(0, |whole, (crc, length)| algorithm.combine(whole, crc, length))
}

fn raw_value(algorithm: ChecksumAlgorithm, checksum: &Checksum) -> Option<Vec<u8>> {
    if checksum.algorithm != algorithm || checksum.kind != ChecksumKind::FullObject {
        return None;
    }
    let raw = STANDARD.decode(&checksum.value).ok()?;
    (raw.len() == algorithm.digest_len()).then_some(raw)
}

fn big_endian(raw: &[u8]) -> u64 {
    raw.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn crc_state(algorithm: CrcAlgorithm) -> ChecksumState {
    ChecksumState::Crc(crc_fast::Digest::new(algorithm))
}

fn crc_checksum(algorithm: ChecksumAlgorithm, crc: u64) -> Checksum {
    let bytes = crc.to_be_bytes();
    full_object(
        algorithm,
        &bytes[bytes.len().saturating_sub(algorithm.digest_len())..],
    )
}

fn full_object(algorithm: ChecksumAlgorithm, raw: &[u8]) -> Checksum {
    Checksum {
        algorithm,
        kind: ChecksumKind::FullObject,
        value: STANDARD.encode(raw),
    }
}

#[cfg(test)]
mod tests;
