//! Rules of open uploads and their parts.

use std::time::Duration;

use bleepstore_core::model::{
    Bucket, Description, Part, PartNumber, Timestamp, Upload, UploadId, UploadState,
};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, RecordPartOutcome, UploadLookup, UploadRange, UploadStart,
};
use futures_util::{StreamExt, stream};

use super::MetadataFixture;
use crate::samples::{NOW, number};

/// Records a part of an open upload.
pub(super) async fn record(f: &MetadataFixture, upload: &Upload, part: u64) -> Part {
    let part = f.samples.part(upload, part);
    let outcome = f.store.record_part(upload, &part).await.unwrap();
    assert_eq!(outcome, RecordPartOutcome::Recorded);
    part
}

/// All parts of an upload, read in pages.
pub(super) async fn parts(
    f: &MetadataFixture,
    upload: &Upload,
    after: Option<PartNumber>,
    limit: usize,
) -> Vec<Part> {
    let (mut found, mut after) = (Vec::new(), after);
    loop {
        let page = f.store.scan_parts(upload, after, limit).await.unwrap();
        assert!(page.items.len() <= limit);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// All uploads in a range, read in pages.
pub(super) async fn scan(
    f: &MetadataFixture,
    bucket: &Bucket,
    range: &UploadRange,
    limit: usize,
) -> Vec<Upload> {
    let (mut found, mut range) = (Vec::new(), range.clone());
    loop {
        let page = f.store.scan_uploads(bucket, &range, limit).await.unwrap();
        assert!(page.items.len() <= limit);
        found.extend(page.items);
        match page.next {
            Some(start) => range.start = start,
            None => return found,
        }
    }
}

/// What CreateMultipartUpload was told is there when the upload completes.
pub async fn a_begun_upload_is_found_with_every_field(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let full = f.begin(&bucket, "a/é\u{10000}").await;
    let bare = Upload {
        description: Description::of(f.samples.owner()),
        checksum: None,
        ..f.samples.upload(&bucket, "b")
    };
    assert!(f.store.begin_upload(&bare).await.unwrap());
    for upload in [full, bare] {
        let expected = UploadLookup {
            bucket: Some(bucket.clone()),
            upload: Some(upload.clone()),
        };
        assert_eq!(
            f.store.lookup_upload(&bucket.name, upload.id).await.unwrap(),
            expected
        );
    }
}

/// Not in a bucket that is missing, nor in a later one of the same name.
pub async fn an_upload_begins_in_its_own_creation_of_the_bucket_only(f: MetadataFixture) {
    let missing = f.samples.bucket();
    let upload = f.samples.upload(&missing, "a");
    assert!(!f.store.begin_upload(&upload).await.unwrap());
    let later = f.create(f.samples.again(&missing)).await;
    assert!(!f.store.begin_upload(&upload).await.unwrap());
    assert_eq!(scan(&f, &later, &UploadRange::default(), 10).await, []);
    let lookup = f.store.lookup_upload(&later.name, upload.id).await.unwrap();
    assert_eq!((lookup.bucket, lookup.upload), (Some(later), None));
}

/// An id is no key to another bucket's upload.
pub async fn an_upload_is_found_in_its_own_bucket_only(f: MetadataFixture) {
    let (mine, theirs) = (f.bucket().await, f.bucket().await);
    let upload = f.begin(&mine, "a").await;
    let lookup = f.store.lookup_upload(&theirs.name, upload.id).await.unwrap();
    assert_eq!((lookup.bucket, lookup.upload), (Some(theirs), None));
    let lookup = f
        .store
        .lookup_upload(&f.samples.bucket().name, upload.id)
        .await
        .unwrap();
    assert_eq!((lookup.bucket, lookup.upload), (None, None));
}

/// And it leaves no part behind for an upload of that id.
pub async fn a_part_of_an_unknown_upload_is_refused(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.samples.upload(&bucket, "a");
    let outcome = f
        .store
        .record_part(&upload, &f.samples.part(&upload, 1))
        .await
        .unwrap();
    assert_eq!(outcome, RecordPartOutcome::NoSuchUpload);
    assert!(f.store.begin_upload(&upload).await.unwrap());
    assert_eq!(parts(&f, &upload, None, 10).await, []);
}

/// Numbers order as numbers, from 1 to 10,000, with every field.
pub async fn parts_come_back_in_the_order_of_their_numbers(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let mut recorded = Vec::new();
    for number in [10_000, 2, 1, 10, 256, 9, 1000, 100, 255, 9999] {
        recorded.push(record(&f, &upload, number).await);
    }
    recorded.push({
        let bare = Part {
            checksum: None,
            extents: Vec::new(),
            size: 0,
            ..f.samples.part(&upload, 3)
        };
        f.store.record_part(&upload, &bare).await.unwrap();
        bare
    });
    recorded.sort_by_key(|part| part.number);
    assert_eq!(parts(&f, &upload, None, 1000).await, recorded);
    assert_eq!(parts(&f, &upload, Some(number(9)), 1000).await, recorded[4..]);
    assert_eq!(parts(&f, &upload, Some(number(11)), 1000).await, recorded[5..]);
    assert_eq!(parts(&f, &upload, Some(number(10_000)), 1000).await, []);
}

/// The last one counts.
pub async fn a_part_replaces_the_earlier_one_of_its_number(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    record(&f, &upload, 7).await;
    let second = record(&f, &upload, 7).await;
    assert_eq!(parts(&f, &upload, None, 10).await, [second]);
}

/// 1,001 parts in small pages and large ones.
pub async fn pages_of_parts_have_no_gap_or_repeat(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let numbers: Vec<u64> = (1..=1001).collect();
    stream::iter(&numbers)
        .for_each_concurrent(16, |number| async { drop(record(&f, &upload, *number).await) })
        .await;
    for limit in [17, 1000] {
        let found = parts(&f, &upload, None, limit).await;
        let found: Vec<u64> = found.iter().map(|part| u64::from(part.number.get())).collect();
        assert_eq!(found, numbers, "pages of {limit}");
    }
}

/// Two uploads of one key do not mix.
pub async fn parts_belong_to_their_upload(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let (first, second) = (f.begin(&bucket, "a").await, f.begin(&bucket, "a").await);
    let part = record(&f, &first, 1).await;
    let other = record(&f, &second, 2).await;
    assert_eq!(parts(&f, &first, None, 10).await, [part]);
    assert_eq!(parts(&f, &second, None, 10).await, [other]);
}

/// Uploads of several keys, two of them of one key; ordered as they must be scanned.
async fn several(f: &MetadataFixture, bucket: &Bucket) -> Vec<Upload> {
    let keys = [
        "\u{10000}",
        "a/é",
        "a",
        "a/",
        "b",
        "\u{ffff}",
        "a0",
        "a/b",
        "\u{10ffff}x",
        "a\u{1}",
    ];
    let mut uploads = Vec::new();
    for (name, seconds) in keys.iter().map(|name| (*name, 0)).chain([("a/", 2), ("a/", 1)]) {
        let initiated = NOW.plus(Duration::from_secs(seconds));
        let upload = f.samples.upload_at(bucket, name, initiated);
        assert!(f.store.begin_upload(&upload).await.unwrap());
        uploads.push(upload);
    }
    let longest = f.begin(bucket, &"k".repeat(1024)).await;
    uploads.push(longest);
    uploads.sort_by(|a, b| (a.key.as_str(), a.id).cmp(&(b.key.as_str(), b.id)));
    uploads
}

/// Keys in the order of their bytes; uploads of one key in the order in which they began.
pub async fn uploads_are_scanned_by_key_and_then_by_start(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let uploads = several(&f, &bucket).await;
    f.begin(&f.bucket().await, "a").await;
    assert_eq!(scan(&f, &bucket, &UploadRange::default(), 1000).await, uploads);
    let of_one_key: Vec<Timestamp> = uploads
        .iter()
        .filter(|upload| upload.key.as_str() == "a/")
        .map(|upload| upload.initiated)
        .collect();
    assert_eq!(
        of_one_key,
        [0, 1, 2].map(|seconds| NOW.plus(Duration::from_secs(seconds)))
    );
}

/// Every prefix with every form of start.
pub async fn every_upload_range_reads_what_its_definition_admits(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let uploads = several(&f, &bucket).await;
    let mut starts = vec![UploadStart::Beginning];
    for text in ["", "a", "a/", "a/a", "b", "\u{ffff}", "\u{10ffff}", "\u{10ffff}x"] {
        starts.push(UploadStart::AfterKey(text.to_owned()));
        starts.push(UploadStart::AfterPrefix(text.to_owned()));
        for id in [[0; 16], [255; 16]] {
            starts.push(UploadStart::After(text.to_owned(), UploadId::from_bytes(id)));
        }
    }
    for upload in &uploads {
        starts.push(UploadStart::After(upload.key.as_str().to_owned(), upload.id));
    }
    for prefix in ["", "a", "a/", "b", "x"] {
        for start in &starts {
            let range = UploadRange {
                prefix: prefix.to_owned(),
                start: start.clone(),
            };
            let expected: Vec<Upload> = uploads
                .iter()
                .filter(|upload| range.admits(upload.key.as_str(), upload.id))
                .cloned()
                .collect();
            assert_eq!(scan(&f, &bucket, &range, 1000).await, expected, "{range:?}");
        }
    }
}

/// Small pages read what a large one reads.
pub async fn pages_of_uploads_have_no_gap_or_repeat(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let uploads = several(&f, &bucket).await;
    for limit in [1, 2, 5, uploads.len()] {
        let found = scan(&f, &bucket, &UploadRange::default(), limit).await;
        assert_eq!(found, uploads, "pages of {limit}");
    }
}

/// Uploads that have ended show nothing, whether a store still has rows of them or not.
pub async fn pages_of_uploads_have_no_gap_or_repeat_where_some_have_ended(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let mut open = Vec::new();
    for name in ["a", "b", "c", "c", "c", "d", "e", "e"] {
        let upload = f.begin(&bucket, name).await;
        if open.len() % 2 == 0 {
            open.push(upload);
            continue;
        }
        open.push(f.begin(&bucket, name).await);
        let outcome = f.store.abort(&upload, &f.samples.aborted(&upload)).await.unwrap();
        assert_eq!(outcome, AbortOutcome::Aborted);
    }
    open.sort_by(|a, b| (a.key.as_str(), a.id).cmp(&(b.key.as_str(), b.id)));
    for limit in [1, 2, 3, 1000] {
        let found = scan(&f, &bucket, &UploadRange::default(), limit).await;
        assert_eq!(found, open, "pages of {limit}");
    }
}

/// Its parts are roots of gc until it has ended.
pub async fn an_upload_that_is_completing_is_still_scanned(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let part = record(&f, &upload, 1).await;
    let token = f.samples.token();
    let completing = Upload {
        state: UploadState::Completing(token),
        ..upload.clone()
    };
    let began = f.store.begin_complete(&upload, token, NOW).await.unwrap();
    assert_eq!(began, BeginComplete::Began(Box::new(completing.clone())));
    assert_eq!(scan(&f, &bucket, &UploadRange::default(), 10).await, [completing]);
    assert_eq!(parts(&f, &upload, None, 10).await, [part]);
}
