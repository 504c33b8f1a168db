//! IAM policies, read and evaluated: those of buckets, and those of the one who asks (of a user, or of a session).
//!
//! The language is that of <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>; what a
//! bucket's policy may be about is described in
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>.
//!
//! A policy says only what it says: what several of them, access control lists and the owner of a bucket come to
//! together is for the caller to decide.

mod actions;
mod condition;
mod fault;
mod json;
mod keys;
mod network;
mod operator;
mod pattern;
mod principals;
mod question;
mod resources;
mod statement;
mod steps;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeSet;

pub use keys::SUPPLIED_KEYS;
pub use question::{ConditionKeys, Principal, Question, Resource, Verdict};

use crate::model::BucketName;

use self::fault::Fault;
use self::json::Json;
use self::pattern::{Case, Pattern, Scope, Style};
use self::statement::{Asked, Statement};
use self::steps::Steps;

/// A policy that was found good for what it is attached to.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
    /// Those of [`KNOWN_OF_SOME`] that it names.
    uncertain: Vec<&'static str>,
}

/// What a policy is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind<'a> {
    /// A bucket: each statement names its principals, and all resources are of this bucket.
    Bucket {
        /// The bucket.
        name: &'a BucketName,
    },
    /// The one who asks: a user, or a session. Statements name no principals.
    Identity,
}

/// Why a policy is refused, in AWS's words as far as they are known: the message of `MalformedPolicy` for that of a
/// bucket, of `MalformedPolicyDocument` of IAM and STS for the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(pub String);

/// Keys that a deployment may not know of its requests.
const KNOWN_OF_SOME: [&str; 3] = ["aws:securetransport", "aws:sourceip", "s3:tlsversion"];

/// What a policy is read with.
struct Reading<'a> {
    kind: PolicyKind<'a>,
    /// Whether there are policy variables: not in version 2008-10-17.
    variables: bool,
    steps: Steps,
}

impl PolicyKind<'_> {
    /// The most bytes that a policy may have, not counting the white space between its values.
    pub const fn most_bytes(self) -> usize {
        match self {
            Self::Bucket { .. } => 20_480,
            Self::Identity => 6_144,
        }
    }
}

impl Policy {
    /// The most statements that a policy may have.
    pub const MOST_STATEMENTS: usize = 200;

    /// Reads a policy, and checks all that can be checked without a request. White space between its values is not
    /// bounded here, but costs no more than to be read.
    pub fn read(json: &[u8], kind: PolicyKind<'_>) -> Result<Self, PolicyError> {
        let read = json::read(json, kind.most_bytes()).and_then(|members| Self::of(&members, kind));
        read.map_err(|fault| {
            PolicyError(match kind {
                PolicyKind::Bucket { .. } => fault.of_a_bucket_policy(),
                PolicyKind::Identity => fault.of_an_identity_policy(),
            })
        })
    }

    fn of(members: &[(String, Json)], kind: PolicyKind<'_>) -> Result<Self, Fault> {
        let (mut variables, mut statements) = (false, None);
        for (name, value) in members {
            match (name.as_str(), value) {
                ("Version", Json::Text(version)) if version == "2012-10-17" => variables = true,
                ("Version", Json::Text(version)) if version == "2008-10-17" => {}
                ("Version", _) => return Err(Fault::Version),
                ("Id", Json::Text(_)) => {}
                ("Id", _) => return Err(Fault::Syntax),
                ("Statement", Json::Array(items)) => statements = Some(items.as_slice()),
                ("Statement", item @ Json::Object(_)) => statements = Some(std::slice::from_ref(item)),
                ("Statement", _) => return Err(Fault::Syntax),
                _ => return Err(Fault::Unknown(name.clone())),
            }
        }
        let reading = Reading {
            kind,
            variables,
            steps: Steps::new(),
        };
        match statements.ok_or(Fault::Missing("Statement"))? {
            [] => Err(Fault::NoStatement),
            items if items.len() > Self::MOST_STATEMENTS => Err(Fault::TooManyStatements),
            items => {
                let statements = items.iter().map(|item| Statement::read(item, &reading));
                let statements: Vec<Statement> = statements.collect::<Result<_, _>>()?;
                let named = |key: &&str| {
                    statements
                        .iter()
                        .flat_map(Statement::keys)
                        .any(|name| name == *key)
                };
                Ok(Self {
                    uncertain: KNOWN_OF_SOME.into_iter().filter(named).collect(),
                    statements,
                })
            }
        }
    }

    /// What it says of a question. The work is bounded, whatever the policy and the request; a policy that would take
    /// more of it denies.
    pub fn decide(&self, question: &Question<'_>) -> Verdict {
        self.decide_within(question, &Steps::new())
    }

    fn decide_within(&self, question: &Question<'_>, steps: &Steps) -> Verdict {
        let scope = Scope {
            keys: question.keys,
            steps,
        };
        let asked = Asked::new(question, scope);
        let verdicts = self.statements.iter().map(|statement| statement.verdict(&asked));
        let verdict = verdicts.max().unwrap_or(Verdict::Silent);
        if steps.are_spent() {
            Verdict::Denies
        } else {
            verdict
        }
    }

    /// Whether the policy of a bucket is public, as [AWS means
    /// it](https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html): a
    /// statement allows something to everybody, and none of its conditions fixes who that is or where they are. The
    /// policy of one who asks never is.
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(Statement::is_public)
    }

    /// An error where it names a condition key that the deployment does not know of this request. Such a policy would
    /// not do what it says: a condition that is passed over protects nothing.
    pub fn check_known(&self, request: &dyn ConditionKeys) -> Result<(), PolicyError> {
        match self.uncertain.iter().find(|key| request.values(key).is_none()) {
            None => Ok(()),
            Some(key) => Err(PolicyError(format!(
                "This deployment does not know the condition key {key} of its requests"
            ))),
        }
    }

    /// The condition keys that its conditions and variables name, each once, as [`ConditionKeys::values`] is asked for
    /// them.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let keys: BTreeSet<&str> = self.statements.iter().flat_map(Statement::keys).collect();
        keys.into_iter()
    }
}

/// Whether a text is like a pattern, in which `*` stands for any characters and `?` for one. The work is bounded; what
/// would take more of it is not.
pub fn is_like(text: &str, pattern: &str) -> bool {
    let style = Style {
        wildcards: true,
        variables: false,
        case: Case::Matters,
    };
    let steps = Steps::new();
    let pattern = Pattern::new(pattern, style);
    pattern.is_some_and(|pattern| pattern.matches_constant(text, &steps)) && !steps.are_spent()
}

impl Reading<'_> {
    /// Whether a condition key is one that a policy of this kind may name. AWS refuses those of others in a bucket's
    /// policy; in one of the one who asks, they are absent from every request.
    fn knows(&self, key: &str) -> bool {
        match self.kind {
            PolicyKind::Bucket { .. } => keys::is_known(key),
            PolicyKind::Identity => key.contains(':'),
        }
    }
}
