//! How many calls each S3 operation makes to Cosmos DB, and the request units that they are. `docs/cost-azure.md` has the
//! table, and a test here fails if it says otherwise.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bleepstore_azure::cosmos::{CosmosMetadata, RequestCharges, connect};
use bleepstore_core::memory::MemoryBlobs;
use bleepstore_core::ops::{self, ListObjects};
use bleepstore_tests::clock::{ManualClock, SkippingClock};
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::{Deployment, incoming, name};
use bleepstore_tests::emulators::CosmosEmulator;
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::NOW;
use bytes::Bytes;

/// Request units of a strong read of a row of up to 1 KB: two of a point read's one.
const READ: usize = 2;
/// Request units of a write of a row of up to 1 KB that is not indexed.
const WRITE: usize = 5;
/// Request units of a strong query: two of the 2.3 that the smallest costs, rounded up.
const QUERY: usize = 5;

/// The page that the table is on.
const PAGE: &str = include_str!("../../docs/cost-azure.md");

struct Counted {
    emulator: CosmosEmulator,
    deployment: Deployment,
    charges: Arc<RequestCharges>,
    /// The rows of the table.
    table: String,
    /// Operations that made other calls than expected.
    wrong: Vec<String>,
}

impl Counted {
    async fn new() -> Self {
        let emulator = CosmosEmulator::start().unwrap();
        let clock = Arc::new(SkippingClock::at(NOW));
        let entropy = Arc::new(SeededEntropy::unpredictable());
        let store: CosmosMetadata = connect(&emulator.account(), clock, entropy).await.unwrap();
        let charges = store.charges();
        let clock = Arc::new(ManualClock::at(NOW));
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        let deployment = Deployment::over(Arc::new(store), blobs, clock, Arc::new(PassThrough)).await;
        Self {
            emulator,
            deployment,
            charges,
            table: String::new(),
            wrong: Vec::new(),
        }
    }

    /// Makes an operation, which makes these calls, and writes its row.
    async fn count<T>(
        &mut self,
        operation: &str,
        expected: &[(&'static str, usize)],
        make: impl AsyncFnOnce(&Deployment) -> T,
    ) -> T {
        self.emulator.take_calls();
        let (calls, units) = (self.charges.calls(), self.charges.request_units());
        let made = make(&self.deployment).await;
        let mut counted: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut cost = 0;
        for call in self.emulator.take_calls() {
            *counted.entry(call.name).or_default() += 1;
            cost += match call.name {
                "read" => READ,
                "query" => QUERY,
                _ => WRITE * call.changes,
            };
        }
        let total: usize = counted.values().sum();
        assert_eq!(self.charges.calls() - calls, total as u64, "{operation}");
        // Every answer carries a charge, of one unit or more.
        assert!(
            self.charges.request_units() - units >= total as f64,
            "{operation}"
        );
        let expected: BTreeMap<_, _> = expected.iter().copied().collect();
        if counted != expected {
            self.wrong
                .push(format!("{operation}: {counted:?}, not {expected:?}"));
        }
        let names: Vec<String> = counted
            .iter()
            .map(|(name, calls)| format!("{calls} {name}"))
            .collect();
        let names = names.join(", ");
        writeln!(self.table, "| {operation} | {names} | {cost} |").unwrap();
        made
    }
}

#[tokio::test]
async fn the_page_says_what_each_operation_costs() {
    let mut f = Counted::new().await;
    let bytes = || Bytes::from_static(b"body");
    f.count("CreateBucket", &[("upsert", 1), ("create", 1)], async |d| {
        d.create_bucket("bucket").await.unwrap();
    })
    .await;
    let new = [("read", 3), ("create", 1)];
    f.count("PutObject, a new key", &new, async |d| {
        d.put("bucket", "a", bytes()).await.unwrap()
    })
    .await;
    let over = [("read", 4), ("create", 1), ("replace", 1)];
    f.count("PutObject over an object", &over, async |d| {
        d.put("bucket", "a", bytes()).await.unwrap()
    })
    .await;
    f.count("GetObject, HeadObject", &[("read", 2)], async |d| {
        d.get("bucket", "a").await.unwrap()
    })
    .await;
    let shared = [("read", 6), ("create", 1), ("replace", 1)];
    f.count("CopyObject, the first copy", &shared, async |d| {
        d.copy(("bucket", "a"), ("bucket", "b")).await.unwrap()
    })
    .await;
    f.count(
        "CopyObject, another copy",
        &[("read", 5), ("create", 1)],
        async |d| d.copy(("bucket", "a"), ("bucket", "c")).await.unwrap(),
    )
    .await;
    let list = |d: &Deployment| {
        let input = ListObjects {
            bucket: name("bucket"),
            prefix: String::new(),
            delimiter: String::new(),
            after: None,
            limit: 1_000,
        };
        let (context, caller) = (d.context.clone(), d.caller.clone());
        async move { ops::list_objects(&context, &caller, input).await.unwrap() }
    };
    let page = f
        .count(
            "ListObjectsV2, a short page",
            &[("read", 1), ("query", 1)],
            async |d| list(d).await,
        )
        .await;
    assert_eq!(page.objects.len(), 3);
    f.deployment.put("bucket", "z", bytes()).await.unwrap();
    f.count("DeleteObject", &[("read", 3), ("delete", 1)], async |d| {
        d.delete("bucket", "z").await.unwrap();
    })
    .await;
    let uploaded = multipart(&mut f).await;
    assert_eq!(f.deployment.get("bucket", "m").await.unwrap(), uploaded);
    assert!(f.wrong.is_empty(), "{:#?}", f.wrong);
    let rows: Vec<&str> = f.table.lines().collect();
    for row in &rows {
        assert!(
            PAGE.lines().any(|line| line == *row),
            "the page lacks a row:\n{}",
            f.table
        );
    }
    let shown = PAGE.lines().filter(|line| line.starts_with("| ")).count() - 1;
    assert_eq!(shown, rows.len(), "the page has rows of what nobody counts");
}

async fn multipart(f: &mut Counted) -> Bytes {
    let body = Bytes::from_static(b"part");
    let place = ("bucket", "m");
    let begin = [("read", 2), ("upsert", 2)];
    let upload = f
        .count("CreateMultipartUpload", &begin, async |d| {
            d.begin("bucket", "m").await.unwrap()
        })
        .await;
    let part = f
        .count("UploadPart", &[("read", 3), ("create", 1)], async |d| {
            d.part(place, upload, 1, incoming(body.clone())).await.unwrap()
        })
        .await;
    let complete = [
        ("read", 9),
        ("query", 2),
        ("batch", 2),
        ("replace", 2),
        ("delete", 1),
    ];
    f.count("CompleteMultipartUpload of one part", &complete, async |d| {
        d.complete(place, upload, &[(1, part.etag.clone())])
            .await
            .unwrap()
    })
    .await;
    let upload = f.deployment.begin("bucket", "n").await.unwrap();
    let body_of_part = incoming(body.clone());
    f.deployment
        .part(("bucket", "n"), upload, 1, body_of_part)
        .await
        .unwrap();
    let abort = [
        ("read", 5),
        ("query", 1),
        ("batch", 1),
        ("create", 1),
        ("replace", 1),
        ("delete", 1),
    ];
    f.count("AbortMultipartUpload of one part", &abort, async |d| {
        d.abort(("bucket", "n"), upload).await.unwrap();
    })
    .await;
    body
}
