//! moto: another DynamoDB on a loopback port.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

use super::python::installed;
use super::supervised::Supervised;

/// What is installed.
const REQUIREMENT: &str = "moto[server]==5.2.5";

/// Python starts slowly on a machine that is busy compiling.
const START: Duration = Duration::from_secs(120);

/// A running moto with nothing in it. It ends when this is dropped, or with this process.
pub struct Moto {
    address: SocketAddr,
    _program: Supervised,
}

impl Moto {
    /// Installs moto where it is missing, and starts it on a free port.
    pub fn start() -> io::Result<Self> {
        let program = installed("moto_server", REQUIREMENT)?;
        // What a process listens on is told by nothing: another one may take this port first, and the start fails.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let port = address.port().to_string();
        let (send, receive) = mpsc::channel();
        let variables = [("MOTO_PORT", port.as_str()), ("PYTHONUNBUFFERED", "1")];
        let supervised = Supervised::start(program.as_os_str(), variables, move |line| {
            let ready = line.map(|line| line.contains("Running on http"));
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
            _ => Err(io::Error::other("moto did not start")),
        }
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}
