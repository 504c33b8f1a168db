//! What many of one kind cost: an object of many parts, many open uploads, many buckets. Not how fast, but how much
//! memory and processor time requests and the operator's tools take, and so what is not bounded.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::body::Body;
use crate::client::Client;
use crate::process::Watched;
use crate::servers::{Installed, Kind, Server};
use bleepstore_bench::endpoint::Endpoint;

/// How many there are of each kind. Uploads are measured twice, to see what grows with them.
const PARTS: usize = 10_000;
const UPLOADS: [usize; 2] = [10_000, 50_000];
const BUCKETS: usize = 10_000;
const VERSIONS: usize = 1_000_000;

/// How many keys have these versions.
const VERSIONED_KEYS: usize = 1_000;

/// The smallest part that may be followed by another. Parts are copies of one object of this length, and share its
/// bytes.
const PART: u64 = 5 << 20;

/// How many connections prepare.
const CONNECTIONS: usize = 16;

/// How often a tool is looked at while it runs.
const LOOK: Duration = Duration::from_millis(2);

/// A bucket for what is not many.
const BUCKET: &str = "crowd";

/// The operator's commands that read everything, and what they are given beside the data folder. The grace is as short
/// as it can be, so that `gc` has to look at every record.
const TOOLS: [(&str, &[&str]); 3] = [
    ("gc", &["--exclusive", "--grace", "0s", "--force"]),
    ("fsck", &["--grace", "24h"]),
    ("stats", &[]),
];

/// Prepares each crowd in a folder of its own below `folder`, and prints what it costs.
pub(crate) fn run(program: &Installed, folder: &Path) -> Result<(), String> {
    if program.kind != Kind::Bleepstore {
        return Err("crowds are measured of BleepStore".to_owned());
    }
    println!("{:<46} {:>10} {:>10} {:>10}", "", "s", "CPU s", "peak MiB");
    let parts = Crowd::new(program, folder, format!("an object of {PARTS} parts"))?;
    parts.measure(prepare_parts, parts_requests)?;
    for count in UPLOADS {
        let uploads = Crowd::new(program, folder, format!("{count} open uploads"))?;
        uploads.measure(|endpoint| prepare_uploads(endpoint, count), uploads_requests)?;
    }
    let buckets = Crowd::new(program, folder, format!("{BUCKETS} buckets"))?;
    buckets.measure(prepare_buckets, buckets_requests)?;
    let versions = format!("{VERSIONS} versions of {VERSIONED_KEYS} keys under one prefix");
    Crowd::new(program, folder, versions)?.measure(prepare_versions, versions_requests)?;
    let markers = format!("{VERSIONS} delete markers under one prefix");
    Crowd::new(program, folder, markers)?.measure(prepare_markers, markers_requests)
}

struct Crowd<'a> {
    program: &'a Installed,
    folder: PathBuf,
}

/// A request that is measured: its name, and what asks it.
type Asked<'a> = (
    &'static str,
    Box<dyn FnOnce(&mut Client) -> Result<(), String> + 'a>,
);

