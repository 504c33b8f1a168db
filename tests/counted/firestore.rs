//! What each S3 operation costs on Google Cloud: calls to Firestore and the documents that are billed, counted by the store
//! on Google's emulator, and requests to Cloud Storage, counted before a store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bleepstore_core::Ports;
use bleepstore_core::memory::MemoryBlobs;
use bleepstore_gcp::firestore::Usage as FirestoreUsage;
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tests::billing::CostDocument;
use bleepstore_tests::decorators::{CallCounter, intercepted_blobs};
use bleepstore_tests::emulators::{FirestoreEmulator, firestore_store, unused_project};
use bleepstore_tests::http::{S3, start_server};

use super::operations::{Row, calls, every_operation};

const PRICES: &str = "### Google Cloud: prices";
const ASSUMPTIONS: &str = "### Google Cloud: assumptions";
const OPERATIONS: &str = "### Google Cloud: operations";

/// What an operation used.
struct Usage {
    firestore: FirestoreUsage,
    storage: BTreeMap<&'static str, usize>,
}

#[test]
fn each_operation_costs_what_the_document_says() {
    let endpoint = FirestoreEmulator::shared().endpoint();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let project = unused_project();
    let store = firestore_store(&endpoint, &project, Arc::new(SystemClock));
    let store = Arc::new(runtime.block_on(store));
    let requests = Arc::new(CallCounter::default());
    let (metadata, counter) = (store.clone(), requests.clone());
    let endpoint = start_server(|| {
        let clock = Arc::new(SystemClock);
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        Ports {
            metadata,
            blobs: Arc::new(intercepted_blobs(blobs, counter)),
            clock,
            entropy: Arc::new(OsEntropy),
        }
    });
    // What the start of the server asked for is none of the operations'.
    requests.take();
    let before = Mutex::new(store.usage());
    let rows = every_operation(S3 { endpoint }, move || {
        let now = store.usage();
        let before = std::mem::replace(&mut *before.lock().unwrap(), now);
        Usage {
            firestore: since(before, now),
            storage: requests.take().into_iter().map(request).collect(),
        }
    });
    let document = CostDocument::read();
    document.assert_table(OPERATIONS, rows.iter().map(|row| row.cells(&document)).collect());
}

fn since(before: FirestoreUsage, now: FirestoreUsage) -> FirestoreUsage {
    FirestoreUsage {
        round_trips: now.round_trips - before.round_trips,
        reads: now.reads - before.reads,
        writes: now.writes - before.writes,
        deletes: now.deletes - before.deletes,
    }
}

/// The method of the JSON API that is billed for a call of the store: a resumable upload is one too, however many
/// requests it is.
fn request((call, count): (&'static str, usize)) -> (&'static str, usize) {
    let method = match call {
        "write" | "set_owner" => "insert",
        "read" | "owner" => "get",
        "delete" => "delete",
        _ => panic!("no method for {call}"),
    };
    (method, count)
}

impl Row<Usage> {
    /// As the document has it.
    fn cells(&self, document: &CostDocument) -> Vec<String> {
        let Usage { firestore, storage } = &self.usage;
        let milliseconds = self.busy(document);
        let dollars = self.dollars(document, milliseconds);
        vec![
            self.operation.to_owned(),
            firestore.round_trips.to_string(),
            firestore.reads.to_string(),
            firestore.writes.to_string(),
            firestore.deletes.to_string(),
            calls(storage),
            format!("{milliseconds:.0}"),
            format!("{dollars:.2}"),
        ]
    }

    /// How long an instance is busy with it, as assumed.
    fn busy(&self, document: &CostDocument) -> f64 {
        let assumed = |name| document.number(ASSUMPTIONS, name);
        let requests = self.usage.storage.values().sum::<usize>();
        let calls = self.usage.firestore.round_trips as f64 * assumed("ms of a Firestore call")
            + requests as f64 * assumed("ms of a Cloud Storage request");
        self.milliseconds(calls, document, ASSUMPTIONS)
    }

    /// The price of a million of them.
    fn dollars(&self, document: &CostDocument, milliseconds: f64) -> f64 {
        let price = |name| document.number(PRICES, name);
        let assumed = |name| document.number(ASSUMPTIONS, name);
        let step = assumed("ms that an instance's time is rounded up to");
        let seconds = (milliseconds / step).ceil() * step / 1e3 / assumed("requests that share that time");
        let Usage { firestore, storage } = &self.usage;
        let mut dollars = firestore.reads as f64 * price("Firestore document read")
            + firestore.writes as f64 * price("Firestore document written")
            + firestore.deletes as f64 * price("Firestore document deleted")
            + seconds * assumed("CPUs of an instance") * price("Cloud Run CPU-second")
            + seconds * assumed("MiB of an instance's memory") / 1024.0 * price("Cloud Run GiB-second")
            + price("Cloud Run request");
        for (method, count) in storage {
            dollars += *count as f64 * price(class(method));
        }
        dollars
    }
}

/// Which of Cloud Storage's prices a method has.
fn class(method: &str) -> &'static str {
    match method {
        "insert" => "Cloud Storage operation of class A",
        "get" => "Cloud Storage operation of class B",
        _ => "Cloud Storage deletion",
    }
}
