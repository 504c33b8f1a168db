//! The database: the names, indexes and times to live that `infra/gcp` shares, where each kind of document
//! lies, and every shape of query that is made.
//!
//! | document | path |
//! |---|---|
//! | bucket | `bleepstore/bucket_{name}` |
//! | object | `bleepstore/bucket_{name}/objects/{SHA-256 of the key, in hex}` |
//! | version that is not current | `bleepstore/bucket_{name}/versions/{bucket id}_{place}`, see [`order_of_version`](bleepstore_core::rows::order_of_version) |
//! | upload | `bleepstore/upload_{id}` |
//! | part | `bleepstore/upload_{id}/parts/part_00001` |
//! | receipt | `bleepstore/receipt_{upload id}` |
//! | retired manifest | `bleepstore/retired_{commit id}` |
//! | event | `bleepstore/event_{lane}_{waiting or dead}_{destination}_{place}`, see [`order_of_event`] |
//! | mark of a key's last event | `bleepstore/event_mark_{bucket id}_{SHA-256 of the key, in hex}` |
//! | credential | `bleepstore/cred_{access key}` |
//! | the store's record | `bleepstore/store`, or `bleepstore/store_record` once it has moved |
//!
//! Firestore refuses the ids `.`, `..` and `__x__`, those with a `/`, and those above 1,500 bytes. None can
//! arise: every id starts with a word of this table or is a digest, bucket names have 63 characters at most,
//! and [`credential`] gives no path to a text that cannot be an access key.

use std::fmt;

use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, EventPlace, EventQueue, ObjectKey, PartNumber, UploadId, hex,
};
use bleepstore_core::ports::RecordPlace;
use bleepstore_core::rows::{order_of_event, order_of_events};
use sha2::{Digest, Sha256};

/// The root collection, and the group of its documents.
pub const COLLECTION: &str = "bleepstore";
/// The collection of a bucket's objects.
pub const OBJECTS: &str = "objects";
/// The collection of a bucket's versions that are not current.
pub const VERSIONS: &str = "versions";
/// The collection of an upload's parts.
pub const PARTS: &str = "parts";
/// The field of the time to live.
pub const EXPIRES_AT: &str = "expires_at";

/// A field of a group of collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name of the collections.
    pub collection: &'static str,
    /// The name of the field.
    pub field: &'static str,
}

/// An index over several fields, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompositeIndex {
    /// The name of the collections.
    pub collection: &'static str,
    /// The fields, in their order.
    pub fields: &'static [&'static str],
}

/// The collections, in each of which no field is indexed but those in [`ASCENDING`].
pub const COLLECTIONS: [&str; 4] = [COLLECTION, OBJECTS, VERSIONS, PARTS];

/// The fields that have an ascending index of their own within one collection, and no other.
pub const ASCENDING: [Field; 2] = [
    Field {
        collection: OBJECTS,
        field: KEY,
    },
    Field {
        collection: COLLECTION,
        field: LISTED_AS,
    },
];

/// The indexes over several fields. No query needs one.
pub const COMPOSITE: [CompositeIndex; 0] = [];

/// The fields after whose time Firestore deletes a document, some time later.
pub const TIMES_TO_LIVE: [Field; 1] = [Field {
    collection: COLLECTION,
    field: EXPIRES_AT,
}];

/// The key of an object.
pub(super) const KEY: &str = "key";
/// The bucket's id and the key of an upload, by which a bucket's uploads are listed.
pub(super) const LISTED_AS: &str = "listed_as";
/// Whether an object is shared.
pub(super) const SHARED: &str = "shared";
/// The manifest of an object, as JSON. Listings leave it out.
pub(super) const MANIFEST: &str = "manifest";
/// The rest of a document, as JSON.
pub(super) const DETAIL: &str = "detail";

/// Every field that this program writes. A document with another one is a later program's.
const FIELDS: [&str; 6] = [KEY, LISTED_AS, SHARED, MANIFEST, DETAIL, EXPIRES_AT];

/// Whether this program writes a field of that name.
pub(super) fn is_known(field: &str) -> bool {
    FIELDS.contains(&field)
}

/// What a query reads and in which order. Only the ones of [`QUERIES`] are there to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct QueryShape {
    collection: &'static str,
    /// The field by which it orders before the ids; by the ids alone if there is none.
    ordered_by: Option<&'static str>,
    /// The fields that it reads; all if there are none here.
    fields: &'static [&'static str],
}

impl QueryShape {
    const fn all(collection: &'static str, ordered_by: Option<&'static str>) -> Self {
        Self {
            collection,
            ordered_by,
            fields: &[],
        }
    }

    const fn some(self, fields: &'static [&'static str]) -> Self {
        Self { fields, ..self }
    }

    pub(super) const fn collection(&self) -> &'static str {
        self.collection
    }

    pub(super) const fn ordered_by(&self) -> Option<&'static str> {
        self.ordered_by
    }

    pub(super) const fn fields(&self) -> &'static [&'static str] {
        self.fields
    }
}

