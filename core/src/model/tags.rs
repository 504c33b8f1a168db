//! Tags of objects and buckets.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>

use serde::{Deserialize, Serialize};

use super::{ErrorCode, S3Error};

/// Tags in the order in which they were given: keys and values, and no key twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(Vec<(String, String)>);

/// What has tags, as far as that decides which it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagged {
    /// An object: 10 tags at most.
    Object,
    /// A bucket: 50 tags at most.
    Bucket,
    /// A bucket that is being created.
    NewBucket,
}

impl Tags {
    /// The longest key and the longest value, in code units of UTF-16.
    const LONGEST: (usize, usize) = (128, 256);

    /// Tags that a client gives to something. `InvalidTag` for the first of them that S3 does not allow, and
    /// `BadRequest` where there are too many.
    pub fn new(tags: Vec<(String, String)>, of: Tagged) -> Result<Self, S3Error> {
        for (at, (key, value)) in tags.iter().enumerate() {
            if tags[..at].iter().any(|(other, _)| other == key) {
                return Err(invalid_key("Cannot provide multiple Tags with the same key", key));
            }
            if key
                .get(..4)
                .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
            {
                return Err(of.reserved(key));
            }
            if key.is_empty() || !is_allowed(key, Self::LONGEST.0) {
                return Err(invalid_key("The TagKey you have provided is invalid", key));
            }
            if !is_allowed(value, Self::LONGEST.1) {
                return Err(
                    invalid_key("The TagValue you have provided is invalid", key).with("TagValue", value)
                );
            }
        }
        match of.too_many(tags.len()) {
            Some(message) => Err(S3Error::message(ErrorCode::BadRequest, message)),
            None => Ok(Self(tags)),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of that key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Keys and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl Tagged {
    fn too_many(self, count: usize) -> Option<&'static str> {
        match self {
            Self::Object => (count > 10).then_some("Object tags cannot be greater than 10"),
            Self::Bucket | Self::NewBucket => {
                (count > 50).then_some("Bucket tag count cannot be greater than 50")
            }
        }
    }

    /// What S3 answers of a key that is reserved for tags of its own.
    fn reserved(self, key: &str) -> S3Error {
        match self {
            Self::Object => invalid_key("Your TagKey cannot be prefixed with aws:", key),
            Self::Bucket => invalid_key("System tags cannot be added/updated by requester", key),
            Self::NewBucket => S3Error::message(
                ErrorCode::InvalidTag,
                "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \
                 \"aws:\" from your tag keys and try again.",
            ),
        }
    }
}

fn invalid_key(message: &'static str, key: &str) -> S3Error {
    S3Error::message(ErrorCode::InvalidTag, message).with("TagKey", key)
}

/// Letters, digits, spaces and `_.:/=+-@`, and no more of them than `longest`.
fn is_allowed(text: &str, longest: usize) -> bool {
    let allowed =
        |c: char| c.is_alphanumeric() || "_.:/=+-@".contains(c) || (c.is_whitespace() && !c.is_control());
    text.encode_utf16().take(longest + 1).count() <= longest && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)], of: Tagged) -> Result<Tags, S3Error> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Tags::new(pairs.iter().map(owned).collect(), of)
    }

    fn refused(key: &str, value: &str) -> Option<S3Error> {
        tags(&[(key, value)], Tagged::Object).err()
    }

    #[test]
    fn letters_digits_spaces_and_eight_signs_are_allowed() {
        for text in ["Project x", "größe", "名前", "٣", "_.:/=+-@", "a\u{a0}b"] {
            assert!(refused(text, text).is_none(), "{text}");
        }
        assert!(refused("k", "").is_none());
        for text in ["a,b", "a;b", "a&b", "a\tb", "a\nb", "<", "a\u{0}", "👍", "a*"] {
            let error = refused(text, "v").unwrap();
            assert_eq!(error.code, ErrorCode::InvalidTag, "{text:?}");
            assert_eq!(error.message, "The TagKey you have provided is invalid");
            let error = refused("k", text).unwrap();
            assert_eq!(error.message, "The TagValue you have provided is invalid");
            assert_eq!(
                error.fields,
                [("TagKey", "k".to_owned()), ("TagValue", text.to_owned())]
            );
        }
        assert_eq!(refused("", "v").unwrap().fields, [("TagKey", String::new())]);
    }

    #[test]
    fn lengths_are_counted_in_utf_16() {
        assert!(refused(&"k".repeat(128), &"v".repeat(256)).is_none());
        assert!(refused(&"k".repeat(129), "").is_some());
        assert!(refused("k", &"v".repeat(257)).is_some());
        // 𝐀 takes two code units.
        assert!(refused(&"𝐀".repeat(64), &"𝐀".repeat(128)).is_none());
        assert!(refused(&"𝐀".repeat(65), "").is_some());
        assert!(refused("k", &"𝐀".repeat(129)).is_some());
    }

    #[test]
    fn keys_of_aws_are_reserved() {
        for of in [Tagged::Object, Tagged::Bucket, Tagged::NewBucket] {
            for key in ["aws:x", "AWS:x", "aws:"] {
                let error = tags(&[(key, "")], of).unwrap_err();
                assert_eq!(error.code, ErrorCode::InvalidTag, "{key}");
                assert!(error.message.contains("aws:") || error.message.starts_with("System tags"));
            }
            assert!(tags(&[("aws", ""), ("awsx", ""), ("é:", "")], of).is_ok());
        }
    }

    #[test]
    fn a_key_is_given_once() {
        let error = tags(&[("a", "1"), ("A", "2"), ("a", "1")], Tagged::Object).unwrap_err();
        assert_eq!(error.message, "Cannot provide multiple Tags with the same key");
        assert_eq!(error.fields, [("TagKey", "a".to_owned())]);
    }

    #[test]
    fn an_object_has_ten_and_a_bucket_fifty() {
        let many = |count: usize| (0..count).map(|n| (n.to_string(), String::new())).collect();
        for (of, most) in [
            (Tagged::Object, 10),
            (Tagged::Bucket, 50),
            (Tagged::NewBucket, 50),
        ] {
            assert_eq!(Tags::new(many(most), of).unwrap().len(), most);
            let error = Tags::new(many(most + 1), of).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadRequest);
            assert!(error.message.ends_with(&most.to_string()), "{}", error.message);
        }
    }
}
