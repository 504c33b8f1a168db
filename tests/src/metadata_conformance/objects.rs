//! Rules of single objects.

use bleepstore_core::model::{Bucket, Description, Manifest, ObjectRecord, SpilledLayout, WriteCondition};
use bleepstore_core::ports::{Edit, EditOutcome, Expect, ObjectLookup};

use super::MetadataFixture;
use super::edits::{
    ANY, NO_ROW, applied, kept, only_if, refused, retiring, row, shared, without_bodies, without_body,
};
use crate::samples::key;

async fn assert_comes_back(f: &MetadataFixture, bucket: &Bucket, record: ObjectRecord) {
    assert_eq!(f.commit(bucket, &record).await, None);
    let lookup = f.store.lookup(&bucket.name, &record.key).await.unwrap();
    assert_eq!(lookup.bucket.as_ref(), Some(bucket));
    assert_eq!(lookup.object, Some(record));
}

/// The bucket is found with every field, also when the key is absent.
pub async fn a_lookup_finds_the_bucket_without_the_object(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let lookup = f.store.lookup(&bucket.name, &key("a")).await.unwrap();
    let expected = ObjectLookup {
        bucket: Some(bucket),
        object: None,
    };
    assert_eq!(lookup, expected);
}

/// A missing bucket is no error.
pub async fn a_lookup_in_a_missing_bucket_finds_nothing(f: MetadataFixture) {
    let lookup = f.store.lookup(&f.samples.bucket().name, &key("a")).await.unwrap();
    let expected = ObjectLookup {
        bucket: None,
        object: None,
    };
    assert_eq!(lookup, expected);
}

/// Headers, user metadata, owner, checksum, numbers and manifest.
pub async fn a_committed_record_is_found_with_every_field(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let full = f.samples.record(&bucket, "full");
    let bare = ObjectRecord {
        description: Description::of(f.samples.owner()),
        checksum: None,
        shared: true,
        ..f.samples.record(&bucket, "bare")
    };
    assert_comes_back(&f, &bucket, full).await;
    assert_comes_back(&f, &bucket, bare).await;
    assert_comes_back(&f, &bucket, f.samples.marker(&bucket, "marker")).await;
}

/// Bytes are bytes, where the store takes any inside a record.
pub async fn an_inline_body_of_all_byte_values_comes_back(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let body: Vec<u8> = (0..=255).collect();
    if body.len() as u64 <= f.store.inline_limit() {
        assert_comes_back(&f, &bucket, f.samples.inline(&bucket, "a", body)).await;
    }
}

/// The limit itself is within the limit.
pub async fn an_inline_body_at_the_limit_comes_back(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let body = vec![0xff; usize::try_from(f.store.inline_limit()).unwrap()];
    assert_comes_back(&f, &bucket, f.samples.inline(&bucket, "a", body)).await;
}

/// Whatever the limit is.
pub async fn an_empty_body_is_always_taken_inline(f: MetadataFixture) {
    let bucket = f.bucket().await;
    assert_comes_back(&f, &bucket, f.samples.inline(&bucket, "a", "")).await;
}

/// The largest row that the core writes, under the longest key.
pub async fn a_layout_at_the_limit_comes_back(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let record = ObjectRecord {
        manifest: Manifest::Extents(f.samples.layout(&bucket, f.store.layout_limit())),
        ..f.samples.record(&bucket, &"\u{10ffff}".repeat(256))
    };
    assert_comes_back(&f, &bucket, record).await;
}

/// A layout in a blob is one extent and a count to the store.
pub async fn a_spilled_layout_comes_back(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let record = ObjectRecord {
        manifest: Manifest::Spilled(SpilledLayout {
            extent: f.samples.extent(bucket.id),
            parts: 10_000,
        }),
        ..f.samples.record(&bucket, "a")
    };
    assert_comes_back(&f, &bucket, record).await;
}

/// First nothing, then the record before.
pub async fn a_commit_tells_exactly_what_it_displaced(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let first = f.samples.record(&bucket, "a");
    let second = f.samples.record(&bucket, "a");
    assert_eq!(f.commit(&bucket, &first).await, None);
    assert_eq!(f.commit(&bucket, &second).await, Some(first));
    assert_eq!(f.object(&bucket, "a").await, Some(second.clone()));
    let other = f.samples.record(&bucket, "b");
    assert_eq!(f.commit(&bucket, &other).await, None);
    assert_eq!(f.object(&bucket, "a").await, Some(second));
}

/// First the record, then nothing.
pub async fn a_removal_tells_exactly_what_it_displaced(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let record = f.put(&bucket, "a").await;
    let other = f.put(&bucket, "a/").await;
    assert_eq!(f.remove(&bucket, "a").await, Some(record));
    assert_eq!(f.object(&bucket, "a").await, None);
    assert_eq!(f.remove(&bucket, "a").await, None);
    assert_eq!(f.object(&bucket, "a/").await, Some(other));
}

