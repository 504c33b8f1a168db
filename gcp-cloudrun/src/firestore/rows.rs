//! What the model looks like in documents.
//!
//! What queries order by or leave out, what expires, and whether an object is shared is a field of its own; the
//! rest of a document is one JSON text.

use std::collections::HashMap;

use bleepstore_core::model::{
    Bucket, BucketId, Checksum, CommitId, Credential, Description, ETag, EventMark, EventRow, ObjectKey,
    ObjectKind, ObjectRecord, ObjectSummary, Part, RetiredManifest, Timestamp, Upload, Version,
};
use bleepstore_core::ports::{StoreError, StoreRecord, StoreResult};
use bleepstore_core::rows::{StoredReceipt, read_stored, unknown};
use firestore::gcloud_sdk::google::firestore::v1::value::ValueType;
use firestore::gcloud_sdk::google::firestore::v1::{Document, Value};
use firestore::gcloud_sdk::prost_types;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::schema::{DETAIL, EXPIRES_AT, KEY, LISTED_AS, MANIFEST, SHARED, is_known, uploads_of};

/// What is in a document.
pub(super) type Fields = HashMap<String, Value>;

fn value(value: ValueType) -> Value {
    Value {
        value_type: Some(value),
    }
}

pub(super) fn text(text: impl ToString) -> Value {
    value(ValueType::StringValue(text.to_string()))
}

fn json(of: &impl Serialize) -> StoreResult<Value> {
    let json = serde_json::to_string(of).map_err(StoreError::internal)?;
    Ok(value(ValueType::StringValue(json)))
}

/// When Firestore may delete a document that counts up to and including `expires`: a second that is wholly
/// after it.
fn time_to_live(expires: Timestamp) -> Value {
    value(ValueType::TimestampValue(prost_types::Timestamp {
        seconds: expires.seconds().saturating_add(1),
        nanos: 0,
    }))
}

/// A document's fields, with `detail` as its JSON.
fn fields<const N: usize>(named: [(&str, Value); N], detail: &impl Serialize) -> StoreResult<Fields> {
    let mut fields = Fields::from([(DETAIL.to_owned(), json(detail)?)]);
    fields.extend(named.map(|(name, value)| (name.to_owned(), value)));
    Ok(fields)
}

/// The text in a field.
pub(super) fn text_of<'a>(document: &'a Document, name: &str) -> StoreResult<&'a str> {
    match document
        .fields
        .get(name)
        .and_then(|value| value.value_type.as_ref())
    {
        Some(ValueType::StringValue(text)) => Ok(text),
        _ => Err(StoreError::corrupt(format!(
            "{} has no text {name}",
            document.name
        ))),
    }
}

fn json_of<T: DeserializeOwned>(document: &Document, name: &str) -> StoreResult<T> {
    if let Some(name) = document.fields.keys().find(|name| !is_known(name)) {
        return Err(unknown(&format!("field {name}")));
    }
    read_stored(text_of(document, name)?)
}

/// The JSON of a document.
pub(super) fn detail_of<T: DeserializeOwned>(document: &Document) -> StoreResult<T> {
    json_of(document, DETAIL)
}

pub(super) fn bucket(bucket: &Bucket) -> StoreResult<Fields> {
    fields([], bucket)
}

/// What a document of an object keeps as JSON beside its manifest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectDetail {
    bucket: BucketId,
    commit_id: CommitId,
    kind: ObjectKind,
    etag: ETag,
    size: u64,
    last_modified: Timestamp,
    #[serde(flatten)]
    description: Description,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<Checksum>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
}

pub(super) fn object(record: &ObjectRecord) -> StoreResult<Fields> {
    fields(
        [
            (KEY, text(record.key.as_str())),
            (SHARED, value(ValueType::BooleanValue(record.shared))),
            (MANIFEST, json(&record.manifest)?),
        ],
        &ObjectDetail {
            bucket: record.bucket,
            commit_id: record.commit_id,
            kind: record.kind,
            etag: record.etag.clone(),
            size: record.size,
            last_modified: record.last_modified,
            description: record.description.clone(),
            checksum: record.checksum.clone(),
            version: record.version,
        },
    )
}

/// The record in a document, unless it is of another creation of the bucket.
pub(super) fn read_own(document: Option<&Document>, bucket: BucketId) -> StoreResult<Option<ObjectRecord>> {
    let record = document.map(read_object).transpose()?;
    Ok(record.filter(|record| record.bucket == bucket))
}

pub(super) fn read_object(document: &Document) -> StoreResult<ObjectRecord> {
    let shared = document
        .fields
        .get(SHARED)
        .and_then(|value| value.value_type.as_ref());
    let Some(ValueType::BooleanValue(shared)) = shared else {
        return Err(StoreError::corrupt("an object is neither shared nor unshared"));
    };
    let detail: ObjectDetail = detail_of(document)?;
    Ok(ObjectRecord {
        bucket: detail.bucket,
        key: key_of(document)?,
        commit_id: detail.commit_id,
        kind: detail.kind,
        etag: detail.etag,
        size: detail.size,
        last_modified: detail.last_modified,
        description: detail.description,
        checksum: detail.checksum,
        shared: *shared,
        manifest: json_of(document, MANIFEST)?,
        version: detail.version,
    })
}

/// What a listing shows of a document, which may lack its manifest; `None` when it is of another creation of the
/// bucket, or a delete marker.
pub(super) fn read_summary(document: &Document, bucket: BucketId) -> StoreResult<Option<ObjectSummary>> {
    let detail: ObjectDetail = detail_of(document)?;
    if detail.bucket != bucket || detail.kind != ObjectKind::Object {
        return Ok(None);
    }
    Ok(Some(ObjectSummary {
        key: key_of(document)?,
        etag: detail.etag,
        size: detail.size,
        last_modified: detail.last_modified,
        owner: detail.description.owner,
        storage_class: detail.description.headers.storage_class,
        checksum: detail
            .checksum
            .map(|checksum| (checksum.algorithm, checksum.kind)),
    }))
}

fn key_of(document: &Document) -> StoreResult<ObjectKey> {
    ObjectKey::new(text_of(document, KEY)?).map_err(StoreError::corrupt)
}

/// An upload that has not ended, or that has ended and expires.
pub(super) fn upload(upload: &Upload, expires: Option<Timestamp>) -> StoreResult<Fields> {
    let listed_as = uploads_of(upload.bucket) + upload.key.as_str();
    let mut fields = fields([(LISTED_AS, text(listed_as))], upload)?;
    fields.extend(expires.map(|expires| (EXPIRES_AT.to_owned(), time_to_live(expires))));
    Ok(fields)
}

pub(super) fn part(part: &Part) -> StoreResult<Fields> {
    fields([], part)
}

pub(super) fn receipt(stored: &StoredReceipt) -> StoreResult<Fields> {
    fields([(EXPIRES_AT, time_to_live(stored.receipt.expires))], stored)
}

pub(super) fn retired(retired: &RetiredManifest) -> StoreResult<Fields> {
    fields([(EXPIRES_AT, time_to_live(retired.expires))], retired)
}

pub(super) fn event(event: &EventRow) -> StoreResult<Fields> {
    fields([], event)
}

pub(super) fn event_mark(mark: &EventMark) -> StoreResult<Fields> {
    fields([(EXPIRES_AT, time_to_live(mark.expires))], mark)
}

pub(super) fn credential(credential: &Credential) -> StoreResult<Fields> {
    fields([], credential)
}

pub(super) fn store(record: &StoreRecord) -> StoreResult<Fields> {
    fields([], record)
}
