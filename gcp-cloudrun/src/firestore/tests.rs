//! What is sent, against what is declared and what Firestore takes.

use std::ops::Bound;

use bleepstore_core::model::{
    BlobId, BlobRef, BucketId, BucketName, CommitId, Description, ETag, EventId, EventPlace, EventQueue,
    Extent, Layout, Manifest, ObjectHeaders, ObjectKey, ObjectKind, ObjectRecord, Owner, PartNumber, StoreId,
    Timestamp, UploadId,
};
use bleepstore_core::ports::{KeyRange, KeyStart, RecordPlace, StoreErrorKind, StoreRecord};
use firestore::gcloud_sdk::google::firestore::v1::structured_query::Direction;
use firestore::gcloud_sdk::google::firestore::v1::value::ValueType;
use firestore::gcloud_sdk::google::firestore::v1::{Document, StructuredQuery, Value};

use super::query::{Query, within};
use super::schema::{ASCENDING, COLLECTIONS, COMPOSITE, CompositeIndex, Field, ID, QUERIES, SUMMARIES};
use super::{LAYOUT_LIMIT, rows, schema};

/// The fields by which a query orders before the ids, all ascending.
fn ordering(sent: &StructuredQuery) -> Vec<String> {
    assert_eq!(sent.r#where, None, "a filter may need an index of its own");
    let mut fields = Vec::new();
    for order in &sent.order_by {
        assert_eq!(order.direction, i32::from(Direction::Ascending));
        fields.push(order.field.clone().unwrap().field_path);
    }
    assert_eq!(fields.pop().as_deref(), Some(ID));
    fields
}

#[test]
fn the_declared_indexes_are_those_that_the_queries_need() {
    let mut single: Vec<Field> = Vec::new();
    let mut composite: Vec<CompositeIndex> = Vec::new();
    for shape in &QUERIES {
        let sent = Query::of(shape, None).structured(10);
        let [from] = &sent.from[..] else {
            panic!("{sent:?}");
        };
        assert!(
            !from.all_descendants,
            "the indexes are declared within collections"
        );
        let collection = COLLECTIONS.into_iter().find(|name| *name == from.collection_id);
        let collection = collection.expect("the collection is declared");
        match &ordering(&sent)[..] {
            [] => {}
            [field] => {
                let declared = ASCENDING
                    .into_iter()
                    .find(|index| index.collection == collection && index.field == field);
                single.push(declared.unwrap_or_else(|| panic!("no index for {field} of {collection}")));
            }
            fields => {
                let declared = COMPOSITE
                    .into_iter()
                    .find(|index| index.collection == collection && index.fields == fields);
                composite.push(declared.unwrap_or_else(|| panic!("no index for {fields:?} of {collection}")));
            }
        }
    }
    for index in ASCENDING {
        assert!(single.contains(&index), "no query needs {index:?}");
    }
    for index in COMPOSITE {
        assert!(composite.contains(&index), "no query needs {index:?}");
    }
}

fn name(text: &str) -> BucketName {
    BucketName::new(text).unwrap()
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

#[test]
fn every_id_is_one_that_firestore_takes() {
    let longest = "k".repeat(1024);
    let upload = UploadId::from_bytes([255; 16]);
    let mut paths = vec![
        schema::bucket(&name(&"b".repeat(63))),
        schema::upload(upload),
        schema::part(upload, PartNumber::new(10_000).unwrap()),
        schema::receipt(upload),
        schema::retired(CommitId::from_bytes([0; 16])),
        schema::store(RecordPlace::First),
        schema::store(RecordPlace::Moved),
        schema::event("0f", &queue(&"d".repeat(64), true), place(u64::MAX, 255)),
    ];
    for text in [".", "..", "__x__", "a/b", "/", "\u{0}", "\u{10ffff}", &longest] {
        paths.push(schema::object(&name("bucket"), &key(text)));
        paths.push(schema::event_mark(BucketId::from_bytes([255; 16]), &key(text)));
        paths.extend(schema::credential(text));
    }
    for path in paths {
        let path = path.to_string();
        let ids: Vec<&str> = path.split('/').collect();
        assert!(ids.len() == 2 || ids.len() == 4, "{path}");
        for id in ids {
            assert!((1..=1500).contains(&id.len()), "{path}");
            assert!(id != "." && id != "..", "{path}");
            assert!(!(id.starts_with("__") && id.ends_with("__")), "{path}");
        }
    }
    for text in ["a/b", "/", &longest] {
        assert_eq!(schema::credential(text), None, "{text}");
    }
}

#[test]
fn keys_that_differ_have_ids_that_differ_and_parts_are_ordered_by_number() {
    let objects = [key("a"), key("A"), key("a/"), key("\u{e9}"), key("e\u{301}")];
    let mut ids: Vec<String> = objects
        .iter()
        .map(|key| schema::object(&name("bucket"), key).to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), objects.len());
    let part =
        |number| schema::part(UploadId::from_bytes([0; 16]), PartNumber::new(number).unwrap()).to_string();
    assert!(part(9) < part(10) && part(999) < part(1_000) && part(9_999) < part(10_000));
}

fn queue(destination: &str, dead: bool) -> EventQueue {
    EventQueue {
        destination: destination.parse().unwrap(),
        dead,
    }
}

fn place(sequence: u64, id: u8) -> EventPlace {
    EventPlace {
        sequence,
        id: EventId::from_bytes([id; 16]),
    }
}

#[test]
fn events_of_a_queue_lie_together_in_their_order_and_no_mark_among_them() {
    let event = |place| schema::event("0a", &queue("orders", false), place).to_string();
    let places = [
        place(9, 2),
        place(10, 1),
        place(10, 2),
        place(16, 0),
        place(u64::MAX, 255),
    ];
    assert!(places.map(event).is_sorted());
    let (first, last) = (event(place(0, 0)), event(place(u64::MAX, 255)));
    let mark = schema::event_mark(BucketId::from_bytes([0; 16]), &key("k")).to_string();
    let others = [
        schema::event("0a", &queue("orders", true), place(1, 1)).to_string(),
        schema::event("0b", &queue("orders", false), place(1, 1)).to_string(),
        schema::event("0a", &queue("orders-0", false), place(1, 1)).to_string(),
        mark,
    ];
    for other in others {
        assert!(other < first || other > last, "{other}");
    }
}

/// The values of the cursors of a query over objects: where it begins, whether with that, and where it ends.
fn stretch(range: &KeyRange) -> Option<(String, bool, Option<String>)> {
    let sent = within(Query::of(SUMMARIES, None), range, "")?.structured(1);
    let text = |values: &[Value]| match &values[0].value_type {
        Some(ValueType::StringValue(text)) => text.clone(),
        other => panic!("{other:?}"),
    };
    let start = sent.start_at.unwrap();
    Some((
        text(&start.values),
        start.before,
        sent.end_at.map(|end| text(&end.values)),
    ))
}

#[test]
fn a_range_of_keys_is_one_stretch_of_the_index() {
    let range = |prefix: &str, start: KeyStart| KeyRange {
        prefix: prefix.to_owned(),
        start,
        ..KeyRange::default()
    };
    let after = |key: &str| KeyStart::After(key.to_owned());
    let after_prefix = |prefix: &str| KeyStart::AfterPrefix(prefix.to_owned());
    let some = |start: &str, with: bool, end: &str| Some((start.to_owned(), with, Some(end.to_owned())));
    let cases = [
        (range("", KeyStart::Beginning), Some((String::new(), true, None))),
        (range("a/", KeyStart::Beginning), some("a/", true, "a0")),
        (range("a/", after("a/b")), some("a/b", false, "a0")),
        (range("a/", after("A")), some("a/", true, "a0")),
        (range("a/", after("b")), None),
        (range("a/", after_prefix("a/b/")), some("a/b0", true, "a0")),
        (range("a/", after_prefix("a/")), None),
        (range("", after_prefix("\u{10ffff}")), None),
        (range(&"k".repeat(1025), KeyStart::Beginning), None),
    ];
    for (range, expected) in cases {
        assert_eq!(stretch(&range), expected, "{range:?}");
    }
    let long = range("", after(&"é".repeat(1_000)));
    assert_eq!(stretch(&long), Some(("é".repeat(512), false, None)));
}

#[test]
fn the_stretch_of_a_stem_ends_with_it() {
    let sent = within(Query::of(SUMMARIES, None), &KeyRange::default(), "id/").unwrap();
    let between =
        Query::of(SUMMARIES, None).between(Bound::Included("id/".to_owned()), Some("id0".to_owned()));
    assert_eq!(sent.structured(1), between.structured(1));
}

#[test]
fn an_object_with_a_full_layout_stays_far_below_a_document_s_limit() {
    let bucket = BucketId::from_bytes([1; 16]);
    let blob = BlobRef {
        bucket,
        blob: BlobId::from_bytes([4; 16]),
    };
    let layout = Layout {
        extents: vec![Extent::whole(blob, 5 << 40, u64::MAX); LAYOUT_LIMIT],
        parts: Vec::new(),
    };
    let user_metadata = vec![("name".to_owned(), "v".repeat(2_048))];
    let record = ObjectRecord {
        bucket,
        key: key(&"k".repeat(1024)),
        commit_id: CommitId::from_bytes([2; 16]),
        kind: ObjectKind::Object,
        etag: ETag::from_md5([3; 16]),
        size: 0,
        last_modified: Timestamp::from_millis(0),
        description: Description {
            headers: ObjectHeaders {
                user_metadata,
                ..ObjectHeaders::default()
            },
            ..Description::of(Owner::root())
        },
        checksum: None,
        shared: false,
        manifest: Manifest::Extents(layout),
        version: None,
    };
    let bytes: usize = rows::object(&record)
        .unwrap()
        .values()
        .map(|value| match &value.value_type {
            Some(ValueType::StringValue(text)) => text.len(),
            _ => 1,
        })
        .sum();
    assert!((30_000..64_000).contains(&bytes), "{bytes} bytes");
}

#[test]
fn a_document_with_a_field_of_a_later_program_is_refused() {
    let record = StoreRecord::new(StoreId::from_bytes([7; 16]));
    let mut document = Document {
        fields: rows::store(&record).unwrap(),
        ..Document::default()
    };
    assert_eq!(rows::detail_of::<StoreRecord>(&document).unwrap(), record);
    document.fields.insert("versions".to_owned(), rows::text("2"));
    let refused = rows::detail_of::<StoreRecord>(&document).unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::TooNew);
    assert!(refused.to_string().contains("field versions"), "{refused}");
}

