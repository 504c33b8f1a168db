//! Conditions in headers. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>

use http::HeaderMap;

use super::date::parse_http_date;
use super::headers::joined;
use crate::model::{ETag, ErrorCode, S3Error, Timestamp, WriteCondition};

/// The headers that carry the four conditions of a read.
struct Names {
    if_match: &'static str,
    if_none_match: &'static str,
    if_modified_since: &'static str,
    if_unmodified_since: &'static str,
}

const OF_READ: Names = Names {
    if_match: "If-Match",
    if_none_match: "If-None-Match",
    if_modified_since: "If-Modified-Since",
    if_unmodified_since: "If-Unmodified-Since",
};

const OF_COPY_SOURCE: Names = Names {
    if_match: "x-amz-copy-source-If-Match",
    if_none_match: "x-amz-copy-source-If-None-Match",
    if_modified_since: "x-amz-copy-source-If-Modified-Since",
    if_unmodified_since: "x-amz-copy-source-If-Unmodified-Since",
};

const OF_RENAME_SOURCE: Names = Names {
    if_match: "x-amz-rename-source-if-match",
    if_none_match: "x-amz-rename-source-if-none-match",
    if_modified_since: "x-amz-rename-source-if-modified-since",
    if_unmodified_since: "x-amz-rename-source-if-unmodified-since",
};

/// What must hold of an object for it to be read.
pub struct ReadConditions {
    names: &'static Names,
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
}

/// What follows from the conditions of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// The object is read.
    Proceed,
    /// `304`: the client has it already.
    NotModified,
    /// `412`: the condition in the header with this name does not hold.
    PreconditionFailed(&'static str),
}

impl ReadConditions {
    /// The conditions of GetObject and HeadObject. Dates that cannot be read are ignored, and so is `If-Modified-Since` where
    /// it lies after `now`.
    pub fn of_read(headers: &HeaderMap, now: Timestamp) -> Self {
        Self::new(headers, &OF_READ, Some(now))
    }

    /// The conditions of CopyObject and UploadPartCopy on their source.
    pub fn of_copy_source(headers: &HeaderMap, now: Timestamp) -> Self {
        Self::new(headers, &OF_COPY_SOURCE, Some(now))
    }

    /// The conditions of RenameObject on its source. It changes what it reads, so that here no date is ignored.
    pub fn of_rename_source(headers: &HeaderMap) -> Self {
        Self::new(headers, &OF_RENAME_SOURCE, None)
    }

    fn new(headers: &HeaderMap, names: &'static Names, now: Option<Timestamp>) -> Self {
        let tags = |name| joined(headers, name).map(|text| Tags::parse(&text));
        let date = |name| joined(headers, name).and_then(|text| parse_http_date(&text));
        Self {
            names,
            if_match: tags(names.if_match),
            if_none_match: tags(names.if_none_match),
            // Nothing can have been modified in the future: RFC 9110 section 13.1.3 leaves such a date to the server, and S3
            // ignores it.
            if_modified_since: date(names.if_modified_since)
                .filter(|date| now.is_none_or(|now| date.seconds() <= now.seconds())),
            if_unmodified_since: date(names.if_unmodified_since),
        }
    }

    /// Decides for an object with this tag and date, in the order of RFC 9110 section 13.2.2: a condition on
    /// the tag makes the one on the date void.
    pub fn evaluate(&self, etag: &ETag, last_modified: Timestamp) -> ReadOutcome {
        let modified_after = |date: Timestamp| last_modified.seconds() > date.seconds();
        let failed = match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => (!tags.match_strongly(etag)).then_some(self.names.if_match),
            (None, Some(date)) => modified_after(date).then_some(self.names.if_unmodified_since),
            (None, None) => None,
        };
        if let Some(name) = failed {
            return ReadOutcome::PreconditionFailed(name);
        }
        let unmodified = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => tags.match_weakly(etag),
            (None, Some(date)) => !modified_after(date),
            (None, None) => false,
        };
        if unmodified {
            ReadOutcome::NotModified
        } else {
            ReadOutcome::Proceed
        }
    }

    /// As [`ReadConditions::evaluate`] for the source of a copy or a rename, where every failure is `412`.
    pub fn evaluate_for_copy(&self, etag: &ETag, last_modified: Timestamp) -> Result<(), S3Error> {
        match self.evaluate(etag, last_modified) {
            ReadOutcome::Proceed => Ok(()),
            ReadOutcome::NotModified if self.if_none_match.is_some() => {
                Err(precondition_failed(self.names.if_none_match))
            }
            ReadOutcome::NotModified => Err(precondition_failed(self.names.if_modified_since)),
            ReadOutcome::PreconditionFailed(name) => Err(precondition_failed(name)),
        }
    }
}

