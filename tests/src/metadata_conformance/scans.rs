//! Rules of reading ranges of objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bleepstore_core::model::{Bucket, Description, Manifest, ObjectRecord, ObjectSummary, SpilledLayout};
use bleepstore_core::ports::{KeyRange, KeyStart};
use futures_util::{StreamExt, stream};

use super::MetadataFixture;
use super::edits::without_body;

/// Ascending in UTF-8 bytes. UTF-16 order has U+FFFF after U+10000, and collations differ in many places.
const ORDERED: [&str; 22] = [
    "\u{1}",
    "\t",
    "\n",
    " ",
    "!",
    "A",
    "B",
    "a",
    "a\u{0}",
    "a\u{1}",
    "a!",
    "a/",
    "a/b",
    "a/é",
    "a0",
    "aé",
    "b",
    "\u{7f}",
    "é",
    "\u{ffff}",
    "\u{10000}",
    "\u{10ffff}",
];

fn range(prefix: &str, start: KeyStart) -> KeyRange {
    KeyRange {
        prefix: prefix.to_owned(),
        start,
        ..KeyRange::default()
    }
}

/// All of a range, read in pages.
async fn scan(f: &MetadataFixture, bucket: &Bucket, mut range: KeyRange, limit: usize) -> Vec<ObjectSummary> {
    let mut found: Vec<ObjectSummary> = Vec::new();
    loop {
        let page = f.store.scan_objects(bucket, &range, limit).await.unwrap();
        assert!(page.items.len() <= limit);
        found.extend(page.items);
        match page.next {
            Some(start) => range.start = start,
            None => break,
        }
    }
    assert!(
        found.windows(2).all(|pair| pair[0].key < pair[1].key),
        "keys ascend"
    );
    found
}

async fn names(f: &MetadataFixture, bucket: &Bucket, range: KeyRange, limit: usize) -> Vec<String> {
    let found = scan(f, bucket, range, limit).await;
    found
        .into_iter()
        .map(|summary| summary.key.as_str().to_owned())
        .collect()
}

async fn fill(f: &MetadataFixture, bucket: &Bucket, names: impl IntoIterator<Item = &str>) {
    stream::iter(names)
        .for_each_concurrent(16, |name| async move { drop(f.put(bucket, name).await) })
        .await;
}

/// With every page size around the number of keys.
pub async fn objects_are_scanned_in_the_order_of_their_utf8_bytes(f: MetadataFixture) {
    let bucket = f.bucket().await;
    fill(&f, &bucket, ORDERED.into_iter().rev()).await;
    for limit in [1, 2, 21, 22, 23, 1000] {
        assert_eq!(
            names(&f, &bucket, KeyRange::default(), limit).await,
            ORDERED,
            "pages of {limit}"
        );
    }
}

/// A store may leave out keys that a listing folds into a prefix which it has shown, and no others.
pub async fn with_a_delimiter_a_scan_shows_every_key_or_one_before_it_of_its_common_prefix(
    f: MetadataFixture,
) {
    let bucket = f.bucket().await;
    let keys = [
        "a", "a/1", "a/2", "a/2/3", "a0", "b", "b/x/1", "b/x/2", "b/y", "c/1", "c/2", "é/1", "é/2",
    ];
    fill(&f, &bucket, keys).await;
    for prefix in ["", "a", "a/", "b/", "c/1", "x"] {
        for delimiter in ["/", "/x/", "z"] {
            for limit in [1, 2, 3, 4, 1000] {
                let range = KeyRange {
                    delimiter: delimiter.to_owned(),
                    ..range(prefix, KeyStart::Beginning)
                };
                let found = names(&f, &bucket, range.clone(), limit).await;
                assert!(
                    found
                        .iter()
                        .all(|key| keys.contains(&key.as_str()) && range.admits(key))
                );
                for key in keys.into_iter().filter(|key| range.admits(key)) {
                    let shown = found.iter().any(|found| {
                        let folded = range.common_prefix(found);
                        found == key
                            || (found.as_str() < key
                                && folded.is_some()
                                && folded == range.common_prefix(key))
                    });
                    assert!(
                        shown,
                        "{key:?} of {prefix:?} with {delimiter:?} in pages of {limit}: {found:?}"
                    );
                }
            }
        }
    }
}

