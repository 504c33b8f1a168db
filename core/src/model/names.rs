//! Names that clients choose, checked where they enter.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ErrorCode, S3Error};

/// A bucket name that follows
/// [S3's rules](https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html):
/// 3 to 63 bytes of `a-z`, `0-9`, `.` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketName(String);

impl BucketName {
    /// Checks `name`; `InvalidBucketName` says nothing was wrong but the name.
    pub fn new(name: &str) -> Result<Self, S3Error> {
        if is_bucket_name(name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(S3Error::new(ErrorCode::InvalidBucketName).with("BucketName", name))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_bucket_name(name: &str) -> bool {
    const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
    const RESERVED_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
        && edge(name.bytes().next())
        && edge(name.bytes().next_back())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !RESERVED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BucketName {
    type Error = S3Error;
    fn try_from(name: String) -> Result<Self, S3Error> {
        Self::new(&name)
    }
}

impl From<BucketName> for String {
    fn from(name: BucketName) -> Self {
        name.0
    }
}

/// An object key: 1 to 1024 bytes of UTF-8. Keys are compared as bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The longest key, in bytes of UTF-8.
    pub const MAX_BYTES: u64 = 1024;

    /// Checks `key`'s length; `KeyTooLongError` over 1024 bytes.
    pub fn new(key: impl Into<String>) -> Result<Self, S3Error> {
        let key = key.into();
        if key.is_empty() {
            return Err(S3Error::invalid_argument(
                "Object key must not be empty",
                "Key",
                "",
            ));
        }
        if key.len() as u64 > Self::MAX_BYTES {
            return Err(S3Error::new(ErrorCode::KeyTooLongError)
                .with("Size", key.len())
                .with("MaxSizeAllowed", Self::MAX_BYTES));
        }
        Ok(Self(key))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = S3Error;
    fn try_from(key: String) -> Result<Self, S3Error> {
        Self::new(key)
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.0
    }
}

/// The number of a part of a multipart upload: 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct PartNumber(u16);

impl PartNumber {
    /// The highest part number.
    pub const MAX: u16 = 10_000;

    /// Checks that `number` lies in 1 to 10,000.
    pub fn new(number: u64) -> Result<Self, S3Error> {
        match u16::try_from(number) {
            Ok(n @ 1..=Self::MAX) => Ok(Self(n)),
            _ => Err(Self::invalid(number)),
        }
    }

    /// The number in a text. Any other text is as wrong as a number that is out of bounds.
    pub fn from_text(text: &str) -> Result<Self, S3Error> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u16>() {
            Ok(n @ 1..=Self::MAX) if digits => Ok(Self(n)),
            _ => Err(Self::invalid(text)),
        }
    }

    fn invalid(value: impl ToString) -> S3Error {
        S3Error::invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive",
            "partNumber",
            value,
        )
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u16> for PartNumber {
    type Error = S3Error;
    fn try_from(number: u16) -> Result<Self, S3Error> {
        Self::new(u64::from(number))
    }
}

impl From<PartNumber> for u16 {
    fn from(number: PartNumber) -> Self {
        number.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_general_purpose_rules() {
        for good in [
            "abc",
            "a.b",
            "0-9",
            "my-bucket.with.dots",
            &"a".repeat(63),
            "1.2.3",
            "256.1.1.1",
        ] {
            assert!(BucketName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            &"a".repeat(64),
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a..b",
            "A-b",
            "a_b",
            "192.168.5.4",
            "xn--a",
            "sthree-a",
            "amzn-s3-demo-a",
            "a-s3alias",
            "a--ol-s3",
            "a.mrap",
            "a--x-s3",
            "a--table-s3",
            "a b",
            "a/b",
            "é-é",
        ] {
            let error = BucketName::new(bad).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidBucketName, "{bad}");
        }
    }

    #[test]
    fn keys_are_counted_in_bytes() {
        assert!(ObjectKey::new("é".repeat(512)).is_ok());
        let error = ObjectKey::new("é".repeat(512) + "a").unwrap_err();
        assert_eq!(error.code, ErrorCode::KeyTooLongError);
        assert!(error.fields.contains(&("Size", "1025".into())));
    }

    #[test]
    fn part_numbers_end_at_ten_thousand() {
        assert_eq!(PartNumber::new(10_000).unwrap().get(), 10_000);
        assert!(PartNumber::new(0).is_err() && PartNumber::new(10_001).is_err());
        assert_eq!(PartNumber::from_text("10000").unwrap().get(), 10_000);
        for text in ["", "0", "10001", "-1", "+1", "one", "99999999999999999999"] {
            let error = PartNumber::from_text(text).unwrap_err();
            assert_eq!(error.fields[1], ("ArgumentValue", text.to_owned()));
        }
    }
}