impl<'a> Crowd<'a> {
    fn new(program: &'a Installed, folder: &Path, title: String) -> Result<Self, String> {
        println!("{title}");
        let folder = folder.join("crowd");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self { program, folder })
    }

    /// Prepares the crowd; then the tools, since what some of the requests do ends it.
    fn measure<T>(
        &self,
        prepare: impl FnOnce(&Endpoint) -> Result<T, String>,
        requests: impl FnOnce(T) -> Vec<Asked<'static>>,
    ) -> Result<(), String> {
        let server = self.program.start(&self.folder)?;
        let mut client = Client::connect(&server.endpoint)?;
        client.create_bucket(BUCKET)?;
        client.put(&format!("/{BUCKET}/source"), &Body::noise(PART))?;
        let prepared = prepare(&server.endpoint)?;
        server.stop()?;
        let server = self.program.start(&self.folder)?;
        let process = server.process();
        line(
            "start",
            server.ready,
            process.processor_time()?,
            process.peak_memory()?,
        );
        let (mut requests, mut ending) = (requests(prepared), Vec::new());
        if let Some(last) = requests.pop() {
            ending.push(last);
        }
        ask(&server, requests)?;
        server.stop()?;
        TOOLS.into_iter().try_for_each(|tool| self.tool(tool))?;
        let server = self.program.start(&self.folder)?;
        ask(&server, ending)?;
        server.stop()
    }

    /// Runs one of the operator's commands. What it took is what is known of it when it was last seen.
    fn tool(&self, (name, arguments): (&str, &[&str])) -> Result<(), String> {
        let mut command = Command::new(&self.program.program);
        command
            .env_clear()
            .envs(self.program.settings.iter().map(|(name, value)| (name, value)))
            .arg(name)
            .arg("--data-dir")
            .arg(&self.folder)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        let begun = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let process = Watched(child.id());
        let (mut memory, mut time) = (0, Duration::ZERO);
        let status = loop {
            memory = process.peak_memory().unwrap_or(memory).max(memory);
            time = process.processor_time().unwrap_or(time).max(time);
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            thread::sleep(LOOK);
        };
        line(name, begun.elapsed(), time, memory);
        match status.success() {
            true => Ok(()),
            false => Err(format!("{name} ended with {status}")),
        }
    }
}

fn ask(server: &Server, requests: Vec<Asked<'_>>) -> Result<(), String> {
    let process = server.process();
    let mut client = Client::connect(&server.endpoint)?;
    for (name, ask) in requests {
        process.forget_peak()?;
        let (begun, before) = (Instant::now(), process.processor_time()?);
        ask(&mut client)?;
        let elapsed = begun.elapsed();
        let time = process.processor_time()?.saturating_sub(before);
        line(name, elapsed, time, process.peak_memory()?);
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a figure to read")]
fn line(name: &str, elapsed: Duration, processor: Duration, memory: u64) {
    let (elapsed, processor) = (elapsed.as_secs_f64(), processor.as_secs_f64());
    let memory = memory as f64 / f64::from(1 << 20);
    println!("  {name:<44} {elapsed:>10.3} {processor:>10.2} {memory:>10.1}");
}

/// Does `one` for each number below `count`, on several connections.
fn many(
    endpoint: &Endpoint,
    count: usize,
    one: impl Fn(&mut Client, usize) -> Result<(), String> + Sync,
) -> Result<(), String> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|first| {
                let one = &one;
                scope.spawn(move || {
                    let mut client = Client::connect(endpoint)?;
                    (first..count)
                        .step_by(CONNECTIONS)
                        .try_for_each(|number| one(&mut client, number))
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err("a connection's thread panicked".to_owned()))
        })
    })
}

fn prepare_parts(endpoint: &Endpoint) -> Result<(String, BTreeMap<usize, String>), String> {
    let path = format!("/{BUCKET}/parts");
    let upload = Client::connect(endpoint)?.begin_upload(&path)?;
    let parts = Mutex::new(BTreeMap::new());
    many(endpoint, PARTS, |client, number| {
        let etag = client.copy_part(&path, &upload, number + 1, &format!("/{BUCKET}/source"))?;
        if let Ok(mut parts) = parts.lock() {
            parts.insert(number + 1, etag);
        }
        Ok(())
    })?;
    let parts = parts.into_inner().map_err(|error| error.to_string())?;
    Ok((upload, parts))
}

fn parts_requests((upload, parts): (String, BTreeMap<usize, String>)) -> Vec<Asked<'static>> {
    let path = format!("/{BUCKET}/parts");
    let asked = |query: &'static str, header: Option<(&'static str, &'static str)>| {
        let path = path.clone();
        move |client: &mut Client| client.ask_for(&path, query, header)
    };
    let attributes = asked("attributes=", Some(("x-amz-object-attributes", "ObjectParts")));
    let last = asked("partNumber=10000", None);
    let (head, deleted) = (path.clone(), path.clone());
    vec![
        (
            "CompleteMultipartUpload",
            Box::new(move |client| client.complete_upload(&path, &upload, &parts)),
        ),
        (
            "HeadObject",
            Box::new(move |client| client.head(&head, PART * PARTS as u64)),
        ),
        ("GetObjectAttributes, 1,000 parts", Box::new(attributes)),
        ("GetObject of the last part", Box::new(last)),
        ("DeleteObject", Box::new(move |client| client.delete(&deleted))),
    ]
}

