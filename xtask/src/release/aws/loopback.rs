//! Just enough of AWS, on one loopback port, for a function to start: Lambda's runtime interface, a DynamoDB that keeps
//! one row, and an S3 that keeps one object. It answers at once, so that what is measured is the function.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest body of a request that is read.
const BODY_LIMIT: u64 = 1 << 20;

/// Answers until the process ends.
pub(super) struct Loopback {
    address: String,
    polls: Receiver<Instant>,
}

/// What is stored, once something is.
#[derive(Default)]
struct Stored {
    row: Option<Value>,
    object: Option<String>,
}

struct Request {
    method: String,
    target: String,
    /// The operation of DynamoDB, empty for other services.
    operation: String,
    body: String,
}

impl Loopback {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (send, polls) = mpsc::channel();
        let stored = Arc::new(Mutex::new(Stored::default()));
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (send, stored) = (send.clone(), stored.clone());
                thread::spawn(move || match serve(connection, &stored, &send) {
                    // A function that is killed leaves without a word.
                    Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
                        eprintln!("loopback: {error}");
                    }
                    _ => {}
                });
            }
        });
        Ok(Self { address, polls })
    }

    /// Its host and port.
    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    /// When a function asked for its first event; `None` if none does in time.
    pub(super) fn first_poll(&self, patience: Duration) -> Option<Instant> {
        self.polls.recv_timeout(patience).ok()
    }
}

fn serve(connection: TcpStream, stored: &Mutex<Stored>, polls: &Sender<Instant>) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    while let Some(request) = read(&mut reader)? {
        if request.target.starts_with("/2018-06-01/runtime/invocation/next") {
            polls.send(Instant::now()).map_err(io::Error::other)?;
            // There is no event: the function waits until it is killed.
            return io::copy(&mut reader, &mut io::sink()).map(drop);
        }
        let (status, body) = answer(&request, &mut lock(stored));
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        writer.write_all(format!("{head}{body}").as_bytes())?;
    }
    Ok(())
}

fn lock(stored: &Mutex<Stored>) -> MutexGuard<'_, Stored> {
    stored.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(request: &Request, stored: &mut Stored) -> (&'static str, String) {
    const OK: &str = "200 OK";
    let operation = request.operation.rsplit('.').next().unwrap_or_default();
    match (request.method.as_str(), operation) {
        ("POST", "GetItem") => {
            let found = stored.row.as_ref().map_or(json!({}), |row| json!({"Item": row}));
            (OK, found.to_string())
        }
        ("POST", "PutItem") => {
            let mut put: Value = serde_json::from_str(&request.body).unwrap_or_default();
            stored.row = Some(put["Item"].take());
            (OK, "{}".to_owned())
        }
        ("GET", "") if request.target.contains("list-type=2") => (
            OK,
            "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>".to_owned(),
        ),
        ("GET", "") => match &stored.object {
            Some(object) => (OK, object.clone()),
            None => (
                "404 Not Found",
                "<Error><Code>NoSuchKey</Code></Error>".to_owned(),
            ),
        },
        ("PUT", "") => {
            // The body comes in chunks with a checksum behind them; the document is what stands between its braces.
            let (start, end) = (request.body.find('{'), request.body.rfind('}'));
            stored.object = start
                .zip(end)
                .and_then(|(start, end)| request.body.get(start..=end))
                .map(str::to_owned);
            (OK, String::new())
        }
        _ => ("501 Not Implemented", String::new()),
    }
}

/// The next request on a connection; `None` at its end.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next(), words.next());
    let mut request = Request {
        method: method.unwrap_or_default(),
        target: target.unwrap_or_default(),
        operation: String::new(),
        body: String::new(),
    };
    let mut length = 0;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "x-amz-target" => value.trim().clone_into(&mut request.operation),
            _ => {}
        }
    }
    if length > BODY_LIMIT {
        return Err(io::Error::other("a request with a large body"));
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(request))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        read(&mut text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn what_was_stored_is_answered() {
        let mut stored = Stored::default();
        let get_row = request("POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n\r\n");
        assert_eq!(answer(&get_row, &mut stored).1, "{}");
        let put_row = "POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.PutItem\r\ncontent-length: 23\r\n\r\n\
                       {\"Item\":{\"a\":{\"S\":\"\"}}}";
        answer(&request(put_row), &mut stored);
        assert_eq!(answer(&get_row, &mut stored).1, r#"{"Item":{"a":{"S":""}}}"#);
        let get = request("GET /blobs/owner HTTP/1.1\r\n\r\n");
        assert_eq!(answer(&get, &mut stored).0, "404 Not Found");
        let put = "PUT /blobs/owner HTTP/1.1\r\ncontent-length: 19\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n\r\n\r\n";
        answer(&request(put), &mut stored);
        assert_eq!(answer(&get, &mut stored), ("200 OK", "{\"a\":1}".to_owned()));
    }
}