/// What a listing prints.
pub async fn a_scan_shows_what_the_record_holds(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let full = f.put(&bucket, "a").await;
    let bare = ObjectRecord {
        description: Description::of(f.samples.owner()),
        checksum: None,
        ..f.samples.inline(&bucket, "b", "")
    };
    f.commit(&bucket, &bare).await;
    assert_eq!(
        scan(&f, &bucket, KeyRange::default(), 10).await,
        [full.summary(), bare.summary()]
    );
}

/// Every prefix with every start out of the keys and some that are between, before and after them.
pub async fn every_range_reads_what_its_definition_admits(f: MetadataFixture) {
    let bucket = f.bucket().await;
    fill(&f, &bucket, ORDERED).await;
    let texts = [
        "",
        "\u{0}",
        "a",
        "a\u{0}",
        "a/",
        "a/a",
        "a/é",
        "ab",
        "é",
        "\u{d7ff}",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
        "\u{10ffff}x",
    ];
    for prefix in ["", "a", "a/", "a/é", "b", "x", "\u{ffff}", "\u{10ffff}"] {
        let after = texts.map(|text| KeyStart::After(text.to_owned()));
        let after_prefix = texts.map(|text| KeyStart::AfterPrefix(text.to_owned()));
        for start in after.into_iter().chain(after_prefix).chain([KeyStart::Beginning]) {
            let range = range(prefix, start);
            let expected: Vec<&str> = ORDERED.into_iter().filter(|name| range.admits(name)).collect();
            assert_eq!(
                names(&f, &bucket, range.clone(), 1000).await,
                expected,
                "{range:?}"
            );
        }
    }
    let paged = range("a", KeyStart::AfterPrefix("a/".to_owned()));
    assert_eq!(names(&f, &bucket, paged, 1).await, ["a0", "aé"]);
}

/// The last character has no successor; the one before it has.
pub async fn a_scan_goes_on_after_a_prefix_that_ends_in_the_last_character(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let keys = [
        "a",
        "a\u{10ffff}",
        "a\u{10ffff}\u{10ffff}",
        "a\u{10ffff}b",
        "b",
        "\u{10ffff}",
        "\u{10ffff}a",
    ];
    fill(&f, &bucket, keys).await;
    let after_prefix = |prefix: &str| range("", KeyStart::AfterPrefix(prefix.to_owned()));
    assert_eq!(
        names(&f, &bucket, after_prefix("a\u{10ffff}"), 10).await,
        ["b", "\u{10ffff}", "\u{10ffff}a"]
    );
    assert_eq!(
        names(&f, &bucket, after_prefix("a\u{10ffff}\u{10ffff}"), 10).await,
        ["b", "\u{10ffff}", "\u{10ffff}a"]
    );
    assert_eq!(names(&f, &bucket, after_prefix("\u{10ffff}"), 10).await, [""; 0]);
    assert_eq!(
        names(&f, &bucket, range("\u{10ffff}", KeyStart::Beginning), 10).await,
        ["\u{10ffff}", "\u{10ffff}a"]
    );
}

