//! STS's answers.

use super::NAMESPACE;
use crate::model::Timestamp;
use crate::protocol::sigv4::iso_date;
use crate::protocol::xml::{Writer, document_in};

/// What a request is answered with.
pub enum Answer {
    /// Of AssumeRole.
    AssumeRole(Issued, AssumedRoleUser),
    /// Of AssumeRoleWithWebIdentity.
    AssumeRoleWithWebIdentity(Issued, AssumedRoleUser, WebAnswer),
    /// Of GetSessionToken.
    GetSessionToken(Issued),
    /// Of GetCallerIdentity.
    GetCallerIdentity {
        /// Who signed the request, as AWS names it.
        arn: String,
        /// The unique id of it.
        user_id: String,
        /// Its account.
        account: String,
    },
}

/// Temporary credentials.
pub struct Issued {
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// The session token.
    pub token: String,
    /// From when on they count for nothing.
    pub expires: Timestamp,
    /// How much of the room of a token this one takes, in percent; `None` without a policy.
    pub policy_percent: Option<usize>,
}

/// What a session calls itself.
pub struct AssumedRoleUser {
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`
    pub arn: String,
    /// The id of the role, and the name of the session.
    pub id: String,
}

/// What was read from the token of an issuer.
pub struct WebAnswer {
    /// Whom it is about.
    pub subject: String,
    /// Whom it is meant for.
    pub audience: String,
    /// Who made it.
    pub issuer: String,
}

/// The answer as a document.
pub fn write(answer: &Answer, request_id: &str) -> Vec<u8> {
    let (response, result) = match answer {
        Answer::AssumeRole(..) => ("AssumeRoleResponse", "AssumeRoleResult"),
        Answer::AssumeRoleWithWebIdentity(..) => (
            "AssumeRoleWithWebIdentityResponse",
            "AssumeRoleWithWebIdentityResult",
        ),
        Answer::GetSessionToken(_) => ("GetSessionTokenResponse", "GetSessionTokenResult"),
        Answer::GetCallerIdentity { .. } => ("GetCallerIdentityResponse", "GetCallerIdentityResult"),
    };
    document_in(NAMESPACE, response, |w| {
        w.element(result, |w| match answer {
            Answer::AssumeRole(issued, user) => {
                assumed(w, user);
                credentials(w, issued);
                w.optional("PackedPolicySize", issued.policy_percent);
            }
            Answer::AssumeRoleWithWebIdentity(issued, user, web) => {
                w.text("SubjectFromWebIdentityToken", &web.subject);
                w.text("Audience", &web.audience);
                assumed(w, user);
                credentials(w, issued);
                w.optional("PackedPolicySize", issued.policy_percent);
                w.text("Provider", &web.issuer);
            }
            Answer::GetSessionToken(issued) => credentials(w, issued),
            Answer::GetCallerIdentity {
                arn,
                user_id,
                account,
            } => {
                w.text("Arn", arn);
                w.text("UserId", user_id);
                w.text("Account", account);
            }
        });
        w.element("ResponseMetadata", |w| w.text("RequestId", request_id));
    })
}

fn assumed(w: &mut Writer, user: &AssumedRoleUser) {
    w.element("AssumedRoleUser", |w| {
        w.text("AssumedRoleId", &user.id);
        w.text("Arn", &user.arn);
    });
}

fn credentials(w: &mut Writer, issued: &Issued) {
    w.element("Credentials", |w| {
        w.text("AccessKeyId", &issued.access_key);
        w.text("SecretAccessKey", &issued.secret_key);
        w.text("SessionToken", &issued.token);
        w.text("Expiration", iso_date(issued.expires));
    });
}
