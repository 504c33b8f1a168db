//! What a website makes of a visit: which key it reads, and whom it sends elsewhere.

use super::{NewKey, OtherHost, Pages, RoutingCondition, RoutingRule, WebProtocol, WebsiteConfiguration};

/// The status of a redirect whose rule names none: moved for good.
const MOVED: u16 = 301;

/// Where a visitor is sent. The address is that of `host`, then what the owner of the bucket wrote, as it stands, then
/// the rest of the visit's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection<'a> {
    /// The status of the answer.
    pub status: u16,
    /// The protocol; `None` for that of the visit.
    pub protocol: Option<WebProtocol>,
    /// The host; `None` for that of the visit.
    pub host: Option<&'a str>,
    /// What the owner wrote for the key, or for its beginning.
    pub written: &'a str,
    /// What is left of the key.
    pub rest: &'a str,
}

impl RoutingRule {
    fn sends<'a>(&'a self, key: &'a str) -> Redirection<'a> {
        let prefix = self
            .condition
            .as_ref()
            .and_then(|condition| condition.key_prefix.as_deref());
        let after = prefix.and_then(|prefix| key.strip_prefix(prefix)).unwrap_or(key);
        let (written, rest) = match &self.redirect.key {
            Some(NewKey::Prefix(prefix)) => (prefix.as_str(), after),
            Some(NewKey::Whole(whole)) => (whole.as_str(), ""),
            None => ("", key),
        };
        Redirection {
            status: self.redirect.status.unwrap_or(MOVED),
            protocol: self.redirect.protocol,
            host: self.redirect.host.as_deref(),
            written,
            rest,
        }
    }

    /// Whether it is about a visit of `key` that meets `error`, or about one of which that is not known yet.
    fn is_about(&self, key: &str, error: Option<u16>) -> bool {
        let Some(RoutingCondition {
            key_prefix,
            error: wanted,
        }) = &self.condition
        else {
            return error.is_none();
        };
        *wanted == error && key_prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix))
    }
}

impl OtherHost {
    fn sends<'a>(&'a self, key: &'a str) -> Redirection<'a> {
        Redirection {
            status: MOVED,
            protocol: self.protocol,
            host: Some(&self.host),
            written: "",
            rest: key,
        }
    }
}

impl WebsiteConfiguration {
    /// Where a visitor of `key` is sent before anything is looked up: always, or by the first rule that asks for no
    /// error.
    pub fn at_once<'a>(&'a self, key: &'a str) -> Result<&'a Pages, Redirection<'a>> {
        match self {
            Self::Elsewhere(host) => Err(host.sends(key)),
            Self::Pages(pages) => pages.sent(key, None).map_or(Ok(pages), Err),
        }
    }
}

impl Pages {
    /// Where a visitor of `key` is sent in place of an error of this status.
    pub fn instead_of<'a>(&'a self, key: &'a str, status: u16) -> Option<Redirection<'a>> {
        self.sent(key, Some(status))
    }

    fn sent<'a>(&'a self, key: &'a str, error: Option<u16>) -> Option<Redirection<'a>> {
        let rule = self.rules.iter().find(|rule| rule.is_about(key, error));
        rule.map(|rule| rule.sends(key))
    }

    /// The key that a visit of `key` reads: that of the index document, where it is one of a folder.
    pub fn read_for(&self, key: &str) -> String {
        match key.is_empty() || key.ends_with('/') {
            true => format!("{key}{}", self.index),
            false => key.to_owned(),
        }
    }

    /// The index document of the folder that a visitor meant who left out the `/` after it.
    pub fn index_below(&self, key: &str) -> Option<String> {
        let is_folder = key.is_empty() || key.ends_with('/');
        (!is_folder).then(|| format!("{key}/{}", self.index))
    }
}
