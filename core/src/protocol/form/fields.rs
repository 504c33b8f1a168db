//! The fields of a form, and what they say as headers.

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::part::text;
use super::refusal::{missing, too_long};
use crate::model::S3Error;

/// How many bytes may stand before the file, boundaries and heads of parts among them.
pub const MAX_BEFORE_FILE: usize = 20 * 1024;

/// What a form's author writes where the name of the file shall stand.
const FILENAME: &str = "${filename}";
const METADATA: &str = "x-amz-meta-";
const IGNORED: &str = "x-ignore-";

/// The fields that are the signature, or are signed as they stand.
const OF_THE_SIGNATURE: [&str; 8] = [
    "policy",
    "signature",
    "awsaccesskeyid",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-signature",
    "x-amz-security-token",
];

/// The fields that have the name of a header of PutObject, beside those that begin with `x-amz-`.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// The fields before the file, in the order sent. Names are compared without regard to case, and are in lower case
/// here. Fields that begin with `x-ignore-` are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of a field, whose name is in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The key of the object. `InvalidArgument` where the form has none before the file.
    pub fn key(&self) -> Result<&str, S3Error> {
        match self.get("key") {
            None => Err(missing("key")),
            Some("") => Err(S3Error::invalid_argument(
                "User key must have a length greater than 0.",
                "key",
                "",
            )),
            Some(key) => Ok(key),
        }
    }

    /// Adds a field. What is said of metadata more than once is joined, as in headers; anything else is said once.
    pub(super) fn add(&mut self, name: String, value: &[u8]) -> Result<(), S3Error> {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with(IGNORED) {
            return Ok(());
        }
        let value = text(value);
        let earlier = self.0.iter_mut().find(|(field, _)| *field == lower);
        match earlier {
            None => self.0.push((lower, value)),
            Some((_, earlier)) if lower.starts_with(METADATA) => {
                earlier.push(',');
                earlier.push_str(&value);
            }
            Some(_) => {
                let message = "A form must not contain a field more than once.";
                return Err(S3Error::invalid_argument(message, "field", name));
            }
        }
        Ok(())
    }

    /// The same with the file's name in the places for it. `MaxPostPreDataLengthExceededError` where that makes the
    /// fields longer than they may be.
    pub(super) fn with_filename(mut self, filename: &str) -> Result<Self, S3Error> {
        let mut length = 0;
        for (name, value) in &mut self.0 {
            let places = value.matches(FILENAME).count();
            length += value.len() + places * filename.len();
            if length > MAX_BEFORE_FILE {
                return Err(too_long());
            }
            if places > 0 && !OF_THE_SIGNATURE.contains(&name.as_str()) {
                *value = value.replace(FILENAME, filename);
            }
        }
        Ok(self)
    }

    /// The fields as the headers that a PutObject would have, so that each means what it means there, or is refused as
    /// it is there. `host` is that of the request. Fields that S3 gives no meaning to are left out.
    pub fn headers(&self, host: Option<&HeaderValue>) -> Result<HeaderMap, S3Error> {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, host.clone());
        }
        for (name, value) in self.iter() {
            let name = match name {
                "acl" => "x-amz-acl",
                // In a header it asks for an algorithm, and here it names that of the value beside it.
                "x-amz-checksum-algorithm" => "x-amz-sdk-checksum-algorithm",
                name if OF_THE_SIGNATURE.contains(&name) => continue,
                name if name.starts_with("x-amz-") || HEADERS.contains(&name) => name,
                _ => continue,
            };
            let (name, value) = header(name, value)?;
            headers.append(name, value);
        }
        Ok(headers)
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), S3Error> {
    match (
        HeaderName::try_from(name),
        // As if it had been sent: what stands around a header's value is no part of it.
        HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes()),
    ) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => {
            let message = "A field of the form is not a valid header.";
            Err(S3Error::invalid_argument(message, "field", name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.add((*name).to_owned(), value.as_bytes()).unwrap();
        }
        fields
    }

    #[test]
    fn fields_are_the_headers_of_a_put() {
        let fields = fields(&[
            ("ACL", "public-read"),
            ("Content-Type", " text/x "),
            ("x-amz-meta-a", "1"),
            ("X-Amz-Meta-A", "2"),
            ("x-amz-checksum-algorithm", "SHA1"),
            ("key", "k"),
            ("policy", "p"),
            ("x-amz-signature", "s"),
            ("submit", "Upload"),
        ]);
        let host = HeaderValue::from_static("h");
        let headers = fields.headers(Some(&host)).unwrap();
        let mut said: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
            .collect();
        said.sort();
        assert_eq!(
            said,
            [
                "content-type=text/x",
                "host=h",
                "x-amz-acl=public-read",
                "x-amz-meta-a=1,2",
                "x-amz-sdk-checksum-algorithm=SHA1"
            ]
        );
    }

    #[test]
    fn what_cannot_be_a_header_is_refused() {
        for (name, value) in [("x-amz-meta-a", "1\r\nx-amz-acl: a"), ("x-amz-a b", "c")] {
            let error = fields(&[(name, value)]).headers(None).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidArgument, "{name}");
        }
    }

    #[test]
    fn a_field_is_said_once_and_ignored_ones_as_often_as_one_likes() {
        let mut fields = fields(&[("key", "a"), ("x-ignore-b", "c"), ("X-Ignore-B", "d")]);
        assert_eq!(fields.iter().count(), 1);
        let error = fields.add("Key".to_owned(), b"b").unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
        assert_eq!(fields.key().unwrap(), "a");
    }

    #[test]
    fn the_name_of_the_file_stands_in_every_field_but_what_is_signed() {
        let all = [
            ("key", "a/${filename}"),
            ("x-amz-meta-n", "${filename}${filename}"),
            ("policy", "${filename}"),
        ];
        let named = fields(&all).with_filename("f").unwrap();
        assert_eq!(
            named,
            fields(&[("key", "a/f"), ("x-amz-meta-n", "ff"), ("policy", "${filename}")])
        );
        let many = fields(&[("key", &"${filename}".repeat(1_000))]);
        let error = many.with_filename(&"f".repeat(1_000)).unwrap_err();
        assert_eq!(error.code, ErrorCode::MaxPostPreDataLengthExceededError);
    }

    #[test]
    fn a_key_is_needed_and_is_not_empty() {
        let message = |fields: Fields| fields.key().unwrap_err().message;
        assert!(message(fields(&[])).starts_with("Bucket POST must contain a field named 'key'.  If"));
        assert_eq!(
            message(fields(&[("key", "")])),
            "User key must have a length greater than 0."
        );
    }
}
