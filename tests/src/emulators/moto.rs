//! moto: another DynamoDB, on a loopback port.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

use super::python::installed;
use super::supervised::Supervised;

/// What is installed.
const REQUIREMENT: &str = "moto[server]==5.2.5";

/// moto's server, which decides on conditions and then writes, without a lock: as it comes, two conditional writes can
/// both win, and a cancelled transaction takes the writes of others back. So requests take turns.
const PROGRAM: &str = r#"
import sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
backends, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()
def in_turn(environ, start_response):
    with turn:
        return list(backends(environ, start_response))
run_simple("127.0.0.1", int(sys.argv[1]), in_turn, threaded=True)
"#;

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
        let python = installed("moto", REQUIREMENT)?.join("bin/python");
        // Another process may take this port first, upon which the start fails.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let port = address.port().to_string();
        let (send, receive) = mpsc::channel();
        let program = ["-u", "-c", PROGRAM, &port].map(OsStr::new);
        let program = [&[python.as_os_str()], &program[..]].concat();
        let supervised = Supervised::start(&program, [("MOTO_PORT", &port)], move |line| {
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
