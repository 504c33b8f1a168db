//! What the model looks like in columns, and pages of rows.

use bleepstore_core::model::{
    BucketId, ChecksumAlgorithm, ChecksumKind, CommitId, ETag, Manifest, ObjectKey, ObjectKind, ObjectRecord,
    ObjectSummary, Owner, OwnerlessDescription, Sequence, Timestamp,
};
use bleepstore_core::ports::Page;
use bleepstore_core::rows::{read_stored, unknown};
use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Params, Row, params};
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::error::Failure;

/// Rows of a page that is read where it is asked for: the first pages of a listing with a delimiter, a search for each row
/// at most.
pub(super) const FEW: usize = 64;

/// Rows that one page holds at most, whatever the caller asks for.
pub(super) const PAGE_ROWS: usize = 10_000;

/// A page ends once the last columns of its rows exceed this many bytes: they may list a thousand extents.
const PAGE_BYTES: usize = 8 << 20;

/// Greater than every key: no byte of UTF-8 is 0xFF.
pub(super) const AFTER_ALL_KEYS: &[u8] = &[0xff];

/// The smallest key that is greater than `key`.
pub(super) fn after_key(key: &str) -> Vec<u8> {
    let mut bytes = key.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The smallest sequence of bytes that is greater than every key that starts with `prefix`.
pub(super) fn after_prefix(prefix: &str) -> Vec<u8> {
    let mut bytes = prefix.as_bytes().to_vec();
    match bytes.last_mut() {
        Some(last) => *last += 1,
        None => bytes.extend_from_slice(AFTER_ALL_KEYS),
    }
    bytes
}

/// A place among versions, or among events, as it stands in a column.
pub(super) fn sequence_column(sequence: Sequence) -> i64 {
    i64::try_from(sequence.0).unwrap_or(i64::MAX)
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::does_not_fit)
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    read_stored(text).map_err(Failure::Stored)
}

/// The JSON in column `index` of `row`.
pub(super) fn json_column<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> Result<T, Failure> {
    let text = row.get_ref(index)?.as_str().map_err(Failure::unreadable)?;
    from_json(text)
}

/// The key in column `index` of `row`.
pub(super) fn key_column(row: &Row<'_>, index: usize) -> Result<ObjectKey, Failure> {
    ObjectKey::new(text_column(row, index)?).map_err(Failure::unreadable)
}

/// The text in column `index` of `row`, which is kept as bytes so that it sorts by them.
pub(super) fn text_column(row: &Row<'_>, index: usize) -> Result<String, Failure> {
    String::from_utf8(row.get(index)?).map_err(Failure::unreadable)
}