/// The dates after which RenameObject wants its destination to have been changed, or not.
pub struct DestinationDates {
    modified_since: Option<Timestamp>,
    unmodified_since: Option<Timestamp>,
}

impl DestinationDates {
    /// `None` where the request has none that counts: a condition on the tag makes the one on the date void, and a date that
    /// cannot be read is ignored.
    pub fn of_write(headers: &HeaderMap) -> Option<Self> {
        let date = |name, voided_by| match headers.contains_key(voided_by) {
            true => None,
            false => joined(headers, name).and_then(|text| parse_http_date(&text)),
        };
        let dates = Self {
            modified_since: date(OF_READ.if_modified_since, "if-none-match"),
            unmodified_since: date(OF_READ.if_unmodified_since, "if-match"),
        };
        (dates.modified_since.is_some() || dates.unmodified_since.is_some()).then_some(dates)
    }

    /// `412` unless the object under the destination was changed as it should be. None at all was never changed.
    pub fn check(&self, last_modified: Option<Timestamp>) -> Result<(), S3Error> {
        let after = |date: Timestamp| last_modified.is_some_and(|last| last.seconds() > date.seconds());
        if self.unmodified_since.is_some_and(after) {
            return Err(precondition_failed(OF_READ.if_unmodified_since));
        }
        match self.modified_since {
            Some(date) if !after(date) => Err(precondition_failed(OF_READ.if_modified_since)),
            _ => Ok(()),
        }
    }
}

/// `412` about the condition in the header `name`.
pub fn precondition_failed(name: &'static str) -> S3Error {
    S3Error::new(ErrorCode::PreconditionFailed).with("Condition", name)
}

/// Whether the `Range` header counts: `If-Range` (RFC 9110 section 13.1.5) is absent or names the object's
/// strong tag or its exact date.
pub fn range_applies(headers: &HeaderMap, etag: &ETag, last_modified: Timestamp) -> bool {
    match joined(headers, "If-Range") {
        None => true,
        Some(text) => match parse_http_date(&text) {
            Some(date) => date.seconds() == last_modified.seconds(),
            None => Tags::parse(&text) == Tags::List(vec![(false, etag.clone())]),
        },
    }
}

/// The condition of a write, from `If-Match` or `If-None-Match`. `NotImplemented` for both at once and for
/// a list of tags, as S3 answers.
pub fn write_condition(headers: &HeaderMap) -> Result<WriteCondition, S3Error> {
    let if_match = joined(headers, OF_READ.if_match);
    let if_none_match = joined(headers, OF_READ.if_none_match);
    match (if_match, if_none_match) {
        (None, None) => Ok(WriteCondition::Any),
        (Some(text), None) => Ok(match single(OF_READ.if_match, &text)? {
            None => WriteCondition::IfPresent,
            Some(tag) => WriteCondition::IfMatch(tag),
        }),
        (None, Some(text)) => Ok(match single(OF_READ.if_none_match, &text)? {
            None => WriteCondition::IfAbsent,
            Some(tag) => WriteCondition::IfNoneMatch(tag),
        }),
        (Some(_), Some(_)) => Err(unsupported(
            "If-Match,If-None-Match",
            "Multiple conditional request headers present in the request",
        )),
    }
}

/// The only tag of `text`, or `None` for `*`.
fn single(name: &'static str, text: &str) -> Result<Option<ETag>, S3Error> {
    match Tags::parse(text) {
        Tags::Any => Ok(None),
        Tags::List(tags) => match <[_; 1]>::try_from(tags) {
            // No stored tag is weak: a weak one is compared as text and matches none.
            Ok([(true, tag)]) => Ok(Some(ETag::from_client(&format!("W/{tag}")))),
            Ok([(false, tag)]) => Ok(Some(tag)),
            Err(_) => Err(unsupported(name, "A write takes one entity tag")),
        },
    }
}

fn unsupported(name: &'static str, reason: &'static str) -> S3Error {
    S3Error::new(ErrorCode::NotImplemented)
        .with("Header", name)
        .with("additionalMessage", reason)
}

/// A list of entity tags; the flag says that a tag is weak.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    Any,
    List(Vec<(bool, ETag)>),
}