/// Wherever it ends, it is after all keys under the prefix: a listing has shown the prefix, and would show it again.
pub async fn a_scan_after_a_prefix_goes_on_under_it_at_no_limit(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let long = "q".repeat(1_021) + "/";
    let under_long = [format!("{long}a"), format!("{long}\u{7ff}")];
    let under_p = [
        "p/",
        "p/a",
        "p/\u{ffff}",
        "p/\u{10ffff}",
        "p/\u{10ffff}\u{10ffff}z",
    ];
    let others = ["p0", "z"];
    let keys = under_p.into_iter().chain(others);
    fill(&f, &bucket, keys.chain(under_long.iter().map(String::as_str))).await;
    for (prefix, after) in [
        ("p/", vec!["p0", &under_long[0], &under_long[1], "z"]),
        (&long, vec!["z"]),
    ] {
        for limit in [1, 2, 10] {
            let (mut found, mut start) = (Vec::new(), Some(KeyStart::AfterPrefix(prefix.to_owned())));
            while let Some(from) = start {
                let page = f
                    .store
                    .scan_objects(&bucket, &range("", from), limit)
                    .await
                    .unwrap();
                found.extend(page.items.into_iter().map(|item| item.key.to_string()));
                if let Some(KeyStart::After(key)) = &page.next {
                    assert!(!key.starts_with(prefix), "{limit}: a scan goes on after {key:?}");
                }
                start = page.next;
            }
            assert_eq!(found, after, "{limit}");
        }
    }
}

/// No caching between a write and the next scan.
pub async fn a_scan_sees_every_acknowledged_change(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for round in 0..10 {
        let name = format!("key-{round}");
        f.put(&bucket, &name).await;
        assert_eq!(names(&f, &bucket, KeyRange::default(), 10).await, [name.as_str()]);
        let overwritten = f.put(&bucket, &name).await;
        assert_eq!(
            scan(&f, &bucket, KeyRange::default(), 10).await,
            [overwritten.summary()]
        );
        f.remove(&bucket, &name).await;
        assert_eq!(names(&f, &bucket, KeyRange::default(), 10).await, [""; 0]);
    }
}

/// What is there all the time is in one page, while other keys come and go between.
pub async fn pages_of_1001_objects_have_no_gap_or_repeat_while_writes_go_on(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let stay: Vec<String> = (0..1001).map(|index| format!("k/{index:04}")).collect();
    fill(&f, &bucket, stay.iter().map(String::as_str)).await;
    let f = Arc::new(f);
    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (f, bucket, done) = (Arc::clone(&f), bucket.clone(), Arc::clone(&done));
        async move {
            while !done.load(Ordering::Relaxed) {
                let name = format!("k/{:04}+", f.samples.entropy().below(1001));
                f.put(&bucket, &name).await;
                f.remove(&bucket, &name).await;
                tokio::task::yield_now().await;
            }
        }
    });
    for limit in [13, 1000] {
        let found = names(&f, &bucket, range("k/", KeyStart::Beginning), limit).await;
        let found: Vec<String> = found.into_iter().filter(|name| !name.ends_with('+')).collect();
        assert_eq!(found, stay, "pages of {limit}");
    }
    done.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    assert_eq!(names(&f, &bucket, KeyRange::default(), 1001).await, stay);
}

/// Buckets lie side by side in some stores.
pub async fn a_scan_of_objects_stays_in_its_bucket(f: MetadataFixture) {
    let buckets = [f.bucket().await, f.bucket().await, f.bucket().await];
    for (bucket, name) in buckets.iter().zip(["a", "b", "c"]) {
        f.put(bucket, name).await;
    }
    for (bucket, name) in buckets.iter().zip(["a", "b", "c"]) {
        assert_eq!(names(&f, bucket, KeyRange::default(), 10).await, [name]);
    }
    assert_eq!(
        names(&f, &f.samples.bucket(), KeyRange::default(), 10).await,
        [""; 0]
    );
}

async fn records(f: &MetadataFixture, bucket: &Bucket, limit: usize) -> Vec<ObjectRecord> {
    let mut found = Vec::new();
    let mut range = KeyRange::default();
    loop {
        let page = f.store.scan_records(bucket, &range, limit).await.unwrap();
        assert!(page.items.len() <= limit);
        found.extend(page.items);
        match page.next {
            Some(next) => range.start = next,
            None => return found,
        }
    }
}

