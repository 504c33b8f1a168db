//! Sending a request as a front end does that speaks HTTP/2 with the server, such as Cloud Run's.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use bleepstore_core::Body;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::{Response, SignedRequest};

/// How long an exchange may take. A server that is stuck fails the test instead of hanging it.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Sends a request over a connection of its own, without TLS and knowing that the server speaks HTTP/2.
pub(super) fn send(address: SocketAddr, request: &SignedRequest) -> Response {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"));
    runtime.block_on(async {
        timeout(TIMEOUT, exchange(address, request.translated(address)))
            .await
            .expect("the server answers in time")
            .expect("the server answers")
    })
}

async fn exchange(address: SocketAddr, request: http::Request<Body>) -> hyper::Result<Response> {
    let stream = TcpStream::connect(address)
        .await
        .expect("the server accepts connections");
    stream.set_nodelay(true).unwrap();
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let (head, body) = requests.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    connection.abort();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter();
    Ok(Response {
        status: head.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        body,
    })
}

impl SignedRequest {
    /// The request as it is in HTTP/2: the host is the authority, and what is the connection's is left out.
    pub fn translated(&self, address: SocketAddr) -> http::Request<Body> {
        let host = self.headers.iter().find(|(name, _)| HOST == name.as_str());
        let host = host.map_or_else(|| address.to_string(), |(_, host)| host.clone());
        let uri = Uri::builder()
            .scheme("http")
            .authority(host)
            .path_and_query(self.target.as_str())
            .build()
            .expect("a target that HTTP/2 can carry");
        let mut request = http::Request::new(Body::full(self.body.clone()));
        *request.method_mut() = self.method.parse().expect("a method");
        *request.uri_mut() = uri;
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().expect("a header's name");
            if ![HOST, CONNECTION, TRANSFER_ENCODING].contains(&name) {
                // The space around a value is HTTP/1.1's, and gone where that has been read.
                let value = HeaderValue::from_bytes(value.trim().as_bytes()).expect("a header's value");
                request.headers_mut().append(name, value);
            }
        }
        let takes_body = !self.body.is_empty() || matches!(self.method.as_str(), "PUT" | "POST");
        if takes_body {
            let length = HeaderValue::from(self.body.len());
            request.headers_mut().entry(CONTENT_LENGTH).or_insert(length);
        }
        request
    }
}
