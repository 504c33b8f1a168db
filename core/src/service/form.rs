//! PostObject: a request whose signature is in its body.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Response};

use super::facts::{self, Signed, UNSIGNED};
use super::{Arrived, Service, host};
use crate::api::{self, Call, Posted};
use crate::body::Body;
use crate::model::{ObjectKey, Owner, RequestBody, S3Error, Tagged, Tags, Timestamp};
use crate::ops::{Caller, Context, Identity};
use crate::ports::Ports;
use crate::protocol::form::{Fields, Form, Policy, Success, boundary, claim};
use crate::protocol::headers::expected_bucket_owner;
use crate::protocol::host::Addressing;
use crate::protocol::payload::{DeclaredBody, sent_length};
use crate::protocol::query::Query;
use crate::protocol::route::Route;
use crate::protocol::sigv4::PayloadMode;
use crate::protocol::xml::read_tagging;
use crate::served::Account;

impl Service {
    /// Answers a form. Its fields are read before anybody knows who sent them; its file is not, before it is known to
    /// be allowed.
    pub(super) async fn answer_form(
        &self,
        arrived: Arrived<'_>,
        (mut route, query): (Route, Arc<Query>),
        context: &Context,
        account: &mut Account,
    ) -> Result<Response<Body>, S3Error> {
        let Arrived {
            head: sent,
            body,
            now,
        } = arrived;
        let boundary = boundary(sent.headers.get(CONTENT_TYPE))?;
        refuse_other_signature(&sent.headers, &query)?;
        context.limits.check_request(sent_length(&sent.headers)?)?;
        let Form { fields, file } = Form::read(&boundary, body).await?;
        route.key = Some(ObjectKey::new(fields.key()?)?);
        account.routed(&route);
        let proven = self
            .sender(&fields, (&route, now), &context.ports, account)
            .await?;
        account.authenticated(&proven.owner);
        let mut head = Parts::clone(sent);
        head.headers = fields.headers(sent.headers.get(HOST))?;
        // They are the browser's to say, and no fields.
        for name in [REFERER, USER_AGENT] {
            if let Some(value) = sent.headers.get(&name) {
                head.headers.insert(name, value.clone());
            }
        }
        let posted = Posted {
            addressing: Addressing::of(host(sent)?, &self.settings.base_domains),
            tags: tags(&fields)?,
            sizes: proven.sizes,
            expected: file.most(),
            success: Success::read(&fields, !proven.owner.is_anonymous()),
        };
        let head = Arc::new(head);
        let caller = Caller {
            owner: proven.owner,
            identity: proven.identity,
            facts: Arc::new(facts::Request {
                head: Arc::clone(&head),
                query: Arc::clone(&query),
                operation: Some(route.operation),
                now,
                signed: proven.signed,
                tags: OnceLock::from(posted.tags.clone()),
            }),
            // A guard counts wherever it stands.
            expected_bucket_owner: expected_bucket_owner(&head.headers)
                .or_else(|| expected_bucket_owner(&sent.headers)),
        };
        let declared =
            DeclaredBody::from_headers(RequestBody::Object, &head.headers, PayloadMode::Unsigned, None)?;
        let call = Call {
            context,
            settings: &self.settings,
            held_bodies: &self.held_bodies,
            caller,
            route,
            query,
            head: &head,
            declared,
            body: file.into_body(),
        };
        api::answer_form(call, posted).await
    }

    /// Whom a form acts for, and how large a file it may bring: its signature proves the first, and its policy, which
    /// must allow all that the form says, the second. Nobody in particular where it has neither.
    async fn sender(
        &self,
        fields: &Fields,
        (route, now): (&Route, Timestamp),
        ports: &Ports,
        account: &mut Account,
    ) -> Result<Sender, S3Error> {
        let Some(form) = claim(fields, &self.settings.region, self.settings.sigv2)? else {
            return Ok(Sender {
                owner: Owner::anonymous(),
                identity: Identity::default(),
                signed: None,
                sizes: 0..=u64::MAX,
            });
        };
        account.claimed(form.access_key());
        let holder = self
            .holder_of((form.access_key(), form.token()), now, ports)
            .await?;
        holder.proven(account, |secret_key| form.verify(secret_key))?;
        let policy = Policy::read(form.policy())?;
        if let Some(bucket) = &route.bucket {
            policy.check(fields, bucket, now)?;
        }
        Ok(Sender {
            owner: holder.owner,
            identity: holder.identity,
            signed: Some(Signed {
                version: if form.is_version_4() {
                    "AWS4-HMAC-SHA256"
                } else {
                    "AWS"
                },
                place: "POST",
                at: Some(form.signed_at().unwrap_or(now)),
                payload: Cow::Borrowed(UNSIGNED),
            }),
            sizes: policy.sizes(),
        })
    }
}

/// Who sent a form, and what its policy says of the file.
struct Sender {
    owner: Owner,
    identity: Identity,
    signed: Option<Signed>,
    sizes: RangeInclusive<u64>,
}

/// A form is signed in its fields, and nowhere else.
fn refuse_other_signature(headers: &HeaderMap, query: &Query) -> Result<(), S3Error> {
    let in_query = [
        "X-Amz-Signature",
        "X-Amz-Credential",
        "X-Amz-Algorithm",
        "AWSAccessKeyId",
        "Signature",
    ];
    if !headers.contains_key(AUTHORIZATION) && !in_query.iter().any(|name| query.has(name)) {
        return Ok(());
    }
    Err(S3Error::invalid_argument(
        "Only one auth mechanism allowed; a form is signed in its fields, not in its query or the Authorization header",
        "Authorization",
        "",
    ))
}

/// The tags that the field `tagging` has as a document.
fn tags(fields: &Fields) -> Result<Tags, S3Error> {
    let document = fields.get("tagging").filter(|document| !document.is_empty());
    document.map_or(Ok(Tags::default()), |document| {
        read_tagging(document.as_bytes(), Tagged::Object)
    })
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
