//! The date and the credential scope of a signature.

use std::fmt;

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::model::Timestamp;

const BASIC: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
const EXTENDED: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

pub(super) const TERMINAL: &str = "aws4_request";

/// The instant that a request was signed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct AmzDate {
    /// `20130524T000000Z`.
    pub(in crate::protocol) text: String,
    /// The same.
    pub(in crate::protocol) instant: Timestamp,
}

impl AmzDate {
    /// Parses `20130524T000000Z`.
    pub(in crate::protocol) fn parse(text: &str) -> Option<Self> {
        if text.len() != 16 || !text.as_bytes()[..8].iter().all(u8::is_ascii_digit) {
            return None;
        }
        let date = PrimitiveDateTime::parse(text, BASIC).ok()?;
        Some(Self {
            text: text.to_owned(),
            instant: Timestamp::from_seconds(date.assume_utc().unix_timestamp()),
        })
    }

    /// Parses a `Date` header, which S3 takes where `x-amz-date` is missing.
    pub(super) fn parse_http_date(text: &str) -> Option<Self> {
        if let Some(date) = Self::parse(text) {
            return Some(date);
        }
        let date = PrimitiveDateTime::parse(text, HTTP_DATE).ok()?;
        Some(Self {
            text: date.format(BASIC).ok()?,
            instant: Timestamp::from_seconds(date.assume_utc().unix_timestamp()),
        })
    }

    /// `20130524`.
    pub(super) fn day(&self) -> &str {
        &self.text[..8]
    }
}

/// `2013-05-24T00:00:00Z`: the form of the dates in S3's answers about signatures.
pub(in crate::protocol) fn iso_date(instant: Timestamp) -> String {
    time::OffsetDateTime::from_unix_timestamp(instant.seconds())
        .ok()
        .and_then(|date| date.format(EXTENDED).ok())
        .unwrap_or_default()
}

/// What a scope must be for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint<'a> {
    /// The service as scopes name it.
    pub(super) service: &'static str,
    pub(super) region: &'a str,
    /// A region that is taken too.
    pub(super) alias: Option<&'static str>,
}

impl<'a> Endpoint<'a> {
    /// S3 in a region.
    pub(super) const fn s3(region: &'a str) -> Self {
        Self {
            service: "s3",
            region,
            alias: None,
        }
    }

    /// STS in a region. Some clients sign for its global endpoint, whose region is us-east-1.
    pub(super) const fn sts(region: &'a str) -> Self {
        Self {
            service: "sts",
            region,
            alias: Some("us-east-1"),
        }
    }
}

/// `{access key}/{day}/{region}/{service}/aws4_request`, as the client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CredentialScope {
    pub(super) access_key: String,
    day: String,
    region: String,
    service: String,
    terminal: String,
}

/// What is wrong with a credential scope.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ScopeFault {
    /// The end of S3's message.
    pub(super) message: String,
    /// Whether the region is what is wrong: then S3 names the right one.
    pub(super) wrong_region: bool,
}

impl CredentialScope {
    /// Takes the credential apart. An access key has no `/`.
    pub(super) fn parse(text: &str) -> Result<Self, ScopeFault> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [access_key, day, region, service, terminal] if !access_key.is_empty() => Ok(Self {
                access_key: (*access_key).to_owned(),
                day: (*day).to_owned(),
                region: (*region).to_owned(),
                service: (*service).to_owned(),
                terminal: (*terminal).to_owned(),
            }),
            _ => Err(ScopeFault {
                message: "the Credential is mal-formed; expecting \
                          \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
                    .to_owned(),
                wrong_region: false,
            }),
        }
    }

    /// Checks the scope against this endpoint and the date that was signed.
    pub(super) fn check(&self, date: &AmzDate, endpoint: Endpoint<'_>) -> Result<(), ScopeFault> {
        let Endpoint {
            service,
            region,
            alias,
        } = endpoint;
        let wrong_region = self.region != region && Some(self.region.as_str()) != alias;
        let message = if wrong_region {
            format!("the region '{}' is wrong; expecting '{region}'", self.region)
        } else if self.service != service {
            format!(
                "incorrect service \"{}\". This endpoint belongs to \"{service}\".",
                self.service
            )
        } else if self.terminal != TERMINAL {
            format!(
                "incorrect terminal \"{}\". This endpoint uses \"{TERMINAL}\".",
                self.terminal
            )
        } else if self.day != date.day() {
            format!(
                "Invalid credential date \"{}\". This date is not the same as X-Amz-Date: \"{}\".",
                self.day,
                date.day()
            )
        } else {
            return Ok(());
        };
        Err(ScopeFault {
            message,
            wrong_region,
        })
    }

    pub(super) fn day(&self) -> &str {
        &self.day
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }
}

/// Without the access key: the form in the string to sign.
impl fmt::Display for CredentialScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.day, self.region, self.service, self.terminal
        )
    }
}
