//! The table: the names that `infra/aws` shares, and the key of each kind of row.
//!
//! | row | `PK` | `SK` |
//! |---|---|---|
//! | bucket | `BUCKET#{name}` | `#METADATA` |
//! | object | `OBJECT#{bucket name}` | the key itself |
//! | version that is not current | `VERSIONS#{bucket id}` | see [`order_of_version`] |
//! | upload | `UPLOAD#{id}` | `#METADATA` |
//! | part | `UPLOAD#{id}` | `PART#00001` |
//! | receipt | `RECEIPT#{upload id}` | `#METADATA` |
//! | retired manifest | `RETIRED#{first digit of the commit id}` | the commit id |
//! | note of a rename | `RENAMES#{bucket id}` | the commit id |
//! | event that waits | `EVENTS#{lane}#{destination}` | its place, see [`order_of_event`] |
//! | event that was given up | `DEAD#{lane}#{destination}` | the same |
//! | mark of a key's last event | `MARK#{bucket id}-{SHA-256 of the key}` | `#METADATA` |
//! | credential | `CRED#{access key}` | `#METADATA` |
//! | the store's record | `STORE` | `#METADATA`, or `#RECORD` once it has moved |
//! | index of buckets | `BUCKETS` | see [`super::index`] |
//! | index of credentials | `CREDS` | see [`super::index`] |
//! | index of a bucket's uploads | `UPLOADS#{bucket id}` | see [`super::index`] |

use bleepstore_core::model::{
    BucketId, BucketName, CommitId, EventQueue, EventRow, ObjectKey, PartNumber, Sequence, UploadId,
};
use bleepstore_core::ports::RecordPlace;
use bleepstore_core::rows::{event_lane_of, name_of_event_mark, order_of_event, order_of_version};

/// The table's partition key, a string.
pub const PARTITION_KEY: &str = "PK";
/// The table's sort key, a string.
pub const SORT_KEY: &str = "SK";
/// The attribute of the table's time to live: seconds since the Unix epoch.
pub const EXPIRES_AT: &str = "expires_at";

/// The longest sort key, in bytes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub(super) const SORT_KEY_BYTES: usize = 1024;

/// The partition that names every bucket.
pub(super) const BUCKETS: &str = "BUCKETS";
/// The partition that names every credential.
pub(super) const CREDENTIALS: &str = "CREDS";
/// What the sort keys of parts start with.
pub(super) const PARTS: &str = "PART#";
/// The first digits of commit ids, each with its partition of retired manifests.
pub(super) const RETIRED_DIGITS: [&str; 16] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f",
];
/// How many lanes there are for events. Events that wait are where this number has put them: it never changes.
pub(super) const EVENT_LANES: u8 = 16;

const METADATA: &str = "#METADATA";

/// The attributes beside the keys. None is a reserved word, so expressions name them as they are.
pub(super) mod attribute {
    /// The creation of the bucket that a row belongs to.
    pub(in crate::dynamo) const BUCKET_ID: &str = "bucket_id";
    /// The write that made a row.
    pub(in crate::dynamo) const COMMIT_ID: &str = "commit_id";
    /// The rest of a row, as JSON.
    pub(in crate::dynamo) const DETAIL: &str = "detail";
    /// An object's entity tag.
    pub(in crate::dynamo) const ETAG: &str = "e_tag";
    /// Object or delete marker.
    pub(in crate::dynamo) const KIND: &str = "row_kind";
    /// Whether an object is shared.
    pub(in crate::dynamo) const SHARED: &str = "is_shared";
    /// Whether an object must be kept as a version, where it must.
    pub(in crate::dynamo) const KEPT: &str = "is_kept";
    /// The token of a bucket's deletion.
    pub(in crate::dynamo) const DELETING: &str = "deleting_by";
    /// The revision of a bucket, or of a row of objects that has one.
    pub(in crate::dynamo) const REVISION: &str = "revision_no";
    /// Where an upload is in its life.
    pub(in crate::dynamo) const STATE: &str = "upload_state";
    /// The token of an upload's completion.
    pub(in crate::dynamo) const COMPLETING: &str = "completing_by";
    /// When a retired manifest expires, in milliseconds.
    pub(in crate::dynamo) const EXPIRES_MS: &str = "expires_ms";
    /// The place of a key's last event.
    pub(in crate::dynamo) const SEQUENCE: &str = "event_sequence";
    /// Which creation of a credential a row is.
    pub(in crate::dynamo) const CREATION: &str = "creation_id";
    /// The text that a row of an index stands for, where its sort key has no room for it; and the key of a version.
    pub(in crate::dynamo) const TEXT: &str = "index_text";
}

