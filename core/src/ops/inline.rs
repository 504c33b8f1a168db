//! Bodies that lie in their records: checked each time before a byte of them is used.
//!
//! A record says enough of its body already: a checksum that the client sent or that is computed anyway, and the MD5 in
//! the entity tag.

use bytes::Bytes;

use crate::digest::{ChecksumHasher, md5};
use crate::model::{BucketName, Checksum, ChecksumAlgorithm, ChecksumKind, Manifest, ObjectRecord};
use crate::ports::{StoreError, StoreResult};

/// The body of an object whose manifest is inline with it, found whole. The error names the object.
pub(super) fn whole_body(bucket: &BucketName, record: &ObjectRecord, body: &Bytes) -> StoreResult<Bytes> {
    match damage(record, body) {
        None => Ok(body.clone()),
        Some(problem) => Err(StoreError::corrupt(format!(
            "the record of {bucket}/{} is damaged: {problem}",
            record.key
        ))),
    }
}

/// Fails where an object has its body in its record and that is not what was stored.
pub(super) fn check_inline(bucket: &BucketName, record: &ObjectRecord) -> StoreResult<()> {
    match &record.manifest {
        Manifest::Inline(body) => whole_body(bucket, record, body).map(drop),
        Manifest::Extents(_) | Manifest::Spilled(_) | Manifest::Paged(_) => Ok(()),
    }
}

/// What is wrong with an inline body, if anything is.
pub(super) fn damage(record: &ObjectRecord, body: &[u8]) -> Option<String> {
    if body.len() as u64 != record.size {
        return Some(format!(
            "its body has {} bytes, and not {}",
            body.len(),
            record.size
        ));
    }
    let quick = record.checksum.as_ref().filter(|checksum| is_quick(checksum));
    if let Some(checksum) = quick {
        let mut hasher = ChecksumHasher::new(checksum.algorithm);
        hasher.update(body);
        let found = hasher.finish().value;
        return (found != checksum.value).then(|| {
            let name = checksum.algorithm.name();
            format!("its body has the {name} {found}, and not {}", checksum.value)
        });
    }
    // An object of several parts, whose tag is no MD5 of its bytes, is inline only where it is empty.
    let wrong = record.etag.md5().is_some_and(|stated| stated != md5(body));
    wrong.then(|| format!("its body does not have the MD5 {}", record.etag.as_str()))
}

/// Whether a checksum covers the body and takes less time than the MD5 that every record has.
fn is_quick(checksum: &Checksum) -> bool {
    checksum.kind == ChecksumKind::FullObject
        && match checksum.algorithm {
            ChecksumAlgorithm::Crc32
            | ChecksumAlgorithm::Crc32c
            | ChecksumAlgorithm::Crc64nvme
            | ChecksumAlgorithm::Xxhash64
            | ChecksumAlgorithm::Xxhash3
            | ChecksumAlgorithm::Xxhash128 => true,
            ChecksumAlgorithm::Sha1
            | ChecksumAlgorithm::Sha256
            | ChecksumAlgorithm::Sha512
            | ChecksumAlgorithm::Md5 => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::BodyHasher;
    use crate::model::{BucketId, CommitId, Description, ETag, ObjectKey, ObjectKind, Owner, Timestamp};

    fn record(body: &'static [u8], algorithm: Option<ChecksumAlgorithm>) -> ObjectRecord {
        let mut hasher = BodyHasher::new(algorithm, false);
        hasher.update(body);
        let digests = hasher.finish().digests;
        ObjectRecord {
            bucket: BucketId::from_bytes([1; 16]),
            key: ObjectKey::new("some/key").unwrap(),
            commit_id: CommitId::from_bytes([2; 16]),
            kind: ObjectKind::Object,
            etag: ETag::from_md5(digests.md5),
            size: digests.length,
            last_modified: Timestamp::from_millis(0),
            description: Description::of(Owner::root()),
            checksum: digests.checksum,
            shared: false,
            manifest: Manifest::Inline(Bytes::from_static(body)),
            version: None,
        }
    }

    fn checked(record: &ObjectRecord) -> Result<(), String> {
        let bucket = BucketName::new("bucket").unwrap();
        check_inline(&bucket, record).map_err(|error| error.to_string())
    }

    #[test]
    fn a_body_is_what_its_record_says_by_whichever_checksum_it_has() {
        let algorithms = ChecksumAlgorithm::ALL.map(Some);
        for algorithm in algorithms.into_iter().chain([None]) {
            let whole = record(b"the body of an object", algorithm);
            assert_eq!(checked(&whole), Ok(()), "{algorithm:?}");
            for bit in 0..whole.size as usize * 8 {
                let mut body = b"the body of an object".to_vec();
                body[bit / 8] ^= 1 << (bit % 8);
                let manifest = Manifest::Inline(body.into());
                let damaged = checked(&ObjectRecord {
                    manifest,
                    ..whole.clone()
                })
                .unwrap_err();
                let names =
                    damaged.starts_with("Corrupt: the record of bucket/some/key is damaged: its body ");
                assert!(names, "{damaged}");
            }
            let manifest = Manifest::Inline(Bytes::from_static(b"the body of an objec"));
            assert!(checked(&ObjectRecord { manifest, ..whole }).is_err());
        }
        assert_eq!(checked(&record(b"", None)), Ok(()));
    }

    /// The entity tag of an upload of no bytes in one part says nothing of its body.
    #[test]
    fn an_empty_body_needs_no_checksum() {
        let mut empty = record(b"", None);
        empty.etag = ETag::from_parts([7; 16], 1);
        assert_eq!(checked(&empty), Ok(()));
    }
}
