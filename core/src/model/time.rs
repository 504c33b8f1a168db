//! Wall-clock time as the core stores and prints it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The instant `seconds` seconds after the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch: the resolution of HTTP dates and of S3's conditions.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This instant moved later by `by`, saturating.
    pub fn plus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// This instant moved earlier by `by`, saturating.
    pub fn minus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this instant is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `2026-11-23T10:20:30.000Z`: the form of dates in S3's XML. S3 keeps whole seconds there.
    pub fn iso_8601(self) -> String {
        let date = self.date();
        let year = date.year().clamp(0, 9999) as u16;
        let numbers = [
            (0, (year / 100) as u8),
            (2, (year % 100) as u8),
            (5, u8::from(date.month())),
            (8, date.day()),
            (11, date.hour()),
            (14, date.minute()),
            (17, date.second()),
        ];
        // A listing has a thousand of these: a format description takes many times as long.
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (at, number) in numbers {
            text[at] += number / 10;
            text[at + 1] += number % 10;
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// `2026-11-23T10:20:30.456Z`: the form of dates in events.
    pub fn iso_8601_millis(self) -> String {
        let whole = self.iso_8601();
        let seconds = whole.strip_suffix("000Z").unwrap_or(&whole);
        format!("{seconds}{:03}Z", self.0.rem_euclid(1_000))
    }

    /// The instant that a date names as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339) writes it, such as
    /// `2026-11-23T10:20:30Z` or `2026-11-23T11:20:30.5+01:00`. What is finer than a millisecond is cut off.
    pub fn from_rfc_3339(text: &str) -> Option<Self> {
        let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(date.unix_timestamp_nanos().div_euclid(1_000_000))
            .ok()
            .map(Self)
    }

    /// `Mon, 23 Nov 2026 10:20:30 GMT`: the form of dates in headers (RFC 9110 section 5.6.7).
    pub fn http_date(self) -> String {
        self.date().format(HTTP_DATE).unwrap_or_default()
    }

    fn date(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_s3_prints_them() {
        let date = Timestamp::from_millis(1_445_412_480_999);
        assert_eq!(date.iso_8601(), "2015-10-21T07:28:00.000Z");
        assert_eq!(date.iso_8601_millis(), "2015-10-21T07:28:00.999Z");
        assert_eq!(date.http_date(), "Wed, 21 Oct 2015 07:28:00 GMT");
        let latest = Timestamp::from_seconds(253_402_300_799);
        assert_eq!(latest.iso_8601(), "9999-12-31T23:59:59.000Z");
        assert_eq!(
            Timestamp::from_millis(i64::MAX).iso_8601(),
            "1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn dates_are_read_with_any_offset_to_the_millisecond() {
        let read = |text| Timestamp::from_rfc_3339(text).map(Timestamp::millis);
        assert_eq!(read("2015-10-21T07:28:00Z"), Some(1_445_412_480_000));
        assert_eq!(read("2015-10-21T09:28:00.9999+02:00"), Some(1_445_412_480_999));
        assert_eq!(read("1969-12-31T23:59:59.9999Z"), Some(-1));
        for bad in [
            "",
            "2015-10-21",
            "2015-10-21T07:28:00",
            "2015-13-21T07:28:00Z",
            "2h",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_time_before_the_epoch_has_the_second_it_lies_in() {
        assert_eq!(Timestamp::from_millis(-1).seconds(), -1);
    }
}