/// The first row, if there is one.
pub(super) fn first<T, P: Params>(
    statement: &mut CachedStatement<'_>,
    params: P,
    read: impl FnOnce(&Row<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// How many rows a statement must offer so that a page of `limit` knows whether more follow.
pub(super) fn one_more_than(limit: usize) -> i64 {
    limit.min(PAGE_ROWS) as i64 + 1
}

/// A page of at most `limit` rows of a statement that ends after [`one_more_than`] that many. Where rows may show nothing, the
/// statement reads them all the same, and they are left out of this page.
pub(super) fn page<T, S, P: Params>(
    statement: &mut CachedStatement<'_>,
    params: P,
    limit: usize,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Failure>,
    position: impl FnOnce(&T) -> S,
) -> Result<Page<T, S>, Failure> {
    let last = statement.column_count().saturating_sub(1);
    let mut rows = statement.query(params)?;
    let mut items = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if items.len() == limit.min(PAGE_ROWS) || bytes > PAGE_BYTES {
            let next = items.last().map(position);
            return Ok(Page { items, next });
        }
        items.push(read(row)?);
        if let ValueRef::Text(value) | ValueRef::Blob(value) = row.get_ref(last)? {
            bytes += value.len();
        }
    }
    Ok(Page { items, next: None })
}

/// A SELECT that begins with the columns of [`summary`], in its order.
macro_rules! summary_columns {
    ($rest:literal) => {
        concat!(
            "SELECT key, etag, size, last_modified, owner_id, owner_name, storage_class,
                    checksum_algorithm, checksum_kind ",
            $rest
        )
    };
}
pub(super) use summary_columns;

/// What a listing shows of a row of [`summary_columns`].
pub(super) fn summary(row: &Row<'_>) -> Result<ObjectSummary, Failure> {
    let algorithm: Option<String> = row.get(7)?;
    let kind: Option<String> = row.get(8)?;
    Ok(ObjectSummary {
        key: key_column(row, 0)?,
        etag: etag(row.get_ref(1)?)?,
        size: u64::try_from(row.get::<_, i64>(2)?).map_err(Failure::unreadable)?,
        last_modified: Timestamp::from_millis(row.get(3)?),
        owner: Owner {
            id: row.get(4)?,
            display_name: row.get(5)?,
        },
        storage_class: row.get(6)?,
        checksum: algorithm.zip(kind).map(checksum_type).transpose()?,
    })
}

fn etag(value: ValueRef<'_>) -> Result<ETag, Failure> {
    let text: StrDeserializer<'_, ValueError> =
        value.as_str().map_err(Failure::unreadable)?.into_deserializer();
    ETag::deserialize(text).map_err(Failure::unreadable)
}

fn checksum_type(names: (String, String)) -> Result<(ChecksumAlgorithm, ChecksumKind), Failure> {
    let (algorithm, kind) = names;
    let kind: StrDeserializer<'_, ValueError> = kind.as_str().into_deserializer();
    let kind = ChecksumKind::deserialize(kind).map_err(Failure::unreadable)?;
    let algorithm = ChecksumAlgorithm::from_name(&algorithm)
        .ok_or_else(|| Failure::Stored(unknown(&format!("a checksum of algorithm {algorithm}"))))?;
    Ok((algorithm, kind))
}

/// The two JSON columns of a record, made before the writer's turn comes.
#[derive(Default)]
pub(super) struct ObjectJson {
    pub(super) detail: String,
    /// `None` for an inline manifest: its body has a row of its own.
    pub(super) manifest: Option<String>,
}

impl ObjectJson {
    pub(super) fn of(record: &ObjectRecord) -> Result<Self, Failure> {
        let detail = to_json(&OwnerlessDescription::of(record))?;
        let manifest = match &record.manifest {
            Manifest::Inline(_) => None,
            manifest @ (Manifest::Extents(_) | Manifest::Spilled(_) | Manifest::Paged(_)) => {
                Some(to_json(manifest)?)
            }
        };
        Ok(Self { detail, manifest })
    }
}

pub(super) const fn kind_code(kind: ObjectKind) -> i64 {
    match kind {
        ObjectKind::Object => 0,
        ObjectKind::DeleteMarker => 1,
    }
}

pub(super) fn kind_of(code: i64) -> Result<ObjectKind, Failure> {
    match code {
        0 => Ok(ObjectKind::Object),
        1 => Ok(ObjectKind::DeleteMarker),
        _ => Err(Failure::unreadable(format!("a row of kind {code}"))),
    }
}

/// Everything under one key but the inline body.
const FIND: &str = summary_columns!(
    ", commit_id, kind, shared, body, detail, manifest
     FROM objects WHERE bucket = ? AND key = ?"
);

/// A row of objects with its JSON unread, so that the writer's thread need not.
pub(super) struct StoredObject {
    summary: ObjectSummary,
    commit_id: CommitId,
    kind: ObjectKind,
    shared: bool,
    pub(super) body_id: Option<i64>,
    detail: String,
    manifest: Option<String>,
    /// The inline body, where it was asked for.
    pub(super) body: Option<Vec<u8>>,
}

impl StoredObject {
    /// The row under a key, without an inline body.
    pub(super) fn find(db: &Connection, bucket: BucketId, key: &ObjectKey) -> Result<Option<Self>, Failure> {
        let mut select = db.prepare_cached(FIND)?;
        let under = params![bucket.as_bytes(), key.as_str().as_bytes()];
        first(&mut select, under, Self::read)
    }

    /// Reads a row of [`summary_columns`], then `commit_id, kind, shared, body, detail, manifest`.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, Failure> {
        Self::read_before(row, 14)
    }

    /// The same, with `manifest` in that column.
    pub(super) fn read_before(row: &Row<'_>, manifest: usize) -> Result<Self, Failure> {
        Ok(Self {
            summary: summary(row)?,
            commit_id: CommitId::from_bytes(row.get(9)?),
            kind: kind_of(row.get(10)?)?,
            shared: row.get(11)?,
            body_id: row.get(12)?,
            detail: row.get(13)?,
            manifest: row.get(manifest)?,
            body: None,
        })
    }

    /// The record, with an empty body where the inline one was not asked for.
    pub(super) fn into_record(self, bucket: BucketId) -> Result<ObjectRecord, Failure> {
        let detail: OwnerlessDescription = from_json(&self.detail)?;
        let (description, checksum, version) = detail.owned_by(self.summary.owner);
        let manifest = match &self.manifest {
            Some(manifest) => from_json(manifest)?,
            None => Manifest::Inline(Bytes::from(self.body.unwrap_or_default())),
        };
        Ok(ObjectRecord {
            bucket,
            key: self.summary.key,
            commit_id: self.commit_id,
            kind: self.kind,
            etag: self.summary.etag,
            size: self.summary.size,
            last_modified: self.summary.last_modified,
            description,
            checksum,
            shared: self.shared,
            manifest,
            version,
        })
    }
}
