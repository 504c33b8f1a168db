//! The binary `bleepstore` on a folder of a test.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};

use crate::emulators::binary;
use crate::http::{Endpoint, Front, S3};

const ACCESS_KEY: &str = "AKIATESTROOT";
const SECRET_KEY: &str = "a/secret+for/tests/only";

/// A running server. It is killed when this is dropped.
pub struct LocalServer {
    child: Child,
    address: SocketAddr,
    log: Option<JoinHandle<Vec<String>>>,
}

impl LocalServer {
    /// Starts a server on the data in `folder`, which is made where it is missing, with these settings on top of the
    /// usual ones. Returns when it serves.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> io::Result<Self> {
        let mut child = Command::new(binary("bleepstore")?)
            .env_clear()
            .env("BLEEPSTORE_DATA_DIR", folder)
            .env("BLEEPSTORE_LISTEN", "127.0.0.1:0")
            .env("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY)
            .env("BLEEPSTORE_SECRET_KEY", SECRET_KEY)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = child.stderr.take().map(kept);
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut server = Self {
            child,
            address: ([127, 0, 0, 1], 0).into(),
            log,
        };
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let mut endpoints = lines.filter_map(|line| {
            let address = line
                .trim()
                .strip_prefix("endpoint")?
                .trim()
                .strip_prefix("http://")?
                .parse();
            address.ok()
        });
        match endpoints.next() {
            Some(address) => server.address = address,
            None => {
                let log = server.kill()?;
                return Err(io::Error::other(format!(
                    "the server did not start: {}",
                    log.join("\n")
                )));
            }
        }
        // What it prints later is read, so that it can print it.
        thread::spawn(move || endpoints.for_each(drop));
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// S3, as the owner of the store sees it.
    pub fn s3(&self) -> S3 {
        S3 {
            endpoint: Endpoint {
                address: self.address,
                region: "us-east-1".to_owned(),
                access_key: ACCESS_KEY.to_owned(),
                secret_key: SECRET_KEY.to_owned(),
                session_token: None,
                front: Front::Nothing,
            },
        }
    }

    /// The most memory that it had in use since its start (its resident set), in bytes. Only Linux tells it.
    pub fn peak_memory(&self) -> io::Result<u64> {
        self.status("VmHWM:")
    }

    /// The memory that it has in use (its resident set), in bytes. Only Linux tells it.
    pub fn memory(&self) -> io::Result<u64> {
        self.status("VmRSS:")
    }

    fn status(&self, name: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        let kilobytes = kilobytes.ok_or_else(|| io::Error::other(format!("its status has no {name}")))?;
        Ok(kilobytes * 1024)
    }

    /// Ends the process in the middle of whatever it does, as `kill -9` does. Returns the lines of its log.
    pub fn kill(&mut self) -> io::Result<Vec<String>> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.rest_of_log())
    }

    /// Asks it to stop; whether it did so without an error, and the lines of its log.
    pub fn stop(mut self) -> io::Result<(bool, Vec<String>)> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let ended = self.child.wait()?;
        Ok((ended.success(), self.rest_of_log()))
    }

    fn rest_of_log(&mut self) -> Vec<String> {
        let log = self.log.take().map(JoinHandle::join);
        log.and_then(Result::ok).unwrap_or_default()
    }
}

/// Reads a log to its end.
fn kept(log: ChildStderr) -> JoinHandle<Vec<String>> {
    thread::spawn(move || BufReader::new(log).lines().map_while(Result::ok).collect())
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        // A process that has ended already is no matter.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("a server may be left behind: {error}");
        }
    }
}