#[test]
fn what_is_said_of_an_object_is_in_the_detail_of_its_document_as_release_0_1_writes_it() {
    let detail = concat!(
        r#"{"bucket":"01010101010101010101010101010101","commit_id":"02020202020202020202020202020202","#,
        r#""kind":"Object","etag":"03030303030303030303030303030303","size":9,"last_modified":1795959852466,"#,
        r#""owner":{"id":"a11ce","display_name":"alice"},"#,
        r#""acl":[{"grantee":{"Group":"AllUsers"},"permission":"READ"}],"#,
        r#""headers":{"content_type":"text/plain","user_metadata":[["colour","blue"]],"storage_class":"GLACIER"},"#,
        r#""checksum":{"algorithm":"CRC64NVME","kind":"FULL_OBJECT","value":"P4RbzKo4dVo="}}"#,
    );
    let shared = Value {
        value_type: Some(ValueType::BooleanValue(true)),
    };
    let mut document = Document {
        fields: rows::Fields::from([
            ("key".to_owned(), rows::text("key")),
            ("shared".to_owned(), shared),
            ("manifest".to_owned(), rows::text(r#"{"Inline":"Zm9yIEFsaWNl"}"#)),
            ("detail".to_owned(), rows::text(detail)),
        ]),
        ..Document::default()
    };
    let read = rows::read_object(&document).unwrap();
    assert_eq!(read.description.owner.display_name, "alice");
    assert_eq!(rows::object(&read).unwrap(), document.fields);
    let summary = rows::read_summary(&document, read.bucket).unwrap();
    assert_eq!(summary, Some(read.summary()));
    let later = detail.replacen('{', r#"{"later":1,"#, 1);
    document.fields.insert("detail".to_owned(), rows::text(later));
    let refused = rows::read_object(&document).unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::TooNew);
}
