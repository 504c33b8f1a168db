//! The binary as a person or a service manager runs it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use bleepstore_tests::http::{Endpoint, Front, S3};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

fn bleepstore(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bleepstore"));
    command
        .current_dir(folder)
        .env_clear()
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A server that runs on a free port, and what it printed when it was ready.
struct Running {
    child: Child,
    printed: HashMap<String, String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.env("BLEEPSTORE_LISTEN", "127.0.0.1:0").spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let mut printed = HashMap::new();
        for line in &mut lines {
            let line = line.unwrap();
            if let Some((name, value)) = line.trim().split_once("  ") {
                printed.insert(name.trim().to_owned(), value.trim().to_owned());
            }
            if line.contains("aws") {
                printed.insert("command".to_owned(), line.trim().to_owned());
                break;
            }
        }
        assert!(printed.contains_key("command"), "the server did not start");
        Self { child, printed }
    }

    fn address(&self) -> &str {
        self.printed["endpoint"].strip_prefix("http://").unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

/// The one line that a failing start writes to standard error, after `bleepstore: `, and its exit code.
fn failure(command: &mut Command) -> (String, i32) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert_eq!(String::from_utf8(stdout).unwrap(), "");
    let stderr = String::from_utf8(stderr).unwrap();
    let line = stderr
        .strip_prefix("bleepstore: ")
        .unwrap_or_else(|| panic!("{stderr}"));
    let line = line.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    (line.to_owned(), status.code().unwrap())
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_generates_credentials_that_a_restart_keeps() {
    let folder = TempDir::new().unwrap();
    let first = Running::start(&mut bleepstore(folder.path(), &[]));
    let access_key = first.printed["access key"].clone();
    // Standard output is no terminal here, so the secret key is in the file only.
    assert!(first.printed["secret key"].ends_with("/bleepstore-data/credentials"));
    let command = &first.printed["command"];
    assert!(
        command.starts_with("AWS_SHARED_CREDENTIALS_FILE='")
            && command.contains("/bleepstore-data/credentials'")
    );
    first.signal(Signal::TERM);
    assert_eq!(first.ended(), Some(0));

    let data = folder.path().join("bleepstore-data");
    assert_eq!(mode(data.clone()), 0o700);
    assert_eq!(mode(data.join("credentials")), 0o600);
    assert_eq!(
        (mode(data.join("blobs")), mode(data.join("blobs/owner.json"))),
        (0o700, 0o600)
    );
    assert!(!data.join("credentials.new").exists());
    let kept = fs::read_to_string(data.join("credentials")).unwrap();
    let (_, secret_key) = kept.trim_end().rsplit_once(" = ").unwrap();
    assert_eq!((access_key.len(), secret_key.len()), (20, 40));
    assert!(kept.contains(&access_key));

    let second = Running::start(&mut bleepstore(folder.path(), &["serve"]));
    assert_eq!(second.printed["access key"], access_key);
    assert!(!second.printed["secret key"].contains(secret_key));
    second.signal(Signal::INT);
    assert_eq!(second.ended(), Some(0));
    assert_eq!(fs::read_to_string(data.join("credentials")).unwrap(), kept);
}

#[test]
fn a_generated_secret_is_shown_on_a_terminal() {
    let folder = TempDir::new().unwrap();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let shown = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut child = bleepstore(folder.path(), &["--listen", "127.0.0.1:0"])
        .stdout(shown)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(File::from(terminal)).lines().map(Result::unwrap);
    let secret = lines.find_map(|line| Some(line.trim().strip_prefix("secret key")?.trim().to_owned()));
    let secret = secret.unwrap();
    let (secret, kept_in) = secret.split_once(' ').unwrap();
    assert!(
        secret.len() == 40 && kept_in.starts_with("(kept in /"),
        "{kept_in}"
    );
    lines.find(|line| line.contains("aws")).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_others_may_write_is_refused_with_the_command_that_mends_it() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("bleepstore-data");
    fs::create_dir(&data).unwrap();
    set_mode(&data, 0o770);
    let start = || failure(bleepstore(folder.path(), &[]).env("BLEEPSTORE_LISTEN", "127.0.0.1:0"));
    let mend = |path: &Path| {
        format!(
            "then run chmod go-w '{}'",
            fs::canonicalize(path).unwrap().display()
        )
    };
    let (line, code) = start();
    assert!(line.ends_with(&mend(&data)) && code == 1, "{line}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);

    set_mode(&data, 0o700);
    let credentials = data.join("credentials");
    fs::write(
        &credentials,
        "[default]\naws_access_key_id = planted\naws_secret_access_key = planted-secret\n",
    )
    .unwrap();
    set_mode(&credentials, 0o606);
    let (line, code) = start();
    assert!(line.ends_with(&mend(&credentials)) && code == 1, "{line}");

    set_mode(&credentials, 0o604);
    let server = Running::start(&mut bleepstore(folder.path(), &[]));
    assert_eq!(server.printed["access key"], "planted");
    server.signal(Signal::TERM);
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn credentials_from_the_environment_override_and_are_not_kept() {
    let folder = TempDir::new().unwrap();
    let mut command = bleepstore(folder.path(), &[]);
    command
        .env("BLEEPSTORE_ACCESS_KEY", "given-key")
        .env("BLEEPSTORE_SECRET_KEY", "given-secret");
    let server = Running::start(&mut command);
    assert_eq!(server.printed["access key"], "given-key");
    assert_eq!(server.printed["secret key"], "from BLEEPSTORE_SECRET_KEY");
    server.signal(Signal::TERM);
    assert_eq!(server.ended(), Some(0));
    assert!(!folder.path().join("bleepstore-data/credentials").exists());
}

#[test]
fn memory_touches_no_folder_and_answers() {
    let folder = TempDir::new().unwrap();
    let server = Running::start(&mut bleepstore(folder.path(), &["--metadata", "memory"]));
    assert_eq!(server.printed["data"], "in memory only");
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(b"GET /_bleepstore/health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{\"status\":\"ok\"}"),
        "{answer}"
    );
    server.signal(Signal::TERM);
    assert_eq!(server.ended(), Some(0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let folder = TempDir::new().unwrap();
    let mut command = bleepstore(folder.path(), &["--metadata", "memory"]);
    command
        .env("BLEEPSTORE_ACCESS_KEY", "given-key")
        .env("BLEEPSTORE_SECRET_KEY", "given-secret");
    let mut server = Running::start(&mut command);
    let s3 = S3 {
        endpoint: Endpoint {
            address: server.address().parse().unwrap(),
            region: "us-east-1".to_owned(),
            access_key: "given-key".to_owned(),
            secret_key: "given-secret".to_owned(),
            session_token: None,
            front: Front::Nothing,
        },
    };
    // A request that waits for its body keeps the server from stopping by itself.
    let put = s3.bucket().object("PUT", "key").payload_hash("UNSIGNED-PAYLOAD");
    let mut put = put.sign();
    put.add_header("expect", "100-continue");
    put.add_header("content-length", "4");
    let mut connection = s3.connect();
    connection.write_head(&put);
    assert_eq!(connection.read_response("PUT").status, 100);
    server.signal(Signal::TERM);
    let log = BufReader::new(server.child.stderr.take().unwrap());
    assert!(log.lines().any(|line| line.unwrap().contains("stopping")));
    server.signal(Signal::TERM);
    assert_eq!(server.ended(), Some(1));
}

#[test]
fn a_taken_port_is_named_and_nothing_is_created() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (line, code) = failure(&mut bleepstore(folder.path(), &["--listen", &address]));
    assert_eq!(
        line,
        format!("{address} is taken by another process; --listen names another")
    );
    assert_eq!(code, 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_data_folder_has_one_server() {
    let folder = TempDir::new().unwrap();
    let first = Running::start(&mut bleepstore(folder.path(), &[]));
    let (line, code) = failure(&mut bleepstore(folder.path(), &["--listen", "127.0.0.1:0"]));
    let data = folder.path().canonicalize().unwrap().join("bleepstore-data");
    assert_eq!(
        line,
        format!("the data folder {} is in use by another server", data.display())
    );
    assert_eq!(code, 1);
    first.signal(Signal::KILL);
    assert_eq!(first.ended(), None);
    let next = Running::start(&mut bleepstore(folder.path(), &[]));
    next.signal(Signal::TERM);
    assert_eq!(next.ended(), Some(0));
}

#[test]
fn a_data_folder_that_cannot_be_made_or_written_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    let below = file.join("data");
    let arguments = ["--listen", "127.0.0.1:0", "--data-dir"];
    for data in [&file, &below] {
        let (line, code) = failure(bleepstore(folder.path(), &arguments).arg(data));
        let start = format!("the data folder {} cannot be created: ", data.display());
        assert!(line.starts_with(&start), "{line}");
        assert_eq!(code, 1);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");

    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if rustix::process::geteuid().is_root() {
        return; // Nothing is unwritable for root.
    }
    let (line, code) = failure(bleepstore(folder.path(), &arguments).arg(&closed));
    assert!(line.contains(" is not writable: "), "{line}");
    assert_eq!(code, 1);
}

#[test]
fn a_database_of_a_later_version_is_named_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let first = Running::start(&mut bleepstore(folder.path(), &[]));
    first.signal(Signal::TERM);
    assert_eq!(first.ended(), Some(0));
    let data = folder.path().canonicalize().unwrap().join("bleepstore-data");
    let database = data.join("metadata.sqlite");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 1000).unwrap();
    connection.close().unwrap();
    fs::remove_file(data.join("credentials")).unwrap();
    let before = fs::read(&database).unwrap();

    let (line, code) = failure(&mut bleepstore(folder.path(), &["--listen", "127.0.0.1:0"]));
    let start = format!("the database {} cannot be used: ", database.display());
    assert!(line.starts_with(&start), "{line}");
    assert!(
        line.contains("the database is in format 1000, and this is bleepstore "),
        "{line}"
    );
    assert_eq!(code, 1);
    assert_eq!(fs::read(&database).unwrap(), before);
    assert!(!data.join("credentials").exists());
}

#[test]
fn a_damaged_log_is_named_with_its_line_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let jsonl = ["--metadata", "jsonl"];
    let first = Running::start(&mut bleepstore(folder.path(), &jsonl));
    first.signal(Signal::TERM);
    assert_eq!(first.ended(), Some(0));
    let data = folder.path().canonicalize().unwrap().join("bleepstore-data");
    let path = data.join("metadata.jsonl");
    assert_eq!(mode(path.clone()), 0o600);
    let log = fs::read_to_string(&path).unwrap();
    let damaged = log.replace("\"epoch\":1", "\"epoch\":2");
    fs::write(&path, &damaged).unwrap();
    let (line, code) = failure(bleepstore(folder.path(), &jsonl).args(["--listen", "127.0.0.1:0"]));
    let expected = "line 2 is damaged: its CRC is another; nothing was changed";
    assert_eq!(
        line,
        format!("the log {} cannot be used: {expected}", path.display())
    );
    assert_eq!(code, 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
}

#[test]
fn a_folder_is_not_served_empty_because_its_records_are_of_another_kind() {
    let folder = TempDir::new().unwrap();
    for (kind, other, file) in [
        ("sqlite", "jsonl", "metadata.sqlite"),
        ("jsonl", "sqlite", "metadata.jsonl"),
    ] {
        let data = folder.path().canonicalize().unwrap().join(kind);
        let arguments = |kind| ["--metadata", kind, "--data-dir"];
        let first = Running::start(bleepstore(folder.path(), &arguments(kind)).arg(&data));
        first.signal(Signal::TERM);
        assert_eq!(first.ended(), Some(0));
        let mut again = bleepstore(folder.path(), &arguments(other));
        let (line, code) = failure(again.arg(&data).args(["--listen", "127.0.0.1:0"]));
        let path = data.join(file);
        assert_eq!(
            line,
            format!(
                "the records of this folder are in {}; --metadata {kind} reads them",
                path.display()
            )
        );
        assert_eq!(code, 1);
    }
}

#[test]
fn damaged_credentials_are_named_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("bleepstore-data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("credentials"), "[default]\naws_access_key_id = AK\n").unwrap();
    let (line, code) = failure(&mut bleepstore(folder.path(), &["--listen", "127.0.0.1:0"]));
    assert!(
        line.ends_with("bleepstore-data/credentials has no aws_secret_access_key"),
        "{line}"
    );
    assert_eq!(code, 1);
    let left = fs::read_to_string(data.join("credentials")).unwrap();
    assert_eq!(left, "[default]\naws_access_key_id = AK\n");
}

#[test]
fn wrong_settings_are_one_line_and_exit_2() {
    let folder = TempDir::new().unwrap();
    for (arguments, variables, expected) in [
        (
            vec!["--metadata", "papyrus"],
            vec![],
            "invalid value 'papyrus' for '--metadata <STORE>' [possible values: sqlite, jsonl, memory]",
        ),
        (
            vec![],
            vec![("BLEEPSTORE_LISTEN", "9000")],
            "invalid value '9000' for '--listen <HOST:PORT>': expected host:port, such as 127.0.0.1:9000",
        ),
        (
            vec!["--secret-key", "x"],
            vec![],
            "unexpected argument '--secret-key' found",
        ),
        (
            vec![],
            vec![("BLEEPSTORE_SECRET_KEY", "secret-key")],
            "BLEEPSTORE_SECRET_KEY needs BLEEPSTORE_ACCESS_KEY beside it",
        ),
        (
            vec![],
            vec![
                ("BLEEPSTORE_ACCESS_KEY", "a/b"),
                ("BLEEPSTORE_SECRET_KEY", "secret-key"),
            ],
            "BLEEPSTORE_ACCESS_KEY must be 3 to 128 letters, digits, dots, hyphens or underscores",
        ),
    ] {
        let (line, code) = failure(bleepstore(folder.path(), &arguments).envs(variables));
        assert_eq!((line.as_str(), code), (expected, 2));
    }
    let (line, code) = failure(bleepstore(folder.path(), &[]).env("BLEEPSTORE_LOG", "core=loud"));
    assert!(line.starts_with("BLEEPSTORE_LOG is not a filter: "), "{line}");
    assert_eq!(code, 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_log_is_json_where_standard_error_is_no_terminal() {
    let folder = TempDir::new().unwrap();
    let mut server = Running::start(&mut bleepstore(folder.path(), &["--metadata", "memory"]));
    let mut line = String::new();
    BufReader::new(server.child.stderr.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(
        line.starts_with("{\"timestamp\":\"") && line.ends_with("}\n"),
        "{line}"
    );
    server.signal(Signal::TERM);
    assert_eq!(server.ended(), Some(0));
}