/// Every attribute that this program writes. A row with another one is a later program's.
const ATTRIBUTES: [&str; 18] = [
    PARTITION_KEY,
    SORT_KEY,
    EXPIRES_AT,
    attribute::BUCKET_ID,
    attribute::COMMIT_ID,
    attribute::DETAIL,
    attribute::ETAG,
    attribute::KIND,
    attribute::SHARED,
    attribute::KEPT,
    attribute::DELETING,
    attribute::REVISION,
    attribute::STATE,
    attribute::COMPLETING,
    attribute::EXPIRES_MS,
    attribute::SEQUENCE,
    attribute::CREATION,
    attribute::TEXT,
];

/// Whether this program writes an attribute of that name.
pub(super) fn is_known(attribute: &str) -> bool {
    ATTRIBUTES.contains(&attribute)
}

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowKey {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl RowKey {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            sk: sk.into(),
        }
    }

    pub(super) fn bucket(name: &BucketName) -> Self {
        Self::new(format!("BUCKET#{name}"), METADATA)
    }

    pub(super) fn object(bucket: &BucketName, key: &ObjectKey) -> Self {
        Self::new(objects(bucket), key.as_str())
    }

    pub(super) fn version(bucket: BucketId, key: &ObjectKey, place: Sequence) -> Self {
        Self::new(versions(bucket), order_of_version(key, place))
    }

    pub(super) fn upload(id: UploadId) -> Self {
        Self::new(upload_partition(id), METADATA)
    }

    pub(super) fn part(id: UploadId, number: PartNumber) -> Self {
        Self::new(upload_partition(id), part_sort_key(number))
    }

    pub(super) fn receipt(id: UploadId) -> Self {
        Self::new(format!("RECEIPT#{id}"), METADATA)
    }

    pub(super) fn retired(commit: CommitId) -> Self {
        let id = commit.to_string();
        Self::new(retired_partition(&id[..1]), id)
    }

    pub(super) fn note(bucket: BucketId, commit: CommitId) -> Self {
        Self::new(renames(bucket), commit.to_string())
    }

    pub(super) fn event(event: &EventRow) -> Self {
        let lane = lane_of_event(event.bucket, &event.key);
        Self::new(events(&lane, &event.queue()), order_of_event(event.place()))
    }

    pub(super) fn event_mark(bucket: BucketId, key: &ObjectKey) -> Self {
        Self::new(format!("MARK#{}", name_of_event_mark(bucket, key)), METADATA)
    }

    pub(super) fn credential(access_key: &str) -> Self {
        Self::new(format!("CRED#{access_key}"), METADATA)
    }

    pub(super) fn store(place: RecordPlace) -> Self {
        let sort_key = match place {
            RecordPlace::First => METADATA,
            RecordPlace::Moved => "#RECORD",
        };
        Self::new("STORE", sort_key)
    }
}

/// The partition of a bucket's objects.
pub(super) fn objects(bucket: &BucketName) -> String {
    format!("OBJECT#{bucket}")
}

/// The partition of a bucket's versions that are not current.
pub(super) fn versions(bucket: BucketId) -> String {
    format!("VERSIONS#{bucket}")
}

/// The partition of an upload and its parts.
pub(super) fn upload_partition(id: UploadId) -> String {
    format!("UPLOAD#{id}")
}

/// The sort key of a part: its number with five digits, so that parts sort by number.
pub(super) fn part_sort_key(number: PartNumber) -> String {
    format!("{PARTS}{:05}", number.get())
}

/// The partition that names the uploads of a bucket.
pub(super) fn uploads(bucket: BucketId) -> String {
    format!("UPLOADS#{bucket}")
}

/// The partition of the notes of renames in a bucket.
pub(super) fn renames(bucket: BucketId) -> String {
    format!("RENAMES#{bucket}")
}

/// The partition of retired manifests whose commit ids start with `digit`.
pub(super) fn retired_partition(digit: &str) -> String {
    format!("RETIRED#{digit}")
}

/// The lane of a key's events.
pub(super) fn lane_of_event(bucket: BucketId, key: &ObjectKey) -> String {
    event_lane_of(bucket, key, EVENT_LANES)
}

/// The partition of a queue's events in a lane.
pub(super) fn events(lane: &str, queue: &EventQueue) -> String {
    let kind = if queue.dead { "DEAD" } else { "EVENTS" };
    format!("{kind}#{lane}#{}", queue.destination)
}
