//! What each S3 operation costs on Azure: calls to Cosmos DB and the request units that they are by Microsoft's figures,
//! counted before the emulator of Microsoft's SDK, and requests to Blob Storage, counted before a store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bleepstore_azure::cosmos::connect;
use bleepstore_core::Ports;
use bleepstore_core::memory::MemoryBlobs;
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tests::billing::CostDocument;
use bleepstore_tests::decorators::{CallCounter, intercepted_blobs};
use bleepstore_tests::emulators::CosmosEmulator;
use bleepstore_tests::http::{S3, start_server};

use super::operations::{Row, calls, every_operation};

const PRICES: &str = "### Azure: prices";
const ASSUMPTIONS: &str = "### Azure: assumptions";
const OPERATIONS: &str = "### Azure: operations";

/// Request units of a strong read of a row of up to 1 KB: two of a point read's one.
const READ: usize = 2;
/// Request units of a write of a row of up to 1 KB that is not indexed.
const WRITE: usize = 5;
/// Request units of a strong query: two of the 2.3 that the smallest costs, rounded up.
const QUERY: usize = 5;
/// Request units of each KB that a strong query answers with.
const QUERIED: usize = 2;

/// What an operation used.
struct Usage {
    cosmos: BTreeMap<&'static str, usize>,
    units: usize,
    storage: BTreeMap<&'static str, usize>,
}

#[test]
fn each_operation_costs_what_the_document_says() {
    let emulator = CosmosEmulator::start().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
    let account = emulator.account();
    let store = runtime.block_on(connect(&account, clock.clone(), entropy.clone()));
    let store = store.unwrap();
    let charges = store.charges();
    let requests = Arc::new(CallCounter::default());
    let counter = requests.clone();
    let endpoint = start_server(|| {
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        Ports {
            metadata: Arc::new(store),
            blobs: Arc::new(intercepted_blobs(blobs, counter)),
            clock,
            entropy,
        }
    });
    // What the start of the server asked for is none of the operations'.
    asked(&emulator);
    requests.take();
    let before = Mutex::new((charges.calls(), charges.request_units()));
    let rows = every_operation(S3 { endpoint }, move || {
        let (cosmos, units) = asked(&emulator);
        let total = cosmos.values().sum::<usize>() as u64;
        let now = (charges.calls(), charges.request_units());
        let before = std::mem::replace(&mut *before.lock().unwrap(), now);
        assert_eq!(now.0 - before.0, total, "calls that the store says it made");
        // The emulator's units are its own, and it asks none for a row that is not there.
        let charged = now.1 - before.1;
        assert!(total == 0 || charged > 0.0, "{cosmos:?} were charged {charged}");
        let storage = requests.take().into_iter().map(request).collect();
        Usage {
            cosmos,
            units,
            storage,
        }
    });
    let document = CostDocument::read();
    document.assert_table(OPERATIONS, rows.iter().map(|row| row.cells(&document)).collect());
}

/// The calls since the last look by name, and their units.
fn asked(emulator: &CosmosEmulator) -> (BTreeMap<&'static str, usize>, usize) {
    let mut counted = BTreeMap::new();
    let mut units = 0;
    for call in emulator.take_calls() {
        *counted.entry(call.name).or_default() += 1;
        units += match call.name {
            "read" => READ,
            // Charged by its answer, below.
            "query" => 0,
            _ => WRITE * call.changes,
        };
    }
    for bytes in emulator.take_answers_to_queries() {
        units += (QUERIED * bytes.div_ceil(1024)).max(QUERY);
    }
    (counted, units)
}

/// The operation of Blob Storage that a call of the store is.
fn request((call, count): (&'static str, usize)) -> (&'static str, usize) {
    let operation = match call {
        "write" | "set_owner" => "PutBlob",
        "read" | "owner" => "GetBlob",
        "delete" => "DeleteBlob",
        _ => panic!("no operation for {call}"),
    };
    (operation, count)
}

impl Row<Usage> {
    /// As the document has it.
    fn cells(&self, document: &CostDocument) -> Vec<String> {
        let milliseconds = self.busy(document);
        let dollars = self.dollars(document, milliseconds);
        vec![
            self.operation.to_owned(),
            calls(&self.usage.cosmos),
            self.usage.units.to_string(),
            calls(&self.usage.storage),
            format!("{milliseconds:.0}"),
            format!("{dollars:.2}"),
        ]
    }

    /// How long an instance is busy with it, as assumed.
    fn busy(&self, document: &CostDocument) -> f64 {
        let assumed = |name| document.number(ASSUMPTIONS, name);
        let count = |calls: &BTreeMap<_, usize>| calls.values().sum::<usize>() as f64;
        let calls = count(&self.usage.cosmos) * assumed("ms of a Cosmos DB call")
            + count(&self.usage.storage) * assumed("ms of a Blob Storage request");
        self.milliseconds(calls, document, ASSUMPTIONS)
    }

    /// The price of a million of them.
    fn dollars(&self, document: &CostDocument, milliseconds: f64) -> f64 {
        let price = |name| document.number(PRICES, name);
        let assumed = |name| document.number(ASSUMPTIONS, name);
        let billed = milliseconds.max(assumed("ms that are billed at least"));
        let seconds = billed / 1e3 / assumed("requests that share that time");
        let mut dollars = self.usage.units as f64 * price("Cosmos DB request unit")
            + seconds * assumed("MB of an instance's memory") / 1024.0 * price("Functions GB-second")
            + price("Functions execution");
        for (operation, count) in &self.usage.storage {
            dollars += *count as f64 * price(class(operation));
        }
        dollars
    }
}

/// Which of Blob Storage's prices an operation has.
fn class(operation: &str) -> &'static str {
    match operation {
        "PutBlob" => "Blob Storage write",
        "GetBlob" => "Blob Storage read",
        _ => "Blob Storage deletion",
    }
}