/// Every query that is made. None filters: cursors say where it begins and ends.
pub(super) static QUERIES: [QueryShape; 8] = [
    QueryShape::all(COLLECTION, None),
    QueryShape::all(OBJECTS, Some(KEY)).some(&[KEY, DETAIL]),
    QueryShape::all(OBJECTS, Some(KEY)),
    QueryShape::all(OBJECTS, None).some(&[ID]),
    QueryShape::all(COLLECTION, Some(LISTED_AS)),
    QueryShape::all(PARTS, None),
    QueryShape::all(PARTS, None).some(&[ID]),
    QueryShape::all(VERSIONS, None),
];

/// Documents of the root collection by their ids: buckets, credentials, retired manifests.
pub(super) static BY_ID: &QueryShape = &QUERIES[0];
/// What a listing shows of objects.
pub(super) static SUMMARIES: &QueryShape = &QUERIES[1];
/// Whole records of objects.
pub(super) static RECORDS: &QueryShape = &QUERIES[2];
/// Whether there are objects.
pub(super) static ANY_OBJECT: &QueryShape = &QUERIES[3];
/// Uploads of a bucket.
pub(super) static UPLOADS: &QueryShape = &QUERIES[4];
/// Parts of an upload.
pub(super) static PARTS_BY_NUMBER: &QueryShape = &QUERIES[5];
/// The ids of an upload's parts.
pub(super) static PART_IDS: &QueryShape = &QUERIES[6];

/// Versions that are not current.
pub(super) static VERSIONS_BY_ID: &QueryShape = &QUERIES[7];

/// Firestore's name of the id, as a field of queries.
pub(super) const ID: &str = "__name__";

/// Longer than any key, so that what is after it can be cut off before a query.
pub(super) const KEY_BYTES: usize = 1024;
/// The longest access key.
const ACCESS_KEY_BYTES: usize = 128;

pub(super) const BUCKET: &str = "bucket_";
pub(super) const CREDENTIAL: &str = "cred_";
pub(super) const RETIRED: &str = "retired_";
pub(super) const EVENT: &str = "event_";

/// Where a document lies, below the database's documents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Path(String);

impl Path {
    fn root(id: impl fmt::Display) -> Self {
        Self(format!("{COLLECTION}/{id}"))
    }

    fn below(&self, collection: &str, id: impl fmt::Display) -> Self {
        Self(format!("{self}/{collection}/{id}"))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A document of the root collection with an id that starts with a word of the table.
pub(super) fn by_id(word: &str, rest: &str) -> Path {
    Path::root(format_args!("{word}{rest}"))
}

pub(super) fn bucket(name: &BucketName) -> Path {
    by_id(BUCKET, name.as_str())
}

pub(super) fn object(bucket_name: &BucketName, key: &ObjectKey) -> Path {
    bucket(bucket_name).below(OBJECTS, hex(Sha256::digest(key.as_str())))
}

/// The version that this orders, or the place of those that start with it.
pub(super) fn version(in_bucket: &Bucket, order: &str) -> Path {
    bucket(&in_bucket.name).below(VERSIONS, format_args!("{}_{order}", in_bucket.id))
}

pub(super) fn upload(id: UploadId) -> Path {
    Path::root(format_args!("upload_{id}"))
}

/// The number has five digits, so that parts are ordered by it.
pub(super) fn part(upload_id: UploadId, number: PartNumber) -> Path {
    upload(upload_id).below(PARTS, format_args!("part_{:05}", number.get()))
}

pub(super) fn receipt(upload_id: UploadId) -> Path {
    Path::root(format_args!("receipt_{upload_id}"))
}

pub(super) fn retired(commit: CommitId) -> Path {
    Path::root(format_args!("{RETIRED}{commit}"))
}

pub(super) fn event(lane: &str, queue: &EventQueue, place: EventPlace) -> Path {
    let order = order_of_events(lane, queue) + &order_of_event(place);
    by_id(EVENT, &order)
}

pub(super) fn event_mark(bucket_id: BucketId, key: &ObjectKey) -> Path {
    let key = hex(Sha256::digest(key.as_str()));
    Path::root(format_args!("event_mark_{bucket_id}_{key}"))
}

/// `None` when no credential can have that access key.
pub(super) fn credential(access_key: &str) -> Option<Path> {
    let possible = access_key.len() <= ACCESS_KEY_BYTES && !access_key.contains('/');
    possible.then(|| by_id(CREDENTIAL, access_key))
}

pub(super) fn store(place: RecordPlace) -> Path {
    Path::root(match place {
        RecordPlace::First => "store",
        RecordPlace::Moved => "store_record",
    })
}

/// What every upload of a bucket is listed under.
pub(super) fn uploads_of(bucket_id: BucketId) -> String {
    format!("{bucket_id}/")
}
