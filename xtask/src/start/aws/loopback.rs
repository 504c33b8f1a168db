//! Just enough of AWS, on one loopback port, for a function to start: Lambda's runtime interface, a DynamoDB that keeps
//! one row, and an S3 that keeps one object.

use std::io;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::start::loopback::{self, Answer, Request};

/// Answers until the process ends.
pub(crate) struct Loopback {
    address: String,
    polls: Receiver<Instant>,
}

/// What is stored, once something is.
#[derive(Default)]
struct Stored {
    row: Option<Value>,
    object: Option<String>,
}

impl Loopback {
    pub(super) fn start() -> io::Result<Self> {
        let (send, polls) = mpsc::channel();
        let stored = Arc::new(Mutex::new(Stored::default()));
        let address = loopback::listen(move |connection| {
            loopback::serve_http(connection, |request| {
                if request.target.starts_with("/2018-06-01/runtime/invocation/next") {
                    send.send(Instant::now()).map_err(io::Error::other)?;
                    // There is no event: the function waits until it is killed.
                    return Ok(None);
                }
                Ok(Some(answer(request, &mut loopback::lock(&stored))))
            })
        })?;
        let address = address.to_string();
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

fn answer(request: &Request, stored: &mut Stored) -> Answer {
    const OK: &str = "200 OK";
    let operation = request.header("x-amz-target").rsplit('.').next();
    match (request.method.as_str(), operation.unwrap_or_default()) {
        ("POST", "GetItem") => {
            let found = stored.row.as_ref().map_or(json!({}), |row| json!({"Item": row}));
            (OK, found.to_string())
        }
        ("POST", "PutItem") => {
            let mut put: Value = serde_json::from_slice(&request.body).unwrap_or_default();
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
            // The body comes in chunks with a checksum after them; the document is what stands between its braces.
            let body = request.text();
            let (start, end) = (body.find('{'), body.rfind('}'));
            stored.object = start
                .zip(end)
                .and_then(|(start, end)| body.get(start..=end))
                .map(str::to_owned);
            (OK, String::new())
        }
        _ => ("501 Not Implemented", String::new()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        loopback::read(&mut text.as_bytes()).unwrap().unwrap()
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
