//! A look at the bytes of HTTP/1.1 requests before hyper reads them.
//!
//! hyper passes over some things in a request's head that another server reads otherwise, and a proxy before this one may be
//! such a server: a line that ends in a bare LF, a fragment in the target, a length beside chunks. The guard follows the bytes
//! of a connection from head to head and spoils what it finds, so that hyper answers `400` and closes the connection.

/// How much of a header line is kept: those that say where a body ends are shorter.
const KEPT: usize = 128;

/// What no head may hold: hyper refuses a head with it wherever it stands.
const SPOILED: u8 = 0;

/// Follows the bytes that a client sends.
#[derive(Debug)]
pub(crate) struct HeadGuard {
    place: Place,
    line: Line,
    framing: Framing,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    RequestLine,
    Header,
    /// So many bytes of a body, or of a chunk, are to come.
    Body(u64),
    ChunkSize,
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    Trailer,
    /// Nothing is looked at any more: the connection ends with this request.
    Given,
}

/// The line that is under way.
#[derive(Debug, Default)]
struct Line {
    /// Its beginning.
    kept: Vec<u8>,
    length: u64,
    after_cr: bool,
}

impl Line {
    fn push(&mut self, byte: u8) {
        if self.kept.len() < KEPT {
            self.kept.push(byte);
        }
        self.length += 1;
        self.after_cr = byte == b'\r';
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.length = 0;
        self.after_cr = false;
    }

    /// The line without its CR, if all of it was kept.
    fn whole(&self) -> Option<&[u8]> {
        let whole = self.length == self.kept.len() as u64;
        whole.then(|| self.kept.strip_suffix(b"\r").unwrap_or(&self.kept))
    }
}

/// What the head says of the body so far.
#[derive(Clone, Copy, Debug, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
}

/// The head is not one that every server reads the same way.
struct Ambiguous;

impl HeadGuard {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::RequestLine,
            line: Line::default(),
            framing: Framing::default(),
        }
    }

    /// Follows these bytes, which come after all that were looked at before, and spoils what must not be there. Returns
    /// whether it did: it looks at nothing any more then.
    pub(crate) fn look(&mut self, bytes: &mut [u8]) -> bool {
        let mut at = 0;
        while at < bytes.len() {
            match self.place {
                Place::Given => return false,
                Place::Body(left) => at += self.skip(left, bytes.len() - at, Place::RequestLine, Place::Body),
                Place::Chunk(left) => at += self.skip(left, bytes.len() - at, Place::ChunkEnd, Place::Chunk),
                Place::RequestLine | Place::Header | Place::ChunkSize | Place::ChunkEnd | Place::Trailer => {
                    if self.byte(bytes[at]).is_err() {
                        bytes[at] = SPOILED;
                        self.place = Place::Given;
                        return true;
                    }
                    at += 1;
                }
            }
        }
        false
    }

    /// Goes over bytes of a body.
    fn skip(&mut self, left: u64, there: usize, after: Place, rest: impl Fn(u64) -> Place) -> usize {
        let skipped = left.min(there as u64);
        self.place = match left - skipped {
            0 => after,
            left => rest(left),
        };
        // No more than `there`.
        skipped as usize
    }

    fn byte(&mut self, byte: u8) -> Result<(), Ambiguous> {
        match byte {
            b'\n' if !self.line.after_cr => Err(Ambiguous),
            b'\n' => {
                let next = self.line_ended();
                self.line.clear();
                self.place = next?;
                Ok(())
            }
            b'#' if self.place == Place::RequestLine => Err(Ambiguous),
            byte => {
                self.line.push(byte);
                Ok(())
            }
        }
    }

    /// What comes after the line that ended.
    fn line_ended(&mut self) -> Result<Place, Ambiguous> {
        let empty = self.line.length == 1;
        Ok(match self.place {
            // Lines before a request are passed over (RFC 9112, 2.2).
            Place::RequestLine if empty => Place::RequestLine,
            Place::RequestLine => Place::Header,
            Place::Header if empty => std::mem::take(&mut self.framing).body()?,
            Place::Header => {
                self.framing.read(&self.line)?;
                Place::Header
            }
            Place::ChunkSize => match chunk_size(&self.line).ok_or(Ambiguous)? {
                0 => Place::Trailer,
                size => Place::Chunk(size),
            },
            Place::ChunkEnd if empty => Place::ChunkSize,
            Place::ChunkEnd => return Err(Ambiguous),
            Place::Trailer if empty => Place::RequestLine,
            Place::Trailer => Place::Trailer,
            Place::Body(_) | Place::Chunk(_) | Place::Given => Place::Given,
        })
    }
}

