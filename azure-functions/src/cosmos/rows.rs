//! What the model looks like in items.
//!
//! A row is decided on once it was read, and is written if its entity tag still stands. So an item has no
//! more members than the service looks at; the rest is one JSON text. A text, because the service keeps
//! numbers as IEEE 754 doubles, and checksums have 64 bits.

use std::collections::HashMap;

use azure_core::http::Etag;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, Credential, EventMark, EventRow, ObjectRecord, Part,
    RetiredManifest, Timestamp, Upload, UploadId, hex,
};
use bleepstore_core::ports::{RecordPlace, StoreError, StoreRecord, StoreResult};
use bleepstore_core::rows::{
    RENAME_NOTED_FOR, StoredReceipt, order_of_event, order_of_version, read_stored, unknown,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::schema::{RETIRED, RowKey, order_of_bucket_versions, order_of_notes, order_of_queue, part_order};

/// A row as it is sent and read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) pk: String,
    /// What rows of a partition are ordered by; only rows that are listed have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) k: Option<String>,
    /// Seconds after its last change when the service removes the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<i32>,
    /// The rest, as JSON.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) detail: String,
    /// What tells whether the row is still the one that was read. The service sets it.
    #[serde(rename = "_etag", default, skip_serializing)]
    etag: String,
    /// Members that are not this program's: those that the service sets, with names that start with `_`, or a later
    /// program's.
    #[serde(flatten, skip_serializing)]
    others: HashMap<String, IgnoredAny>,
}

impl Item {
    pub(super) fn new(key: RowKey, detail: &impl Serialize) -> StoreResult<Self> {
        Ok(Self {
            detail: serde_json::to_string(detail).map_err(StoreError::internal)?,
            ..Self::without_detail(key)
        })
    }

    pub(super) fn without_detail(key: RowKey) -> Self {
        Self {
            id: key.id,
            pk: key.pk,
            k: None,
            ttl: None,
            detail: String::new(),
            etag: String::new(),
            others: HashMap::new(),
        }
    }

    pub(super) fn ordered_by(mut self, k: impl Into<String>) -> Self {
        self.k = Some(k.into());
        self
    }

    pub(super) fn living(mut self, ttl: i32) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// What the detail says.
    pub(super) fn detail<T: DeserializeOwned>(&self) -> StoreResult<T> {
        if let Some(name) = self.others.keys().find(|name| !name.starts_with('_')) {
            return Err(unknown(&format!("member {name}")));
        }
        read_stored(&self.detail)
    }

    /// The item with another detail.
    pub(super) fn with_detail(&self, detail: &impl Serialize) -> StoreResult<Self> {
        let detail = serde_json::to_string(detail).map_err(StoreError::internal)?;
        Ok(Self {
            detail,
            ..self.clone()
        })
    }

    /// What an item that was read is known by.
    pub(super) fn seen(&self) -> StoreResult<Etag> {
        if self.etag.is_empty() {
            return Err(StoreError::corrupt("an item has no entity tag"));
        }
        Ok(Etag::from(self.etag.clone()))
    }

    /// What the row is ordered by.
    pub(super) fn order(&self) -> StoreResult<&str> {
        self.k
            .as_deref()
            .ok_or_else(|| StoreError::corrupt("a listed row has nothing to be ordered by"))
    }
}

/// The time to live of a row that counts up to and including `expires` and is written `now`: the service
/// removes it when the second of `expires` is over. It starts at the service's own clock, in seconds.
/// <https://learn.microsoft.com/azure/cosmos-db/time-to-live>
pub(super) fn time_to_live(expires: Timestamp, now: Timestamp) -> i32 {
    let seconds = expires.seconds().saturating_sub(now.seconds()).saturating_add(2);
    i32::try_from(seconds.max(1)).unwrap_or(i32::MAX)
}

pub(super) fn bucket(bucket: &Bucket) -> StoreResult<Item> {
    Item::new(RowKey::bucket(&bucket.name), bucket)
}

pub(super) fn object(bucket: &BucketName, record: &ObjectRecord) -> StoreResult<Item> {
    let item = Item::new(RowKey::object(bucket, &record.key), record)?;
    Ok(item.ordered_by(hex(record.key.as_str().as_bytes())))
}

/// A version that is not current.
pub(super) fn version(bucket: &Bucket, record: &ObjectRecord) -> StoreResult<Item> {
    let (key, place) = (&record.key, record.sequence());
    let item = Item::new(RowKey::version(bucket, key, place), record)?;
    Ok(item.ordered_by(order_of_bucket_versions(bucket.id) + &order_of_version(key, place)))
}

pub(super) fn upload(upload: &Upload) -> StoreResult<Item> {
    Item::new(RowKey::upload(upload.id), upload)
}

