//! How a credential is written, in stores and in exports.

use serde::{Deserialize, Serialize};

use super::{Credential, CredentialUser};
use crate::model::{Owner, Timestamp};

/// The fields of a credential. Without a user and an end they are those of release 0.1.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialRow {
    pub(crate) access_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_key: Option<String>,
    /// The secret key of one with a user or an end. Release 0.1 passes over fields that it does not know, and finds no
    /// secret key then: it refuses the row, and leaves the credential of an export behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limited_secret_key: Option<String>,
    pub(crate) owner: Owner,
    pub(crate) created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<CredentialUser>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<Timestamp>,
}

impl CredentialRow {
    /// The row without its secret key, and the secret key. An error where that is not in its place: a limit must never
    /// have got lost.
    pub(crate) fn take_secret(mut self) -> Result<(Self, Option<String>), &'static str> {
        let is_limited = self.is_limited();
        let (secret, misplaced) = match (self.secret_key.take(), self.limited_secret_key.take()) {
            (plain, limited) if is_limited => (limited, plain),
            (plain, limited) => (plain, limited),
        };
        match misplaced {
            Some(_) => Err("the secret key of a credential is not where it belongs"),
            None => Ok((self, secret)),
        }
    }

    /// The row with a secret key in its place.
    pub(crate) fn with_secret(mut self, secret: Option<String>) -> Self {
        if self.is_limited() {
            self.limited_secret_key = secret;
        } else {
            self.secret_key = secret;
        }
        self
    }

    /// The row without its secret key, of the rest of a credential.
    pub(crate) fn new(
        (access_key, owner): (String, Owner),
        created: Timestamp,
        (user, expires): (Option<CredentialUser>, Option<Timestamp>),
    ) -> Self {
        Self {
            access_key,
            secret_key: None,
            limited_secret_key: None,
            owner,
            created,
            user,
            expires,
        }
    }

    fn is_limited(&self) -> bool {
        self.user.is_some() || self.expires.is_some()
    }
}

impl From<Credential> for CredentialRow {
    fn from(credential: Credential) -> Self {
        let whose = (credential.access_key, credential.owner);
        let limits = (credential.user, credential.expires);
        Self::new(whose, credential.created, limits).with_secret(Some(credential.secret_key))
    }
}

impl TryFrom<CredentialRow> for Credential {
    type Error = &'static str;

    fn try_from(row: CredentialRow) -> Result<Self, Self::Error> {
        let (row, secret_key) = row.take_secret()?;
        Ok(Self {
            access_key: row.access_key,
            secret_key: secret_key.ok_or("a credential has no secret key")?,
            owner: row.owner,
            created: row.created,
            user: row.user,
            expires: row.expires,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASED: &str = concat!(
        r#"{"access_key":"AK","secret_key":"SK","owner":{"id":"o","display_name":"n"},"#,
        r#""created":7}"#
    );

    /// What release 0.1 reads of a row.
    #[derive(Deserialize)]
    #[serde(rename = "Credential")]
    struct Old {
        #[serde(rename = "access_key")]
        _access_key: String,
        #[serde(rename = "secret_key")]
        _secret_key: String,
    }

    fn read(json: &str) -> serde_json::Result<Credential> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_row_of_release_0_1_is_read_and_written_the_same() {
        let credential = read(RELEASED).unwrap();
        assert_eq!((&credential.user, credential.expires), (&None, None));
        assert_eq!(serde_json::to_string(&credential).unwrap(), RELEASED);
    }

    #[test]
    fn one_with_limits_is_read_back_and_release_0_1_cannot_read_it() {
        let user = CredentialUser {
            name: "reader".to_owned(),
            policy: " {} ".to_owned(),
        };
        for (user, expires) in [
            (Some(user.clone()), None),
            (None, Some(Timestamp::from_seconds(9))),
            (Some(user), Some(Timestamp::from_seconds(9))),
        ] {
            let limited = Credential {
                user,
                expires,
                ..read(RELEASED).unwrap()
            };
            let json = serde_json::to_string(&limited).unwrap();
            assert_eq!(read(&json).unwrap(), limited);
            assert!(serde_json::from_str::<Old>(&json).is_err(), "{json}");
        }
        assert!(serde_json::from_str::<Old>(RELEASED).is_ok());
    }

    #[test]
    fn a_row_whose_limits_or_secret_are_gone_is_refused() {
        let changed = |from, to| read(&RELEASED.replace(from, to)).unwrap_err().to_string();
        let misplaced = "the secret key of a credential is not where it belongs";
        assert_eq!(changed("secret_key", "limited_secret_key"), misplaced);
        assert_eq!(changed("7}", "7,\"expires\":9}"), misplaced);
        assert_eq!(
            changed(r#""secret_key":"SK","#, ""),
            "a credential has no secret key"
        );
        let unknown = changed("7}", "7,\"more\":1}");
        assert!(unknown.starts_with("unknown field `more`"), "{unknown}");
    }
}
