//! What a deployment tells the core about itself.

use std::time::Duration;

use crate::model::{AccountId, BucketName, ErrorCode, NewBuckets, RootCredential, S3Error, SigV2};

/// The smallest part of a multipart upload that is not its last: 5 MiB
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
const SMALLEST_PART: u64 = 5 << 20;

/// Settings of the core.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region in credential scopes and in GetBucketLocation.
    pub region: String,
    /// Base domains for virtual-hosted-style requests, without ports, in lower case.
    pub base_domains: Vec<String>,
    /// Domains below which each bucket that is a website has a host, without ports, in lower case. None overlaps a base
    /// domain ([`check_domains`]).
    pub website_domains: Vec<String>,
    /// The credential that owns the store.
    pub root: RootCredential,
    /// The id by which policies name its account.
    pub account: AccountId,
    /// What is said of a new bucket whose creator does not say it.
    pub new_buckets: NewBuckets,
    /// Which requests may be signed with Signature Version 2.
    pub sigv2: SigV2,
    /// What the platform lets through.
    pub limits: Limits,
}

impl Settings {
    /// All domains below which hosts name buckets.
    pub fn domains_of_buckets(&self) -> Vec<String> {
        [self.base_domains.as_slice(), &self.website_domains].concat()
    }
}

/// What a platform lets through of one request and its response. Without limits, S3's own hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Bytes in the body of a request.
    pub request_body: Option<u64>,
    /// Bytes in the body of a response.
    pub response_body: Option<u64>,
    /// How long a request may take until its response begins.
    pub request_time: Option<Duration>,
    /// Names that no bucket can have: the platform keeps the paths below them to itself.
    pub platform_names: &'static [&'static str],
    /// What the limits belong to, as clients read it: a name that a sentence goes on after.
    pub deployment: &'static str,
    /// What a client or an operator can do about it: a whole sentence.
    pub ways_out: &'static str,
}

impl Limits {
    /// `EntityTooLarge` where a body of `length` bytes cannot arrive.
    pub(crate) fn check_request(&self, length: u64) -> Result<(), S3Error> {
        match self.request_body {
            Some(limit) if length > limit => Err(S3Error::message(
                ErrorCode::EntityTooLarge,
                format!(
                    "{} takes request bodies of at most {limit} bytes. {}",
                    self.deployment, self.ways_out
                ),
            )
            .with("ProposedSize", length)
            .with("MaxSizeAllowed", limit)),
            _ => Ok(()),
        }
    }

    /// `InvalidRequest` where a body of `length` bytes cannot be sent.
    pub(crate) fn check_response(&self, length: u64) -> Result<(), S3Error> {
        match self.response_body {
            Some(limit) if length > limit => Err(S3Error::message(
                ErrorCode::InvalidRequest,
                format!(
                    "{} sends at most {limit} bytes in one response, and {length} were asked for. Ask for ranges. {}",
                    self.deployment, self.ways_out
                ),
            )),
            _ => Ok(()),
        }
    }

    /// `InvalidBucketName` where requests for a bucket of this name would never arrive.
    pub(crate) fn check_bucket(&self, name: &BucketName) -> Result<(), S3Error> {
        if !self.platform_names.contains(&name.as_str()) {
            return Ok(());
        }
        let message = format!(
            "{} cannot have a bucket {name}: the platform keeps this path to itself. Choose another name.",
            self.deployment
        );
        Err(S3Error::message(ErrorCode::InvalidBucketName, message).with("BucketName", name))
    }

