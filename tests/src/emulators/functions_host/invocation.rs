//! Requests that the host makes on its own account: to a handler that starts, and to a function whose trigger is a timer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::forward::connect;
use super::passage::{of_the_host, user_agent};

/// How often a handler that does not listen yet is tried: `WorkerReadyCheckPollingIntervalMilliseconds`.
const POLL: Duration = Duration::from_millis(25);

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoked {
    /// The status that the handler answered.
    pub status: StatusCode,
    /// The body of its answer.
    pub body: Vec<u8>,
    /// Why the host counts the invocation as failed, if it does.
    pub failure: Option<String>,
}

/// Waits until the handler answers `GET /` with anything at all (Azure/azure-functions-host `DefaultHttpWorkerService.cs`,
/// `IsWorkerReady`).
pub(super) async fn ready(handler: SocketAddr) -> io::Result<()> {
    loop {
        match connect(handler).await {
            Ok(mut connection) => {
                let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
                let request = Request::get("/").header(HOST, handler.to_string()).body(body);
                let answer = connection.send_request(request.map_err(io::Error::other)?).await;
                // No answer, or one that is no HTTP, is as good: only a port that nobody listens on is waited for.
                drop(answer);
                return Ok(());
            }
            Err(_) => sleep(POLL).await,
        }
    }
}

/// Invokes a function whose timer has gone off, through its binding, and judges the answer as `DefaultHttpWorkerService.cs` does
/// (`ProcessDefaultInvocationRequest`). Invocations that fail are not repeated.
pub(super) async fn fire(
    handler: SocketAddr,
    (function, binding): (&str, &str),
    number: u64,
) -> io::Result<Invoked> {
    let (headers, body) = timer_request(handler, (function, binding), number);
    // In chunks, as .NET writes an object.
    let frames = stream::iter([Ok(Frame::data(Bytes::from(body)))]);
    let mut request = Request::new(StreamBody::new(frames).boxed_unsync());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("/{function}").parse().map_err(io::Error::other)?;
    for (name, value) in headers {
        let value = value.parse().map_err(io::Error::other)?;
        request.headers_mut().insert(name, value);
    }
    let mut connection = connect(handler).await?;
    let response = connection.send_request(request).await.map_err(io::Error::other)?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Invoked {
        status: head.status,
        failure: failure(head.status, &head.headers, &body),
        body: body.to_vec(),
    })
}

/// The headers and the body of such a request, as people printed them
/// (<https://github.com/Azure/azure-functions-host/issues/5815>, and handlers that are public).
pub(super) fn timer_request(
    handler: SocketAddr,
    (function, binding): (&str, &str),
    number: u64,
) -> (Vec<(&'static str, String)>, String) {
    let mut headers = vec![
        (HOST.as_str(), handler.to_string()),
        (USER_AGENT.as_str(), user_agent()),
        (
            CONTENT_TYPE.as_str(),
            "application/json; charset=utf-8".to_owned(),
        ),
    ];
    headers.extend(of_the_host(number));
    let status = json!({
        "Last": "2026-11-25T10:00:00.0019764+00:00",
        "Next": "2026-11-25T10:15:00+00:00",
        "LastUpdated": "2026-11-25T10:00:00.0019764+00:00",
    });
    let timer = json!({
        "Schedule": {"AdjustForDST": true},
        "ScheduleStatus": status,
        "IsPastDue": false,
    });
    let body = json!({
        "Data": {binding: timer},
        "Metadata": {"sys": {
            "MethodName": function,
            "UtcNow": "2026-11-25T10:15:00.0024370Z",
            "RandGuid": format!("00000000-0000-4000-9000-{number:012x}"),
        }},
    });
    (headers, body.to_string())
}

fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    if !status.is_success() {
        return Some(format!("the status is {status}"));
    }
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    if !kind.is_some_and(|kind| kind.starts_with(b"application/json")) {
        return Some("the answer is not called JSON".to_owned());
    }
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return Some("the answer is not JSON".to_owned());
    };
    let texts = |logs: &Value| {
        let logs = logs.as_array();
        logs.is_some_and(|logs| logs.iter().all(|line| line.is_string() || line.is_null()))
    };
    let outputs = &answer["Outputs"];
    let logs = &answer["Logs"];
    if !answer.is_object() {
        Some("the answer is not an object".to_owned())
    } else if !outputs.is_null() && !outputs.is_object() {
        Some("Outputs is not an object".to_owned())
    } else if !logs.is_null() && !texts(logs) {
        Some("Logs is not a list of texts".to_owned())
    } else {
        None
    }
}
