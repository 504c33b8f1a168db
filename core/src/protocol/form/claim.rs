//! Who a form claims to come from.

use super::fields::Fields;
use super::refusal::missing;
use crate::model::{ErrorCode, S3Error, SigV2, Timestamp, hex};
use crate::protocol::sigv2;
use crate::protocol::sigv4::{FormCredential, version_2_unsupported};

/// The fields of a signature of version 4, with what S3 calls them, in the order in which it misses them.
const VERSION_4: [(&str, &str); 4] = [
    ("x-amz-signature", "X-Amz-Signature"),
    ("x-amz-algorithm", "X-Amz-Algorithm"),
    ("x-amz-credential", "X-Amz-Credential"),
    ("x-amz-date", "X-Amz-Date"),
];

/// The same of version 2.
const VERSION_2: [(&str, &str); 2] = [("signature", "Signature"), ("awsaccesskeyid", "AWSAccessKeyId")];

/// A form whose policy is signed by somebody. Nothing proves it yet.
#[derive(Debug)]
pub struct SignedForm {
    policy: String,
    signature: String,
    token: Option<String>,
    signer: Signer,
}

#[derive(Debug)]
enum Signer {
    Version2 { access_key: String },
    Version4(FormCredential),
}

/// Reads the signature of a form, and checks all that needs no secret; `None` where it has neither a signature nor a
/// policy. `AccessDenied` where it has one without the other, `InvalidArgument` where it has a part of a signature, or
/// of both versions.
pub fn claim(fields: &Fields, region: &str, taken: SigV2) -> Result<Option<SignedForm>, S3Error> {
    let has_one = |names: &[(&str, &str)]| names.iter().any(|(name, _)| fields.get(name).is_some());
    let (of_2, of_4) = (has_one(&VERSION_2), has_one(&VERSION_4));
    let token = fields.get("x-amz-security-token");
    let (policy, of_4) = match (fields.get("policy"), of_2, of_4) {
        (None, false, false) => {
            // A token that signs nothing is nobody's.
            let refused = |token| S3Error::new(ErrorCode::InvalidToken).with("Token-0", token);
            return token.map_or(Ok(None), |token| Err(refused(token)));
        }
        (_, true, true) => return Err(two_mechanisms()),
        (None, ..) | (Some(_), false, false) => return Err(ErrorCode::AccessDenied.into()),
        (Some(policy), _, of_4) => (policy, of_4),
    };
    let (signature, signer) = if of_4 {
        let [signature, algorithm, credential, date] = all_of(fields, VERSION_4)?;
        let credential = FormCredential::read(algorithm, credential, date, region)?;
        (signature, Signer::Version4(credential))
    } else {
        let [signature, access_key] = all_of(fields, VERSION_2)?;
        if taken == SigV2::Off {
            return Err(version_2_unsupported());
        }
        let access_key = access_key.to_owned();
        (signature, Signer::Version2 { access_key })
    };
    Ok(Some(SignedForm {
        policy: policy.to_owned(),
        signature: signature.to_owned(),
        token: token.map(str::to_owned),
        signer,
    }))
}

/// The values of all these fields.
fn all_of<'f, const N: usize>(
    fields: &'f Fields,
    names: [(&str, &'static str); N],
) -> Result<[&'f str; N], S3Error> {
    let mut values = [""; N];
    for (value, (name, said)) in values.iter_mut().zip(names) {
        *value = fields.get(name).ok_or_else(|| missing(said))?;
    }
    Ok(values)
}

impl SignedForm {
    /// The access key whose secret proves the claim.
    pub fn access_key(&self) -> &str {
        match &self.signer {
            Signer::Version2 { access_key } => access_key,
            Signer::Version4(credential) => credential.access_key(),
        }
    }

    /// The token of the session that signed it, where it brings one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether it is a signature of version 4, and not of version 2.
    pub fn is_version_4(&self) -> bool {
        matches!(self.signer, Signer::Version4(_))
    }

    /// When it says that it was signed: version 2 does not.
    pub fn signed_at(&self) -> Option<Timestamp> {
        match &self.signer {
            Signer::Version2 { .. } => None,
            Signer::Version4(credential) => Some(credential.signed_at()),
        }
    }

    /// The policy as it was sent and signed: a document in Base64.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Compares the signature, in constant time.
    pub fn verify(&self, secret_key: &str) -> Result<(), S3Error> {
        let (policy, signature) = (&self.policy, self.signature.as_bytes());
        let is_signed = match &self.signer {
            Signer::Version2 { .. } => sigv2::is_signature(secret_key, policy.as_bytes(), signature),
            Signer::Version4(credential) => credential.has_signed(secret_key, policy, signature),
        };
        if is_signed {
            return Ok(());
        }
        let pairs: Vec<String> = policy.bytes().map(|byte| hex([byte])).collect();
        Err(S3Error::new(ErrorCode::SignatureDoesNotMatch)
            .with("AWSAccessKeyId", self.access_key())
            .with("StringToSign", policy)
            .with("SignatureProvided", &self.signature)
            .with("StringToSignBytes", pairs.join(" ")))
    }
}

fn two_mechanisms() -> S3Error {
    S3Error::invalid_argument(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
         parameter or the Authorization header should be specified",
        "Signature",
        "",
    )
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
