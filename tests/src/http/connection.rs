//! One TCP connection that speaks HTTP/1.1 byte for byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Front, Response, SignedRequest, function_url};

/// How long a read or write may block. A server that is stuck fails the test instead of hanging it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One TCP connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
    front: Front,
}

impl Connection {
    /// Connects to a server behind `front`.
    pub fn open(address: SocketAddr, front: Front) -> Self {
        Self::try_open(address, front).expect("the server accepts connections")
    }

    /// Connects to a server that may be gone.
    pub fn try_open(address: SocketAddr, front: Front) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            address,
            front,
        })
    }

    /// Sends a request and reads its response. A server may answer before it has read the body, so a body that
    /// cannot be written to its end is no failure by itself.
    pub fn send(&mut self, request: &SignedRequest) -> Response {
        self.try_send(request).expect("a whole response")
    }

    /// Sends a request as [`send`](Self::send) does; an error if the connection ends before the end of the response.
    pub fn try_send(&mut self, request: &SignedRequest) -> io::Result<Response> {
        self.stream.get_mut().write_all(&request.head(self.address))?;
        let _unfinished: io::Result<()> = self.stream.get_mut().write_all(&request.body);
        self.try_read_response(&request.method)
    }

    /// Sends a request as [`send`](Self::send) does, to a server that may die at any moment and listen elsewhere in its next
    /// life: an error if the connection ends before the response does. `Host` is what the request was signed for.
    pub fn try_exchange(&mut self, request: &SignedRequest) -> io::Result<Response> {
        self.stream
            .get_mut()
            .write_all(&request.head(request.address()))?;
        let _unfinished: io::Result<()> = self.stream.get_mut().write_all(&request.body);
        self.try_read_response(&request.method)
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Writes bytes as they are, to a server that may close the connection.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Writes the head of a request: request line and headers, up to the empty line.
    pub fn write_head(&mut self, request: &SignedRequest) {
        self.write(&request.head(self.address));
    }

    /// Tells the server that nothing more will be written.
    pub fn finish_writing(&mut self) {
        self.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Reads one response, interim ones (`100 Continue`) included, to the request whose method this is.
    pub fn read_response(&mut self, method: &str) -> Response {
        self.try_read_response(method).expect("a whole response")
    }

    /// Reads one response as [`read_response`](Self::read_response) does, and gives its body away in pieces: it is not in the
    /// response. For bodies that are sent with their length.
    pub fn read_pieces(&mut self, mut piece: impl FnMut(&[u8])) -> Response {
        let response = self.read_head().expect("a head");
        let length = response.header("content-length").expect("a length");
        let mut left: usize = length.parse().expect("a decimal Content-Length");
        while left > 0 {
            let buffered = self.stream.fill_buf().expect("the rest of the body");
            assert!(!buffered.is_empty(), "the body ends {left} bytes early");
            let length = buffered.len().min(left);
            piece(&buffered[..length]);
            self.stream.consume(length);
            left -= length;
        }
        response
    }

    fn try_read_response(&mut self, method: &str) -> io::Result<Response> {
        let mut response = self.read_head()?;
        let bodiless = method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304);
        if !bodiless {
            response.body = self.read_body(&response)?;
        }
        match self.front {
            Front::Nothing | Front::Http2 => Ok(response),
            Front::FunctionUrl => Ok(function_url::translated(response)),
        }
    }

    /// Whether the server has closed the connection: reads to the end, expecting nothing before it.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    fn read_head(&mut self) -> io::Result<Response> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read_until(b'\n', &mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed.parse(&head).expect("a well-formed response head");
        Ok(Response {
            status: parsed.code.unwrap(),
            headers: parsed
                .headers
                .iter()
                .map(|header| {
                    (
                        header.name.to_ascii_lowercase(),
                        String::from_utf8_lossy(header.value).into_owned(),
                    )
                })
                .collect(),
            body: Vec::new(),
        })
    }

    fn read_body(&mut self, response: &Response) -> io::Result<Vec<u8>> {
        if response.header("transfer-encoding") == Some("chunked") {
            return self.read_chunks();
        }
        let mut body = Vec::new();
        match response.header("content-length") {
            Some(length) => {
                let length: u64 = length.parse().expect("a decimal Content-Length");
                (&mut self.stream).take(length).read_to_end(&mut body)?;
                if body.len() as u64 != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            None => {
                self.stream.read_to_end(&mut body)?;
            }
        }
        Ok(body)
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let length = u64::from_str_radix(line.trim(), 16).expect("a chunk's length in hex");
            let read = (&mut self.stream).take(length).read_to_end(&mut body)?;
            let mut end = String::new();
            if read as u64 != length || self.stream.read_line(&mut end)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if length == 0 {
                return Ok(body);
            }
        }
    }
}
