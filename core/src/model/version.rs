//! Versions of objects.
//!
//! A key of a bucket that keeps versions has one row that is current, its head, and any number of rows that are not.
//! Each is an object or a delete marker. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html>

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{CommitId, InvalidId, Timestamp};

/// Whether a bucket keeps the versions of its objects. One that never did has neither state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// Each write makes a version.
    Enabled,
    /// Each write makes the version `null`, in the place of the one before. All others stay.
    Suspended,
}

impl Versioning {
    /// The name that S3 gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Suspended => "Suspended",
        }
    }
}

/// Where a version stands among those of its key: greater ones are newer. Microseconds since the Unix epoch, or a
/// little more where clocks disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// That of a row which states none.
    pub fn of_time(time: Timestamp) -> Self {
        Self(u64::try_from(time.millis()).unwrap_or(0).saturating_mul(1_000))
    }

    /// The one after this.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// A number that is smaller for newer versions.
    pub const fn inverted(self) -> u64 {
        u64::MAX - self.0
    }
}

/// The id of a version that has one: its place in the order, and random bits. 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId {
    sequence: Sequence,
    random: u64,
}

impl VersionId {
    /// The id of the version that `commit` made at that place.
    pub fn new(sequence: Sequence, commit: CommitId) -> Self {
        let half = |bytes: &[u8]| bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        Self {
            sequence,
            random: half(&commit.as_bytes()[8..]),
        }
    }

    /// The place of its version.
    pub const fn sequence(self) -> Sequence {
        self.sequence
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.sequence.0, self.random)
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionId({self})")
    }
}

impl FromStr for VersionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bits = u128::from_be_bytes(*text.parse::<CommitId>()?.as_bytes());
        Ok(Self {
            sequence: Sequence((bits >> 64) as u64),
            random: bits as u64,
        })
    }
}

impl Serialize for VersionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VersionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A version of a key as requests and answers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionName {
    /// The one that was written while the bucket kept no versions, or kept them no longer: `null`.
    Null,
    /// One with an id.
    Id(VersionId),
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Id(id) => id.fmt(f),
        }
    }
}

impl FromStr for VersionName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "null" => Ok(Self::Null),
            id => id.parse().map(Self::Id),
        }
    }
}

impl Serialize for VersionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VersionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a row says of itself as a version. A row that was written in a bucket without versions says nothing: it is the
/// version `null`, as old as its time says, and the only one of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its id; none for `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<VersionId>,
    /// Its place.
    pub sequence: Sequence,
    /// Counts the changes of the row that make no commit, but for the one that marks it as shared.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// In a head: the newest of the versions that are not current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Sequence>,
    /// In a head: the version `null`, where that is one that is not current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null: Option<Sequence>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Version {
    /// A version that is the only one of its key.
    pub const fn alone(id: Option<VersionId>, sequence: Sequence) -> Self {
        Self {
            id,
            sequence,
            revision: 0,
            newest: None,
            null: None,
        }
    }

    /// The same row, changed without a commit, and current or not with these others of its key.
    pub(crate) const fn moved(self, newest: Option<Sequence>, null: Option<Sequence>) -> Self {
        Self {
            revision: self.revision.wrapping_add(1),
            newest,
            null,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_place_and_half_of_the_commit_and_reads_back() {
        let commit = CommitId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        let id = VersionId::new(Sequence(0x1234), commit);
        assert_eq!(id.to_string(), "000000000000123408090a0b0c0d0eff");
        assert_eq!(id.to_string().parse::<VersionId>().unwrap(), id);
        assert_eq!(id.sequence(), Sequence(0x1234));
        assert_eq!("null".parse::<VersionName>().unwrap(), VersionName::Null);
        for bad in ["", "NULL", "0000", "000000000000123408090A0B0C0D0EFF"] {
            assert!(bad.parse::<VersionName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn newer_versions_have_greater_places_and_smaller_inverted_ones() {
        let earlier = Sequence::of_time(Timestamp::from_millis(1_000));
        assert_eq!(earlier, Sequence(1_000_000));
        assert!(earlier < earlier.next());
        assert!(earlier.inverted() > earlier.next().inverted());
        assert_eq!(Sequence::of_time(Timestamp::from_millis(-1)), Sequence(0));
    }

    #[test]
    fn a_row_says_no_more_of_itself_than_it_has_to() {
        let alone = Version::alone(None, Sequence(7));
        assert_eq!(serde_json::to_string(&alone).unwrap(), r#"{"sequence":7}"#);
        let moved = alone.moved(Some(Sequence(5)), None);
        let text = serde_json::to_string(&moved).unwrap();
        assert_eq!(text, r#"{"sequence":7,"revision":1,"newest":5}"#);
        assert_eq!(serde_json::from_str::<Version>(&text).unwrap(), moved);
        assert!(serde_json::from_str::<Version>(r#"{"sequence":7,"later":1}"#).is_err());
    }
}
