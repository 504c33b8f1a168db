//! Percent encoding as AWS defines it for signatures, and its strict inverse.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};

use crate::model::{ErrorCode, S3Error};

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const RESERVED_IN_PATHS: &AsciiSet = &RESERVED.remove(b'/');

const UNSENDABLE: &AsciiSet = &CONTROLS.add(b' ');

/// How many parameters a query may have.
pub const MAX_PARAMETERS: usize = 1_000;

/// Encodes every byte but the unreserved `A-Z a-z 0-9 - _ . ~`, with upper-case hex digits.
pub fn encode(text: impl AsRef<[u8]>) -> String {
    percent_encode(text.as_ref(), RESERVED).to_string()
}

/// [`encode`], with `/` left as it is.
pub fn encode_path(text: impl AsRef<[u8]>) -> String {
    percent_encode(text.as_ref(), RESERVED_IN_PATHS).to_string()
}

/// Encodes what no header can carry, or what would end an address there: all but visible characters of ASCII. What is
/// encoded already stays as it is.
pub fn encode_unsendable(text: &str) -> String {
    percent_encode(text.as_bytes(), UNSENDABLE).to_string()
}

/// Decodes a path or a part of one. `+` stays `+`. `InvalidURI` when a `%` has no two hex digits after
/// it, or when the bytes are not UTF-8.
pub fn decode(text: &str) -> Result<String, S3Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let (Some(high), Some(low)) = (hex_digit(after.first()), hex_digit(after.get(1))) else {
            return Err(invalid_uri(text));
        };
        bytes.push(high << 4 | low);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| invalid_uri(text))
}

/// Decodes a name or value of a query, where `+` is a space, as S3 has it.
pub fn decode_query(text: &str) -> Result<String, S3Error> {
    decode(&text.replace('+', " "))
}

/// The decoded parameters of a raw query in the order sent. A parameter without `=` has an empty value;
/// nothing between two `&` is no parameter. `InvalidURI` where there are more than 1,000.
pub fn query_pairs(raw_query: &str) -> Result<Vec<(String, String)>, S3Error> {
    if raw_query.split('&').count() > MAX_PARAMETERS {
        return Err(invalid_uri(raw_query));
    }
    raw_query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            Ok((decode_query(name)?, decode_query(value)?))
        })
        .collect()
}

fn hex_digit(byte: Option<&u8>) -> Option<u8> {
    let digit = char::from(*byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// `InvalidURI` about this part of the URI.
pub(super) fn invalid_uri(raw: &str) -> S3Error {
    const SHOWN: usize = 1024;
    S3Error::new(ErrorCode::InvalidURI).with("URI", raw.chars().take(SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay_as_they_are() {
        assert_eq!(encode("AZaz09-_.~"), "AZaz09-_.~");
        assert_eq!(encode("a b/c+é*"), "a%20b%2Fc%2B%C3%A9%2A");
        assert_eq!(encode_path("a b/c"), "a%20b/c");
    }

    #[test]
    fn decoding_is_the_inverse_in_either_case() {
        assert_eq!(decode("a%20b%2fc%C3%a9+").unwrap(), "a b/cé+");
        assert_eq!(decode_query("a+b%2B").unwrap(), "a b+");
    }

    #[test]
    fn a_stray_percent_sign_is_an_invalid_uri() {
        for bad in ["%", "%a", "%zz", "a%+1", "%C3", "%FF"] {
            assert_eq!(decode(bad).unwrap_err().code, ErrorCode::InvalidURI, "{bad}");
        }
    }

    #[test]
    fn a_query_keeps_its_order_and_empty_values() {
        let pairs = query_pairs("b=2&a&&b=1%3D=&=x").unwrap();
        let expected = [("b", "2"), ("a", ""), ("b", "1=="), ("", "x")];
        assert_eq!(
            pairs,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
