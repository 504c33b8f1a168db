//! What a form asks of STS.

use std::time::Duration;

use super::MOST_POLICY;
use super::error::{StsCode, StsError};
use super::rules::{Faults, start_of};
use crate::model::is_iam_name_byte;
use crate::protocol::query::Query;

/// The one version of the interface.
const VERSION: &str = "2011-06-15";

/// An action that is carried out here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are AWS's")]
pub enum StsAction {
    AssumeRole,
    AssumeRoleWithWebIdentity,
    GetCallerIdentity,
    GetSessionToken,
}

impl StsAction {
    /// The name as AWS spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AssumeRole => "AssumeRole",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::GetSessionToken => "GetSessionToken",
        }
    }
}

/// What a form asks for, or what is wrong with its parameters: that is told to who has signed it, where it must be
/// signed.
#[derive(Debug)]
pub enum StsRequest {
    /// A session of a role that trusts a token, without a signature.
    WebIdentity(Result<(AssumeRole, String), StsError>),
    /// What needs a signature.
    Signed(Result<SignedRequest, StsError>),
}

/// What needs a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedRequest {
    /// For a session of the caller, narrowed.
    AssumeRole(AssumeRole),
    /// Who signed the request.
    GetCallerIdentity,
    /// For a session of the caller that lasts as long.
    GetSessionToken(Duration),
}

/// The parameters of AssumeRole, and of AssumeRoleWithWebIdentity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role.
    pub role: RoleArn,
    /// What the session calls itself.
    pub session_name: String,
    /// The policy that narrows it.
    pub policy: Option<String>,
    /// How long it lasts.
    pub duration: Duration,
}

/// `arn:aws:iam::ACCOUNT:role/PATH/NAME`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn {
    /// All of it, in the partition `aws`: which of AWS's partitions a store is taken to lie in makes no difference.
    pub text: String,
    /// The account: 12 digits.
    pub account: String,
    /// The name, without its path.
    pub name: String,
}

/// Actions that AWS has, and nobody here.
const UNBUILT: [&str; 7] = [
    "AssumeRoleWithSAML",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetDelegatedAccessToken",
    "GetFederationToken",
    "GetWebIdentityToken",
];

/// Parameters that would change what a session is or who may have it. Those that begin so are refused by name.
const UNSUPPORTED: [&str; 8] = [
    "PolicyArns.",
    "ProvidedContexts.",
    "ProviderId",
    "SerialNumber",
    "SourceIdentity",
    "Tags.",
    "TokenCode",
    "TransitiveTagKeys.",
];

impl StsAction {
    /// The action that a form names. `InvalidAction` where it is none of this version's.
    pub fn read(form: &Query) -> Result<Self, StsError> {
        let version = form.get("Version").unwrap_or("NO_VERSION_SPECIFIED");
        let Some(action) = form.get("Action") else {
            return Err(StsError::new(StsCode::MissingAction, "Missing Action"));
        };
        match action {
            "AssumeRole" if version == VERSION => Ok(Self::AssumeRole),
            "AssumeRoleWithWebIdentity" if version == VERSION => Ok(Self::AssumeRoleWithWebIdentity),
            "GetCallerIdentity" if version == VERSION => Ok(Self::GetCallerIdentity),
            "GetSessionToken" if version == VERSION => Ok(Self::GetSessionToken),
            _ if UNBUILT.contains(&action) => Err(not_implemented(action)),
            _ => {
                let (action, version) = (start_of(action), start_of(version));
                Err(StsError::new(
                    StsCode::InvalidAction,
                    format!("Could not find operation {action} for version {version}"),
                ))
            }
        }
    }
}

impl StsRequest {
    /// Reads the parameters of an action. `ValidationError` in AWS's words; `NotImplemented` where one asks for what
    /// there is not here. Those that AWS does not know are passed over, as AWS does.
    pub fn read(action: StsAction, form: &Query) -> Self {
        match action {
            StsAction::AssumeRoleWithWebIdentity => Self::WebIdentity(with_web_identity(form)),
            StsAction::AssumeRole => {
                let request = AssumeRole::read(form, Faults::default());
                Self::Signed(request.map(SignedRequest::AssumeRole))
            }
            StsAction::GetSessionToken => {
                Self::Signed(session_duration(form).map(SignedRequest::GetSessionToken))
            }
            StsAction::GetCallerIdentity => Self::Signed(Ok(SignedRequest::GetCallerIdentity)),
        }
    }
}

fn with_web_identity(form: &Query) -> Result<(AssumeRole, String), StsError> {
    let mut faults = Faults::default();
    let token = faults.text("webIdentityToken", form.get("WebIdentityToken"), (4, 20_000));
    let request = AssumeRole::read(form, faults)?;
    Ok((request, token.to_owned()))
}

fn session_duration(form: &Query) -> Result<Duration, StsError> {
    refuse_unsupported(form)?;
    let mut faults = Faults::default();
    let given = form.get("DurationSeconds");
    let seconds = faults.seconds("durationSeconds", given, 43_200, (900, 129_600));
    faults.check()?;
    Ok(Duration::from_secs(seconds))
}

fn refuse_unsupported(form: &Query) -> Result<(), StsError> {
    let is_unsupported = |name: &str| UNSUPPORTED.iter().any(|start| name.starts_with(start));
    let mut given = form.iter().filter(|(_, value)| !value.is_empty());
    match given.find(|(name, _)| is_unsupported(name)) {
        Some((name, _)) => Err(not_implemented(name)),
        None => Ok(()),
    }
}

impl AssumeRole {
    /// `faults` are those of parameters beside these.
    fn read(form: &Query, mut faults: Faults) -> Result<Self, StsError> {
        refuse_unsupported(form)?;
        let session_name = faults.text("roleSessionName", form.get("RoleSessionName"), (2, 64));
        if !session_name.bytes().all(is_iam_name_byte) {
            let rule = r"satisfy regular expression pattern: [\w+=,.@-]*";
            faults.add("roleSessionName", Some(session_name), rule);
        }
        let role = faults.text("roleArn", form.get("RoleArn"), (20, 2_048));
        let policy = form.get("Policy");
        if let Some(policy) = policy {
            faults.length("policy", policy, (1, MOST_POLICY));
        }
        let given = form.get("DurationSeconds");
        let seconds = faults.seconds("durationSeconds", given, 3_600, (900, 43_200));
        faults.check()?;
        Ok(Self {
            role: RoleArn::read(role)?,
            session_name: session_name.to_owned(),
            policy: policy.map(str::to_owned),
            duration: Duration::from_secs(seconds),
        })
    }
}

impl RoleArn {
    fn read(text: &str) -> Result<Self, StsError> {
        let invalid = || StsError::new(StsCode::ValidationError, format!("{} is invalid", start_of(text)));
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", "aws" | "aws-cn" | "aws-us-gov", "iam", "", account, role] = parts.as_slice() else {
            return Err(invalid());
        };
        let path = role.strip_prefix("role/").ok_or_else(invalid)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = (1..=64).contains(&name.len()) && name.bytes().all(is_iam_name_byte);
        if !is_account || !is_name || path.len() > 512 || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid());
        }
        Ok(Self {
            text: format!("arn:aws:iam::{account}:{role}"),
            account: (*account).to_owned(),
            name: name.to_owned(),
        })
    }
}

fn not_implemented(what: &str) -> StsError {
    let what = start_of(what);
    StsError::new(
        StsCode::NotImplemented,
        format!("A parameter or an action that you provided is not implemented: {what}"),
    )
}