/// What replaces or removes a marker learns of it.
pub async fn a_delete_marker_is_displaced_like_any_row(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let marker = f.samples.marker(&bucket, "a");
    let record = f.put(&bucket, "a").await;
    assert_eq!(f.commit(&bucket, &marker).await, Some(record));
    let again = f.samples.record(&bucket, "a");
    assert_eq!(f.commit(&bucket, &again).await, Some(marker.clone()));
    assert_eq!(f.commit(&bucket, &marker).await, Some(again));
    assert_eq!(f.remove(&bucket, "a").await, Some(marker));
    assert_eq!(f.object(&bucket, "a").await, None);
}

/// Whatever it expects, and it leaves nothing behind for a bucket of that name.
pub async fn a_commit_to_a_missing_bucket_is_refused(f: MetadataFixture) {
    let bucket = f.samples.bucket();
    let record = f.samples.record(&bucket, "a");
    let read = f.samples.record(&bucket, "a");
    for expect in [
        ANY,
        only_if(&WriteCondition::IfAbsent),
        only_if(&WriteCondition::IfPresent),
        NO_ROW,
        row(&read),
    ] {
        let outcome = f.edit(&Edit::put(&bucket, &record, expect)).await;
        assert_eq!(outcome, EditOutcome::NoSuchBucket, "{expect:?}");
    }
    let bucket = f.create(bucket).await;
    assert_eq!(f.object(&bucket, "a").await, None);
}

/// A bucket that is gone has no objects.
pub async fn a_removal_from_a_missing_bucket_finds_nothing(f: MetadataFixture) {
    let bucket = f.samples.bucket();
    let read = f.samples.record(&bucket, "a");
    for (expect, expected) in [
        (ANY, applied(None)),
        (NO_ROW, applied(None)),
        (only_if(&WriteCondition::IfPresent), refused(None)),
        (row(&read), refused(None)),
    ] {
        let outcome = f.edit(&Edit::remove(&bucket, &read.key, expect)).await;
        assert_eq!(outcome, expected, "{expect:?}");
    }
}

/// No key is cut off or hashed short.
pub async fn keys_differ_by_their_last_byte_at_full_length(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let stem = "k".repeat(1023);
    let records = [
        f.put(&bucket, &format!("{stem}a")).await,
        f.put(&bucket, &format!("{stem}b")).await,
        f.put(&bucket, &stem).await,
    ];
    for record in &records {
        assert_eq!(
            f.object(&bucket, record.key.as_str()).await.as_ref(),
            Some(record)
        );
    }
    f.remove(&bucket, records[0].key.as_str()).await;
    assert_eq!(f.object(&bucket, records[0].key.as_str()).await, None);
    assert_eq!(
        f.object(&bucket, records[1].key.as_str()).await.as_ref(),
        Some(&records[1])
    );
}

/// Case, spaces, dots, slashes, composed characters and controls all tell keys apart.
pub async fn keys_are_not_normalised(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let names = [
        "a",
        "A",
        "a ",
        " a",
        "a/",
        "/a",
        "//a",
        "./a",
        "../a",
        ".",
        "..",
        "é",
        "e\u{301}",
        "a\u{0}",
        "a\u{1}",
        "a\n",
        "a\r",
        "a%2F",
        "a#b",
        "a'b",
        "a\"b",
        "__a__",
        "\u{feff}a",
        "\u{ffff}",
        "\u{10ffff}",
    ];
    let mut records = Vec::new();
    for name in names {
        let record = f.samples.record(&bucket, name);
        assert_eq!(f.commit(&bucket, &record).await, None, "{name:?}");
        records.push(record);
    }
    for record in records {
        assert_eq!(f.object(&bucket, record.key.as_str()).await, Some(record));
    }
}

/// In each form of an outcome; the size tells that there is a body.
pub async fn an_outcome_leaves_an_inline_body_out_or_tells_it_whole(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let length = usize::try_from(f.store.inline_limit().min(100)).unwrap();
    let record = shared(&f.samples.inline(&bucket, "a", vec![7; length]));
    f.commit(&bucket, &record).await;
    let next = f.samples.record(&bucket, "a");
    let absent = only_if(&WriteCondition::IfAbsent);
    let cases: [(Expect<'_>, EditOutcome); 3] = [
        (absent, refused(Some(&record))),
        (ANY, kept(&record)),
        (retiring(record.commit_id), applied(Some(&record))),
    ];
    for (expect, expected) in cases {
        let outcome = f.store.edit(&Edit::put(&bucket, &next, expect)).await.unwrap();
        assert_eq!(without_bodies(outcome.clone()), expected);
        let (EditOutcome::Applied { displaced: told } | EditOutcome::Refused { head: told }) = outcome else {
            continue;
        };
        let told = *told.unwrap();
        assert!(told == record || told == without_body(record.clone()), "{told:?}");
    }
}
