//! The signature of a form. <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html>

use super::authorization::ALGORITHM;
use super::presigned::{fault, parse_date, wrong_credential};
use super::scope::{CredentialScope, Endpoint};
use super::signer::{SigningKey, same_signature};
use crate::model::{S3Error, Timestamp};

/// The credential that a form's policy is signed with: well-formed, and for this endpoint.
#[derive(Debug)]
pub struct FormCredential {
    scope: CredentialScope,
    signed_at: Timestamp,
}

impl FormCredential {
    /// Reads `x-amz-algorithm`, `x-amz-credential` and `x-amz-date`. The date is that of the credential; until when
    /// the form may be sent is for its policy to say.
    pub fn read(algorithm: &str, credential: &str, date: &str, region: &str) -> Result<Self, S3Error> {
        if algorithm != ALGORITHM {
            return Err(fault("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
        }
        let scope = CredentialScope::parse(credential).map_err(|why| wrong_credential(why, region))?;
        let date = parse_date(date)?;
        scope
            .check(&date, Endpoint::s3(region))
            .map_err(|why| wrong_credential(why, region))?;
        Ok(Self {
            scope,
            signed_at: date.instant,
        })
    }

    /// The access key. Any text without `/`.
    pub fn access_key(&self) -> &str {
        &self.scope.access_key
    }

    /// When the policy was signed, as the form says.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// Whether this signature of the policy, as it was sent, was made with this secret. Takes as long wherever it
    /// differs.
    pub fn has_signed(&self, secret_key: &str, policy: &str, signature: &[u8]) -> bool {
        let expected = SigningKey::derive(secret_key, &self.scope).sign(policy);
        same_signature(&expected, signature)
    }
}