/// Listings do not see markers, and a page may be empty because of them; a scan of records reads every row.
pub async fn delete_markers_are_scanned_as_records_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for name in ["a", "b", "c", "e"] {
        f.commit(&bucket, &f.samples.marker(&bucket, name)).await;
    }
    f.put(&bucket, "d").await;
    for limit in [1, 2, 10] {
        assert_eq!(
            names(&f, &bucket, KeyRange::default(), limit).await,
            ["d"],
            "pages of {limit}"
        );
    }
    let found = records(&f, &bucket, 2).await;
    let found: Vec<&str> = found.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(found, ["a", "b", "c", "d", "e"]);
}

/// However many rows show nothing, a scan reads no more of them than its limit says, and tells where to go on.
pub async fn a_scan_of_objects_ends_after_as_many_rows_as_its_limit_whatever_they_show(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let markers: Vec<String> = (0..9).map(|number| format!("d/{number}")).collect();
    for name in markers.iter().map(String::as_str).chain(["f", "g", "h"]) {
        f.commit(&bucket, &f.samples.marker(&bucket, name)).await;
    }
    fill(&f, &bucket, ["c", "d/5+", "e"]).await;
    for delimiter in ["", "/"] {
        for limit in [1, 2, 3] {
            let mut range = KeyRange {
                delimiter: delimiter.to_owned(),
                ..KeyRange::default()
            };
            let (mut found, mut pages) = (Vec::new(), 0);
            loop {
                let page = f.store.scan_objects(&bucket, &range, limit).await.unwrap();
                found.extend(page.items.into_iter().map(|object| object.key.to_string()));
                pages += 1;
                match page.next {
                    Some(next) => range.start = next,
                    None => break,
                }
            }
            assert_eq!(found, ["c", "d/5+", "e"], "pages of {limit} with {delimiter:?}");
            // With a delimiter a store may go on after d/5+, and leave three markers unread.
            let rows = if delimiter.is_empty() { 15 } else { 12 };
            assert!(
                pages * limit >= rows,
                "{pages} pages of {limit} with {delimiter:?}"
            );
        }
    }
}

/// Every field, and every form of a manifest but for the bytes of a body.
pub async fn a_scan_of_records_shows_them_whole(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let spilled = SpilledLayout {
        extent: f.samples.extent(bucket.id),
        parts: 3,
    };
    let many = f.samples.layout(&bucket, f.store.layout_limit().min(9));
    let manifests_by_name = [
        ("a", Manifest::empty()),
        ("b", Manifest::Extents(f.samples.layout(&bucket, 2))),
        ("c", Manifest::Extents(many)),
        ("d", Manifest::Spilled(spilled)),
    ];
    let mut expected = Vec::new();
    for (name, manifest) in manifests_by_name {
        let record = ObjectRecord {
            manifest,
            ..f.samples.record(&bucket, name)
        };
        f.commit(&bucket, &record).await;
        expected.push(record);
    }
    let marker = f.samples.marker(&bucket, "e");
    f.commit(&bucket, &marker).await;
    expected.push(marker);
    assert_eq!(records(&f, &bucket, 10).await, expected);
}

/// The size tells that there is a body, whether it is left out or not.
pub async fn a_scan_of_records_leaves_inline_bodies_out_or_shows_them_whole(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let length = usize::try_from(f.store.inline_limit().min(100)).unwrap();
    let record = f.samples.inline(&bucket, "a", vec![7; length]);
    f.commit(&bucket, &record).await;
    let without = without_body(record.clone());
    let found = records(&f, &bucket, 10).await;
    assert!(found == [record] || found == [without], "{found:?}");
}

/// Small pages and large ones read the same, in the order of the bytes.
pub async fn pages_of_records_have_no_gap_or_repeat(f: MetadataFixture) {
    let bucket = f.bucket().await;
    fill(&f, &bucket, ORDERED).await;
    for limit in [1, 5, 22, 1000] {
        let found = records(&f, &bucket, limit).await;
        let found: Vec<&str> = found.iter().map(|record| record.key.as_str()).collect();
        assert_eq!(found, ORDERED, "pages of {limit}");
    }
}
