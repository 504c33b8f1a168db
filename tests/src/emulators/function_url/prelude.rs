//! The start of a streamed response: its head as JSON, eight zero bytes, then the body.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

const SEPARATOR: [u8; 8] = [0; 8];

/// The longest head.
const LIMIT: usize = 1 << 20;

/// Collects the prelude.
#[derive(Default)]
pub(super) struct Prelude(BytesMut);

/// A head and the first bytes of the body.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Prelude {
    /// Whether nothing has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes more bytes; the head once it is whole, an error where it is not one.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Option<Head>, String> {
        self.0.extend_from_slice(bytes);
        let Some(end) = self.0.windows(8).position(|window| window == SEPARATOR) else {
            return if self.0.len() > LIMIT {
                Err("the prelude does not end".to_owned())
            } else {
                Ok(None)
            };
        };
        let json = self.0.split_to(end);
        let body = self.0.split_off(SEPARATOR.len()).freeze();
        head(&json, body).map(Some)
    }
}

fn head(json: &[u8], body: Bytes) -> Result<Head, String> {
    let json: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let (status, headers) = status_and_headers(&json)?;
    Ok(Head {
        status,
        headers,
        body,
    })
}

/// What a document says of the head of an answer.
pub(super) fn status_and_headers(json: &Value) -> Result<(StatusCode, HeaderMap), String> {
    let status = json["statusCode"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok());
    let status = status.ok_or("no statusCode")?;
    let status = StatusCode::from_u16(status).map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::new();
    for (name, value) in json["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().ok_or(format!("{name} has more than one value"))?;
        let name = HeaderName::try_from(name.as_str()).map_err(|error| error.to_string())?;
        let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
        headers.insert(name, value);
    }
    Ok((status, headers))
}