impl Tags {
    fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return Self::Any;
        }
        let tags = split_outside_quotes(text)
            .filter(|tag| !tag.is_empty())
            .map(|tag| {
                let strong = tag.strip_prefix("W/");
                (strong.is_some(), ETag::from_client(strong.unwrap_or(tag)))
            });
        Self::List(tags.collect())
    }

    fn match_strongly(&self, etag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|(weak, tag)| !weak && tag == etag),
        }
    }

    fn match_weakly(&self, etag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|(_, tag)| tag == etag),
        }
    }
}

/// The trimmed parts of a comma-separated list; a comma within quotes belongs to its tag.
fn split_outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    const BEFORE: &str = "Wed, 21 Oct 2015 07:27:59 GMT";
    const SAME: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        pairs.iter().map(pair).collect()
    }

    fn object() -> (ETag, Timestamp) {
        // Half a second past what the dates can express.
        (ETag::from_client("e"), Timestamp::from_millis(1_445_412_480_500))
    }

    /// A second after the object's.
    fn now() -> Timestamp {
        Timestamp::from_millis(1_445_412_481_500)
    }

    fn read(pairs: &[(&str, &str)]) -> ReadOutcome {
        let (etag, date) = object();
        ReadConditions::of_read(&headers(pairs), now()).evaluate(&etag, date)
    }

    fn copy(pairs: &[(&str, &str)]) -> Result<(), String> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (format!("x-amz-copy-source-{name}"), *value))
            .collect();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let (etag, date) = object();
        ReadConditions::of_copy_source(&headers(&pairs), now())
            .evaluate_for_copy(&etag, date)
            .map_err(|error| {
                assert_eq!(error.code, ErrorCode::PreconditionFailed);
                error.fields[0].1.clone()
            })
    }

    #[test]
    fn if_modified_since_in_the_future_is_ignored() {
        const NOW: &str = "Wed, 21 Oct 2015 07:28:01 GMT";
        const FUTURE: &str = "Wed, 21 Oct 2015 07:28:02 GMT";
        assert_eq!(read(&[("if-modified-since", NOW)]), ReadOutcome::NotModified);
        assert_eq!(read(&[("if-modified-since", FUTURE)]), ReadOutcome::Proceed);
        assert!(copy(&[("if-modified-since", NOW)]).is_err());
        assert_eq!(copy(&[("if-modified-since", FUTURE)]), Ok(()));
        // Nothing was changed after a date in the future.
        assert_eq!(read(&[("if-unmodified-since", FUTURE)]), ReadOutcome::Proceed);
    }

    #[test]
    fn if_match_compares_strongly_with_each_tag() {
        for tags in ["\"e\"", "e", "*", "\"x\", \"e\"", "\"a,b\",\"e\""] {
            assert_eq!(read(&[("if-match", tags)]), ReadOutcome::Proceed, "{tags}");
        }
        for tags in ["\"x\"", "W/\"e\"", "", "\"e,x\""] {
            assert_eq!(
                read(&[("if-match", tags)]),
                ReadOutcome::PreconditionFailed("If-Match"),
                "{tags}"
            );
        }
        assert_eq!(
            read(&[("if-match", "\"x\""), ("if-match", "\"e\"")]),
            ReadOutcome::Proceed
        );
    }

    #[test]
    fn if_none_match_compares_weakly_with_each_tag() {
        for tags in ["\"e\"", "W/\"e\"", "*", "\"x\",W/\"e\""] {
            assert_eq!(
                read(&[("if-none-match", tags)]),
                ReadOutcome::NotModified,
                "{tags}"
            );
        }
        assert_eq!(read(&[("if-none-match", "\"x\"")]), ReadOutcome::Proceed);
    }

    #[test]
    fn dates_are_compared_in_whole_seconds() {
        assert_eq!(read(&[("if-modified-since", BEFORE)]), ReadOutcome::Proceed);
        assert_eq!(read(&[("if-modified-since", SAME)]), ReadOutcome::NotModified);
        assert_eq!(read(&[("if-unmodified-since", SAME)]), ReadOutcome::Proceed);
        assert_eq!(
            read(&[("if-unmodified-since", BEFORE)]),
            ReadOutcome::PreconditionFailed("If-Unmodified-Since")
        );
    }

    #[test]
    fn a_date_that_cannot_be_read_is_ignored() {
        assert_eq!(read(&[("if-modified-since", "soon")]), ReadOutcome::Proceed);
        assert_eq!(read(&[("if-unmodified-since", "soon")]), ReadOutcome::Proceed);
    }

    #[test]
    fn a_condition_on_the_tag_makes_the_one_on_the_date_void() {
        assert_eq!(
            read(&[("if-match", "e"), ("if-unmodified-since", BEFORE)]),
            ReadOutcome::Proceed
        );
        assert_eq!(
            read(&[("if-none-match", "x"), ("if-modified-since", SAME)]),
            ReadOutcome::Proceed
        );
        assert_eq!(
            read(&[("if-none-match", "e"), ("if-modified-since", BEFORE)]),
            ReadOutcome::NotModified
        );
        assert_eq!(
            read(&[("if-match", "x"), ("if-none-match", "e")]),
            ReadOutcome::PreconditionFailed("If-Match")
        );
    }

    #[test]
    fn every_failure_of_a_copy_is_a_failed_precondition() {
        assert_eq!(
            copy(&[("if-match", "e"), ("if-unmodified-since", BEFORE)]),
            Ok(())
        );
        assert_eq!(
            copy(&[("if-none-match", "e"), ("if-modified-since", BEFORE)]),
            Err("x-amz-copy-source-If-None-Match".to_owned())
        );
        assert_eq!(
            copy(&[("if-modified-since", SAME)]),
            Err("x-amz-copy-source-If-Modified-Since".to_owned())
        );
        assert_eq!(
            copy(&[("if-match", "x")]),
            Err("x-amz-copy-source-If-Match".to_owned())
        );
    }

    #[test]
    fn a_write_takes_one_tag_or_a_star() {
        let condition = |name, value| write_condition(&headers(&[(name, value)]));
        let tag = ETag::from_client("e");
        assert_eq!(
            condition("if-match", "\"e\"").unwrap(),
            WriteCondition::IfMatch(tag.clone())
        );
        assert_eq!(condition("if-match", "*").unwrap(), WriteCondition::IfPresent);
        assert_eq!(condition("if-none-match", "*").unwrap(), WriteCondition::IfAbsent);
        assert_eq!(
            condition("if-none-match", "e").unwrap(),
            WriteCondition::IfNoneMatch(tag)
        );
        assert_eq!(write_condition(&HeaderMap::new()).unwrap(), WriteCondition::Any);
        for list in ["\"a\", \"b\"", ""] {
            assert_eq!(
                condition("if-match", list).unwrap_err().code,
                ErrorCode::NotImplemented
            );
        }
        let both = write_condition(&headers(&[("if-match", "e"), ("if-none-match", "*")]));
        assert_eq!(both.unwrap_err().code, ErrorCode::NotImplemented);
    }

    #[test]
    fn dates_of_a_destination_count_where_no_tag_does() {
        let (_, date) = object();
        let dates = |pairs: &[(&str, &str)]| DestinationDates::of_write(&headers(pairs));
        let check = |pairs: &[(&str, &str)], found| {
            let checked = dates(pairs).unwrap().check(found);
            checked.map_err(|error| error.fields[0].1.clone())
        };
        let (modified, unmodified) = ("if-modified-since", "if-unmodified-since");
        assert_eq!(
            check(&[(modified, BEFORE), (unmodified, SAME)], Some(date)),
            Ok(())
        );
        for found in [Some(date), None] {
            let refused = Err("If-Modified-Since".to_owned());
            assert_eq!(check(&[(modified, SAME)], found), refused);
        }
        let refused = Err("If-Unmodified-Since".to_owned());
        assert_eq!(check(&[(unmodified, BEFORE)], Some(date)), refused);
        assert_eq!(check(&[(unmodified, BEFORE)], None), Ok(()));
        for void in [
            &[][..],
            &[(modified, "soon")],
            &[(modified, SAME), ("if-none-match", "*")],
            &[(unmodified, BEFORE), ("if-match", "e")],
        ] {
            assert!(dates(void).is_none(), "{void:?}");
        }
    }

    #[test]
    fn if_range_needs_the_strong_tag_or_the_exact_date() {
        let (etag, date) = object();
        let applies = |value| range_applies(&headers(&[("if-range", value)]), &etag, date);
        assert!(applies("\"e\"") && applies(SAME));
        assert!(!applies("W/\"e\"") && !applies("\"x\"") && !applies(BEFORE) && !applies("*"));
        assert!(range_applies(&HeaderMap::new(), &etag, date));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_condition_panics(value in "[\"W/,*e ]{0,12}|[ -~]{0,30}") {
            for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
                read(&[(name, &value)]);
                let _condition = write_condition(&headers(&[(name, &value)]));
            }
        }
    }
}
