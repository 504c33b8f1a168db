//! A Blob Storage of one blob that fares as a test wants: real sockets, every request noted.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bleepstore_core::digest::md5;

use crate::scripted::{CUT, Head, Reply, bytes_of, listen, response};

/// What becomes of one request.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// It is served.
    Served,
    /// Its body is read and dropped, and it is refused with this status and these header lines.
    Refused(u16, &'static str),
    /// So many bytes of its body are read, and then the connection is cut.
    CutAfter(u64),
    /// It is served, and the answer is lost.
    Unanswered,
    /// So many bytes of the download come, and then the connection ends.
    SentOnly(usize),
    /// The download comes with this header line.
    SentWith(&'static str),
    /// All of the blob comes, whatever was asked for.
    SentWhole,
    /// This document is the answer.
    Answered(String),
}

/// Bytes that arrived in one request, by length and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) length: u64,
    pub(super) md5: [u8; 16],
}

impl Piece {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len() as u64,
            md5: md5(bytes),
        }
    }
}

/// What the server has and has seen.
#[derive(Default)]
pub(super) struct State {
    script: VecDeque<Fate>,
    /// Every request as `PUT 00000001` or `GET bytes=0-9`, in order.
    pub(super) seen: Vec<String>,
    /// Bytes of bodies that arrived whole.
    pub(super) arrived: u64,
    staged: BTreeMap<String, Piece>,
    /// The blob, where there is one, in the pieces that it came in.
    pub(super) blob: Option<Vec<Piece>>,
    /// What can be downloaded.
    pub(super) download: Vec<u8>,
}

impl State {
    /// Makes the blob out of the blocks of a list, as often as that is sent.
    fn commit(&mut self, list: &str) {
        let ids = list.split("<Latest>").skip(1);
        let ids = ids.map(|rest| rest.split_once('<').unwrap().0);
        self.blob = Some(ids.map(|id| self.staged[id].clone()).collect());
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
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        let address = listen(move |head, input, _| reply(head, input, &shared));
        Self { address, state }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}/account", self.address)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// For bodies that watch how much arrived.
    pub(super) fn shared(&self) -> Arc<Mutex<State>> {
        Arc::clone(&self.state)
    }
}

/// The id of the block that a request stages, as the list of blocks has it.
fn block_id(head: &Head) -> Option<String> {
    let (_, rest) = head.target.split_once("blockid=")?;
    let id = rest.split('&').next().unwrap();
    Some(id.replace("%3D", "="))
}

/// What a request is called.
fn name(head: &Head) -> String {
    let kind = match (block_id(head), head.header("range").or(head.header("x-ms-range"))) {
        (Some(id), _) => String::from_utf8(STANDARD.decode(id).unwrap()).unwrap(),
        (None, Some(range)) => range.to_owned(),
        (None, None) if head.target.contains("comp=blocklist") => "list".to_owned(),
        (None, None) if head.target.contains("comp=list") => listing(head),
        (None, None) => "blob".to_owned(),
    };
    format!("{} {kind}", head.method)
}

/// The parameters of a listing that say where it starts.
fn listing(head: &Head) -> String {
    let query = head.target.split_once('?').unwrap().1;
    let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    let start = of("startFrom=").unwrap_or("its start").replace("%2F", "/");
    format!("{} from {start}", of("marker=").unwrap_or("container"))
}

fn reply(head: &Head, input: &mut impl Read, state: &Mutex<State>) -> io::Result<Reply> {
    assert!(head.target.starts_with("/account/container"), "{}", head.target);
    assert!(head.target.contains("sig="), "{}", head.target);
    let fate = {
        let mut state = state.lock().unwrap();
        state.seen.push(name(head));
        state.script.pop_front().unwrap_or(Fate::Served)
    };
    if let Fate::CutAfter(length) = fate {
        receive(input, length)?;
        return Ok(CUT);
    }
    let body = receive(input, head.content_length())?;
    let mut state = state.lock().unwrap();
    Ok(Reply::Answer(match fate {
        Fate::Refused(status, lines) => response(status, lines, b""),
        Fate::Unanswered => {
            served(head, &body, &mut state);
            return Ok(CUT);
        }
        Fate::SentOnly(length) => {
            let mut all = download(head, &state, "");
            let head = all.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            all.truncate(head + length);
            return Ok(Reply::Last(all));
        }
        Fate::SentWith(line) => download(head, &state, line),
        Fate::SentWhole => response(200, "", &state.download),
        Fate::Answered(document) => response(200, "", document.as_bytes()),
        Fate::Served | Fate::CutAfter(_) => served(head, &body, &mut state),
    }))
}

fn served(head: &Head, body: &[u8], state: &mut State) -> Vec<u8> {
    if head.method == "PUT" {
        let digest = STANDARD.encode(md5(body));
        assert_eq!(head.header("content-md5"), Some(digest.as_str()));
    }
    match (head.method.as_str(), block_id(head)) {
        ("PUT", Some(id)) => {
            state.staged.insert(id, Piece::of(body));
            state.arrived += body.len() as u64;
            response(201, "", b"")
        }
        ("PUT", None) if head.target.contains("comp=blocklist") => {
            state.commit(&String::from_utf8_lossy(body));
            response(201, "", b"")
        }
        ("PUT", None) => {
            assert_eq!(head.header("x-ms-blob-type"), Some("BlockBlob"));
            state.blob = Some(vec![Piece::of(body)]);
            response(201, "", b"")
        }
        ("DELETE", _) => match state.blob.take() {
            Some(_) => response(202, "", b""),
            None => response(404, "x-ms-error-code: BlobNotFound\r\n", b""),
        },
        _ => download(head, state, ""),
    }
}

fn receive(input: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut body = vec![0; usize::try_from(length).unwrap()];
    input.read_exact(&mut body)?;
    Ok(body)
}

fn download(head: &Head, state: &State, line: &str) -> Vec<u8> {
    let range = head.header("range").or(head.header("x-ms-range")).unwrap();
    let (start, last) = bytes_of(range);
    let total = state.download.len();
    let lines = format!("content-range: bytes {start}-{last}/{total}\r\netag: \"1\"\r\n{line}");
    response(206, &lines, &state.download[start..=last])
}