fn prepare_uploads(endpoint: &Endpoint, count: usize) -> Result<(), String> {
    many(endpoint, count, |client, number| {
        client
            .begin_upload(&format!("/{BUCKET}/upload-{number:06}"))
            .map(drop)
    })?;
    Client::connect(endpoint)?.delete(&format!("/{BUCKET}/source"))?;
    // What gc looks at.
    let mut client = Client::connect(endpoint)?;
    client.create_bucket("other")?;
    client.put("/other/source", &Body::noise(PART))
}

fn uploads_requests((): ()) -> Vec<Asked<'static>> {
    let bucket = format!("/{BUCKET}");
    let listed = bucket.clone();
    vec![
        (
            "ListMultipartUploads, 1,000",
            Box::new(move |client| client.ask_for(&listed, "uploads=", None)),
        ),
        ("DeleteBucket", Box::new(move |client| client.delete(&bucket))),
    ]
}

fn prepare_buckets(endpoint: &Endpoint) -> Result<(), String> {
    many(endpoint, BUCKETS - 1, |client, number| {
        client.create_bucket(&format!("crowd-{number:06}"))
    })
}

fn buckets_requests((): ()) -> Vec<Asked<'static>> {
    vec![
        (
            "ListBuckets, 1,000",
            Box::new(|client| client.ask_for("/", "max-buckets=1000", None)),
        ),
        (
            "ListBuckets, all 10,000",
            Box::new(|client| client.ask_for("/", "", None)),
        ),
        (
            "DeleteBucket of one",
            Box::new(|client| client.delete("/crowd-000000")),
        ),
    ]
}

fn prepare_versions(endpoint: &Endpoint) -> Result<(), String> {
    Client::connect(endpoint)?.keep_versions(BUCKET)?;
    many(endpoint, VERSIONS, |client, number| {
        let path = format!("/{BUCKET}/versions/{:04}", number % VERSIONED_KEYS);
        client.put(&path, Body::empty())
    })
}

fn versions_requests((): ()) -> Vec<Asked<'static>> {
    vec![
        asked("ListObjectVersions, 1,000", "prefix=versions%2F&versions="),
        asked("ListObjectVersions, all folded", "delimiter=%2F&versions="),
        asked("ListObjectsV2, 1,000", "list-type=2&prefix=versions%2F"),
        (
            "DeleteObject, a marker more",
            Box::new(|client| client.delete(&format!("/{BUCKET}/versions/0000"))),
        ),
    ]
}

fn prepare_markers(endpoint: &Endpoint) -> Result<(), String> {
    Client::connect(endpoint)?.keep_versions(BUCKET)?;
    many(endpoint, VERSIONS, |client, number| {
        client.delete(&format!("/{BUCKET}/markers/{number:07}"))
    })
}

fn markers_requests((): ()) -> Vec<Asked<'static>> {
    vec![
        asked(
            "ListObjectsV2 that shows nothing",
            "list-type=2&prefix=markers%2F",
        ),
        asked("ListObjectsV2 with a delimiter", "delimiter=%2F&list-type=2"),
        asked("ListObjectVersions, 1,000", "prefix=markers%2F&versions="),
        asked("ListObjectVersions, all folded", "delimiter=%2F&versions="),
    ]
}

/// A listing of the bucket.
fn asked(name: &'static str, query: &'static str) -> Asked<'static> {
    let bucket = format!("/{BUCKET}");
    (name, Box::new(move |client| client.ask_for(&bucket, query, None)))
}
