//! The binary of a deployment as an HTTP server.

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::supervised::Supervised;

/// How long a start may take, against emulators that are busy.
const START: Duration = Duration::from_secs(60);

/// A running binary that serves HTTP. It ends when this is dropped, or with this process.
pub struct ServerProgram {
    address: SocketAddr,
    program: Supervised,
}

impl ServerProgram {
    /// Starts the binary on a free port with these variables.
    pub fn start<V: AsRef<OsStr>>(binary: &Path, variables: Vec<(&'static str, V)>) -> io::Result<Self> {
        let variables = variables
            .iter()
            .map(|(name, value)| (*name, value.as_ref()))
            .chain([("BLEEPSTORE_LISTEN", OsStr::new("127.0.0.1:0"))]);
        let (send, receive) = mpsc::channel();
        let program = Supervised::start(&[binary.as_os_str()], variables, move |line| {
            let address = line.map(endpoint_in);
            match address {
                // Nobody listens any more once the start is over.
                None => send.send(None).unwrap_or_default(),
                Some(Some(address)) => send.send(address.parse().ok()).unwrap_or_default(),
                Some(None) => eprintln!("{}", line.unwrap_or_default()),
            }
        })?;
        match receive.recv_timeout(START) {
            Ok(Some(address)) => Ok(Self { address, program }),
            _ => Err(io::Error::other(format!("{} did not start", binary.display()))),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it to stop; whether it did so without an error.
    pub fn stop(mut self) -> io::Result<bool> {
        Ok(self.program.stop()?.success())
    }
}

/// The address in the line that says where a server listens. The local server's is indented and padded.
fn endpoint_in(line: &str) -> Option<&str> {
    let url = line.trim_start().strip_prefix("endpoint")?.trim_start();
    url.strip_prefix("http://")
}

/// The binary of this name that cargo built beside the running test or program.
pub fn binary(name: &str) -> io::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let found = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    found.ok_or_else(|| io::Error::other(format!("{name} is not built: cargo build --workspace")))
}