    /// `NotImplemented` where no part but the last of a multipart upload can arrive: better told at once than when
    /// the client has read its file.
    pub(crate) fn check_multipart(&self) -> Result<(), S3Error> {
        match self.request_body {
            Some(limit) if limit < SMALLEST_PART => Err(S3Error::message(
                ErrorCode::NotImplemented,
                format!(
                    "Multipart uploads do not work on {}: it takes request bodies of at most {limit} bytes, and parts \
                     have at least {SMALLEST_PART}. {}",
                    self.deployment, self.ways_out
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// The name of a region as credential scopes can carry it, or what is wrong with it.
pub fn region(text: &str) -> Result<String, &'static str> {
    let fits = (1..=64).contains(&text.len());
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if fits && text.bytes().all(good) {
        Ok(text.to_owned())
    } else {
        Err("expected letters, digits and hyphens, such as us-east-1")
    }
}

/// Base domains from a comma-separated list, in lower case, or what is wrong with it.
pub fn base_domains(text: &str) -> Result<Vec<String>, String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_ascii_lowercase).collect();
    let good =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match names.iter().find(|name| !name.split('.').all(good)) {
        Some(bad) => Err(format!("{bad} is not a domain name without a port")),
        None => Ok(names),
    }
}

/// An error where a host could be one of both: a website domain is, or is below or above, a base domain.
pub fn check_domains(base_domains: &[String], website_domains: &[String]) -> Result<(), String> {
    let is_below = |below: &str, above: &str| {
        let label = below.strip_suffix(above);
        label.is_some_and(|label| label.is_empty() || label.ends_with('.'))
    };
    for website in website_domains {
        let overlaps = |base: &&String| is_below(website, base) || is_below(base, website);
        if let Some(base) = base_domains.iter().find(overlaps) {
            return Err(format!(
                "the website domain {website} and the base domain {base} overlap: choose names of which neither is, or \
                 is below, the other"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits {
        request_body: Some(4_500_000),
        response_body: Some(200_000_000),
        request_time: None,
        platform_names: &["admin"],
        deployment: "A small deployment",
        ways_out: "Take a larger one.",
    };

    #[test]
    fn what_does_not_fit_is_refused_with_the_limit_and_the_ways_out() {
        assert!(SMALL.check_request(4_500_000).is_ok());
        let error = SMALL.check_request(4_500_001).unwrap_err();
        assert_eq!(error.code, ErrorCode::EntityTooLarge);
        assert_eq!(
            error.message,
            "A small deployment takes request bodies of at most 4500000 bytes. Take a larger one."
        );
        assert!(SMALL.check_response(200_000_000).is_ok());
        let error = SMALL.check_response(200_000_001).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
        assert!(
            error.message.contains("at most 200000000 bytes")
                && error.message.ends_with("Take a larger one.")
        );
        let error = SMALL.check_multipart().unwrap_err();
        assert_eq!(error.code, ErrorCode::NotImplemented);
        assert!(error.message.contains("4500000") && error.message.contains("5242880"));
    }

    #[test]
    fn a_name_that_is_the_platforms_is_refused_and_says_why() {
        let check = |name: &str| SMALL.check_bucket(&BucketName::new(name).unwrap());
        assert!(check("admin2").is_ok());
        let error = check("admin").unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidBucketName);
        assert_eq!(
            error.message,
            "A small deployment cannot have a bucket admin: the platform keeps this path to itself. Choose another name."
        );
    }

    #[test]
    fn without_limits_and_where_parts_fit_nothing_is_refused() {
        let none = Limits::default();
        assert!(none.check_request(u64::MAX).is_ok() && none.check_response(u64::MAX).is_ok());
        assert!(none.check_multipart().is_ok());
        let large = Limits {
            request_body: Some(SMALLEST_PART),
            ..SMALL
        };
        assert!(large.check_multipart().is_ok());
    }

    #[test]
    fn domains_are_lower_case_names_without_ports() {
        let two = vec!["s3.example.com".to_owned(), "localhost".to_owned()];
        assert_eq!(base_domains(" S3.Example.com,localhost, "), Ok(two));
        assert_eq!(base_domains(""), Ok(Vec::new()));
        assert!(base_domains("a.b:9000").is_err() && base_domains(".a").is_err());
    }

    #[test]
    fn a_website_domain_is_neither_a_base_domain_nor_below_or_above_one() {
        let check = |base: &str, website: &str| {
            check_domains(&base_domains(base).unwrap(), &base_domains(website).unwrap())
        };
        for (base, website) in [
            ("", "web.example.com"),
            ("s3.example.com", ""),
            ("s3.example.com", "web.example.com, pages.example.net"),
            ("example.com", "notexample.com"),
        ] {
            assert_eq!(check(base, website), Ok(()), "{base} {website}");
        }
        for (base, website) in [
            ("example.com", "example.com"),
            ("a.b, example.com", "web.example.com"),
            ("s3.example.com", "c.d, example.com"),
        ] {
            let error = check(base, website).unwrap_err();
            assert!(error.contains("overlap"), "{error}");
        }
    }
}
