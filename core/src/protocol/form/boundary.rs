//! `Content-Type: multipart/form-data`.

use http::HeaderValue;

use super::refusal::malformed;
use crate::model::{ErrorCode, S3Error};

/// The longest boundary (RFC 2046 section 5.1.1).
const LONGEST: usize = 70;

/// What separates the parts of a form. `PreconditionFailed` where the type is another one than `multipart/form-data`,
/// `MalformedPOSTRequest` where it names no boundary of 1 to 70 characters.
pub fn boundary(content_type: Option<&HeaderValue>) -> Result<Vec<u8>, S3Error> {
    let text = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (media_type, parameters) = text.split_once(';').unwrap_or((text, ""));
    if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(S3Error::new(ErrorCode::PreconditionFailed).with(
            "Condition",
            "Bucket POST must be of the enclosure-type multipart/form-data",
        ));
    }
    let boundary = parameter(parameters).ok_or_else(malformed)?;
    let is_good = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
    match boundary.len() {
        1..=LONGEST if boundary.bytes().all(is_good) && !boundary.ends_with(' ') => Ok(boundary.into()),
        _ => Err(malformed()),
    }
}

/// The value of the parameter `boundary`. A boundary that needs quotes may hold a `;`.
fn parameter(mut rest: &str) -> Option<&str> {
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, next) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => {
                let (value, next) = quoted.split_once('"')?;
                (value, next.split_once(';').map(|(_, next)| next))
            }
            None => match after.split_once(';') {
                Some((value, next)) => (value.trim(), Some(next)),
                None => (after.trim(), None),
            },
        };
        if name.trim().eq_ignore_ascii_case("boundary") {
            return Some(value);
        }
        rest = next?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str) -> Result<String, ErrorCode> {
        let value = HeaderValue::from_str(content_type).unwrap();
        let read = boundary(Some(&value)).map_err(|error| error.code)?;
        Ok(String::from_utf8(read).unwrap())
    }

    #[test]
    fn the_boundary_is_a_parameter_with_or_without_quotes() {
        for (content_type, named) in [
            ("multipart/form-data; boundary=abc", "abc"),
            (
                "Multipart/Form-Data;charset=utf-8; BOUNDARY=----a'()+_,-./:=?",
                "----a'()+_,-./:=?",
            ),
            ("multipart/form-data; boundary=\"a b;c\"; charset=x", "a b;c"),
            (
                "multipart/form-data; charset=\"x;boundary=no\"; boundary=yes ",
                "yes",
            ),
        ] {
            assert_eq!(read(content_type).as_deref(), Ok(named), "{content_type}");
        }
        assert_eq!(
            read(&format!("multipart/form-data; boundary={}", "b".repeat(70)))
                .unwrap()
                .len(),
            70
        );
    }

    #[test]
    fn another_type_is_a_precondition_that_failed() {
        for other in [
            "",
            "text/plain",
            "multipart/mixed; boundary=a",
            "application/x-www-form-urlencoded",
        ] {
            assert_eq!(read(other), Err(ErrorCode::PreconditionFailed), "{other}");
        }
        assert_eq!(boundary(None).unwrap_err().code, ErrorCode::PreconditionFailed);
    }

    #[test]
    fn a_boundary_that_is_none_is_malformed() {
        let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
        for wrong in [
            "multipart/form-data",
            "multipart/form-data; boundary",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=\"a",
            "multipart/form-data; boundary=\"a \"",
            "multipart/form-data; boundary=a\"b",
            long.as_str(),
        ] {
            assert_eq!(read(wrong), Err(ErrorCode::MalformedPOSTRequest), "{wrong}");
        }
    }
}
