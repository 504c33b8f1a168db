//! What a bucket is as a website: its pages, or where its visitors are sent.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html>

mod visit;

use serde::{Deserialize, Serialize};

pub use visit::Redirection;

use super::{ErrorCode, ObjectKey, S3Error};

/// The scheme of an address that visitors are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are those of the schemes")]
pub enum WebProtocol {
    Http,
    Https,
}

impl WebProtocol {
    /// As addresses begin with it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The protocol of that name, whose case counts. `InvalidRequest` where there is none.
    pub fn named(name: &str) -> Result<Self, S3Error> {
        let mut both = [Self::Http, Self::Https].into_iter();
        both.find(|protocol| protocol.as_str() == name).ok_or_else(|| {
            invalid(
                "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected \
                 automatically.",
            )
        })
    }
}

/// Another host, to which all visitors are sent.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RedirectAllRequestsTo.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherHost {
    /// Its name.
    pub host: String,
    /// The protocol; `None` for that of the visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<WebProtocol>,
}

/// What becomes of a key where visitors are sent elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewKey {
    /// This takes the place of the prefix that the rule is about.
    Prefix(String),
    /// This is the key.
    Whole(String),
}

/// Which visits a rule is about. One of the two is there.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Condition.html>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingCondition {
    /// What the key begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<String>,
    /// The status of the error that they would meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<u16>,
}

/// Where a rule sends visitors. Something is there.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Redirect.html>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingRedirect {
    /// The host; `None` for that of the visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The status of the answer; `None` for 301.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The protocol; `None` for that of the visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<WebProtocol>,
    /// The key; `None` for that of the visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<NewKey>,
}

/// A rule that sends some visitors elsewhere.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RoutingRule.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingRule {
    /// Which; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<RoutingCondition>,
    /// Where.
    pub redirect: RoutingRedirect,
}

impl RoutingRule {
    /// The statuses of redirects that S3 takes.
    const REDIRECTS: [u16; 7] = [301, 302, 303, 304, 305, 307, 308];

    /// Refuses what S3 does not take.
    fn check(&self) -> Result<(), S3Error> {
        let Self { condition, redirect } = self;
        if let Some(condition) = condition {
            if *condition == RoutingCondition::default() {
                return Err(invalid(
                    "Condition cannot be empty. To redirect all requests without a condition, the condition element \
                     shouldn't be present.",
                ));
            }
            check_length("KeyPrefixEquals", condition.key_prefix.as_deref())?;
            if let Some(code) = condition.error.filter(|code| !(400..600).contains(code)) {
                return Err(invalid(format!(
                    "The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX."
                )));
            }
        }
        if *redirect == RoutingRedirect::default() {
            return Err(ErrorCode::MalformedXML.into());
        }
        if let Some(code) = redirect.status.filter(|code| !Self::REDIRECTS.contains(code)) {
            return Err(invalid(format!(
                "The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
            )));
        }
        check_length("HostName", redirect.host.as_deref())?;
        match &redirect.key {
            Some(NewKey::Prefix(prefix)) => check_length("ReplaceKeyPrefixWith", Some(prefix)),
            Some(NewKey::Whole(key)) => check_length("ReplaceKeyWith", Some(key)),
            None => Ok(()),
        }
    }
}

/// The pages of a website.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// The name of the page of a folder.
    pub index: String,
    /// The page that takes the place of errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ObjectKey>,
    /// The rules that send visitors elsewhere, in the order in which they are tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RoutingRule>,
}

impl Pages {
    /// How many rules there may be.
    pub const MOST_RULES: usize = 50;
}

/// What a bucket is as a website.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_WebsiteConfiguration.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebsiteConfiguration {
    /// All its visitors are sent to another host.
    Elsewhere(OtherHost),
    /// It has pages.
    Pages(Pages),
}

/// The parts of a configuration, as far as somebody sent them.
#[derive(Clone, Debug, Default)]
pub struct WebsiteParts {
    /// `RedirectAllRequestsTo`.
    pub elsewhere: Option<OtherHost>,
    /// The suffix of `IndexDocument`.
    pub index: Option<String>,
    /// The key of `ErrorDocument`.
    pub error: Option<ObjectKey>,
    /// `RoutingRules`.
    pub rules: Option<Vec<RoutingRule>>,
}

impl WebsiteConfiguration {
    /// Of these parts. An error as S3 has it where they are none.
    pub fn new(parts: WebsiteParts) -> Result<Self, S3Error> {
        let WebsiteParts {
            elsewhere,
            index,
            error,
            rules,
        } = parts;
        if let Some(elsewhere) = elsewhere {
            if index.is_some() || error.is_some() || rules.is_some() {
                let message =
                    "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
                return Err(S3Error::invalid_argument(
                    message,
                    "RedirectAllRequestsTo",
                    "not null",
                ));
            }
            if elsewhere.host.is_empty() {
                return Err(invalid(
                    "A host name must be provided to redirect all requests (e.g. \"example.com\").",
                ));
            }
            check_length("HostName", Some(&elsewhere.host))?;
            return Ok(Self::Elsewhere(elsewhere));
        }
        Ok(Self::Pages(Pages {
            index: checked_index(index)?,
            error,
            rules: checked_rules(rules)?,
        }))
    }
}

fn checked_index(index: Option<String>) -> Result<String, S3Error> {
    let about =
        |message: &'static str, value: &str| S3Error::invalid_argument(message, "IndexDocument", value);
    let index = index.ok_or_else(|| {
        about(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "null",
        )
    })?;
    if index.is_empty() || index.contains('/') {
        return Err(about("The IndexDocument Suffix is not well formed", &index));
    }
    check_length("Suffix", Some(&index))?;
    Ok(index)
}

fn checked_rules(rules: Option<Vec<RoutingRule>>) -> Result<Vec<RoutingRule>, S3Error> {
    let Some(rules) = rules else {
        return Ok(Vec::new());
    };
    if rules.is_empty() {
        return Err(ErrorCode::MalformedXML.into());
    }
    if rules.len() > Pages::MOST_RULES {
        return Err(invalid(format!(
            "{} routing rules provided, the number of routing rules in a website configuration is limited to {}.",
            rules.len(),
            Pages::MOST_RULES
        )));
    }
    rules.iter().try_for_each(RoutingRule::check)?;
    Ok(rules)
}

/// No part is longer than a key may be: the parts of a key make one, and addresses are sent in headers.
fn check_length(element: &str, text: Option<&str>) -> Result<(), S3Error> {
    match text {
        Some(text) if text.len() as u64 > ObjectKey::MAX_BYTES => Err(invalid(format!(
            "{element} cannot be longer than {} bytes.",
            ObjectKey::MAX_BYTES
        ))),
        _ => Ok(()),
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::message(ErrorCode::InvalidRequest, message)
}

#[cfg(test)]
mod tests;
