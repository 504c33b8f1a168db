//! What the model looks like in attributes.
//!
//! What conditions and filters look at has an attribute of its own; the rest of a row is one JSON text.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use bleepstore_core::model::{
    Bucket, BucketState, Checksum, CommitId, Credential, Description, ETag, EventMark, EventRow, InvalidId,
    Manifest, ObjectKey, ObjectKind, ObjectRecord, Part, RetiredManifest, Revision, Timestamp, Upload,
    UploadState, Version,
};
use bleepstore_core::ports::{RecordPlace, StoreError, StoreRecord, StoreResult};
use bleepstore_core::rows::{RENAME_NOTED_FOR, StoredReceipt, read_stored, unknown};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::schema::{EXPIRES_AT, PARTITION_KEY, RowKey, SORT_KEY, attribute, is_known};

/// A row as the SDK gives it.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const OBJECT: &str = "object";
pub(super) const MARKER: &str = "marker";
pub(super) const OPEN: &str = "open";
pub(super) const COMPLETING: &str = "completing";
const COMPLETED: &str = "completed";
const ABORTED: &str = "aborted";

/// The attributes of a key.
pub(super) fn key(key: &RowKey) -> Item {
    Item::from([
        (PARTITION_KEY.to_owned(), text(&key.pk)),
        (SORT_KEY.to_owned(), text(&key.sk)),
    ])
}

pub(super) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A row with that key, those attributes, and `detail` as its JSON.
fn row<const N: usize>(
    row_key: &RowKey,
    attributes: [(&str, AttributeValue); N],
    detail: &impl Serialize,
) -> StoreResult<Item> {
    let mut item = key(row_key);
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    item.insert(attribute::DETAIL.to_owned(), text(to_json(detail)?));
    Ok(item)
}

pub(super) fn to_json(value: &impl Serialize) -> StoreResult<String> {
    serde_json::to_string(value).map_err(StoreError::internal)
}

/// The text in an attribute.
pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> StoreResult<&'a str> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(StoreError::corrupt(format!("a row has no text {name}"))),
    }
}

/// The id in an attribute.
pub(super) fn id_of<T: FromStr<Err = InvalidId>>(item: &Item, name: &str) -> StoreResult<T> {
    text_of(item, name)?.parse().map_err(StoreError::corrupt)
}

fn number_of(item: &Item, name: &str) -> StoreResult<u64> {
    match item.get(name) {
        Some(AttributeValue::N(digits)) => digits.parse().map_err(StoreError::corrupt),
        _ => Err(StoreError::corrupt(format!("a row has no number {name}"))),
    }
}

/// The JSON of a row, all of whose attributes this program knows.
pub(super) fn detail_of<T: DeserializeOwned>(item: &Item) -> StoreResult<T> {
    if let Some(name) = item.keys().find(|name| !is_known(name)) {
        return Err(unknown(&format!("attribute {name}")));
    }
    read_stored(text_of(item, attribute::DETAIL)?)
}

/// The value of the table's time to live for a row that counts up to and including `expires`: a second
/// that is wholly after it.
pub(super) fn time_to_live(expires: Timestamp) -> AttributeValue {
    number(expires.seconds().saturating_add(1))
}

pub(super) fn bucket(bucket: &Bucket) -> StoreResult<Item> {
    let mut item = row(
        &RowKey::bucket(&bucket.name),
        [
            (attribute::BUCKET_ID, text(bucket.id)),
            (attribute::REVISION, number(bucket.revision.0)),
        ],
        bucket,
    )?;
    if let BucketState::Deleting(token) = bucket.state {
        item.insert(attribute::DELETING.to_owned(), text(token));
    }
    Ok(item)
}

/// The state is in an attribute only: an update of the rest leaves it alone.
pub(super) fn read_bucket(item: &Item) -> StoreResult<Bucket> {
    let state = match item.get(attribute::DELETING) {
        Some(_) => BucketState::Deleting(id_of(item, attribute::DELETING)?),
        None => BucketState::Active,
    };
    Ok(Bucket {
        state,
        revision: Revision(number_of(item, attribute::REVISION)?),
        ..detail_of(item)?
    })
}

/// What a row of objects keeps as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectDetail {
    size: u64,
    last_modified: Timestamp,
    #[serde(flatten)]
    description: Description,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<Checksum>,
    manifest: Manifest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
}

pub(super) fn object(row_key: &RowKey, record: &ObjectRecord) -> StoreResult<Item> {
    let kind = match record.kind {
        ObjectKind::Object => OBJECT,
        ObjectKind::DeleteMarker => MARKER,
    };
    let mut item = row(
        row_key,
        [
            (attribute::BUCKET_ID, text(record.bucket)),
            (attribute::COMMIT_ID, text(record.commit_id)),
            (attribute::KIND, text(kind)),
            (attribute::ETAG, text(record.etag.as_str())),
            (attribute::SHARED, AttributeValue::Bool(record.shared)),
        ],
        &ObjectDetail {
            size: record.size,
            last_modified: record.last_modified,
            description: record.description.clone(),
            checksum: record.checksum.clone(),
            manifest: record.manifest.clone(),
            version: record.version,
        },
    )?;
    if record.is_kept_as_version() {
        item.insert(attribute::KEPT.to_owned(), AttributeValue::Bool(true));
    }
    if record.tag().revision != 0 {
        item.insert(attribute::REVISION.to_owned(), number(record.tag().revision));
    }
    Ok(item)
}

