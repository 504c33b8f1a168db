//! The document of a policy, as its author wrote it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::refusal::invalid;
use crate::model::S3Error;

/// Decodes the Base64 and reads the JSON of a policy, which is an object. It is a field of a form, which bounds its
/// length and with it the number of conditions; values lie at most 128 deep in each other.
pub(super) fn document(policy: &str) -> Result<Map<String, Value>, S3Error> {
    // Some encoders break lines.
    let base64: Vec<u8> = policy
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let bytes = STANDARD.decode(base64).map_err(|_| invalid("Invalid Base64."))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| invalid("Invalid JSON."))?;
    match serde_json::from_str(&plain(text)) {
        Ok(Value::Object(document)) => Ok(document),
        _ => Err(invalid("Invalid JSON.")),
    }
}

/// S3 has two escapes that JSON has not: `\$` and `\v`.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains("\\$") && !text.contains("\\v") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('$')) => plain.push('$'),
            ('\\', Some('v')) => plain.push_str("\\u000b"),
            (c, next) => plain.extend([c].into_iter().chain(next)),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3s_own_escapes_are_read_and_jsons_stay() {
        for (text, read) in [
            (r#"{"a":"\$b"}"#, "$b"),
            (r#"{"a":"\\$b"}"#, "\\$b"),
            (r#"{"a":"\\\$b\v"}"#, "\\$b\u{b}"),
            (r#"{"a":"\u00e9\n"}"#, "é\n"),
        ] {
            let document = document(&STANDARD.encode(text)).unwrap();
            assert_eq!(document["a"], Value::from(read), "{text}");
        }
    }

    #[test]
    fn lines_of_base64_are_one() {
        let mut text = STANDARD.encode(r#"{"a":1}"#);
        text.insert_str(4, "\r\n");
        assert_eq!(document(&text).unwrap()["a"], Value::from(1));
    }

    #[test]
    fn what_is_no_object_in_json_is_an_invalid_policy() {
        let deep = "[".repeat(10_000);
        for (text, message) in [
            ("{", "Invalid Policy: Invalid JSON."),
            ("[]", "Invalid Policy: Invalid JSON."),
            ("\\", "Invalid Policy: Invalid JSON."),
            (deep.as_str(), "Invalid Policy: Invalid JSON."),
        ] {
            assert_eq!(
                document(&STANDARD.encode(text)).unwrap_err().message,
                message,
                "{text}"
            );
        }
        assert_eq!(
            document("{}").unwrap_err().message,
            "Invalid Policy: Invalid Base64."
        );
        assert_eq!(
            document("/w==").unwrap_err().message,
            "Invalid Policy: Invalid JSON."
        );
    }
}