pub(super) fn part(upload: UploadId, part: &Part) -> StoreResult<Item> {
    let item = Item::new(RowKey::part(upload, part.number), part)?;
    Ok(item.ordered_by(part_order(part.number)))
}

pub(super) fn receipt(bucket: &BucketName, stored: &StoredReceipt, now: Timestamp) -> StoreResult<Item> {
    let item = Item::new(RowKey::receipt(bucket, stored.receipt.upload), stored)?;
    Ok(item.living(time_to_live(stored.receipt.expires, now)))
}

pub(super) fn retired(retired: &RetiredManifest, now: Timestamp) -> StoreResult<Item> {
    let commit = retired.commit_id.to_string();
    let item = Item::new(RowKey::new(RETIRED, commit.as_str()), retired)?;
    Ok(item.ordered_by(commit).living(time_to_live(retired.expires, now)))
}

/// The note of a rename, which nobody needs any more a day after it.
pub(super) fn note(bucket: &Bucket, commit: CommitId, now: Timestamp) -> Item {
    let order = order_of_notes(bucket.id) + &commit.to_string();
    let ttl = time_to_live(now.plus(RENAME_NOTED_FOR), now);
    Item::without_detail(RowKey::note(&bucket.name, commit))
        .ordered_by(order)
        .living(ttl)
}

pub(super) fn event(event: &EventRow) -> StoreResult<Item> {
    let item = Item::new(RowKey::event(event), event)?;
    Ok(item.ordered_by(order_of_queue(event.bucket, &event.queue()) + &order_of_event(event.place())))
}

/// The mark of a key's last event. It is not listed.
pub(super) fn event_mark(bucket: &BucketName, mark: &EventMark, now: Timestamp) -> StoreResult<Item> {
    let item = Item::new(RowKey::event_mark(bucket, mark.bucket, &mark.key), mark)?;
    Ok(item.living(time_to_live(mark.expires, now)))
}

/// A bucket that has events, or had some.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredLane {
    pub(super) bucket: BucketId,
    pub(super) name: BucketName,
}

pub(super) fn lane(lane: &StoredLane) -> StoreResult<Item> {
    let item = Item::new(RowKey::lane(lane.bucket), lane)?;
    Ok(item.ordered_by(lane.bucket.to_string()))
}

/// A credential, and which creation of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredCredential {
    pub(super) creation: CommitId,
    pub(super) credential: Credential,
}

pub(super) fn credential(stored: &StoredCredential) -> StoreResult<Item> {
    Item::new(RowKey::credential(&stored.credential.access_key), stored)
}

pub(super) fn store(place: RecordPlace, record: &StoreRecord) -> StoreResult<Item> {
    Item::new(RowKey::store(place), record)
}

#[cfg(test)]
mod tests {
    use bleepstore_core::model::StoreId;
    use bleepstore_core::ports::StoreErrorKind;

    use super::*;

    #[test]
    fn a_row_lives_until_the_second_after_its_expiry_is_over() {
        let now = Timestamp::from_millis(10_999);
        for (expires, ttl) in [
            (11_000, 3),
            (10_999, 2),
            (70_000, 62),
            (0, 1),
            (i64::MAX, i32::MAX),
        ] {
            assert_eq!(
                time_to_live(Timestamp::from_millis(expires), now),
                ttl,
                "{expires}"
            );
        }
    }

    #[test]
    fn an_item_with_a_member_of_a_later_program_is_refused_and_those_of_the_service_are_not() {
        let record = StoreRecord::new(StoreId::from_bytes([7; 16]));
        let item = store(RecordPlace::First, &record).unwrap();
        let mut json = serde_json::to_value(&item).unwrap();
        for name in ["_etag", "_ts", "_rid", "_later"] {
            json[name] = "1".into();
        }
        let read = |json: &serde_json::Value| {
            let item: Item = serde_json::from_value(json.clone()).unwrap();
            item.detail::<StoreRecord>()
        };
        assert_eq!(read(&json).unwrap(), record);
        json["versions"] = 2.into();
        let refused = read(&json).unwrap_err();
        assert_eq!(refused.kind, StoreErrorKind::TooNew);
        assert!(refused.to_string().contains("member versions"), "{refused}");
    }

    #[test]
    fn an_item_is_sent_without_what_it_has_not_and_without_its_entity_tag() {
        let item = Item::without_detail(RowKey::new("P", "i"));
        assert_eq!(serde_json::to_string(&item).unwrap(), r#"{"id":"i","pk":"P"}"#);
        let read: Item =
            serde_json::from_str(r#"{"id":"i","pk":"P","k":"6b","_etag":"\"1\"","_ts":1}"#).unwrap();
        assert_eq!(read.seen().unwrap(), Etag::from("\"1\""));
        let sent = serde_json::to_string(&read.living(7)).unwrap();
        assert_eq!(sent, r#"{"id":"i","pk":"P","k":"6b","ttl":7}"#);
    }
}
