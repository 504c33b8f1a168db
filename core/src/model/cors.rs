//! What pages of other origins may do with a bucket (CORS).
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html>

use serde::{Deserialize, Serialize};

use super::{ErrorCode, S3Error};

/// More headers than any page asks for. Each is compared with each that a rule allows, for a request without a
/// signature.
const MOST_REQUESTED_HEADERS: usize = 256;

const LONGEST_ID: usize = 255;

/// A method that a rule can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names are HTTP's")]
pub enum CorsMethod {
    Get,
    Put,
    Post,
    Delete,
    Head,
}

impl CorsMethod {
    const ALL: [Self; 5] = [Self::Get, Self::Put, Self::Post, Self::Delete, Self::Head];

    /// The method of that name, whose case counts; `None` where no rule can allow it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }

    /// As HTTP spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
        }
    }
}

/// What pages of some origins may do.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSRule.html>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorsRule {
    /// What its owner calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The headers that they may send, as the owner spells them, each with at most one `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_headers: Vec<String>,
    /// The methods that they may use.
    pub allowed_methods: Vec<CorsMethod>,
    /// The origins, each with at most one `*`.
    pub allowed_origins: Vec<String>,
    /// The headers of answers that they may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    /// For how many seconds browsers may remember the answer to a preflight request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u32>,
}

impl CorsRule {
    /// Whether it is for every origin whatever its name: those are told `*`, and their browsers send no credentials.
    pub fn is_for_all_origins(&self) -> bool {
        self.allowed_origins.iter().any(|origin| origin == "*")
    }

    fn allows(&self, request: &CorsRequest) -> bool {
        let same = |a: &[u8], b: &[u8]| a == b;
        let has_origin = |origin: &String| matches(origin, &request.origin, same);
        let allows_header = |header: &String| {
            let mut allowed = self.allowed_headers.iter();
            allowed.any(|pattern| matches(pattern, header, <[u8]>::eq_ignore_ascii_case))
        };
        let mut methods = self.allowed_methods.iter();
        methods.any(|method| Some(*method) == request.method)
            && self.allowed_origins.iter().any(has_origin)
            && request.headers.len() <= MOST_REQUESTED_HEADERS
            && request.headers.iter().all(allows_header)
    }

    /// Refuses with `InvalidRequest` what S3 does not take.
    fn check(&self) -> Result<(), S3Error> {
        if self.id.as_ref().is_some_and(|id| id.chars().count() > LONGEST_ID) {
            return Err(invalid(format!(
                "The ID of a CORS rule cannot be longer than {LONGEST_ID} characters."
            )));
        }
        for (element, patterns) in [
            ("AllowedOrigin", &self.allowed_origins),
            ("AllowedHeader", &self.allowed_headers),
        ] {
            if let Some(pattern) = patterns.iter().find(|pattern| pattern.matches('*').count() > 1) {
                return Err(invalid(format!(
                    "{element} \"{pattern}\" can not have more than one wildcard."
                )));
            }
        }
        self.expose_headers
            .iter()
            .try_for_each(|name| check_exposed(name))
    }
}

fn check_exposed(name: &str) -> Result<(), S3Error> {
    if name.contains('*') {
        return Err(invalid(format!(
            "ExposeHeader \"{name}\" contains wildcard. We currently do not support wildcard in ExposeHeader."
        )));
    }
    // It is sent as a part of a header. RFC 9110 section 5.6.2 says what a name consists of.
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_of_a_name) {
        return Err(invalid(format!(
            "ExposeHeader \"{name}\" contains invalid character."
        )));
    }
    Ok(())
}

fn invalid(message: String) -> S3Error {
    S3Error::message(ErrorCode::InvalidRequest, message)
}

/// Whether `text` is what `pattern` says, whose first `*` stands for any text, also for none.
fn matches(pattern: &str, text: &str, same: impl Fn(&[u8], &[u8]) -> bool) -> bool {
    let text = text.as_bytes();
    let Some((before, after)) = pattern.split_once('*') else {
        return same(pattern.as_bytes(), text);
    };
    let (before, after) = (before.as_bytes(), after.as_bytes());
    let Some((start, rest)) = text.split_at_checked(before.len()) else {
        return false;
    };
    let end = rest.len().checked_sub(after.len()).and_then(|at| rest.get(at..));
    same(before, start) && end.is_some_and(|end| same(after, end))
}

