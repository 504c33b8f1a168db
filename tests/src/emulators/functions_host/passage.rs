//! What the host makes of the head of a request: an answer of its own, or the head that the handler receives.

use std::net::SocketAddr;

use http::header::{
    ALT_SVC, CONNECTION, CONTENT_LENGTH, COOKIE, FORWARDED, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE,
    UPGRADE_INSECURE_REQUESTS,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::target::{query_written_by_yarp, read_by_kestrel, through_front_end, written_by_yarp};

/// The longest path and query, in bytes
/// (<https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger>, "Limits").
pub const URL_LIMIT: usize = 4_096;

/// The most headers, and the most bytes in them: Kestrel's `MaxRequestHeaderCount` and `MaxRequestHeadersTotalSize`.
const HEADER_LIMITS: (usize, usize) = (100, 32 * 1_024);

/// The front end as the host sees it: an address of the instance's own network.
const FRONT_END: &str = "169.254.129.1";

/// The version of the host that was read.
const HOST_VERSION: &str = "4.1042.100.2";

/// The header that carries the path and query as the client sent them.
const UNENCODED_URL: HeaderName = HeaderName::from_static("x-waws-unencoded-url");

/// What YARP takes away in either direction (dotnet/yarp `RequestUtilities.cs`). It does not read what `Connection` names.
const HOP_BY_HOP: [HeaderName; 17] = [
    CONNECTION,
    TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
    UPGRADE,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-authentication-info"),
    HeaderName::from_static("proxy-authorization"),
    HeaderName::from_static("proxy-features"),
    HeaderName::from_static("proxy-instruction"),
    HeaderName::from_static("security-scheme"),
    HeaderName::from_static("alpn"),
    HeaderName::from_static("close"),
    HeaderName::from_static("http2-settings"),
    UPGRADE_INSECURE_REQUESTS,
    TE,
    ALT_SVC,
];

/// What .NET takes for a description of a body. A request that has one of these and no body is sent with an empty one.
const OF_A_BODY: [&str; 11] = [
    "allow",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "expires",
    "last-modified",
];

/// What the host knows of a request besides its head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    /// The client.
    pub peer: SocketAddr,
    /// The handler.
    pub handler: SocketAddr,
    /// The prefix of all routes, without slashes; empty where there is none.
    pub prefix: &'a str,
    /// Which request this is, from which its ids are made.
    pub number: u64,
    /// Whether a body follows.
    pub has_body: bool,
}

