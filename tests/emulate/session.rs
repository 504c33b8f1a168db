//! What a person sees of an emulated cloud.

use std::io;
use std::net::SocketAddr;

use bleepstore_tests::emulators::REGION;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// The root credential where the environment names none.
const ACCESS_KEY: &str = "emulated-root";
const SECRET_KEY: &str = "emulated-root-secret";

/// Ctrl-C or SIGTERM. From here on they end the wait for this instead of the process, so that what was started is
/// stopped.
pub(crate) fn end(runtime: &Runtime) -> io::Result<impl Future<Output = ()> + use<>> {
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    })
}

/// The root credential.
pub(crate) struct Root {
    access_key: String,
    secret_key: String,
}

impl Root {
    pub(crate) fn from_environment() -> Self {
        let variable = |name, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
        Self {
            access_key: variable("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY),
            secret_key: variable("BLEEPSTORE_SECRET_KEY", SECRET_KEY),
        }
    }

    /// As a program takes it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("BLEEPSTORE_ACCESS_KEY", self.access_key.clone()),
            ("BLEEPSTORE_SECRET_KEY", self.secret_key.clone()),
        ]
    }

    /// Says where to reach what runs, such as "a function on an emulated cloud".
    pub(crate) fn announce(&self, what: &str, address: SocketAddr) {
        let Self {
            access_key,
            secret_key,
        } = self;
        println!(
            "BleepStore runs as {what}. Ctrl-C ends it, and what is stored is gone then.\n  \
             endpoint    http://{address}\n  region      {REGION}\n  access key  {access_key}\n  \
             secret key  {secret_key}\nTry it:\n  AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY={secret_key} \
             AWS_DEFAULT_REGION={REGION} aws s3 --endpoint-url http://{address} ls"
        );
    }
}
