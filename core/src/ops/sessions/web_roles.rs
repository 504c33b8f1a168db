//! Roles that whoever has a token of a trusted issuer may assume: the operator's, not the store's.

use std::sync::Arc;

use serde::Deserialize;

use crate::model::{Owner, TrustedIssuer, WebIdentity, is_iam_name_byte};
use crate::policy::{Policy, PolicyKind, is_like};

/// The most roles, and the most audiences or subjects of one.
const MOST: usize = 100;

/// All of them; none unless the operator says so.
#[derive(Clone, Debug, Default)]
pub struct WebRoles(Vec<Arc<WebRole>>);

/// One of them.
#[derive(Debug)]
pub struct WebRole {
    /// The name, without a path.
    pub name: String,
    /// Whose tokens it trusts.
    pub issuer: TrustedIssuer,
    /// The account that its sessions act in.
    pub owner: Owner,
    /// What they may do.
    pub policy: Arc<Policy>,
    audiences: Vec<String>,
    subjects: Vec<String>,
    /// All of it, as text: a change of it ends the sessions that began before.
    configured: String,
}

/// A role as the operator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    role: String,
    issuer: String,
    #[serde(default)]
    keys: Option<String>,
    #[serde(default)]
    certificates: Option<String>,
    audiences: Vec<String>,
    subjects: Vec<String>,
    #[serde(default)]
    account: Option<Owner>,
    policy: serde_json::Value,
}

impl WebRoles {
    /// Reads a JSON list of roles; a line that says what is wrong with it.
    pub fn read(json: &str) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let serde_json::Value::Array(written) = value else {
            return Err("expected a list of roles: [{\"role\": …}]".to_owned());
        };
        if written.len() > MOST {
            return Err(format!("more than {MOST} roles"));
        }
        let mut roles: Vec<Arc<WebRole>> = Vec::new();
        for (index, value) in written.into_iter().enumerate() {
            let configured = value.to_string();
            let name = match value.get("role").and_then(serde_json::Value::as_str) {
                Some(name) => format!("role {name}"),
                None => format!("role number {}", index + 1),
            };
            let role = serde_json::from_value(value).map_err(|error| error.to_string());
            let role = role.and_then(|role| WebRole::new(role, configured));
            let role = role.map_err(|error| format!("{name}: {error}"))?;
            if roles.iter().any(|other| other.name == role.name) {
                return Err(format!("{name} is listed twice"));
            }
            roles.push(Arc::new(role));
        }
        Ok(Self(roles))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The role of this name.
    pub fn find(&self, name: &str) -> Option<&Arc<WebRole>> {
        self.0.iter().find(|role| role.name == name)
    }
}

impl WebRole {
    fn new(written: Written, configured: String) -> Result<Self, String> {
        if !(1..=64).contains(&written.role.len()) || !written.role.bytes().all(is_iam_name_byte) {
            return Err("a name has 1 to 64 letters, digits and _+=,.@-".to_owned());
        }
        for url in [Some(&written.issuer), written.keys.as_ref()]
            .into_iter()
            .flatten()
        {
            let host = url.strip_prefix("https://");
            if !host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', '@', ':'])) {
                return Err(format!("{url} is no https URL"));
            }
        }
        for (what, texts) in [("audiences", &written.audiences), ("subjects", &written.subjects)] {
            let good = texts.iter().all(|text| !text.is_empty() && text.len() <= 255);
            if !(1..=MOST).contains(&texts.len()) || !good {
                return Err(format!("{what} are 1 to {MOST} texts of 1 to 255 bytes"));
            }
        }
        let pem = written.certificates.as_deref();
        if pem.is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
            return Err("certificates are the text of one or more in PEM".to_owned());
        }
        let owner = written.account.unwrap_or_else(Owner::root);
        if !Owner::is_canonical_id(&owner.id) {
            return Err("an account's id is a canonical user id: 64 lower-case hex digits".to_owned());
        }
        let policy = written.policy.to_string();
        let policy =
            Policy::read(policy.as_bytes(), PolicyKind::Identity).map_err(|error| error.to_string())?;
        Ok(Self {
            name: written.role,
            issuer: TrustedIssuer {
                url: written.issuer,
                keys: written.keys,
                certificates: written.certificates,
            },
            owner,
            policy: Arc::new(policy),
            audiences: written.audiences,
            subjects: written.subjects,
            configured,
        })
    }

    /// The audience of the token that it takes; `None` where it takes it for none.
    pub fn audience_of<'w>(&self, identity: &'w WebIdentity) -> Option<&'w str> {
        let taken = |audience: &&String| self.audiences.contains(audience);
        identity.audiences.iter().find(taken).map(String::as_str)
    }

    /// Whether it lets this subject in.
    pub fn takes_subject(&self, subject: &str) -> bool {
        self.subjects.iter().any(|pattern| is_like(subject, pattern))
    }

    /// All that is configured of it: whose fingerprint tells whether it is what it was.
    pub fn configured(&self) -> &str {
        &self.configured
    }

    /// The name by which policies know its sessions.
    pub fn user(&self) -> String {
        format!("oidc/{}", self.name)
    }
}
