//! What the imitations of clouds share: a loopback port, and HTTP/1.1 on it. They answer at once, so that what is measured
//! is the program.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// The longest body of a request that is read.
const BODY_LIMIT: u64 = 1 << 20;

/// Takes connections until this process ends, and serves each in a thread of its own.
pub(super) fn listen(
    serve: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            thread::spawn(
                move || match connection.set_nodelay(true).and_then(|()| serve(connection)) {
                    // A program that is killed leaves without a word.
                    Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
                        eprintln!("loopback: {error}");
                    }
                    _ => {}
                },
            );
        }
    });
    Ok(address)
}

/// What is stored.
pub(super) fn lock<T>(stored: &Mutex<T>) -> MutexGuard<'_, T> {
    stored.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The value of a header, whose name is in small letters; empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }

    /// The body as text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// A status, such as `200 OK`, and a body.
pub(super) type Answer = (&'static str, String);

/// Answers the requests of a connection. One for which there is no answer waits until its client goes away.
pub(super) fn serve_http(
    connection: TcpStream,
    answer: impl Fn(&Request) -> io::Result<Option<Answer>>,
) -> io::Result<()> {
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    while let Some(request) = read(&mut reader)? {
        let Some((status, body)) = answer(&request)? else {
            return io::copy(&mut reader, &mut io::sink()).map(drop);
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        writer.write_all(format!("{head}{body}").as_bytes())?;
    }
    Ok(())
}

/// The next request on a connection; `None` at its end.
pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next(), words.next());
    let mut request = Request {
        method: method.unwrap_or_default(),
        target: target.unwrap_or_default(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let header = (name.to_ascii_lowercase(), value.trim().to_owned());
        request.headers.push(header);
    }
    let length = match request.header("content-length") {
        "" => 0,
        length => length.parse().map_err(io::Error::other)?,
    };
    if length > BODY_LIMIT {
        return Err(io::Error::other("a request with a large body"));
    }
    reader.take(length).read_to_end(&mut request.body)?;
    Ok(Some(request))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_its_headers_and_its_body_and_then_the_next() {
        let mut text: &[u8] =
            b"POST /a?b HTTP/1.1\r\nContent-Length: 4\r\nX-A: one\r\n\r\nbodyGET /c HTTP/1.1\r\n\r\n";
        let first = read(&mut text).unwrap().unwrap();
        assert_eq!((first.method.as_str(), first.target.as_str()), ("POST", "/a?b"));
        assert_eq!((first.header("x-a"), first.header("x-b")), ("one", ""));
        assert_eq!(first.text(), "body");
        assert_eq!(read(&mut text).unwrap().unwrap().target, "/c");
        assert!(read(&mut text).unwrap().is_none());
    }

    #[test]
    fn what_has_no_answer_waits_until_its_client_goes() {
        let address = listen(|connection| {
            serve_http(connection, |request| {
                Ok((request.target == "/answered").then(|| ("200 OK", "well".to_owned())))
            })
        })
        .unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        client
            .write_all(b"GET /answered HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
            .unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell");
    }
}
