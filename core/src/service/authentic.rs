//! Who sent a request, proven by its signature.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::Service;
use super::facts::{Signed, UNSIGNED};
use crate::model::{ErrorCode, Owner, S3Error, Timestamp};
use crate::ops::{AssumedRole, Identity, SecretKey};
use crate::ports::Ports;
use crate::protocol::sigv2::{self, SigV2Request};
use crate::protocol::sigv4::{ChunkSigner, Claim, PayloadMode, RequestHead, claim};
use crate::served::Account;

impl Service {
    /// Whom the request acts for, proven by its signature; nobody in particular where it has none.
    pub(super) async fn authenticate(
        &self,
        request: &SigV2Request<'_>,
        now: Timestamp,
        ports: &Ports,
        account: &mut Account,
    ) -> Result<Authentic, S3Error> {
        if let Some(claim) = sigv2::claim(request, now, self.settings.sigv2)? {
            account.claimed(claim.access_key());
            let holder = self
                .holder_of((claim.access_key(), claim.token()), now, ports)
                .await?;
            holder.proven(account, |secret_key| claim.verify(secret_key))?;
            return Ok(Authentic {
                signed: Some(Signed {
                    version: "AWS",
                    place: place(request.head.headers),
                    at: Some(now),
                    payload: Cow::Borrowed(UNSIGNED),
                }),
                owner: holder.owner,
                identity: holder.identity,
                mode: claim.payload(),
                signer: None,
                plus: SPACE,
            });
        }
        let head = &request.head;
        let Claim::Signed(claim) = claim(head, now, &self.settings.region)? else {
            return Ok(Authentic {
                owner: Owner::anonymous(),
                identity: Identity::default(),
                signed: None,
                mode: PayloadMode::of_unsigned(head.headers)?,
                signer: None,
                plus: SPACE,
            });
        };
        account.claimed(claim.access_key());
        let holder = self
            .holder_of((claim.access_key(), claim.token()), now, ports)
            .await?;
        let verify = |plus, secret_key: &str| {
            let raw_path = &with_plus(head.raw_path, plus);
            let signer = claim.verify(&RequestHead { raw_path, ..*head }, secret_key)?;
            Ok((signer, plus))
        };
        let ((signer, plus), _) = holder.proven(account, |secret_key| {
            verify(SPACE, secret_key).or_else(|error: S3Error| match head.raw_path.contains('+') {
                true => verify(PLUS, secret_key).map_err(|_| error),
                false => Err(error),
            })
        })?;
        Ok(Authentic {
            mode: claim.payload(),
            signed: Some(Signed {
                version: "AWS4-HMAC-SHA256",
                place: place(head.headers),
                at: Some(claim.signed_at()),
                payload: Cow::Owned(claim.into_payload_hash()),
            }),
            owner: holder.owner,
            identity: holder.identity,
            signer: Some(signer),
            plus,
        })
    }

    /// Whose access key this is, and whose session, where the request brings a session's token.
    pub(super) async fn holder_of(
        &self,
        (access_key, token): (&str, Option<&str>),
        now: Timestamp,
        ports: &Ports,
    ) -> Result<Holder, S3Error> {
        match token {
            None => self.holder(access_key, now, ports).await,
            Some(token) => Box::pin(self.holder_of_session(access_key, token, now, ports)).await,
        }
    }

    /// Whose access key this is. One whose time is over by the clock is as unknown as one that never was.
    pub(super) async fn holder(
        &self,
        access_key: &str,
        now: Timestamp,
        ports: &Ports,
    ) -> Result<Holder, S3Error> {
        let root = &self.settings.root;
        if access_key == root.access_key {
            return Ok(Holder {
                owner: Owner::root(),
                identity: Identity::default(),
                secret_key: SecretKey(root.secret_key.clone()),
                previous: root.previous_secret_key.clone().map(SecretKey),
                session_of: None,
                assumed: None,
            });
        }
        let unknown = || S3Error::new(ErrorCode::InvalidAccessKeyId).with("AWSAccessKeyId", access_key);
        // No credential has another form, and no store is asked for one.
        if !ACCESS_KEY_BYTES.contains(&access_key.len()) || access_key.contains('/') {
            return Err(unknown());
        }
        let found = self.credentials.find(ports, access_key).await?;
        let known = found.filter(|known| !known.credential().is_over(now));
        let known = known.ok_or_else(unknown)?;
        let credential = known.credential();
        Ok(Holder {
            owner: credential.owner.clone(),
            identity: known.identity()?,
            secret_key: SecretKey(credential.secret_key.clone()),
            previous: None,
            session_of: None,
            assumed: None,
        })
    }
}

/// Whose an access key is, and what signs for it.
pub(super) struct Holder {
    pub(super) owner: Owner,
    pub(super) identity: Identity,
    pub(super) secret_key: SecretKey,
    pub(super) previous: Option<SecretKey>,
    /// Whom its session acts for, as the access log says it.
    pub(super) session_of: Option<String>,
    /// What its session calls itself, where it assumed a role.
    pub(super) assumed: Option<AssumedRole>,
}

