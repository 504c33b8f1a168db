//! How the function answers: with a stream, or with one document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bleepstore_core::Body;
use bleepstore_core::body::BodyError;
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use lambda_http::lambda_runtime::{FunctionResponse, MetadataPrelude, StreamResponse};
use serde_json::{Value, json};

use crate::event::error_document;

/// The most bytes of a body that fit into one document, which has 6 MB with everything that stands in it
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const DOCUMENT_LIMIT: usize = 4_500_000;

/// The headers that every answer of S3 has, with the ids that the log has of the request.
const OF_EVERY_ANSWER: [&str; 3] = ["server", "x-amz-request-id", "x-amz-id-2"];

/// What the runtime is given: an answer to a request, or a document that answers the schedule.
pub type Answer = FunctionResponse<Value, BoxStream<'static, Result<Bytes, BodyError>>>;

/// How a Function URL invokes the function, which is a property of the URL.
/// <https://docs.aws.amazon.com/lambda/latest/dg/config-rs-invoke-furls.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvokeMode {
    /// `RESPONSE_STREAM`: it passes on what arrives, with no length.
    Stream,
    /// `BUFFERED`: it waits for one document.
    Buffered,
}

/// An answer whose body is sent as it comes.
///
/// The runtime sends the head before it asks for the body, so that status and headers also arrive where the body is
/// empty. (Node's runtime sends it with the body's first byte, and such responses become a bare 200.)
pub fn streamed(response: Response<Body>) -> Answer {
    let (head, body) = response.into_parts();
    let metadata_prelude = MetadataPrelude {
        status_code: head.status,
        headers: fold(&head.headers),
        cookies: Vec::new(),
    };
    FunctionResponse::StreamingResponse(StreamResponse {
        metadata_prelude,
        stream: body.into_stream(),
    })
}

/// An answer as one document. What does not fit into it is refused by name. A body that breaks off is an error: there
/// would be nothing to tell it from a whole one by.
pub async fn buffered(method: &Method, response: Response<Body>) -> Result<Answer, BodyError> {
    let (head, body) = response.into_parts();
    let length = length(&head.headers);
    if length.is_some_and(|length| length > DOCUMENT_LIMIT) {
        return Ok(too_long(method, &head.headers));
    }
    let mut collected = Vec::with_capacity(length.unwrap_or_default());
    let mut body = body.into_stream();
    while let Some(bytes) = body.try_next().await? {
        if collected.len() + bytes.len() > DOCUMENT_LIMIT {
            return Ok(too_long(method, &head.headers));
        }
        collected.extend_from_slice(&bytes);
    }
    if method == Method::HEAD {
        // What hands this on counts the bytes that it is given, sends their number as the length, and none of them.
        collected.resize(length.unwrap_or_default(), 0);
    }
    Ok(written(head.status, &head.headers, &collected))
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The document, in a form that a Function URL and a REST API read alike.
fn written(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    let headers = fold(headers);
    let headers = headers.iter().map(|(name, value)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into(),
        )
    });
    FunctionResponse::BufferedResponse(json!({
        "statusCode": status.as_u16(),
        "headers": headers.collect::<serde_json::Map<String, Value>>(),
        "body": STANDARD.encode(body),
        "isBase64Encoded": true,
    }))
}

/// The refusal of an answer with these headers, of which it keeps its own.
fn too_long(method: &Method, of: &HeaderMap) -> Answer {
    let text = error_document(
        "InvalidRequest",
        &format!(
            "BleepStore on AWS Lambda sends at most {DOCUMENT_LIMIT} bytes in one response here. Ask for ranges, or run the same \
             program as an HTTP server, which has S3's own limits."
        ),
    );
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/xml"))]);
    for name in OF_EVERY_ANSWER {
        headers.extend(of.get(name).map(|id| (HeaderName::from_static(name), id.clone())));
    }
    let body = if method == Method::HEAD { "" } else { text.as_str() };
    written(StatusCode::BAD_REQUEST, &headers, body.as_bytes())
}

/// One value per header, as Lambda's response has it: values of one name are joined as RFC 9110, 5.3 allows.
pub fn fold(headers: &HeaderMap) -> HeaderMap {
    let mut folded = HeaderMap::with_capacity(headers.keys_len());
    for name in headers.keys() {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(value) = HeaderValue::from_bytes(&values.join(&b", "[..])) {
            folded.insert(name.clone(), value);
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(method: Method, declared: usize, body: Vec<u8>) -> Value {
        let mut response = Response::new(Body::full(body));
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(declared));
        match buffered(&method, response).await.unwrap() {
            FunctionResponse::BufferedResponse(document) => document,
            FunctionResponse::StreamingResponse(_) => panic!("not a document"),
        }
    }

    fn body(document: &Value) -> Vec<u8> {
        assert_eq!(document["isBase64Encoded"], true);
        STANDARD.decode(document["body"].as_str().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_document_has_the_whole_body() {
        let document = of(Method::GET, 3, vec![1, 0, 255]).await;
        assert_eq!(
            (&document["statusCode"], body(&document)),
            (&json!(200), vec![1, 0, 255])
        );
        assert_eq!(document["headers"]["content-length"], "3");
    }

    #[tokio::test]
    async fn the_answer_to_head_has_as_many_bytes_as_the_object() {
        let document = of(Method::HEAD, 5, Vec::new()).await;
        assert_eq!(body(&document), [0; 5]);
        assert_eq!(document["headers"]["content-length"], "5");
    }

    #[tokio::test]
    async fn what_no_document_holds_is_refused_by_name() {
        let document = of(Method::GET, DOCUMENT_LIMIT + 1, Vec::new()).await;
        let text = String::from_utf8(body(&document)).unwrap();
        assert_eq!(document["statusCode"], 400);
        assert!(
            text.contains("<Code>InvalidRequest</Code>") && text.contains("4500000"),
            "{text}"
        );
        let undeclared = buffered(
            &Method::GET,
            Response::new(Body::full(vec![0; DOCUMENT_LIMIT + 1])),
        )
        .await;
        let FunctionResponse::BufferedResponse(document) = undeclared.unwrap() else {
            panic!("not a document");
        };
        assert_eq!(document["statusCode"], 400);
        let head = of(Method::HEAD, DOCUMENT_LIMIT + 1, Vec::new()).await;
        assert_eq!((&head["statusCode"], body(&head)), (&json!(400), Vec::new()));
    }

    #[test]
    fn the_longest_document_fits_into_an_answer_of_lambda() {
        let FunctionResponse::BufferedResponse(document) =
            written(StatusCode::OK, &HeaderMap::new(), &vec![0; DOCUMENT_LIMIT])
        else {
            panic!("not a document");
        };
        assert!(document.to_string().len() + 100_000 < 6 * 1024 * 1024);
    }

    #[test]
    fn values_of_one_name_are_folded() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("vary", "a"), ("etag", "\"x\""), ("vary", "b")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let folded = fold(&headers);
        assert_eq!(folded.len(), 2);
        assert_eq!(folded["vary"], "a, b");
        assert_eq!(folded["etag"], "\"x\"");
    }
}
