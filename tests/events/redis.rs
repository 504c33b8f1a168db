//! A Redis of the test's own, which keeps what it acknowledged through its kills.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) struct Redis {
    child: Option<Child>,
    port: u16,
    folder: PathBuf,
}

impl Redis {
    pub(crate) fn start(folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut redis = Self {
            child: None,
            port,
            folder: folder.to_owned(),
        };
        redis.again();
        redis
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it with what it had, and returns when it answers.
    pub(crate) fn again(&mut self) {
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"])
            .args(["--dir", self.folder.to_str().unwrap()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let begun = Instant::now();
        while self.ask(&["ping"]).as_ref().and_then(Value::as_str) != Some("PONG") {
            assert!(begun.elapsed() < Duration::from_secs(30), "Redis does not answer");
            std::thread::yield_now();
        }
    }

    /// The documents of all entries of the stream, with their ids.
    pub(crate) fn entries(&self) -> Vec<(String, Value)> {
        let found = self.ask(&["xrange", "ev", "-", "+"]).unwrap();
        let entries = found.as_array().unwrap().iter().map(|entry| {
            let fields = entry[1].as_array().unwrap();
            let field = |name: &str| {
                let at = fields.iter().position(|field| field == name).unwrap();
                fields[at + 1].as_str().unwrap().to_owned()
            };
            (field("id"), serde_json::from_str(&field("event")).unwrap())
        });
        entries.collect()
    }

    fn ask(&self, command: &[&str]) -> Option<Value> {
        let ran = Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "--json"])
            .args(command)
            .output()
            .unwrap();
        serde_json::from_slice(&ran.stdout).ok()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
