//! Formats of what is stored, and the refusal of those that a later program brought.
//!
//! Stored data outlives programs: what a store holds says in which format it is, and a program that does not know the
//! format refuses it in one line and changes nothing. `docs/formats.md` lists every format.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ObjectHeaders, Tags};

/// A version of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    major: u16,
    minor: u16,
    patch: u16,
}

impl Release {
    /// That of this program.
    pub const CURRENT: Self = Self {
        major: number(env!("CARGO_PKG_VERSION_MAJOR")),
        minor: number(env!("CARGO_PKG_VERSION_MINOR")),
        patch: number(env!("CARGO_PKG_VERSION_PATCH")),
    };
}

/// The number that these decimal digits say: `str::parse` is not there for constants.
const fn number(digits: &str) -> u16 {
    let digits = digits.as_bytes();
    let (mut at, mut number) = (0, 0);
    while at < digits.len() {
        number = number * 10 + (digits[at] - b'0') as u16;
        at += 1;
    }
    number
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Why a text is no version of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not three numbers with points between them")]
pub struct InvalidRelease;

impl FromStr for Release {
    type Err = InvalidRelease;

    fn from_str(text: &str) -> Result<Self, InvalidRelease> {
        let mut numbers = text.splitn(3, '.').map(|number| number.parse().ok());
        let mut next = || numbers.next().flatten().ok_or(InvalidRelease);
        Ok(Self {
            major: next()?,
            minor: next()?,
            patch: next()?,
        })
    }
}

impl Serialize for Release {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Release {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// The format of all that a store holds. It rises at the first use of a feature that needs it, and never falls.
/// One that this program does not know is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Format(pub u32);

impl Format {
    /// What release 0.1 writes, whose records name no format. That release looks at none either.
    pub const FIRST: Self = Self(1);

    /// The format from which on programs of release 0.1 are fenced off: the store's record lies where they do not look,
    /// and the one that they find lets them free nothing.
    pub const FENCED: Self = Self(2);

    /// The format of local stores whose files of blobs have checksums, under names that earlier programs do not look
    /// for.
    pub const CHECKED: Self = Self(3);

    /// The format from which on layouts of many pages may lie in blobs
    /// ([`Manifest::Paged`](super::Manifest::Paged)).
    pub const PAGED: Self = Self(4);

    /// The format from which on there may be versions of objects that are not current, and delete markers.
    pub const VERSIONS: Self = Self(5);

    /// The format from which on the store's record may have a key for the tokens of sessions.
    pub const SESSIONS: Self = Self(6);

    /// The format from which on there may be events that wait for their delivery.
    pub const EVENTS: Self = Self(7);

    /// The latest that this program knows.
    pub const LATEST: Self = Self::EVENTS;

    /// Whether this is the one that records do not name.
    pub fn is_first(&self) -> bool {
        *self == Self::FIRST
    }
}

impl TryFrom<u32> for Format {
    type Error = LaterFormat;

    fn try_from(format: u32) -> Result<Self, LaterFormat> {
        LaterFormat::refuse("the store", format, Self::LATEST.0, None)?;
        Ok(Self(format))
    }
}

impl From<Format> for u32 {
    fn from(format: Format) -> Self {
        format.0
    }
}

/// Records that name no format are in the first one.
impl Default for Format {
    fn default() -> Self {
        Self::FIRST
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a bucket's rows are laid out. Every read of a bucket's row refuses one that this program does not know.
///
/// The first one is a number in the row, as release 0.1 writes it. Later ones are an object with the layout and the
/// release that wrote it, upon which release 0.1 cannot read the row, and so serves and changes nothing in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketLayout(pub u32);

impl BucketLayout {
    /// What release 0.1 writes.
    pub const FIRST: Self = Self(1);

    /// That of buckets with [documents](super::BucketDocuments).
    pub const DOCUMENTS: Self = Self(2);

    /// That of buckets which keep versions, or once did.
    pub const VERSIONS: Self = Self(3);

    /// That of buckets in which an object or an upload has tags, or once had some.
    pub const TAGS: Self = Self(4);

    /// That of buckets in which an object or an upload says where visitors of a website are sent, or once did.
    pub const REDIRECTS: Self = Self(5);

    /// That of buckets that notify, or once did: each change of an object writes what it tells.
    pub const EVENTS: Self = Self(6);

    /// The latest that this program knows.
    pub const LATEST: Self = Self::EVENTS;

    /// The lowest of buckets that have an object or an upload of which this is said.
    pub fn of_objects_with(headers: &ObjectHeaders, tags: &Tags) -> Self {
        if headers.website_redirect.is_some() {
            Self::REDIRECTS
        } else if tags.is_empty() {
            Self::FIRST
        } else {
            Self::TAGS
        }
    }

    /// The layout that a row states, in either form, and the release that wrote it. `None` where it states none.
    pub fn stated(layout: &serde_json::Value) -> Option<(u32, Option<Release>)> {
        let version = layout.get(VERSION).unwrap_or(layout).as_u64()?;
        let written_by = layout.get(WRITTEN_BY).and_then(serde_json::Value::as_str);
        Some((
            u32::try_from(version).unwrap_or(u32::MAX),
            written_by.and_then(|release| release.parse().ok()),
        ))
    }

    /// An error where a row states a layout that this program does not know.
    pub fn refuse_later(found: u32, written_by: Option<Release>) -> Result<(), LaterFormat> {
        LaterFormat::refuse("the bucket", found, Self::LATEST.0, written_by)
    }
}

const VERSION: &str = "version";
const WRITTEN_BY: &str = "written_by";

impl Serialize for BucketLayout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::FIRST {
            return serializer.serialize_u32(self.0);
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(VERSION, &self.0)?;
        map.serialize_entry(WRITTEN_BY, &Release::CURRENT)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for BucketLayout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stated = serde_json::Value::deserialize(deserializer)?;
        let (found, written_by) =
            Self::stated(&stated).ok_or_else(|| D::Error::custom("no layout of a bucket"))?;
        Self::refuse_later(found, written_by).map_err(D::Error::custom)?;
        Ok(Self(found))
    }
}

/// That something is stored in a format which this program does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} is in format {found}{}, and this is bleepstore {}, which knows format {known} at most: {}; nothing was \
     changed",
    by(.written_by), Release::CURRENT, advice(.written_by)
)]
pub struct LaterFormat {
    /// What is stored so, as a sentence begins with it.
    pub what: &'static str,
    /// Its format.
    pub found: u32,
    /// The latest format of it that this program knows.
    pub known: u32,
    /// The program that wrote it so, where it says.
    pub written_by: Option<Release>,
}

impl LaterFormat {
    /// An error where `found` is later than `known`.
    pub fn refuse(
        what: &'static str,
        found: u32,
        known: u32,
        written_by: Option<Release>,
    ) -> Result<(), Self> {
        if found <= known {
            return Ok(());
        }
        Err(Self {
            what,
            found,
            known,
            written_by,
        })
    }
}

fn by(written_by: &Option<Release>) -> String {
    written_by.map_or_else(String::new, |release| {
        format!(", which bleepstore {release} wrote")
    })
}

fn advice(written_by: &Option<Release>) -> String {
    match written_by {
        Some(release) => format!("use bleepstore {release} or a later one"),
        None => "use the release that wrote it, or a later one".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_release_is_written_as_three_numbers_and_read_back() {
        assert_eq!(Release::CURRENT.to_string(), env!("CARGO_PKG_VERSION"));
        let release: Release = "10.0.65535".parse().unwrap();
        assert_eq!(release.to_string(), "10.0.65535");
        assert!(Release::CURRENT < release);
        for wrong in ["", "1", "1.2", "1.2.3.4", "1.2.x", "1.2.65536", "1.2.3-rc"] {
            assert_eq!(wrong.parse::<Release>(), Err(InvalidRelease), "{wrong}");
        }
    }

    #[test]
    fn the_first_layout_of_a_bucket_is_a_number_and_a_later_one_is_not() {
        assert_eq!(serde_json::to_value(BucketLayout::FIRST).unwrap(), json!(1));
        assert_eq!(
            serde_json::to_value(BucketLayout(2)).unwrap(),
            json!({"version": 2, "written_by": env!("CARGO_PKG_VERSION")})
        );
        let read = |json| serde_json::from_value::<BucketLayout>(json);
        assert_eq!(read(json!(1)).unwrap(), BucketLayout::FIRST);
        assert_eq!(
            read(json!({"version": 1, "more": [1]})).unwrap(),
            BucketLayout::FIRST
        );
        for wrong in [
            json!("1"),
            json!(-1),
            json!({}),
            json!({"version": "2"}),
            json!(null),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_later_layout_is_refused_by_a_line_that_says_which_it_is_who_wrote_it_and_what_to_do() {
        let later = json!({"version": 8, "written_by": "9.8.7", "whatever": {}});
        let refused = serde_json::from_value::<BucketLayout>(later)
            .unwrap_err()
            .to_string();
        let current = Release::CURRENT;
        assert_eq!(
            refused,
            format!(
                "the bucket is in format 8, which bleepstore 9.8.7 wrote, and this is bleepstore {current}, which knows \
                 format 6 at most: use bleepstore 9.8.7 or a later one; nothing was changed"
            )
        );
        let refused = serde_json::from_value::<BucketLayout>(json!(7))
            .unwrap_err()
            .to_string();
        assert!(
            refused.starts_with("the bucket is in format 7, and this is"),
            "{refused}"
        );
        assert!(refused.contains("use the release that wrote it"), "{refused}");
    }
}
