//! The container: the names and policies that `infra/azure` shares, and where each kind of row is.
//!
//! | row | `pk` | `id` | `k` |
//! |---|---|---|---|
//! | bucket | `BUCKET#{name}` | `metadata` | |
//! | object | `OBJECT#{bucket name}` | SHA-256 of the key | hex of the key |
//! | version that is not current | `OBJECT#{bucket name}` | `version-{bucket id}-{place}` | `version/{bucket id}/{place}`, see [`order_of_version`] |
//! | receipt | `OBJECT#{bucket name}` | `receipt-{upload id}` | |
//! | note of a rename | `OBJECT#{bucket name}` | `rename-{commit id}` | `rename/{bucket id}/{commit id}` |
//! | event | `OBJECT#{bucket name}` | `event-{destination}-{place}` | `outbox/{bucket id}/{destination}/{place}`, see [`order_of_event`] |
//! | event that was given up | `OBJECT#{bucket name}` | `dead-event-{destination}-{place}` | `undelivered/{bucket id}/{destination}/{place}` |
//! | mark of a key's last event | `OBJECT#{bucket name}` | `mark-{bucket id}-{SHA-256 of the key}` | |
//! | bucket that has events | `EVENTS` | the bucket's id | the bucket's id |
//! | upload | `UPLOAD#{id}` | `metadata` | |
//! | part | `UPLOAD#{id}` | `part-00001` | `00001` |
//! | retired manifest | `RETIRED` | the commit id | the commit id |
//! | credential | `CRED#{access key}` | `metadata` | |
//! | the store's record | `STORE` | `metadata`, or `record` once it has moved | |
//! | index of buckets | `BUCKETS` | SHA-256 of `k` | see [`super::index`] |
//! | index of credentials | `CREDS` | SHA-256 of `k` | see [`super::index`] |
//! | index of a bucket's uploads | `UPLOADS#{bucket id}` | SHA-256 of `k` | see [`super::index`] |
//!
//! Cosmos DB compares strings by UTF-16 code units, S3 keys by UTF-8 bytes: the hex of the bytes has the
//! same order in both. Ids may not hold `/ \ ? #` and are at most 1,023 bytes, so they are digests.
//! <https://learn.microsoft.com/azure/cosmos-db/concepts-limits>

use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, EventQueue, EventRow, ObjectKey, PartNumber, Sequence, UploadId,
    hex,
};
use bleepstore_core::ports::{RecordPlace, StoreError, StoreResult};
use bleepstore_core::rows::{name_of_event_mark, order_of_event, order_of_version};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The database.
pub const DATABASE: &str = "bleepstore";
/// The container.
pub const CONTAINER: &str = "metadata";
/// The path of the container's partition key.
pub const PARTITION_KEY: &str = "/pk";
/// The path that rows of a partition are ordered by.
pub const ORDERED: &str = "/k";
/// The container's default time to live: on, and rows last for ever that do not say otherwise (`ttl`).
pub const DEFAULT_TTL: i64 = -1;

/// The container's indexing policy. Only what is queried is indexed: every other path would be paid for with
/// each write.
/// <https://learn.microsoft.com/azure/cosmos-db/index-policy>
pub fn indexing_policy() -> Value {
    json!({
        "automatic": true,
        "indexingMode": "consistent",
        "includedPaths": [{"path": format!("{ORDERED}/?")}],
        "excludedPaths": [{"path": "/*"}],
    })
}

/// The partition that names every bucket.
pub(super) const BUCKETS: &str = "BUCKETS";
/// The partition that names every credential.
pub(super) const CREDENTIALS: &str = "CREDS";
/// The partition that names every bucket that has events, or had some.
pub(super) const EVENT_LANES: &str = "EVENTS";
/// The partition of retired manifests.
pub(super) const RETIRED: &str = "RETIRED";

const METADATA: &str = "metadata";

/// Where a row is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowKey {
    pub(super) pk: String,
    pub(super) id: String,
}

impl RowKey {
    pub(super) fn new(pk: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            id: id.into(),
        }
    }

    pub(super) fn bucket(name: &BucketName) -> Self {
        Self::new(format!("BUCKET#{name}"), METADATA)
    }

    pub(super) fn object(bucket: &BucketName, key: &ObjectKey) -> Self {
        Self::new(objects(bucket), digest(key.as_str()))
    }

    pub(super) fn version(bucket: &Bucket, key: &ObjectKey, place: Sequence) -> Self {
        let id = format!("version-{}-{}", bucket.id, order_of_version(key, place));
        Self::new(objects(&bucket.name), id)
    }

    pub(super) fn receipt(bucket: &BucketName, upload: UploadId) -> Self {
        Self::new(objects(bucket), format!("receipt-{upload}"))
    }

    pub(super) fn note(bucket: &BucketName, commit: CommitId) -> Self {
        Self::new(objects(bucket), format!("rename-{commit}"))
    }

    pub(super) fn event(event: &EventRow) -> Self {
        let kind = if event.dead { "dead-event" } else { "event" };
        let id = format!("{kind}-{}-{}", event.destination, order_of_event(event.place()));
        Self::new(objects(&event.facts.bucket_name), id)
    }

    pub(super) fn event_mark(name: &BucketName, bucket: BucketId, key: &ObjectKey) -> Self {
        Self::new(objects(name), format!("mark-{}", name_of_event_mark(bucket, key)))
    }

    pub(super) fn lane(bucket: BucketId) -> Self {
        Self::new(EVENT_LANES, bucket.to_string())
    }

    pub(super) fn upload(id: UploadId) -> Self {
        Self::new(upload_partition(id), METADATA)
    }

    pub(super) fn part(id: UploadId, number: PartNumber) -> Self {
        Self::new(upload_partition(id), format!("part-{}", part_order(number)))
    }

    pub(super) fn retired(commit: CommitId) -> Self {
        Self::new(RETIRED, commit.to_string())
    }

    pub(super) fn credential(access_key: &str) -> Self {
        Self::new(format!("CRED#{access_key}"), METADATA)
    }

    pub(super) fn store(place: RecordPlace) -> Self {
        let id = match place {
            RecordPlace::First => METADATA,
            RecordPlace::Moved => "record",
        };
        Self::new("STORE", id)
    }
}

