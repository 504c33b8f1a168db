//! Asking a program on this machine something over HTTP/1.1.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// Where every deployment says that it serves, without a signature.
pub(crate) const HEALTH: &str = "/_bleepstore/health";

/// All of what is answered to a GET of this path, the head too.
pub(crate) fn get(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Whether an answer is that of a deployment that is well.
pub(crate) fn is_healthy(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"status\":\"ok\"}")
}
