//! Whom a statement of a bucket policy is about.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html>

use super::fault::Fault;
use super::json::Json;
use super::question::Principal;
use super::steps::Steps;

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principals {
    inverted: bool,
    named: Vec<Named>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    Everybody,
    /// An account, by its 12 digits.
    Account(String),
    /// An account, by its canonical user id.
    Canonical(String),
    /// A user: an account and a name.
    User(String, String),
    /// A role, a service, a provider of identities: nobody who makes requests here.
    Elsewhere,
}

/// How well a statement fits the one who asks, in rising strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    No,
    /// It names the account of the user who asks.
    Account,
    Yes,
}

impl Principals {
    pub(super) fn read(json: &Json, inverted: bool) -> Result<Self, Fault> {
        let mut named = Vec::new();
        match json {
            Json::Text(text) if text == "*" => named.push(Named::Everybody),
            Json::Object(types) => {
                for (of, value) in types {
                    for text in texts(value)? {
                        named.push(Named::parse(of, text).ok_or(Fault::Principal)?);
                    }
                }
            }
            _ => return Err(Fault::Principal),
        }
        if named.is_empty() {
            return Err(Fault::Principal);
        }
        Ok(Self { inverted, named })
    }

    /// How well they fit. `allow`: whether the statement allows. In doubt `NotPrincipal` gives less: a user of whom it
    /// names the account alone is not excepted from a denial, but is from a grant.
    pub(super) fn fit(&self, asking: &Principal, allow: bool, steps: &Steps) -> Fit {
        if !steps.take(self.named.len()) {
            return Fit::No;
        }
        let fits = self.named.iter().map(|named| named.fit(asking));
        let best = fits.max().unwrap_or(Fit::No);
        if !self.inverted {
            return best;
        }
        let excepted = if allow { best != Fit::No } else { best == Fit::Yes };
        if excepted { Fit::No } else { Fit::Yes }
    }

    /// Whether all the world is meant, or all but some.
    pub(super) fn are_public(&self) -> bool {
        self.inverted || self.named.contains(&Named::Everybody)
    }
}

impl Named {
    /// Reads a principal of a type: `AWS`, `CanonicalUser`, `Service` or `Federated`.
    fn parse(of: &str, text: &str) -> Option<Self> {
        match of {
            "AWS" if text == "*" => Some(Self::Everybody),
            "AWS" if is_account(text) => Some(Self::Account(text.to_owned())),
            "AWS" => Self::parse_arn(text),
            "CanonicalUser" => {
                let is_id = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                is_id.then(|| Self::Canonical(text.to_ascii_lowercase()))
            }
            "Service" | "Federated" => is_name(text).then_some(Self::Elsewhere),
            _ => None,
        }
    }

    /// `arn:aws:iam::123456789012:root`, or `…:user/NAME`. Of the others, those that can make requests to AWS.
    fn parse_arn(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", "aws" | "aws-cn" | "aws-us-gov", service, "", account, name] = parts.as_slice() else {
            return None;
        };
        if !is_account(account) || !is_name(name) {
            return None;
        }
        if *name == "root" {
            return (*service == "iam").then(|| Self::Account((*account).to_owned()));
        }
        let (kind, name) = name.split_once('/').filter(|(_, name)| !name.is_empty())?;
        match (*service, kind) {
            ("iam", "user") => Some(Self::User((*account).to_owned(), name.to_owned())),
            ("iam", "role") | ("sts", "assumed-role" | "federated-user") => Some(Self::Elsewhere),
            _ => None,
        }
    }

    fn fit(&self, asking: &Principal) -> Fit {
        if *self == Self::Everybody {
            return Fit::Yes;
        }
        let Principal::Account {
            account,
            canonical,
            user,
        } = asking
        else {
            return Fit::No;
        };
        let of_account = if user.is_some() { Fit::Account } else { Fit::Yes };
        match self {
            Self::Account(named) if named == account => of_account,
            Self::Canonical(named) if named.eq_ignore_ascii_case(canonical) => of_account,
            Self::User(of, name) if of == account && Some(name) == user.as_ref() => Fit::Yes,
            _ => Fit::No,
        }
    }
}

fn texts(json: &Json) -> Result<Vec<&str>, Fault> {
    match json {
        Json::Array(values) => values.iter().map(text).collect(),
        value => Ok(vec![text(value)?]),
    }
}

fn text(json: &Json) -> Result<&str, Fault> {
    match json {
        Json::Text(text) => Ok(text),
        _ => Err(Fault::Principal),
    }
}

/// Whether this is the number of an account.
fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Names have no wildcards: only `*` alone means everybody.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(['*', '?']) && !text.contains(char::is_whitespace)
}