impl Holder {
    /// What `verify` proves with the secret, or else with the one before it, and which it was; the error is that of the
    /// secret.
    pub(super) fn proven<T>(
        &self,
        account: &mut Account,
        verify: impl Fn(&str) -> Result<T, S3Error>,
    ) -> Result<(T, &SecretKey), S3Error> {
        let error = match verify(&self.secret_key.0) {
            Ok(proven) => {
                if let Some(parent) = &self.session_of {
                    account.signed_in_a_session_of(parent);
                }
                return Ok((proven, &self.secret_key));
            }
            Err(error) => error,
        };
        let previous = self.previous.as_ref();
        let previous = previous.filter(|_| error.code == ErrorCode::SignatureDoesNotMatch);
        let previous = previous.ok_or_else(|| error.clone())?;
        let proven = verify(&previous.0).map_err(|_| error)?;
        account.signed_with_the_previous_secret();
        Ok((proven, previous))
    }
}

/// Where a signature stands, as policies call it.
fn place(headers: &HeaderMap) -> &'static str {
    match headers.contains_key(AUTHORIZATION) {
        true => "REST-HEADER",
        false => "REST-QUERY-STRING",
    }
}

/// How long an access key is.
const ACCESS_KEY_BYTES: RangeInclusive<usize> = 3..=128;

/// What the signature of a request proves, or that it has none.
pub(super) struct Authentic {
    pub(super) owner: Owner,
    pub(super) identity: Identity,
    pub(super) signed: Option<Signed>,
    pub(super) mode: PayloadMode,
    pub(super) signer: Option<ChunkSigner>,
    /// What a `+` in the path stands for.
    pub(super) plus: &'static str,
}

/// What a `+` in a path stands for, as S3 has it.
pub(super) const SPACE: &str = "%20";
/// What it stands for where the signature says so.
const PLUS: &str = "%2B";

/// The path with what each `+` stands for.
pub(super) fn with_plus<'a>(raw_path: &'a str, plus: &str) -> Cow<'a, str> {
    match raw_path.contains('+') {
        true => Cow::Owned(raw_path.replace('+', plus)),
        false => Cow::Borrowed(raw_path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credential, CredentialUser};
    use crate::service::stand_ins::{settings, stores};

    const ALLOWS: &str = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;

    /// A service that knows a key of a user with this policy, which is over at 10 s.
    async fn serving(policy: &str) -> Service {
        // No time passes: no key is ever read again from the store.
        let (ports, _) = stores();
        let credential = Credential {
            access_key: "AKUSER".to_owned(),
            secret_key: "secret".to_owned(),
            owner: Owner::root(),
            created: Timestamp::from_millis(0),
            user: Some(CredentialUser {
                name: "reader".to_owned(),
                policy: policy.to_owned(),
            }),
            expires: Some(Timestamp::from_seconds(10)),
        };
        assert!(ports.metadata.create_credential(&credential).await.unwrap());
        Service::start(settings(), ports).await.unwrap()
    }

    async fn holder(service: &Service, access_key: &str, millis: i64) -> Result<Holder, S3Error> {
        let now = Timestamp::from_millis(millis);
        service.holder(access_key, now, &service.context.ports).await
    }

    #[tokio::test]
    async fn a_key_of_a_user_acts_as_it_in_its_account_and_the_roots_as_the_account() {
        let service = serving(ALLOWS).await;
        let user = holder(&service, "AKUSER", 0).await.ok().unwrap();
        assert_eq!(user.owner, Owner::root());
        assert_eq!(user.identity.user.as_deref(), Some("reader"));
        assert!(user.identity.policy.is_some() && user.identity.session.is_none());
        let root = holder(&service, "AKROOT", 0).await.ok().unwrap();
        assert!(root.identity.user.is_none() && root.identity.policy.is_none());
    }

    #[tokio::test]
    async fn a_key_that_is_over_by_the_clock_is_unknown_though_it_is_still_kept() {
        let service = serving(ALLOWS).await;
        assert!(holder(&service, "AKUSER", 9_999).await.is_ok());
        let over = holder(&service, "AKUSER", 10_000).await.err().unwrap();
        let unknown = holder(&service, "AKNOBODY", 0).await.err().unwrap();
        let told = |error: &S3Error, key: &str| (error.code, error.message.replace(key, "KEY"));
        assert_eq!(over.code, ErrorCode::InvalidAccessKeyId);
        assert_eq!(told(&over, "AKUSER"), told(&unknown, "AKNOBODY"));
        // A clock that was set back gives the time back, too.
        assert!(holder(&service, "AKUSER", 0).await.is_ok());
    }

    #[tokio::test]
    async fn a_key_whose_policy_cannot_be_read_may_nothing_and_is_told_503() {
        let service = serving(r#"{"Statement":{"Effect":"Allow"}}"#).await;
        for _ in 0..2 {
            let error = holder(&service, "AKUSER", 0).await.err().unwrap();
            assert_eq!(
                (error.code, error.code.status()),
                (ErrorCode::ServiceUnavailable, 503)
            );
        }
    }
}
