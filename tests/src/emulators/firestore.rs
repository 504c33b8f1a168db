//! Google's Firestore emulator, which the Google Cloud CLI brings.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bleepstore_core::ports::{Clock, Entropy};
use bleepstore_gcp::firestore::{Database, FirestoreMetadata, connect};

use super::supervised::Supervised;
use crate::entropy::SeededEntropy;

/// Java starts slowly on a machine that is busy compiling.
const START: Duration = Duration::from_secs(120);

/// What to do where it is missing.
const MISSING: &str = "the Firestore emulator is missing: install the Google Cloud CLI with its component \
    cloud-firestore-emulator (https://cloud.google.com/sdk/docs/install; `gcloud components install \
    cloud-firestore-emulator`, or the package google-cloud-cli-firestore-emulator) and a Java runtime, 11 or \
    later, with `gcloud` and `java` on the PATH";

/// The emulator's program. `gcloud emulators firestore start` runs the same, and would leave it behind when it is
/// stopped itself.
const MAIN: &str = "com.google.cloud.datastore.emulator.firestore.CloudFirestore";

/// A running emulator with nothing in it. It ends when this is dropped, or with this process.
pub struct FirestoreEmulator {
    address: SocketAddr,
    _program: Supervised,
}

impl FirestoreEmulator {
    /// Starts it on a free port.
    pub fn start() -> io::Result<Self> {
        let jar = jar()?;
        // The emulator takes no port 0: another process may take this one first, upon which the start fails.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let port = address.port().to_string();
        let command = [
            OsStr::new("java"),
            OsStr::new("-XX:+UseSerialGC"),
            OsStr::new("-XX:TieredStopAtLevel=1"),
            OsStr::new("-Xmx512m"),
            // Its messages are read below.
            OsStr::new("-Duser.language=en"),
            OsStr::new("-cp"),
            jar.as_os_str(),
            OsStr::new(MAIN),
            OsStr::new("--host"),
            OsStr::new("127.0.0.1"),
            OsStr::new("--port"),
            OsStr::new(&port),
        ];
        let (send, receive) = mpsc::channel();
        let variables: [(&str, &str); 0] = [];
        let supervised = Supervised::start(&command, variables, move |line| {
            let ready = line.map(|line| line.contains("Dev App Server is now running"));
            if ready != Some(false) {
                // Nobody listens any more once the start is over.
                send.send(ready.is_some()).unwrap_or_default();
            }
        })?;
        match receive.recv_timeout(START) {
            Ok(true) => Ok(Self {
                address,
                _program: supervised,
            }),
            _ => Err(io::Error::other("the Firestore emulator did not start")),
        }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A store in a project of an emulator at `endpoint`, over a connection of its own.
pub async fn firestore_store(endpoint: &str, project: &str, clock: Arc<dyn Clock>) -> FirestoreMetadata {
    let database = Database {
        project,
        name: "(default)",
        emulator: Some(endpoint),
    };
    let db = connect(database).await.expect("the emulator is there");
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::unpredictable());
    FirestoreMetadata::new(db, clock, entropy)
}

/// The name of a project that was never used before, and so is empty.
pub fn unused_project() -> String {
    format!("bleepstore-{:016x}", SeededEntropy::unpredictable().next_u64())
}

/// The emulator beside the `gcloud` on the PATH.
fn jar() -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::env::split_paths(&path).collect::<Vec<_>>().into_iter();
    if !programs.clone().any(|folder| folder.join("java").is_file()) {
        return Err(io::Error::other(MISSING));
    }
    programs
        .find_map(|folder| {
            let gcloud = folder.join("gcloud").canonicalize().ok()?;
            let root = gcloud.parent()?.parent()?;
            let jar = root.join("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar");
            jar.is_file().then_some(jar)
        })
        .ok_or_else(|| io::Error::other(MISSING))
}
