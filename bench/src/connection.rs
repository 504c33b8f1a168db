//! One HTTP/1.1 connection, blocking: a small request costs one write and its answer one read, so that the generator takes
//! as little as possible of the processor that it shares with the server.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::body::Body;

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much is read at once, and how long a head may be.
const BUFFER: usize = 256 << 10;

const MOST_HEADERS: usize = 64;

/// What a server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    /// What the answer to a HEAD request says of the body, or how long the body was.
    pub(crate) length: u64,
    /// The body, where it was to be kept or the status says that something went wrong.
    pub(crate) body: Vec<u8>,
}

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether the server said that it closes the connection.
    closing: bool,
}

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It has no body, whatever its head says.
    Head,
    /// The body is counted and dropped.
    Count,
    /// The body is kept.
    Keep,
}

/// How the end of a body is told.
enum Framing {
    Length(u64),
    Chunked,
    Close,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            stream: connect(address)?,
            address,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            closing: false,
        })
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) fn exchange(&mut self, head: &[u8], body: &Body, reading: Reading) -> io::Result<Answer> {
        if self.closing {
            self.stream = connect(self.address)?;
            (self.start, self.end, self.closing) = (0, 0, false);
        }
        match self.write(head, body) {
            // The answer may say why the server does not want the rest.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                self.closing = true;
                self.read_answer(reading).map_err(|_| error)
            }
            Err(error) => Err(error),
            Ok(()) => self.read_answer(reading),
        }
    }

    fn write(&mut self, head: &[u8], body: &Body) -> io::Result<()> {
        let mut pieces = body.pieces();
        let first = pieces.next().unwrap_or_default();
        let written = self
            .stream
            .write_vectored(&[IoSlice::new(head), IoSlice::new(first)])?;
        if let Some(rest) = head.get(written..) {
            self.stream.write_all(rest)?;
        }
        self.stream
            .write_all(&first[written.saturating_sub(head.len())..])?;
        pieces.try_for_each(|piece| self.stream.write_all(piece))
    }

    fn read_answer(&mut self, reading: Reading) -> io::Result<Answer> {
        let (mut answer, framing) = loop {
            match self.head()? {
                Some(head) if head.0.status >= 200 => break head,
                // An interim response.
                Some(_) => {}
                None => self.fill()?,
            }
        };
        if reading == Reading::Head || matches!(answer.status, 204 | 304) {
            if let Framing::Length(length) = framing {
                answer.length = length;
            }
            return Ok(answer);
        }
        let keep = reading == Reading::Keep || answer.status >= 300;
        match framing {
            Framing::Length(length) => self.take(length, keep, &mut answer)?,
            Framing::Chunked => self.chunks(keep, &mut answer)?,
            Framing::Close => self.rest(keep, &mut answer)?,
        }
        Ok(answer)
    }

    /// The head at the beginning of what is buffered, if it is whole.
    fn head(&mut self) -> io::Result<Option<(Answer, Framing)>> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&self.buffer[self.start..self.end]);
        let httparse::Status::Complete(length) = parsed.map_err(io::Error::other)? else {
            return Ok(None);
        };
        let mut answer = Answer {
            status: response.code.unwrap_or_default(),
            ..Answer::default()
        };
        let mut framing = Framing::Close;
        for header in response.headers.iter() {
            let value = || String::from_utf8_lossy(header.value).trim().to_ascii_lowercase();
            if header.name.eq_ignore_ascii_case("content-length") {
                framing = Framing::Length(value().parse().map_err(io::Error::other)?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") && value() == "chunked" {
                framing = Framing::Chunked;
            } else if header.name.eq_ignore_ascii_case("connection") && value() == "close" {
                self.closing = true;
            } else if header.name.eq_ignore_ascii_case("etag") {
                answer.etag = Some(String::from_utf8_lossy(header.value).into_owned());
            }
        }
        self.start += length;
        Ok(Some((answer, framing)))
    }

    /// Reads more into the buffer.
    fn fill(&mut self) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            if self.start == 0 {
                return Err(io::Error::other("a line or a head is too long"));
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        match self.stream.read(&mut self.buffer[self.end..])? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            read => {
                self.end += read;
                Ok(())
            }
        }
    }

    /// Takes `length` bytes of a body.
    fn take(&mut self, length: u64, keep: bool, answer: &mut Answer) -> io::Result<()> {
        let mut left = length;
        while left > 0 {
            if self.start == self.end {
                self.fill()?;
            }
            let piece = (self.end - self.start).min(usize::try_from(left).unwrap_or(usize::MAX));
            if keep {
                let bytes = &self.buffer[self.start..self.start + piece];
                answer.body.extend_from_slice(bytes);
            }
            self.start += piece;
            left -= piece as u64;
        }
        answer.length += length;
        Ok(())
    }

    /// Takes a body in chunks (RFC 9112 section 7.1).
    fn chunks(&mut self, keep: bool, answer: &mut Answer) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size == 0 {
                // Trailers end with an empty line.
                while !self.line()?.is_empty() {}
                return Ok(());
            }
            self.take(size, keep, answer)?;
            if !self.line()?.is_empty() {
                return Err(io::Error::other("a chunk is longer than it says"));
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            let buffered = &self.buffer[self.start..self.end];
            if let Some(end) = buffered.iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(&buffered[..end]).trim_end().to_owned();
                self.start += end + 1;
                return Ok(line);
            }
            self.fill()?;
        }
    }

    /// Takes a body that the end of the connection ends.
    fn rest(&mut self, keep: bool, answer: &mut Answer) -> io::Result<()> {
        self.closing = true;
        loop {
            let buffered = (self.end - self.start) as u64;
            self.take(buffered, keep, answer)?;
            match self.fill() {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                filled => filled?,
            }
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// What comes of an answer that arrives in pieces of some size.
    fn answers(text: &'static str, piece: usize, readings: &[Reading]) -> Vec<io::Result<Answer>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            text.as_bytes()
                .chunks(piece)
                .for_each(|piece| stream.write_all(piece).unwrap());
            stream
        });
        let mut connection = Connection::open(address).unwrap();
        let end_of_server = server.join().unwrap();
        end_of_server.shutdown(std::net::Shutdown::Write).unwrap();
        let exchange = |reading: &Reading| connection.exchange(b"GET", Body::empty(), *reading);
        readings.iter().map(exchange).collect()
    }

    #[test]
    fn answers_are_the_same_whatever_the_pieces() {
        let text = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\nhello\
            HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno";
        for piece in [1, 7, text.len()] {
            let readings = [
                Reading::Keep,
                Reading::Head,
                Reading::Keep,
                Reading::Count,
                Reading::Count,
            ];
            let answers = answers(text, piece, &readings);
            let seen: Vec<_> = answers
                .iter()
                .map(|answer| answer.as_ref().unwrap())
                .map(|answer| (answer.status, answer.length, answer.body.as_slice()))
                .collect();
            let expected: [(u16, u64, &[u8]); 5] = [
                (200, 5, b"hello"),
                (200, 9, b""),
                (200, 5, b"abcde"),
                (204, 0, b""),
                (404, 2, b"no"),
            ];
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn an_answer_that_breaks_off_is_an_error() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
        assert!(answers(text, 3, &[Reading::Count])[0].is_err());
    }
}