/// What the owner of a bucket lets pages of other origins do: rules, of which the first that fits a request decides.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSConfiguration.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CorsConfiguration(Vec<CorsRule>);

impl CorsConfiguration {
    /// How many rules it may have.
    pub const MOST_RULES: usize = 100;

    /// These rules. `MalformedXML` where there are none, or one allows no method or no origin, and `InvalidRequest`
    /// where there are too many or one says what S3 does not take.
    pub fn new(rules: Vec<CorsRule>) -> Result<Self, S3Error> {
        let says_nothing =
            |rule: &CorsRule| rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty();
        if rules.is_empty() || rules.iter().any(says_nothing) {
            return Err(ErrorCode::MalformedXML.into());
        }
        if rules.len() > Self::MOST_RULES {
            return Err(invalid(format!(
                "The number of CORS rules should not exceed allowed limit of {} rules.",
                Self::MOST_RULES
            )));
        }
        rules.iter().try_for_each(CorsRule::check)?;
        Ok(Self(rules))
    }

    /// Its rules, in the order in which they are tried.
    pub fn rules(&self) -> &[CorsRule] {
        &self.0
    }

    /// The first rule that allows the request.
    pub fn rule_for(&self, request: &CorsRequest) -> Option<&CorsRule> {
        self.0.iter().find(|rule| rule.allows(request))
    }
}