impl Framing {
    /// Notes a header line that says where the body ends.
    fn read(&mut self, line: &Line) -> Result<(), Ambiguous> {
        let Some(colon) = line.kept.iter().position(|byte| *byte == b':') else {
            return Ok(());
        };
        let name = &line.kept[..colon];
        let value = || line.whole().map(|whole| whole[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = value().and_then(digits).ok_or(Ambiguous)?;
            if self.length.is_some_and(|earlier| earlier != length) {
                return Err(Ambiguous);
            }
            self.length = Some(length);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = true;
        }
        Ok(())
    }

    fn body(self) -> Result<Place, Ambiguous> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Ambiguous),
            (true, None) => Ok(Place::ChunkSize),
            (false, None | Some(0)) => Ok(Place::RequestLine),
            (false, Some(length)) => Ok(Place::Body(length)),
        }
    }
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The size that begins a chunk's first line; what may follow it is passed over.
fn chunk_size(line: &Line) -> Option<u64> {
    let text = line.kept.strip_suffix(b"\r").unwrap_or(&line.kept);
    let end = text.iter().position(|byte| !byte.is_ascii_hexdigit());
    let size = &text[..end.unwrap_or(text.len())];
    u64::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What hyper sees of `sent`, whatever the pieces that it comes in.
    fn seen(sent: &[u8]) -> Vec<u8> {
        let mut whole = sent.to_vec();
        HeadGuard::new().look(&mut whole);
        for size in [1, 2, 3, 7] {
            let mut guard = HeadGuard::new();
            let mut bytes = sent.to_vec();
            let spoiled = bytes
                .chunks_mut(size)
                .filter_map(|piece| guard.look(piece).then_some(()));
            assert_eq!(spoiled.count(), usize::from(whole != sent), "in pieces of {size}");
            assert_eq!(bytes, whole, "in pieces of {size}");
        }
        whole
    }

    fn is_spoiled(sent: &str) -> bool {
        seen(sent.as_bytes()) != sent.as_bytes()
    }

    const NEXT: &str = "GET /#next HTTP/1.1\r\n\r\n";

    /// Whether a fragment is found in the request that comes after `sent`: it was followed to its end.
    fn is_followed(sent: &str) -> bool {
        let bytes = seen(format!("{sent}{NEXT}").as_bytes());
        bytes == format!("{sent}{}", NEXT.replace('#', "\0")).as_bytes()
    }

    #[test]
    fn what_servers_read_in_one_way_passes_and_the_next_head_is_found() {
        for sent in [
            "",
            "\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\na: #\r\n\r\n",
            "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\n#\n",
            "PUT / HTTP/1.1\r\ncontent-length:\t3 \r\nCONTENT-LENGTH: 003\r\n\r\nabc\r\n",
            "PUT / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
            "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"#\"\r\n\n#\n\r\nA\r\n0123456789\r\n0\r\nt: #\r\n\r\n",
        ] {
            assert!(!is_spoiled(sent), "{sent:?}");
            assert!(is_followed(sent), "{sent:?}");
        }
        let long = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(10 * KEPT));
        assert!(is_followed(&long));
        let large = format!(
            "PUT / HTTP/1.1\r\ncontent-length: 70000\r\n\r\n{}",
            "#".repeat(70_000)
        );
        assert!(is_followed(&large));
    }

    #[test]
    fn what_they_read_in_two_ways_is_spoiled() {
        for sent in [
            "GET / HTTP/1.1\n",
            "\nGET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\na: b\nc: d\r\n",
            "GET / HTTP/1.1\r\na: b\r\n\n",
            "GET /a#b HTTP/1.1\r\n",
            "PUT / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n",
            "PUT / HTTP/1.1\r\ncontent-length: +3\r\n",
            "PUT / HTTP/1.1\r\ncontent-length: 3, 3\r\n",
            "PUT / HTTP/1.1\r\ncontent-length:\r\n",
            "PUT / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n",
            "PUT / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
            "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\nabc",
            "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n",
            "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: b\n",
        ] {
            assert!(is_spoiled(sent), "{sent:?}");
        }
        let padded = format!("PUT / HTTP/1.1\r\ncontent-length: {}3\r\n", "0".repeat(2 * KEPT));
        assert!(is_spoiled(&padded));
    }
}
