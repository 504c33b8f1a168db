//! The stores that fixtures are of: how a release's rows get out of one, and into another.

mod aws;
mod azure;
mod google;
mod local;

use std::any::Any;
use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::ports::{BlobStore, Clock, MetadataStore};
use bleepstore_http::Environment;
use bleepstore_tests::entropy::SeededEntropy;

use crate::fixture::Fixture;
use crate::released::{Deployed, Variables};

pub(crate) use self::aws::DynamoDb;
pub(crate) use self::azure::Cosmos;
pub(crate) use self::google::Firestore;
pub(crate) use self::local::{Folder, Jsonl, Sqlite, files};

/// The folder of a fixture that has the objects in a cloud's object store, by their names.
const OBJECTS: &str = "objects";

/// The stores of a deployment.
pub(crate) struct Opened {
    pub(crate) metadata: Arc<dyn MetadataStore>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) holding: Box<dyn Any>,
}

/// A store that a fixture is put into.
pub(crate) trait Store {
    /// The folder of its fixtures.
    const NAME: &'static str;

    /// The fixture in a store that nobody else uses, opened by the code of today.
    fn open(fixture: &Fixture, clock: Arc<dyn Clock>) -> impl Future<Output = Opened>;
}

/// A store that a release fills.
pub(crate) trait Source: Store {
    /// How many extents, of one part, are just too many for a row.
    const PIECES: usize;

    /// An empty one.
    fn start() -> Self;

    /// How it is served and operated on.
    fn deployed(&self) -> Deployed;

    /// Does `work` on its stores as the code of today opens them.
    async fn opened_today(&self, work: impl AsyncFnOnce(Ports));

    /// Puts all rows and bytes into the fixture.
    fn keep(&self, fixture: &Fixture);
}

/// What a program has that has these variables.
fn environment(variables: Variables) -> Environment<'static> {
    Environment::of(move |name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.clone())
    })
}

/// A name that was never used before.
fn unused(prefix: &str) -> String {
    format!("{prefix}-{:016x}", SeededEntropy::unpredictable().next_u64())
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}