/// What a browser says of a request that a page of another origin makes, or is about to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRequest {
    /// The page's origin, as the browser spells it.
    pub origin: String,
    /// The method, if it is one that a rule can allow.
    pub method: Option<CorsMethod>,
    /// The headers that the page wants to send, in lower case.
    pub headers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], headers: &[&str]) -> CorsRule {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        CorsRule {
            allowed_headers: owned(headers),
            allowed_methods: vec![CorsMethod::Get, CorsMethod::Put],
            allowed_origins: owned(origins),
            ..CorsRule::default()
        }
    }

    fn request(origin: &str, method: &str, headers: &[&str]) -> CorsRequest {
        CorsRequest {
            origin: origin.to_owned(),
            method: CorsMethod::named(method),
            headers: headers.iter().map(|header| (*header).to_owned()).collect(),
        }
    }

    fn refusal(rules: Vec<CorsRule>) -> (ErrorCode, String) {
        let error = CorsConfiguration::new(rules).unwrap_err();
        (error.code, error.message.into_owned())
    }

    #[test]
    fn an_origin_matches_with_its_case_and_one_wildcard() {
        for (pattern, origin, expected) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example", "https://A.example", false),
            ("https://a.example", "https://a.example/", false),
            ("https://a.example", "https://a.example:443", false),
            ("*", "null", true),
            ("https://*.example", "https://a.b.example", true),
            ("https://*.example", "https://.example", true),
            ("https://*.example", "https://example", false),
            ("https://*.example", "http://a.example", false),
            ("https://a.*", "https://a.", true),
            ("*.example", "https://a.example", true),
            // What stands before the wildcard and what stands after it do not share a letter.
            ("aba*ba", "aba", false),
            ("aba*ba", "ababa", true),
        ] {
            let allowed = rule(&[pattern], &[]).allows(&request(origin, "GET", &[]));
            assert_eq!(allowed, expected, "{pattern} {origin}");
        }
    }

    #[test]
    fn every_header_that_is_asked_for_must_be_allowed_whatever_its_case() {
        for (allowed, asked, expected) in [
            (&[][..], &[][..], true),
            (&[], &["content-type"], false),
            (&["*"], &["content-type", "x-amz-date"], true),
            (&["Content-Type"], &["content-type"], true),
            (&["Content-Type"], &["content-type", "x-amz-date"], false),
            (
                &["X-Amz-*", "content-type"],
                &["content-type", "x-amz-date"],
                true,
            ),
            (&["x-amz-*-date"], &["x-amz-date"], false),
            (&["x-amz-*"], &["x-am"], false),
        ] {
            let found = rule(&["*"], allowed).allows(&request("https://a", "GET", asked));
            assert_eq!(found, expected, "{allowed:?} {asked:?}");
        }
        let asked = |count: usize| request("https://a", "GET", &vec!["a"; count]);
        assert!(rule(&["*"], &["*"]).allows(&asked(256)));
        assert!(!rule(&["*"], &["*"]).allows(&asked(257)));
    }

    #[test]
    fn the_first_rule_that_fits_in_all_decides() {
        let rules = vec![
            rule(&["https://a"], &[]),
            rule(&["https://*"], &["x-*"]),
            rule(&["*"], &["*"]),
        ];
        let configuration = CorsConfiguration::new(rules).unwrap();
        let found = |request: &CorsRequest| {
            let found = configuration.rule_for(request)?;
            configuration.rules().iter().position(|rule| rule == found)
        };
        assert_eq!(found(&request("https://a", "GET", &[])), Some(0));
        assert_eq!(found(&request("https://a", "PUT", &["x-b"])), Some(1));
        assert_eq!(found(&request("http://a", "GET", &[])), Some(2));
        assert_eq!(found(&request("http://a", "DELETE", &[])), None);
        assert_eq!(found(&request("http://a", "PATCH", &[])), None);
        let for_all: Vec<bool> = configuration
            .rules()
            .iter()
            .map(CorsRule::is_for_all_origins)
            .collect();
        assert_eq!(for_all, [false, false, true]);
    }

    #[test]
    fn a_configuration_has_1_to_100_rules_with_a_method_and_an_origin_each() {
        let good = rule(&["*"], &[]);
        assert!(CorsConfiguration::new(vec![good.clone(); 100]).is_ok());
        let (code, message) = refusal(vec![good.clone(); 101]);
        assert_eq!(code, ErrorCode::InvalidRequest);
        assert_eq!(
            message,
            "The number of CORS rules should not exceed allowed limit of 100 rules."
        );
        let without_method = CorsRule {
            allowed_methods: Vec::new(),
            ..good.clone()
        };
        for rules in [vec![], vec![good.clone(), without_method], vec![rule(&[], &[])]] {
            assert_eq!(refusal(rules).0, ErrorCode::MalformedXML);
        }
    }

    #[test]
    fn what_s3_does_not_take_in_a_rule_is_named() {
        let good = rule(&["*"], &["*"]);
        let exposing = |name: &str| CorsRule {
            expose_headers: vec!["ETag".to_owned(), name.to_owned()],
            ..good.clone()
        };
        let called = |length: usize| CorsRule {
            id: Some("é".repeat(length)),
            ..good.clone()
        };
        for (rule, message) in [
            (
                rule(&["*", "*a*.example"], &[]),
                "AllowedOrigin \"*a*.example\" can not have more than one wildcard.",
            ),
            (
                rule(&["*"], &["x-*-*"]),
                "AllowedHeader \"x-*-*\" can not have more than one wildcard.",
            ),
            (
                exposing("x-*"),
                "ExposeHeader \"x-*\" contains wildcard. We currently do not support wildcard in ExposeHeader.",
            ),
            (
                exposing("a\r\nb"),
                "ExposeHeader \"a\r\nb\" contains invalid character.",
            ),
            (
                exposing("a b"),
                "ExposeHeader \"a b\" contains invalid character.",
            ),
            (
                called(256),
                "The ID of a CORS rule cannot be longer than 255 characters.",
            ),
        ] {
            assert_eq!(
                refusal(vec![rule]),
                (ErrorCode::InvalidRequest, message.to_owned())
            );
        }
        assert!(CorsConfiguration::new(vec![called(255), exposing("x-amz-meta-a_b")]).is_ok());
    }

    #[test]
    fn a_rule_is_stored_with_what_it_says_and_no_more() {
        let text = "[{\"allowed_methods\":[\"GET\",\"PUT\"],\"allowed_origins\":[\"*\"]}]";
        let configuration = CorsConfiguration::new(vec![rule(&["*"], &[])]).unwrap();
        assert_eq!(serde_json::to_string(&configuration).unwrap(), text);
        let mut whole = rule(&["*"], &["a"]);
        whole.id = Some("i".to_owned());
        whole.expose_headers = vec!["e".to_owned()];
        whole.max_age_seconds = Some(0);
        let whole = CorsConfiguration::new(vec![whole]).unwrap();
        let stored = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<CorsConfiguration>(&stored).unwrap(), whole);
        let unknown = "[{\"allowed_methods\":[],\"allowed_origins\":[],\"colour\":1}]";
        assert!(serde_json::from_str::<CorsConfiguration>(unknown).is_err());
    }
}
