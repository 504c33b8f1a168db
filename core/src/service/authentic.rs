//! Who sent a request, proven by its signature.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::Service;
use super::facts::Signed;
use crate::model::{ErrorCode, Owner, S3Error, Timestamp};
use crate::ops::Identity;
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
            let holder = self.holder(claim.access_key(), ports).await?;
            holder.proven(account, |secret_key| claim.verify(secret_key))?;
            return Ok(Authentic {
                signed: Some(Signed {
                    version: "AWS",
                    place: place(request.head.headers),
                    at: None,
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
        let holder = self.holder(claim.access_key(), ports).await?;
        let verify = |plus, secret_key: &str| {
            let raw_path = &with_plus(head.raw_path, plus);
            let signer = claim.verify(&RequestHead { raw_path, ..*head }, secret_key)?;
            Ok((signer, plus))
        };
        let (signer, plus) = holder.proven(account, |secret_key| {
            verify(SPACE, secret_key).or_else(|error: S3Error| match head.raw_path.contains('+') {
                true => verify(PLUS, secret_key).map_err(|_| error),
                false => Err(error),
            })
        })?;
        Ok(Authentic {
            signed: Some(Signed {
                version: "AWS4-HMAC-SHA256",
                place: place(head.headers),
                at: Some(claim.signed_at()),
            }),
            owner: holder.owner,
            identity: holder.identity,
            mode: claim.payload(),
            signer: Some(signer),
            plus,
        })
    }

    /// Whose access key this is.
    pub(super) async fn holder(&self, access_key: &str, ports: &Ports) -> Result<Holder, S3Error> {
        let root = &self.settings.root;
        if access_key == root.access_key {
            return Ok(Holder {
                owner: Owner::root(),
                identity: Identity::default(),
                secret_key: root.secret_key.clone(),
                previous: root.previous_secret_key.clone(),
            });
        }
        let unknown = || S3Error::new(ErrorCode::InvalidAccessKeyId).with("AWSAccessKeyId", access_key);
        // No credential has another form, and no store is asked for one.
        if !ACCESS_KEY_BYTES.contains(&access_key.len()) || access_key.contains('/') {
            return Err(unknown());
        }
        let found = self.credentials.find(ports, access_key).await?;
        let credential = found.ok_or_else(unknown)?;
        Ok(Holder {
            owner: credential.owner,
            identity: Identity::default(),
            secret_key: credential.secret_key,
            previous: None,
        })
    }
}

/// Whose an access key is, and what signs for it.
pub(super) struct Holder {
    pub(super) owner: Owner,
    pub(super) identity: Identity,
    secret_key: String,
    previous: Option<String>,
}

impl Holder {
    /// What `verify` proves with the secret, or else with the one before it; the error is that of the secret.
    pub(super) fn proven<T>(
        &self,
        account: &mut Account,
        verify: impl Fn(&str) -> Result<T, S3Error>,
    ) -> Result<T, S3Error> {
        verify(&self.secret_key).or_else(|error| {
            let previous = self
                .previous
                .as_deref()
                .filter(|_| error.code == ErrorCode::SignatureDoesNotMatch);
            let proven = verify(previous.ok_or_else(|| error.clone())?).map_err(|_| error)?;
            account.signed_with_the_previous_secret();
            Ok(proven)
        })
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
