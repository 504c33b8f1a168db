//! Dates that clients send.

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::model::Timestamp;

const IMF_FIXDATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
const ASCTIME: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
);

/// A date in one of the three forms of RFC 9110 section 5.6.7. `None` for anything else: a condition
/// with such a date is ignored.
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    PrimitiveDateTime::parse(text, IMF_FIXDATE)
        .or_else(|_| PrimitiveDateTime::parse(text, ASCTIME))
        .ok()
        .or_else(|| PrimitiveDateTime::parse(&rfc_850_as_imf(text)?, IMF_FIXDATE).ok())
        .map(|date| timestamp(date.assume_utc()))
}

/// A date as XML and `x-amz-*` headers carry it: `2026-11-23T10:20:30.123Z`, with or without a fraction,
/// with `Z` or an offset.
pub fn parse_iso_8601(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text.trim(), &Rfc3339).ok().map(timestamp)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT` as `Sun, 06 Nov 1994 08:49:37 GMT`. Its two digits of the
/// year stand for 1970 to 2069.
fn rfc_850_as_imf(text: &str) -> Option<String> {
    const WEEKDAYS: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    let (weekday, rest) = text.split_once(", ")?;
    let short = WEEKDAYS.contains(&weekday).then(|| weekday.get(..3))??;
    let (date, time) = rest.split_once(' ')?;
    let [day, month, year] = date.split('-').collect::<Vec<_>>().try_into().ok()?;
    if year.len() != 2 {
        return None;
    }
    let century = if year.parse::<u8>().ok()? < 70 { "20" } else { "19" };
    Some(format!("{short}, {day} {month} {century}{year} {time}"))
}

fn timestamp(date: OffsetDateTime) -> Timestamp {
    // The years of `time` end at 9999, so that the milliseconds fit.
    let millis = date.unix_timestamp_nanos().div_euclid(1_000_000);
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_forms_of_http_dates_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(
                parse_http_date(text),
                Some(Timestamp::from_seconds(784_111_777)),
                "{text}"
            );
        }
        assert_eq!(
            parse_http_date("Monday, 23-Nov-26 00:00:00 GMT"),
            Some(Timestamp::from_seconds(1_795_392_000))
        );
    }

    #[test]
    fn other_dates_are_no_http_dates() {
        for text in [
            "",
            "yesterday",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Someday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-+4 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn iso_dates_are_read_with_fraction_and_offset() {
        let date = Timestamp::from_seconds(784_111_777);
        assert_eq!(parse_iso_8601("1994-11-06T08:49:37Z"), Some(date));
        assert_eq!(parse_iso_8601("1994-11-06T09:49:37+01:00"), Some(date));
        assert_eq!(
            parse_iso_8601("1994-11-06T08:49:37.250Z").map(Timestamp::millis),
            Some(784_111_777_250)
        );
        assert_eq!(parse_iso_8601("1994-11-06"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_date_panics(text in "\\PC{0,30}", position in 0usize..30, c in any::<char>()) {
            parse_http_date(&text);
            parse_iso_8601(&text);
            for valid in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                "Sun Nov  6 08:49:37 1994", "1994-11-06T09:49:37+01:00"] {
                let mutated: String =
                    valid.chars().enumerate().map(|(i, v)| if i == position { c } else { v }).collect();
                parse_http_date(&mutated);
                parse_iso_8601(&mutated);
            }
        }
    }
}
