//! Listings of stores in which more rows show nothing than one page reads.

use std::sync::Arc;

use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{Bucket, ObjectRecord};
use bleepstore_core::ports::{BucketIndex, Edit, ObjectIndex, Ports};
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::http::{Bucket as Client, Request, Response, S3, start_server};
use bleepstore_tests::metadata_conformance::edits::{ANY, applied};
use bleepstore_tests::samples::Samples;
use futures_util::FutureExt;

/// More than twice as many as one page reads in vain.
const HIDDEN: usize = 25_000;

/// A server over stores in memory, and what puts rows into them past it.
struct Store {
    s3: S3,
    metadata: Arc<MemoryMetadata>,
    samples: Samples,
}

impl Store {
    fn new() -> Self {
        let metadata = Arc::new(MemoryMetadata::default());
        let served = Arc::clone(&metadata);
        let endpoint = start_server(move || Ports {
            metadata: served,
            blobs: Arc::new(MemoryBlobs::new(Arc::new(SystemClock))),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
        });
        Self {
            s3: S3 { endpoint },
            metadata,
            samples: Samples::new(SeededEntropy::new(1)),
        }
    }

    fn commit(&self, bucket: &Bucket, record: &ObjectRecord) {
        let edit = Edit::put(bucket, record, ANY);
        let outcome = at_once(self.metadata.edit(&edit)).unwrap();
        assert_eq!(outcome, applied(None));
    }

    /// A bucket in which delete markers lie before and after its objects `a/z` and `b`.
    fn bucket(&self) -> Client {
        let client = self.s3.bucket();
        let bucket = self.samples.bucket_named(&client.name).name;
        let bucket = at_once(self.metadata.bucket(&bucket)).unwrap().unwrap();
        for folder in ["a", "c"] {
            for number in 0..HIDDEN {
                let marker = self.samples.marker(&bucket, &format!("{folder}/{number:05}"));
                self.commit(&bucket, &marker);
            }
        }
        for key in ["a/z", "b"] {
            self.commit(&bucket, &self.samples.inline(&bucket, key, ""));
        }
        client
    }
}

/// A store in memory has its answer at once.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().unwrap()
}

/// What each page shows, of a listing that goes on by what `next` reads of a page that is truncated.
fn pages(first: &Request, next: impl Fn(&Response) -> Vec<(&'static str, String)>) -> Vec<Vec<String>> {
    let (mut pages, mut request) = (Vec::new(), first.clone());
    loop {
        let response = request.expect(200);
        let mut page = response.all("ListBucketResult/Contents/Key");
        page.extend(response.all("ListBucketResult/CommonPrefixes/Prefix"));
        pages.push(page);
        if response.value("ListBucketResult/IsTruncated") == "false" {
            return pages;
        }
        assert!(pages.len() < 10, "{pages:?}");
        request = first.clone();
        for (name, value) in next(&response) {
            request = request.query(name, value);
        }
    }
}

/// An empty page with a token, and further on each key once.
#[test]
fn pages_of_objects_are_bounded_and_go_on_by_token() {
    let bucket = Store::new().bucket();
    let next = |response: &Response| {
        let keys = response.all("ListBucketResult/Contents/Key").len();
        let prefixes = response.all("ListBucketResult/CommonPrefixes/Prefix").len();
        let count = response.value("ListBucketResult/KeyCount");
        assert_eq!(count, (keys + prefixes).to_string());
        let token = response.value("ListBucketResult/NextContinuationToken");
        vec![("continuation-token", token)]
    };
    let first = bucket.request("GET").query("list-type", 2);
    for (delimiter, expected) in [("", ["a/z", "b"]), ("/", ["b", "a/"])] {
        let pages = pages(&first.clone().query("delimiter", delimiter), next);
        assert_eq!(pages[0], [""; 0], "{pages:?}");
        assert!((5..8).contains(&pages.len()), "{pages:?}");
        assert_eq!(pages.concat(), expected);
    }
}

/// As stock clients go on: by `NextMarker`, and by the last key where there is none. A folder that has shown nothing yet is
/// not skipped.
#[test]
fn pages_of_objects_are_bounded_and_go_on_by_marker() {
    let bucket = Store::new().bucket();
    let next = |response: &Response| {
        let marker = response.optional("ListBucketResult/NextMarker");
        let last = || response.all("ListBucketResult/Contents/Key").pop().unwrap();
        vec![("marker", marker.unwrap_or_else(last))]
    };
    for (delimiter, expected) in [("", ["a/z", "b"]), ("/", ["b", "a/"])] {
        let pages = pages(&bucket.request("GET").query("delimiter", delimiter), next);
        assert_eq!(pages[0], [""; 0], "{pages:?}");
        assert!((5..8).contains(&pages.len()), "{pages:?}");
        assert_eq!(pages.concat(), expected);
    }
    // One key a page, so that pages end with a key and with the folder too.
    let folded = bucket.request("GET").query("delimiter", "/").query("max-keys", 1);
    assert_eq!(pages(&folded, next).concat(), ["a/", "b"]);
}

/// Buckets of other owners show nothing.
#[test]
fn pages_of_buckets_are_bounded_and_go_on_by_token() {
    let store = Store::new();
    for number in 0..HIDDEN {
        let bucket = store.samples.bucket_named(&format!("a-{number:05}"));
        at_once(store.metadata.create_bucket(&bucket)).unwrap();
    }
    let own = store.s3.bucket_named("b-own".to_owned());
    own.request("PUT").expect(200);
    const NAMES: &str = "ListAllMyBucketsResult/Buckets/Bucket/Name";
    const TOKEN: &str = "ListAllMyBucketsResult/ContinuationToken";
    // A client that asks for no page looks at no token.
    let whole = store.s3.request("GET", "/").expect(200);
    assert_eq!(
        (whole.all(NAMES), whole.optional(TOKEN)),
        (vec!["b-own".to_owned()], None)
    );
    let page = || store.s3.request("GET", "/").query("max-buckets", "10000");
    let (mut names, mut request, mut count) = (Vec::new(), page(), 0);
    loop {
        let response = request.expect(200);
        names.extend(response.all(NAMES));
        count += 1;
        let Some(token) = response.optional(TOKEN) else {
            break;
        };
        request = page().query("continuation-token", token);
    }
    assert_eq!((names, count), (vec!["b-own".to_owned()], 3));
}