/// The head that the handler receives, or the bare status that the host answers by itself.
pub(super) fn hand_over(head: &Parts, arrival: Arrival<'_>) -> Result<Parts, StatusCode> {
    let url = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    if url.len() > URL_LIMIT {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let path = through_front_end(head.uri.path()).filter(|_| url.is_ascii());
    let path = path.as_deref().and_then(read_by_kestrel);
    let path = path.ok_or(StatusCode::BAD_REQUEST)?;
    let mut headers = head.headers.clone();
    add_front_end(&mut headers, url, &arrival)?;
    let size = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4);
    if headers.len() > HEADER_LIMITS.0 || size.sum::<usize>() > HEADER_LIMITS.1 {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if let Some(status) = not_the_functions(&path, arrival.prefix) {
        return Err(status);
    }
    let mut handed = head.clone();
    handed.headers = rewritten(&headers, &arrival)?;
    handed.uri = uri(&path, head.uri.query()).ok_or(StatusCode::BAD_REQUEST)?;
    Ok(handed)
}

/// What the host answers where no function's route is, or one of its own. Its own are those of its controllers, which want a
/// key, and everything else below `admin` and `runtime` (Azure/azure-functions-host `ReservedRouteGuardMiddleware.cs`; routes are
/// compared without regard to case). What is found without a key below `/runtime/health` is not modelled.
fn not_the_functions(path: &str, prefix: &str) -> Option<StatusCode> {
    let mut segments = path.split('/').skip(1).map(str::to_ascii_lowercase);
    let first = segments.next().unwrap_or_default();
    let second = segments.next().unwrap_or_default();
    match first.as_str() {
        "admin" if ["extensions", "functions", "host", "instance", "vfs"].contains(&second.as_str()) => {
            Some(StatusCode::UNAUTHORIZED)
        }
        "admin" | "runtime" => Some(StatusCode::NOT_FOUND),
        first if prefix.is_empty() || first == prefix.to_ascii_lowercase() => None,
        _ => Some(StatusCode::NOT_FOUND),
    }
}

fn uri(path: &str, query: Option<&str>) -> Option<Uri> {
    let path = written_by_yarp(path);
    let text = match query {
        Some(query) => format!("{path}?{}", query_written_by_yarp(query)),
        None => path,
    };
    text.parse().ok()
}

/// The headers that the front end adds, whatever the client put there: as people printed them, for instance in
/// <https://github.com/dotnet/aspnetcore/issues/40532> and on <https://headers.netletic.com>. That it replaces what a client sent under
/// these names is assumed, and is what a deployment asserts that trusts the unencoded URL.
fn add_front_end(headers: &mut HeaderMap, url: &str, arrival: &Arrival<'_>) -> Result<(), StatusCode> {
    let host = headers.get(HOST).cloned().ok_or(StatusCode::BAD_REQUEST)?;
    let (ip, port) = (arrival.peer.ip(), arrival.peer.port());
    for (name, text) in [
        ("max-forwards", "10".to_owned()),
        ("x-arr-log-id", id(arrival.number)),
        ("client-ip", format!("{ip}:{port}")),
        ("x-client-ip", ip.to_string()),
        ("x-client-port", port.to_string()),
        ("x-site-deployment-id", "bleepstore".to_owned()),
        ("was-default-hostname", "bleepstore.azurewebsites.net".to_owned()),
        ("x-appservice-proto", "https".to_owned()),
        (
            "x-arr-ssl",
            "2048|256|CN=loopback|CN=*.azurewebsites.net".to_owned(),
        ),
        ("x-forwarded-tlsversion", "1.3".to_owned()),
        ("x-original-url", url.to_owned()),
    ] {
        headers.insert(name, value(&text)?);
    }
    headers.insert(UNENCODED_URL, value(url)?);
    headers.insert("disguised-host", host);
    Ok(())
}

/// The headers as the host rewrites them. Its own come from `DefaultHttpWorkerService.cs` and `DefaultHttpProxyService.cs`
/// (Azure/azure-functions-host); `X-Forwarded-*` is set, not appended, from the connection of the front end, and `Forwarded` is
/// removed (dotnet/yarp `ForwardedTransformExtensions.cs`); the scheme is the client's, as `AppServiceHeaderFixupMiddleware.cs` has it.
/// .NET's client joins repeated headers with a comma and a space, and sends nothing that is not ASCII: then the answer is 500.
fn rewritten(headers: &HeaderMap, arrival: &Arrival<'_>) -> Result<HeaderMap, StatusCode> {
    let mut rewritten = HeaderMap::new();
    for name in headers.keys() {
        let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        let separator: &[u8] = if name == COOKIE { b"; " } else { b", " };
        let joined = values.join(separator);
        if !joined.is_ascii() {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let joined = HeaderValue::from_bytes(&joined).map_err(|_| StatusCode::BAD_REQUEST)?;
        rewritten.insert(name, joined);
    }
    for name in HOP_BY_HOP {
        rewritten.remove(name);
    }
    rewritten.remove(FORWARDED);
    rewritten.remove("x-forwarded-prefix");
    let host = rewritten.insert(HOST, value(&arrival.handler.to_string())?);
    rewritten.insert("x-forwarded-host", host.ok_or(StatusCode::BAD_REQUEST)?);
    rewritten.insert("x-forwarded-for", value(FRONT_END)?);
    rewritten.insert("x-forwarded-proto", value("https")?);
    rewritten.insert("x-ms-invocation-id", value(&id(arrival.number))?);
    for (name, text) in of_the_host(arrival.number) {
        match name {
            "traceparent" if rewritten.contains_key(name) => {}
            _ => drop(rewritten.insert(name, value(&text)?)),
        }
    }
    if arrival.has_body && headers.contains_key(TRANSFER_ENCODING) {
        rewritten.remove(CONTENT_LENGTH);
    }
    if !arrival.has_body && OF_A_BODY.iter().any(|name| rewritten.contains_key(*name)) {
        rewritten.insert(CONTENT_LENGTH, value("0")?);
    }
    Ok(rewritten)
}

/// The headers of every request that the host makes.
pub(super) fn of_the_host(number: u64) -> [(&'static str, String); 3] {
    [
        ("x-azure-functions-hostversion", HOST_VERSION.to_owned()),
        ("x-azure-functions-invocationid", id(number)),
        ("traceparent", format!("00-{number:032x}-{number:016x}-00")),
    ]
}

/// The name under which the host invokes functions that are not HTTP's.
pub(super) fn user_agent() -> String {
    format!("Azure-Functions-Host/{HOST_VERSION}")
}

/// An id, of an invocation or of the front end's log.
fn id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

fn value(text: &str) -> Result<HeaderValue, StatusCode> {
    HeaderValue::from_str(text).map_err(|_| StatusCode::BAD_REQUEST)
}

/// The headers of a response as the client gets them; `None` where one is not ASCII, which Kestrel does not write.
pub(super) fn handed_back(headers: &HeaderMap) -> Option<HeaderMap> {
    let mut kept = headers.clone();
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    let ascii = kept.values().all(|value| value.as_bytes().is_ascii());
    ascii.then_some(kept)
}
