//! A Cloud Storage that keeps one object, over the JSON API.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::start::loopback::{self, Answer, Request};

/// Answers until the process ends.
pub(super) fn start() -> io::Result<SocketAddr> {
    let stored: Arc<Mutex<Option<String>>> = Arc::default();
    loopback::listen(move |connection| {
        loopback::serve_http(connection, |request| {
            Ok(Some(answer(request, &mut loopback::lock(&stored))))
        })
    })
}

fn answer(request: &Request, stored: &mut Option<String>) -> Answer {
    const OK: &str = "200 OK";
    match request.method.as_str() {
        "POST" => {
            *stored = Some(request.text().into_owned());
            let checksum = STANDARD.encode(crc32c(&request.body).to_be_bytes());
            let said = json!({ "size": request.body.len().to_string(), "crc32c": checksum });
            (OK, said.to_string())
        }
        "GET" if request.target.contains("alt=media") => match stored {
            Some(object) => (OK, object.clone()),
            None => ("404 Not Found", "{}".to_owned()),
        },
        // A listing of no objects.
        "GET" => (OK, "{}".to_owned()),
        _ => ("501 Not Implemented", String::new()),
    }
}

/// The checksum that Cloud Storage says an object has: CRC-32C.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0x82f6_3b78
            } else {
                crc >> 1
            }
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        loopback::read(&mut text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn what_was_uploaded_is_answered_with_its_checksum() {
        let mut stored = None;
        let get = request("GET /storage/v1/b/blobs/o/owner?alt=media HTTP/1.1\r\n\r\n");
        assert_eq!(answer(&get, &mut stored).0, "404 Not Found");
        let list = request("GET /storage/v1/b/blobs/o?prefix=blobs HTTP/1.1\r\n\r\n");
        assert_eq!(answer(&list, &mut stored).1, "{}");
        let put = "POST /upload/storage/v1/b/blobs/o HTTP/1.1\r\ncontent-length: 9\r\n\r\n123456789";
        let said = answer(&request(put), &mut stored).1;
        // The check value of CRC-32C is e3069283.
        assert_eq!(said, r#"{"crc32c":"4waSgw==","size":"9"}"#);
        assert_eq!(answer(&get, &mut stored), ("200 OK", "123456789".to_owned()));
    }
}
