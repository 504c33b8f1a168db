//! An answer in one piece: status, headers and body in a JSON document.
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{Answered, EVENT_LIMIT, prelude};

/// A document that was read.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Document {
    /// Waits for the whole answer; `None` where it is none, or too long for Lambda.
    pub(super) async fn read(mut answered: Answered) -> Option<Self> {
        let mut text = Vec::new();
        while let Some(bytes) = answered.body.recv().await {
            text.extend_from_slice(&bytes.ok()?);
        }
        if text.len() > EVENT_LIMIT {
            return None;
        }
        Self::parse(&serde_json::from_slice(&text).ok()?)
    }

    fn parse(json: &Value) -> Option<Self> {
        let (status, headers) = prelude::status_and_headers(json).ok()?;
        let text = json["body"].as_str().unwrap_or_default();
        let body = match json["isBase64Encoded"] {
            Value::Bool(true) => STANDARD.decode(text).ok()?,
            _ => text.as_bytes().to_vec(),
        };
        Some(Self {
            status,
            headers,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_what_its_encoding_says() {
        let of = |body, encoded| {
            let json = json!({"statusCode": 206, "headers": {"etag": "x"}, "body": body, "isBase64Encoded": encoded});
            Document::parse(&json)
        };
        let read = of("AP8=", true).unwrap();
        assert_eq!((read.status.as_u16(), read.body), (206, vec![0, 255]));
        assert_eq!(read.headers["etag"], "x");
        assert_eq!(of("AP8=", false).unwrap().body, b"AP8=");
        assert!(of("not base64!", true).is_none());
        assert!(Document::parse(&json!({"seen": {}})).is_none());
    }
}
