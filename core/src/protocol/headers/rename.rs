//! The headers of RenameObject.

use http::HeaderMap;

use super::joined;
use crate::model::{BucketName, ErrorCode, ObjectKey, S3Error};
use crate::protocol::percent::decode_query;

const SOURCE: &str = "x-amz-rename-source";
const TOKEN: &str = "x-amz-client-token";

/// The longest client token.
const LONGEST_TOKEN: usize = 64;

/// The keys that `x-amz-rename-source` may mean, percent-encoded as a copy's source is: clients and AWS's examples send `key`, `/key` and
/// `bucket/key`. What follows the bucket's own name is the second reading, since a key may begin like this too.
pub fn rename_source(headers: &HeaderMap, bucket: &BucketName) -> Result<Vec<ObjectKey>, S3Error> {
    let text = joined(headers, SOURCE).unwrap_or_default();
    let invalid = |message| S3Error::invalid_argument(message, SOURCE, &text);
    let path = text.strip_prefix('/').unwrap_or(&text);
    if path.is_empty() {
        return Err(invalid("Rename Source must mention the source key"));
    }
    let key = decode_query(path).map_err(|_| invalid("Rename Source must be URL encoded"))?;
    let inner = key.strip_prefix(bucket.as_str());
    let inner = inner.and_then(|rest| rest.strip_prefix('/'));
    let inner = inner.filter(|key| !key.is_empty()).map(str::to_owned);
    let whole = (key.len() as u64 <= ObjectKey::MAX_BYTES || inner.is_none()).then_some(key);
    let keys = whole.into_iter().chain(inner);
    keys.map(|key| check_renamed(ObjectKey::new(key)?)).collect()
}

/// `InvalidRequest` for a key that S3 renames no object from or to.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-objects-rename.html>
pub fn check_renamed(key: ObjectKey) -> Result<ObjectKey, S3Error> {
    if key.as_str().ends_with('/') {
        let message = "RenameObject does not take keys that end with the delimiter /.";
        return Err(S3Error::message(ErrorCode::InvalidRequest, message));
    }
    Ok(key)
}

/// The token that makes a repeated request known: up to 64 visible ASCII characters.
pub fn client_token(headers: &HeaderMap) -> Result<Option<String>, S3Error> {
    let Some(token) = joined(headers, TOKEN) else {
        return Ok(None);
    };
    if (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(Some(token));
    }
    let message = "A client token has 1 to 64 visible ASCII characters.";
    Err(S3Error::invalid_argument(message, TOKEN, token))
}

/// All that a request says beside its token, so that another request with the same token can be told.
pub fn rename_parameters(headers: &HeaderMap, destination: &ObjectKey) -> String {
    let names = headers.keys().map(http::HeaderName::as_str);
    let mut names: Vec<&str> = names
        .filter(|name| name.starts_with(SOURCE) || name.starts_with("if-"))
        .collect();
    names.sort_unstable();
    let parameters = names.iter().map(|name| {
        let value = joined(headers, name).unwrap_or_default();
        format!("{name}:{value}\n")
    });
    std::iter::once(format!("{destination}\n"))
        .chain(parameters)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::headers::header_map;

    fn sources(text: &str) -> Result<Vec<String>, ErrorCode> {
        let bucket = BucketName::new("abc").unwrap();
        match rename_source(&header_map(&[(SOURCE, text)]), &bucket) {
            Ok(keys) => Ok(keys.iter().map(ToString::to_string).collect()),
            Err(error) => Err(error.code),
        }
    }

    #[test]
    fn a_source_is_a_key_or_the_bucket_and_a_key() {
        for (text, keys) in [
            ("a", &["a"][..]),
            ("/a", &["a"]),
            ("//a", &["/a"]),
            ("a/b%20c+%2B%2525", &["a/b c +%25"]),
            ("abc/d", &["abc/d", "d"]),
            ("/abc/abc/d", &["abc/abc/d", "abc/d"]),
            ("abcd/e", &["abcd/e"]),
        ] {
            assert_eq!(sources(text).unwrap(), keys, "{text}");
        }
        for text in ["", "/", "%ff"] {
            assert_eq!(sources(text), Err(ErrorCode::InvalidArgument), "{text}");
        }
        for text in ["a/", "abc/"] {
            assert_eq!(sources(text), Err(ErrorCode::InvalidRequest), "{text}");
        }
        assert_eq!(sources(&"a".repeat(1025)), Err(ErrorCode::KeyTooLongError));
        let longest = "a".repeat(1024);
        assert_eq!(sources(&format!("/abc/{longest}")).unwrap(), [longest]);
    }

    #[test]
    fn a_token_is_short_and_visible() {
        let token = |value: &str| client_token(&header_map(&[(TOKEN, value)]));
        let longest = "!~".repeat(32);
        assert_eq!(token(&longest).unwrap(), Some(longest.clone()));
        for bad in ["", "a b", "é", &format!("{longest}x")] {
            assert_eq!(token(bad).unwrap_err().code, ErrorCode::InvalidArgument, "{bad}");
        }
        assert_eq!(client_token(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn the_parameters_are_all_conditions_the_source_and_the_destination() {
        let key = ObjectKey::new("to").unwrap();
        let parameters = |pairs: &[(&str, &str)]| rename_parameters(&header_map(pairs), &key);
        let source = (SOURCE, "from");
        let plain = parameters(&[source, (TOKEN, "t"), ("date", "now")]);
        assert_eq!(plain, "to\nx-amz-rename-source:from\n");
        let (some, other) = (("if-match", "x"), ("x-amz-rename-source-if-match", "y"));
        assert_eq!(
            parameters(&[source, some, other]),
            parameters(&[other, some, source])
        );
        for more in [
            "if-none-match",
            "if-unmodified-since",
            "x-amz-rename-source-if-match",
        ] {
            assert_ne!(parameters(&[source, (more, "x")]), plain, "{more}");
        }
    }
}
