//! A Cloud Storage of one object that fares as a test wants: real sockets, every request noted.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bleepstore_core::digest::ChecksumHasher;
use bleepstore_core::model::ChecksumAlgorithm;

use crate::scripted::{CUT, Head, Reply, bytes_of, listen, response};

/// What becomes of one request.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// It is served.
    Served,
    /// Its body is read and dropped, and it is refused with this status and these header lines.
    Refused(u16, &'static str),
    /// So many bytes of its body are stored, and then the connection is cut.
    CutAfter(u64),
    /// So many bytes of its body are stored, and then it is refused with this status.
    RefusedAfter(u64, u16),
    /// So many bytes of its body are stored, and the upload is said to go on.
    StoredUpTo(u64),
    /// It is served, and the answer is lost.
    Unanswered,
    /// It is served, but for a bit of the bytes.
    Damaged,
    /// The upload is begun, at this address.
    BegunAt(String),
    /// Half of the download comes.
    HalfSent,
    /// The download comes with this header line.
    SentWith(&'static str),
}

/// What the server has and has seen.
pub(super) struct State {
    script: VecDeque<Fate>,
    /// Every request as `PUT bytes 0-9/*`, in order.
    pub(super) seen: Vec<String>,
    /// Bytes of bodies that arrived.
    pub(super) arrived: u64,
    /// Bytes of the upload that are stored.
    pub(super) stored: u64,
    crc: ChecksumHasher,
    /// What is said of the object, where there is one.
    pub(super) object: Option<String>,
    /// What can be downloaded.
    pub(super) download: Vec<u8>,
}

impl State {
    fn store(&mut self, bytes: &[u8]) {
        self.stored += bytes.len() as u64;
        self.crc.update(bytes);
    }

    fn reset(&mut self) {
        self.object = None;
        self.stored = 0;
        self.crc = ChecksumHasher::new(ChecksumAlgorithm::Crc32c);
    }

    /// The object is there: what is said of it.
    fn completed(&mut self) -> String {
        if let Some(object) = &self.object {
            return object.clone();
        }
        let unused = ChecksumHasher::new(ChecksumAlgorithm::Crc32c);
        let crc = std::mem::replace(&mut self.crc, unused).finish().value;
        let object = format!(r#"{{"name":"x","size":"{}","crc32c":"{crc}"}}"#, self.stored);
        self.object.insert(object).clone()
    }
}

/// The running server. Its threads end with the test process.
pub(super) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Starts it. The first requests fare as the script says, all others are served.
    pub(super) fn start(script: impl IntoIterator<Item = Fate>) -> Self {
        let state = Arc::new(Mutex::new(State {
            script: script.into_iter().collect(),
            seen: Vec::new(),
            arrived: 0,
            stored: 0,
            crc: ChecksumHasher::new(ChecksumAlgorithm::Crc32c),
            object: None,
            download: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let address = listen(move |head, input, address| reply(head, input, address, &shared));
        Self { address, state }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// For bodies that watch how much arrived.
    pub(super) fn shared(&self) -> Arc<Mutex<State>> {
        Arc::clone(&self.state)
    }
}

/// What a request is called.
fn name(head: &Head) -> String {
    let kind = match head.header("content-range") {
        Some(range) => range,
        None if head.target.contains("uploadType=resumable&name=") && head.method == "POST" => "resumable",
        None if head.target.contains("uploadType=media") => "media",
        None if head.target.contains("upload_id=") => "session",
        None if head.target.contains("maxResults=1&") => "bucket",
        None => "object",
    };
    format!("{} {kind}", head.method)
}

fn reply(head: &Head, input: &mut impl Read, address: SocketAddr, state: &Mutex<State>) -> io::Result<Reply> {
    assert_eq!(head.header("authorization"), Some("Bearer emulated"));
    assert_eq!(head.header("accept-encoding"), Some("identity"));
    // Google answers 411 to a request that does not say how long it is.
    let has_length = head.header("content-length").is_some();
    assert!(has_length || head.method == "GET", "{}", name(head));
    let fate = {
        let mut state = state.lock().unwrap();
        state.seen.push(name(head));
        state.script.pop_front().unwrap_or(Fate::Served)
    };
    let last = matches!(fate, Fate::HalfSent);
    Ok(match answer(head, fate, input, address, state)? {
        None => CUT,
        Some(answer) if last => Reply::Last(answer),
        Some(answer) => Reply::Answer(answer),
    })
}

/// The answer to a request; `None` where the connection is cut instead.
fn answer(
    head: &Head,
    fate: Fate,
    input: &mut impl Read,
    address: SocketAddr,
    state: &Mutex<State>,
) -> io::Result<Option<Vec<u8>>> {
    let whole = head.content_length();
    let is_session = head.header("content-range").is_some();
    Ok(Some(match fate {
        Fate::Refused(status, lines) => {
            receive(input, whole, whole, state, false)?;
            response(status, lines, b"")
        }
        Fate::CutAfter(stored) => {
            receive(input, stored, stored, state, true)?;
            return Ok(None);
        }
        Fate::RefusedAfter(stored, status) => {
            receive(input, whole, stored, state, true)?;
            response(status, "", b"")
        }
        Fate::StoredUpTo(stored) => {
            receive(input, whole, stored, state, true)?;
            goes_on(&state.lock().unwrap())
        }
        Fate::Damaged => {
            serve_upload(head, input, state)?;
            response(200, "", br#"{"size":"1","crc32c":"AAAAAA=="}"#)
        }
        Fate::Unanswered if head.content_length() > 0 => {
            serve_upload(head, input, state)?;
            return Ok(None);
        }
        Fate::Unanswered => return Ok(None),
        Fate::BegunAt(location) => {
            receive(input, whole, whole, state, false)?;
            response(200, &format!("location: {location}\r\n"), b"{}")
        }
        Fate::HalfSent => {
            let mut all = download(head, &state.lock().unwrap(), "");
            all.truncate(all.len() - 3);
            all
        }
        Fate::SentWith(line) => download(head, &state.lock().unwrap(), line),
        Fate::Served if is_session || head.target.contains("uploadType=media") => {
            serve_upload(head, input, state)?
        }
        Fate::Served if head.method == "POST" => {
            receive(input, whole, whole, state, false)?;
            state.lock().unwrap().reset();
            let location = format!("http://{address}{}&upload_id=1", head.target);
            response(200, &format!("location: {location}\r\n"), b"{}")
        }
        Fate::Served if head.method == "DELETE" && head.target.contains("upload_id=") => {
            response(499, "", b"")
        }
        Fate::Served if head.method == "DELETE" => {
            state.lock().unwrap().object = None;
            response(204, "", b"")
        }
        Fate::Served => download(head, &state.lock().unwrap(), ""),
    }))
}

/// Takes the body of an upload, and completes the object with its last byte.
fn serve_upload(head: &Head, input: &mut impl Read, state: &Mutex<State>) -> io::Result<Vec<u8>> {
    let Some(range) = head.header("content-range") else {
        state.lock().unwrap().reset();
        receive(input, head.content_length(), head.content_length(), state, true)?;
        return Ok(response(200, "", state.lock().unwrap().completed().as_bytes()));
    };
    let (bytes, total) = range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
    if let Some((start, _)) = bytes.split_once('-') {
        let stored = state.lock().unwrap().stored;
        assert_eq!(start.parse(), Ok(stored), "bytes are sent once and without a gap");
    }
    receive(input, head.content_length(), head.content_length(), state, true)?;
    let mut state = state.lock().unwrap();
    if total.parse() == Ok(state.stored) {
        return Ok(response(200, "", state.completed().as_bytes()));
    }
    Ok(goes_on(&state))
}

/// Reads `length` bytes of a body, of which the first `stored` may be kept.
fn receive(
    input: &mut impl Read,
    length: u64,
    stored: u64,
    state: &Mutex<State>,
    keep: bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut done = 0;
    while done < length {
        let want = (length - done).min(buffer.len() as u64);
        let count = input.read(&mut buffer[..usize::try_from(want).unwrap()])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut state = state.lock().unwrap();
        state.arrived += count as u64;
        if keep && done < stored {
            let kept = (stored - done).min(count as u64);
            state.store(&buffer[..usize::try_from(kept).unwrap()]);
        }
        done += count as u64;
    }
    Ok(())
}

fn goes_on(state: &State) -> Vec<u8> {
    match state.stored {
        0 => response(308, "", b""),
        stored => response(308, &format!("range: bytes=0-{}\r\n", stored - 1), b""),
    }
}

fn download(head: &Head, state: &State, line: &str) -> Vec<u8> {
    let Some(range) = head.header("range") else {
        return response(200, line, &state.download);
    };
    let (start, last) = bytes_of(range);
    response(206, line, &state.download[start..=last])
}
