//! Identifiers that the store makes up. All are 128 bits, printed as 32 lower-case hex digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;

/// A text that is not 32 lower-case hex digits.
#[derive(Debug, thiserror::Error)]
#[error("an identifier is 32 lower-case hex digits")]
pub struct InvalidId;

fn parse(text: &str) -> Result<[u8; 16], InvalidId> {
    if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(InvalidId);
    }
    let value = u128::from_str_radix(text, 16).map_err(|_| InvalidId)?;
    Ok(value.to_be_bytes())
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier with these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes, whose order is the order of the printed form.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

identifier! {
    /// One creation of a bucket. A bucket that is deleted and created again has another id, so rows
    /// and blobs of the earlier one can be told apart.
    BucketId
}
identifier! {
    /// One stored blob. Never reused.
    BlobId
}
identifier! {
    /// One write of one record. It tells a writer whose commit had an unknown outcome whether the
    /// record it now reads is its own. Not S3's version id.
    CommitId
}
identifier! {
    /// One multipart upload. The first six bytes are its start in milliseconds, so that ids of one
    /// key sort by initiation time, as ListMultipartUploads must.
    UploadId
}
identifier! {
    /// One attempt at a change that takes several steps (completing an upload, deleting a bucket):
    /// whoever holds the token in the row owns the attempt.
    Token
}
identifier! {
    /// One event for one destination, each time that it is delivered.
    EventId
}
identifier! {
    /// One store: a metadata store and a blob store that belong together carry the same one.
    StoreId
}

impl UploadId {
    /// An id that starts at `initiated` and is made unique by `random`.
    pub fn new(initiated: Timestamp, random: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        let millis = u64::try_from(initiated.millis()).unwrap_or(0).to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6..].copy_from_slice(&random);
        Self(bytes)
    }

    /// When the upload was begun, as its id says.
    pub fn initiated(&self) -> Timestamp {
        let millis = self.0[..6]
            .iter()
            .fold(0, |millis, byte| millis << 8 | i64::from(*byte));
        Timestamp::from_millis(millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_reads_back_from_its_printed_form_only() {
        let id = BlobId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(id.to_string().parse::<BlobId>().unwrap(), id);
        for bad in [
            "",
            "00",
            "000102030405060708090A0B0C0D0EFF",
            "+00102030405060708090a0b0c0d0eff",
        ] {
            assert!(bad.parse::<BlobId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn upload_ids_sort_by_initiation() {
        let early = UploadId::new(Timestamp::from_millis(1_000), [255; 10]);
        let late = UploadId::new(Timestamp::from_millis(1_001), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(late.initiated(), Timestamp::from_millis(1_001));
    }
}