/// The partition of a bucket's objects and receipts, the notes of its renames, and its events.
pub(super) fn objects(bucket: &BucketName) -> String {
    format!("OBJECT#{bucket}")
}

/// What the versions of a bucket that are not current are ordered by starts with this, after all hex digits.
pub(super) fn order_of_bucket_versions(bucket: BucketId) -> String {
    format!("version/{bucket}/")
}

/// What the notes of renames in a bucket are ordered by starts with this, after all hex digits.
pub(super) fn order_of_notes(bucket: BucketId) -> String {
    format!("rename/{bucket}/")
}

/// What the events of a bucket in a queue are ordered by starts with this, after all hex digits.
pub(super) fn order_of_queue(bucket: BucketId, queue: &EventQueue) -> String {
    let kind = if queue.dead { "undelivered" } else { "outbox" };
    format!("{kind}/{bucket}/{}/", queue.destination)
}

/// The commit in what a note is ordered by.
pub(super) fn noted_commit(order: &str) -> StoreResult<CommitId> {
    let (_, commit) = order.rsplit_once('/').unwrap_or_default();
    commit.parse().map_err(StoreError::corrupt)
}

/// The partition of an upload and its parts.
pub(super) fn upload_partition(id: UploadId) -> String {
    format!("UPLOAD#{id}")
}

/// The partition that names the uploads of a bucket.
pub(super) fn uploads(bucket: BucketId) -> String {
    format!("UPLOADS#{bucket}")
}

/// What a part is ordered by: its number with five digits.
pub(super) fn part_order(number: PartNumber) -> String {
    format!("{:05}", number.get())
}

/// The SHA-256 of a text, in hex.
pub(super) fn digest(text: &str) -> String {
    hex(Sha256::digest(text))
}

/// The text whose UTF-8 bytes these hex digits are.
pub(super) fn unhex(digits: &str) -> Option<String> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_has_the_order_of_the_utf8_bytes_by_any_comparison_of_strings() {
        let mut texts = vec![
            "",
            "\u{0}",
            "a",
            "a\u{0}",
            "a/",
            "a\u{7f}",
            "a\u{80}",
            "a\u{7ff}",
            "a\u{800}",
            "a\u{d7ff}",
            "a\u{e000}",
            "a\u{ffff}",
            "a\u{10000}",
            "a\u{10ffff}",
            "b",
        ];
        texts.sort_unstable();
        for pair in texts.windows(2) {
            let (one, next) = (hex(pair[0]), hex(pair[1]));
            assert!(one < next, "{pair:?}");
            assert!(one.encode_utf16().lt(next.encode_utf16()), "{pair:?}");
            assert_eq!(unhex(&one).as_deref(), Some(pair[0]));
        }
        for broken in ["0", "zz", "ff", "é"] {
            assert_eq!(unhex(broken), None, "{broken}");
        }
    }

    #[test]
    fn ids_keep_to_what_the_service_accepts() {
        let key = ObjectKey::new("a/b?c#d\\".to_owned() + &"\u{10ffff}".repeat(254)).unwrap();
        let bucket = BucketName::new("bucket").unwrap();
        let upload = UploadId::from_bytes([255; 16]);
        let ids = [
            RowKey::object(&bucket, &key),
            RowKey::receipt(&bucket, upload),
            RowKey::part(upload, PartNumber::new(10_000).unwrap()),
            RowKey::retired(CommitId::from_bytes([0; 16])),
            RowKey::event_mark(&bucket, BucketId::from_bytes([1; 16]), &key),
        ];
        for RowKey { id, .. } in ids {
            assert!(id.len() <= 1_023 && !id.contains(['/', '\\', '?', '#']), "{id}");
        }
    }

    #[test]
    fn the_indexing_policy_indexes_what_is_queried_and_nothing_else() {
        let policy = indexing_policy();
        assert_eq!(policy["automatic"], true);
        assert_eq!(policy["includedPaths"], json!([{"path": "/k/?"}]));
        assert_eq!(policy["excludedPaths"], json!([{"path": "/*"}]));
    }
}