/// A version that is not current. Its sort key does not say its object's key.
pub(super) fn version(record: &ObjectRecord) -> StoreResult<Item> {
    let row_key = RowKey::version(record.bucket, &record.key, record.sequence());
    let mut item = object(&row_key, record)?;
    item.insert(attribute::TEXT.to_owned(), text(record.key.as_str()));
    Ok(item)
}

pub(super) fn read_version(item: &Item) -> StoreResult<ObjectRecord> {
    read_record(item, text_of(item, attribute::TEXT)?)
}

pub(super) fn read_object(item: &Item) -> StoreResult<ObjectRecord> {
    read_record(item, text_of(item, SORT_KEY)?)
}

fn read_record(item: &Item, key: &str) -> StoreResult<ObjectRecord> {
    let detail: ObjectDetail = detail_of(item)?;
    let kind = match text_of(item, attribute::KIND)? {
        OBJECT => ObjectKind::Object,
        MARKER => ObjectKind::DeleteMarker,
        other => return Err(StoreError::corrupt(format!("a row of kind {other}"))),
    };
    let Some(AttributeValue::Bool(shared)) = item.get(attribute::SHARED) else {
        return Err(StoreError::corrupt("an object is neither shared nor unshared"));
    };
    Ok(ObjectRecord {
        bucket: id_of(item, attribute::BUCKET_ID)?,
        key: ObjectKey::new(key).map_err(StoreError::corrupt)?,
        commit_id: id_of(item, attribute::COMMIT_ID)?,
        kind,
        etag: read_etag(text_of(item, attribute::ETAG)?)?,
        size: detail.size,
        last_modified: detail.last_modified,
        description: detail.description,
        checksum: detail.checksum,
        shared: *shared,
        manifest: detail.manifest,
        version: detail.version,
    })
}

fn read_etag(text: &str) -> StoreResult<ETag> {
    ETag::deserialize(serde_json::Value::from(text)).map_err(StoreError::corrupt)
}

/// What the attribute of an upload's state says.
pub(super) const fn state_name(state: UploadState) -> &'static str {
    match state {
        UploadState::Open => OPEN,
        UploadState::Completing(_) => COMPLETING,
        UploadState::Completed => COMPLETED,
        UploadState::Aborted => ABORTED,
    }
}

pub(super) fn upload(upload: &Upload) -> StoreResult<Item> {
    let mut item = row(
        &RowKey::upload(upload.id),
        [
            (attribute::BUCKET_ID, text(upload.bucket)),
            (attribute::STATE, text(state_name(upload.state))),
        ],
        upload,
    )?;
    if let UploadState::Completing(token) = upload.state {
        item.insert(attribute::COMPLETING.to_owned(), text(token));
    }
    Ok(item)
}

/// The state is in attributes only.
pub(super) fn read_upload(item: &Item) -> StoreResult<Upload> {
    let state = match text_of(item, attribute::STATE)? {
        OPEN => UploadState::Open,
        COMPLETING => UploadState::Completing(id_of(item, attribute::COMPLETING)?),
        COMPLETED => UploadState::Completed,
        ABORTED => UploadState::Aborted,
        other => return Err(StoreError::corrupt(format!("an upload in state {other}"))),
    };
    Ok(Upload {
        state,
        ..detail_of(item)?
    })
}

pub(super) fn part(row_key: &RowKey, part: &Part) -> StoreResult<Item> {
    row(row_key, [(attribute::COMMIT_ID, text(part.commit_id))], part)
}

pub(super) fn receipt(stored: &StoredReceipt) -> StoreResult<Item> {
    row(
        &RowKey::receipt(stored.receipt.upload),
        [(EXPIRES_AT, time_to_live(stored.receipt.expires))],
        stored,
    )
}

pub(super) fn retired(retired: &RetiredManifest) -> StoreResult<Item> {
    row(
        &RowKey::retired(retired.commit_id),
        [
            (attribute::EXPIRES_MS, number(retired.expires.millis())),
            (EXPIRES_AT, time_to_live(retired.expires)),
        ],
        retired,
    )
}

/// The note of a rename, which nobody needs any more a day after it.
pub(super) fn note(row_key: &RowKey, now: Timestamp) -> Item {
    let mut item = key(row_key);
    item.insert(EXPIRES_AT.to_owned(), time_to_live(now.plus(RENAME_NOTED_FOR)));
    item
}

pub(super) fn event(event: &EventRow) -> StoreResult<Item> {
    row(&RowKey::event(event), [], event)
}

pub(super) fn event_mark(mark: &EventMark) -> StoreResult<Item> {
    row(
        &RowKey::event_mark(mark.bucket, &mark.key),
        [
            (attribute::SEQUENCE, number(mark.sequence)),
            (EXPIRES_AT, time_to_live(mark.expires)),
        ],
        mark,
    )
}

/// What the mark says of the last event.
pub(super) fn read_event_mark(item: &Item) -> StoreResult<u64> {
    let mark: EventMark = detail_of(item)?;
    Ok(mark.sequence)
}

pub(super) fn credential(credential: &Credential, creation: CommitId) -> StoreResult<Item> {
    row(
        &RowKey::credential(&credential.access_key),
        [(attribute::CREATION, text(creation))],
        credential,
    )
}

pub(super) fn store(place: RecordPlace, record: &StoreRecord) -> StoreResult<Item> {
    row(&RowKey::store(place), [], record)
}
