//! HTTP servers that fare as a test wants: real sockets, one thread for each connection.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use bleepstore_core::model::{BlobId, BlobRef, BucketId};
use bleepstore_core::ports::BodyStream;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

/// The one blob that a scripted server knows.
pub(crate) const BLOB: BlobRef = BlobRef {
    bucket: BucketId::from_bytes([1; 16]),
    blob: BlobId::from_bytes([2; 16]),
};

/// The head of a request.
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// A header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// How long the body is.
    pub(crate) fn content_length(&self) -> u64 {
        self.header("content-length")
            .map_or(0, |length| length.parse().unwrap())
    }
}

/// What comes of a request.
pub(crate) enum Reply {
    /// An answer, after which the connection goes on.
    Answer(Vec<u8>),
    /// What is left of an answer; then the connection ends.
    Last(Vec<u8>),
}

/// Cuts the connection instead of an answer.
pub(crate) const CUT: Reply = Reply::Last(Vec::new());

/// Listens on loopback, and answers each request as `reply` does, which may read its body. Each connection has a thread;
/// they end with the test process.
pub(crate) fn listen<F>(reply: F) -> SocketAddr
where
    F: Fn(&Head, &mut BufReader<TcpStream>, SocketAddr) -> io::Result<Reply> + Clone + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let reply = reply.clone();
            let reply = move |head: &Head, input: &mut BufReader<TcpStream>| reply(head, input, address);
            // A connection that was cut is what the test wanted; the client tells what came of it.
            thread::spawn(move || serve(connection, reply).unwrap_or_default());
        }
    });
    address
}

fn serve(
    connection: TcpStream,
    reply: impl Fn(&Head, &mut BufReader<TcpStream>) -> io::Result<Reply>,
) -> io::Result<()> {
    let mut output = connection.try_clone()?;
    let mut input = BufReader::new(connection);
    while let Some(head) = read_head(&mut input)? {
        match reply(&head, &mut input)? {
            Reply::Answer(answer) => output.write_all(&answer)?,
            Reply::Last(answer) => return output.write_all(&answer),
        }
    }
    Ok(())
}

/// The head of the next request; `None` at the end of the connection.
fn read_head(input: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    Ok(Some(Head {
        method,
        target,
        headers,
    }))
}

/// An answer of this status, with these header lines and this body.
pub(crate) fn response(status: u16, lines: &str, body: &[u8]) -> Vec<u8> {
    // An answer 204 has no length.
    let length = match status {
        204 => String::new(),
        _ => format!("content-length: {}\r\n", body.len()),
    };
    let mut all = format!("HTTP/1.1 {status} x\r\n{length}{lines}\r\n").into_bytes();
    all.extend_from_slice(body);
    all
}

/// The first and the last byte that a header such as `bytes=0-9` asks for.
pub(crate) fn bytes_of(range: &str) -> (usize, usize) {
    let (start, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    (start.parse().unwrap(), last.parse().unwrap())
}

/// A body in pieces of 64 KiB, in which never more than `limit` bytes and a piece are on their way. `arrived` tells how
/// many bytes the server has.
pub(crate) fn watched_body(
    pieces: u64,
    limit: u64,
    arrived: impl Fn() -> u64 + Send + 'static,
) -> BodyStream {
    const PIECE: u64 = 1 << 16;
    let pieces = (0..pieces).map(move |number| {
        let held = (number + 1) * PIECE - arrived();
        assert!(held <= limit + PIECE, "{held} bytes at piece {number}");
        Ok(Bytes::from(vec![number as u8; PIECE as usize]))
    });
    stream::iter(pieces).boxed()
}
