//! BleepStore and its peers: how each is started on loopback, with its data in a folder, and stopped.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::body::Body;
use crate::client::Client;
use crate::process::Watched;
use bleepstore_bench::endpoint::Endpoint;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);

/// How long a server may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(40);

/// How long to wait between two looks: a start is measured no finer than this.
const LOOK: Duration = Duration::from_micros(250);

/// Ports that SeaweedFS needs: HTTP and gRPC of four servers.
const SEAWEEDFS_PORTS: usize = 8;

/// A server that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bleepstore,
    S3sFs,
    Seaweedfs,
}

/// A server that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    pub(crate) kind: Kind,
    pub(crate) program: PathBuf,
    /// Its environment, beside what is set here.
    pub(crate) settings: Vec<(String, String)>,
}

/// A server that runs. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) endpoint: Endpoint,
    /// From its start to its first answer to a signed request.
    pub(crate) ready: Duration,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bleepstore => "BleepStore",
            Self::S3sFs => "s3s-fs",
            Self::Seaweedfs => "SeaweedFS",
        }
    }

    /// Whether a write is on the disk before it is answered. As they are started here, the peers answer once it is in
    /// the page cache.
    pub(crate) const fn is_durable(self) -> bool {
        match self {
            Self::Bleepstore => true,
            Self::S3sFs | Self::Seaweedfs => false,
        }
    }

    /// What its folder is called.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Bleepstore => "bleepstore",
            Self::S3sFs => "s3s-fs",
            Self::Seaweedfs => "seaweedfs",
        }
    }
}

impl Installed {
    /// Starts it with its data in `folder`, which is there, and returns when it serves.
    pub(crate) fn start(&self, folder: &Path) -> Result<Server, String> {
        let ports = free_ports(SEAWEEDFS_PORTS).map_err(|error| format!("no port is free: {error}"))?;
        let endpoint = Endpoint::local(ports[0]);
        let log = File::create(folder.with_extension("log"))
            .and_then(|log| Ok((log.try_clone()?, log)))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", folder);
        match self.kind {
            Kind::Bleepstore => bleepstore(&mut command, &endpoint, folder),
            Kind::S3sFs => s3s_fs(&mut command, &endpoint, folder),
            Kind::Seaweedfs => seaweedfs(&mut command, &endpoint, folder, &ports)
                .map_err(|error| format!("{}: {error}", folder.display()))?,
        }
        command
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.0)
            .stderr(log.1);
        let begun = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", self.program.display()))?;
        let mut server = Server {
            child,
            endpoint,
            ready: Duration::ZERO,
        };
        server.wait_until_ready(begun)?;
        Ok(server)
    }
}

impl Server {
    fn wait_until_ready(&mut self, begun: Instant) -> Result<(), String> {
        loop {
            let answered = Client::connect(&self.endpoint).and_then(|mut client| client.list_buckets());
            self.ready = begun.elapsed();
            let Err(complaint) = answered else {
                return Ok(());
            };
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("it ended with {status}: see its log"));
            }
            if self.ready > START {
                return Err(format!("it does not answer: {complaint}"));
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits until objects can be written, which in a server of several parts may take longer than until the first answer.
    pub(crate) fn wait_until_writable(&self, bucket: &str) -> Result<(), String> {
        let begun = Instant::now();
        let written = || {
            let mut client = Client::connect(&self.endpoint)?;
            client.create_bucket(bucket)?;
            client.put(&format!("/{bucket}/ready"), Body::empty())?;
            client.delete(&format!("/{bucket}/ready"))
        };
        loop {
            match written() {
                Ok(()) => return Ok(()),
                Err(complaint) if begun.elapsed() > START => return Err(complaint),
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    pub(crate) fn process(&self) -> Watched {
        Watched(self.child.id())
    }

    /// Asks it to end, and ends it where it does not.
    pub(crate) fn stop(mut self) -> Result<(), String> {
        let stopped = || -> io::Result<()> {
            kill_process(Pid::from_child(&self.child), Signal::TERM)?;
            let asked = Instant::now();
            while self.child.try_wait()?.is_none() {
                if asked.elapsed() > STOP {
                    self.child.kill()?;
                    self.child.wait()?;
                }
                thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        };
        let mut stopped = stopped;
        stopped().map_err(|error| format!("a server may be left behind: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait()
            && let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop))
        {
            eprintln!("a server may be left behind: {error}");
        }
    }
}

/// Ports of loopback that nobody listens on.
fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let listeners = (0..count).map(|_| TcpListener::bind("127.0.0.1:0"));
    let listeners = listeners.collect::<io::Result<Vec<_>>>()?;
    let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port()));
    ports.collect()
}

fn bleepstore(command: &mut Command, endpoint: &Endpoint, folder: &Path) {
    command
        .env("BLEEPSTORE_LISTEN", endpoint.address.to_string())
        .env("BLEEPSTORE_DATA_DIR", folder)
        .env("BLEEPSTORE_ACCESS_KEY", &endpoint.access_key)
        .env("BLEEPSTORE_SECRET_KEY", &endpoint.secret_key);
}

fn s3s_fs(command: &mut Command, endpoint: &Endpoint, folder: &Path) {
    command
        .args(["--host", "127.0.0.1", "--port"])
        .arg(endpoint.address.port().to_string())
        .args(["--access-key", &endpoint.access_key])
        .args(["--secret-key", &endpoint.secret_key])
        .arg(folder);
}

/// Master, volume server, filer and S3 gateway in one process, all of them on loopback; without the telemetry that it
/// otherwise sends to its makers. Volumes are smaller than usual, so that each bucket can have its own.
fn seaweedfs(command: &mut Command, endpoint: &Endpoint, folder: &Path, ports: &[u16]) -> io::Result<()> {
    let config = folder.join("s3.json");
    let identity = serde_json::json!({"identities": [{
        "name": "bench",
        "credentials": [{"accessKey": endpoint.access_key, "secretKey": endpoint.secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]});
    fs::write(&config, identity.to_string())?;
    command.args(["server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
    let options = [
        "s3.port",
        "s3.port.grpc",
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ];
    for (option, port) in options.iter().zip(ports) {
        command.arg(format!("-{option}={port}"));
    }
    for (option, file) in [("s3.localSocket", "s3.sock"), ("filer.localSocket", "filer.sock")] {
        command.arg(format!("-{option}={}", folder.join(file).display()));
    }
    command
        .args([
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
        ])
        .args(["-master.volumeSizeLimitMB=1024", "-volume.max=400"])
        .arg(format!("-s3.config={}", config.display()))
        .arg(format!("-dir={}", folder.display()));
    Ok(())
}
