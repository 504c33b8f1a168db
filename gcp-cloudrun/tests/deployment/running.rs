//! The binary under test, on an emulated Google Cloud.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use bleepstore_tests::emulators::{GoogleCloud, REGION};
use bleepstore_tests::http::{Endpoint, Front, S3};

const ACCESS_KEY: &str = "AKIAGCPROOT";
const SECRET_KEY: &str = "a/secret+for/tests/only";

/// How long a line of the log may be waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary as its platform starts it: a process of its own, whose log can be read.
pub(crate) struct Running {
    child: Child,
    address: SocketAddr,
    log: Receiver<String>,
}

impl Running {
    /// Starts it on a free port of loopback with these variables on top of the cloud's.
    pub(crate) fn start(cloud: &GoogleCloud, more: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bleepstore-gcp"))
            .envs(cloud.variables())
            .env("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY)
            .env("BLEEPSTORE_SECRET_KEY", SECRET_KEY)
            .env("BLEEPSTORE_LISTEN", "127.0.0.1:0")
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, log) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                eprintln!("{line}");
                // A test that is over reads nothing more.
                send.send(line).unwrap_or_default();
            }
        });
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let address = first.trim().strip_prefix("endpoint http://").expect("it starts");
        Self {
            child,
            address: address.parse().unwrap(),
            log,
        }
    }

    /// A client that speaks HTTP/1.1 or, with [`Front::Http2`], HTTP/2.
    pub(crate) fn s3(&self, front: Front) -> S3 {
        S3 {
            endpoint: Endpoint {
                address: self.address,
                region: REGION.to_owned(),
                access_key: ACCESS_KEY.to_owned(),
                secret_key: SECRET_KEY.to_owned(),
                session_token: None,
                front,
            },
        }
    }

    /// The next line of the log in which this occurs.
    pub(crate) fn logged(&self, what: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).expect("such a line");
            if line.contains(what) {
                return line;
            }
        }
    }

    /// The most memory that the process ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kilobytes * 1024
    }

    /// Asks it to stop, as Cloud Run does.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(asked.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
