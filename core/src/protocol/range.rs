//! Byte ranges: the `Range` header (RFC 9110 section 14.2) and `x-amz-copy-source-range`.

use crate::model::{ErrorCode, S3Error};

/// A range as a client asked for it, before the object's size is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRequest {
    spec: Spec,
    raw: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// `a-b`, both included; `b` is `u64::MAX` where it was left out.
    Between(u64, u64),
    /// `-n`: the last `n` bytes.
    Last(u64),
}

/// Bytes of an object: never empty, never past its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub offset: u64,
    /// How many bytes; at least 1.
    pub length: u64,
}

impl ByteRange {
    /// The value of `Content-Range` for this part of an object of `size` bytes.
    pub fn content_range(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.offset, self.offset + (self.length - 1))
    }
}

impl RangeRequest {
    /// Reads the `Range` header. `None` where S3 ignores it and answers with the whole object: another
    /// unit, several ranges, or a syntax error.
    pub fn parse(header: &str) -> Option<Self> {
        let (unit, set) = header.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = set.trim().split_once('-')?;
        let spec = match (first, last) {
            ("", last) => Spec::Last(number(last)?),
            (first, "") => Spec::Between(number(first)?, u64::MAX),
            (first, last) => Spec::Between(number(first)?, number(last)?),
        };
        if matches!(spec, Spec::Between(first, last) if first > last) {
            return None;
        }
        let raw = header.to_owned();
        Some(Self { spec, raw })
    }

    /// The bytes of an object of `size` bytes that are meant; `InvalidRange` where there are none.
    pub fn resolve(&self, size: u64) -> Result<ByteRange, S3Error> {
        let (offset, end) = match self.spec {
            Spec::Between(first, last) => (first, last.saturating_add(1).min(size)),
            Spec::Last(length) => (size.saturating_sub(length), size),
        };
        match end.checked_sub(offset) {
            Some(length @ 1..) => Ok(ByteRange { offset, length }),
            _ => Err(S3Error::new(ErrorCode::InvalidRange)
                .with("RangeRequested", &self.raw)
                .with("ActualObjectSize", size)
                .with_header("content-range", format!("bytes */{size}"))),
        }
    }
}

/// Reads `x-amz-copy-source-range`, which knows only `bytes=first-last`.
pub fn parse_copy_source_range(header: &str) -> Result<(u64, u64), S3Error> {
    let parsed = header.strip_prefix("bytes=").and_then(|set| {
        let (first, last) = set.split_once('-')?;
        Some((number(first)?, number(last)?)).filter(|(first, last)| first <= last)
    });
    parsed.ok_or_else(|| {
        S3Error::invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last \
             are the zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )
    })
}

/// The bytes that `first` and `last` of [`parse_copy_source_range`] mean of a source of `size` bytes. A range
/// that ends past the source is refused, not cut, and one that begins past it by another name.
pub fn resolve_copy_source_range((first, last): (u64, u64), size: u64) -> Result<ByteRange, S3Error> {
    if first >= size {
        return Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "The specified copy range is invalid for the source object size",
        ));
    }
    if last >= size {
        return Err(S3Error::invalid_argument(
            format!("Range specified is not valid for source object of size: {size}"),
            "x-amz-copy-source-range",
            format!("bytes={first}-{last}"),
        ));
    }
    Ok(ByteRange {
        offset: first,
        length: last - first + 1,
    })
}

/// Decimal digits only. A number past `u64` lies past every object, so it counts as the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resolved(header: &str, size: u64) -> (u64, u64) {
        let range = RangeRequest::parse(header).unwrap().resolve(size).unwrap();
        (range.offset, range.length)
    }

    #[test]
    fn single_ranges_are_cut_at_the_end_of_the_object() {
        assert_eq!(resolved("bytes=0-4", 10), (0, 5));
        assert_eq!(resolved("bytes=5-", 10), (5, 5));
        assert_eq!(resolved("bytes=5-99", 10), (5, 5));
        assert_eq!(resolved("bytes=-3", 10), (7, 3));
        assert_eq!(resolved("bytes=-99", 10), (0, 10));
        assert_eq!(resolved("Bytes= 9-9 ", 10), (9, 1));
        assert_eq!(resolved("bytes=0-99999999999999999999999", 10), (0, 10));
        assert_eq!(resolved("bytes=0-18446744073709551615", u64::MAX), (0, u64::MAX));
    }

    #[test]
    fn what_is_no_single_byte_range_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=4-2",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes=+1-2",
            "bytes=0--1",
            "bytes=0x1-2",
            "0-1",
        ] {
            assert_eq!(RangeRequest::parse(header), None, "{header}");
        }
    }

    #[test]
    fn a_range_without_bytes_is_unsatisfiable_and_tells_the_size() {
        for (header, size) in [
            ("bytes=10-", 10),
            ("bytes=10-20", 10),
            ("bytes=-0", 10),
            ("bytes=0-", 0),
            ("bytes=-5", 0),
        ] {
            let error = RangeRequest::parse(header).unwrap().resolve(size).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRange);
            assert_eq!(
                error.fields,
                [
                    ("RangeRequested", header.to_owned()),
                    ("ActualObjectSize", size.to_string())
                ]
            );
            assert_eq!(error.headers, [("content-range", format!("bytes */{size}"))]);
        }
    }

    #[test]
    fn content_range_names_first_and_last_byte() {
        let range = ByteRange { offset: 5, length: 5 };
        assert_eq!(range.content_range(10), "bytes 5-9/10");
    }

    #[test]
    fn a_copy_source_range_is_strict() {
        let range = parse_copy_source_range("bytes=5-9").unwrap();
        let resolved = resolve_copy_source_range(range, 10).unwrap();
        assert_eq!(resolved, ByteRange { offset: 5, length: 5 });
        for header in ["bytes=5-", "bytes=-5", "bytes=9-5", "5-9", "bytes=0-1,2-3", ""] {
            let error = parse_copy_source_range(header).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidArgument, "{header}");
        }
    }

    #[test]
    fn a_copy_source_range_past_the_source_is_refused() {
        let error = resolve_copy_source_range((5, 10), 10).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
        assert_eq!(
            error.message,
            "Range specified is not valid for source object of size: 10"
        );
        assert!(resolve_copy_source_range((0, u64::MAX), u64::MAX).is_err());
        for range in [(10, 10), (100, 200), (u64::MAX, u64::MAX)] {
            let error = resolve_copy_source_range(range, 10).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest);
            let message = "The specified copy range is invalid for the source object size";
            assert_eq!(error.message, message);
        }
        let empty = resolve_copy_source_range((0, 0), 0).unwrap_err();
        assert_eq!(empty.code, ErrorCode::InvalidRequest);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_range_panics_or_leaves_the_object(
            set in "bytes=[0-9,\\-]{0,30}|\\PC{0,30}",
            size in prop_oneof![0u64..40, any::<u64>()],
        ) {
            if let Some(Ok(range)) = RangeRequest::parse(&set).map(|request| request.resolve(size)) {
                prop_assert!(range.length > 0 && range.offset.checked_add(range.length).unwrap() <= size);
                range.content_range(size);
            }
            if let Ok(range) = parse_copy_source_range(&set) {
                let _range = resolve_copy_source_range(range, size);
            }
        }
    }
}
