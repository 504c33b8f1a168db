//! Requests to STS, which come to the same address.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response};
use sha2::{Digest, Sha256};

use super::facts::{self, Signed};
use super::{Arrived, Service, error_with, log};
use crate::api::hurried;
use crate::body::Body;
use crate::model::{Owner, RequestBody, S3Error, hex};
use crate::ops::{
    AssumedRole, Caller, Context, NewParent, NewSession, RequestFacts, SecretKey, SessionFault,
    TemporaryCredentials, WebRole, WebRoles, begin_session,
};
use crate::policy::{Policy, PolicyKind};
use crate::ports::{IdentityTokens, TokenRefusal};
use crate::protocol::payload::DeclaredBody;
use crate::protocol::query::Query;
use crate::protocol::sigv4::{PayloadMode, RequestHead, claim_of_sts};
use crate::protocol::sts::{
    ANSWER_TYPE, Answer, AssumeRole, AssumedRoleUser, Issued, MOST_BYTES, REQUEST_ID, SignedRequest,
    StsAction, StsCode, StsError, StsRequest, WebAnswer, error_document, write,
};
use crate::served::Account;

/// Who asks STS, proven by the signature.
struct Asking {
    caller: Caller,
    access_key: String,
    /// What signed the request.
    secret_key: SecretKey,
    /// What the session of the caller calls itself, where it assumed a role.
    assumed: Option<AssumedRole>,
}

impl Service {
    /// Answers a request to STS. Errors are STS's own.
    pub(super) async fn answer_sts(
        &self,
        arrived: Arrived<'_>,
        query: Arc<Query>,
        account: &mut Account,
    ) -> Response<Body> {
        let context = &self.context_of(arrived.head, account);
        let answer = self.asked_of_sts(arrived, query, context, account).await;
        let request_id = account.request_id().to_owned();
        let content_type = HeaderValue::from_static(ANSWER_TYPE);
        let mut response = match answer {
            Ok(answer) => {
                let mut response = Response::new(Body::full(write(&answer, &request_id)));
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                response
            }
            Err(error) => {
                account.refused_by_sts(&error);
                let (status, cause) = (error.code.status(), error.cause.as_deref());
                log(cause, status, (error.code.as_str(), &error.message), &request_id);
                error_with((status, cause), content_type, error_document(&error, &request_id))
            }
        };
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(REQUEST_ID), id);
        }
        response
    }

    async fn asked_of_sts(
        &self,
        arrived: Arrived<'_>,
        query: Arc<Query>,
        context: &Context,
        account: &mut Account,
    ) -> Result<Answer, StsError> {
        let Arrived { head, body, now } = arrived;
        let bytes = self.form_of(head, body).await?;
        let form = read_form(&bytes)?;
        let action = StsAction::read(&form)?;
        account.asked_sts(action);
        let facts = facts::Request {
            head: Arc::clone(head),
            query,
            operation: None,
            now,
            signed: None,
            tags: OnceLock::new(),
        };
        let request = match StsRequest::read(action, &form) {
            StsRequest::Signed(request) => request,
            StsRequest::WebIdentity(request) => {
                return self
                    .assume_role_with_token(request?, &facts, context, account)
                    .await;
            }
        };
        let asking = self.asking(&bytes, facts, context, account).await?;
        match request? {
            SignedRequest::GetCallerIdentity => Ok(asking.identity(context)),
            SignedRequest::GetSessionToken(duration) => {
                asking.check_may_begin(action)?;
                let new = asking.session(None, None, duration);
                Ok(Answer::GetSessionToken(self.begin(context, new, account).await?))
            }
            SignedRequest::AssumeRole(request) => {
                asking.check_may_begin(action)?;
                asking.check_may_assume(&request, context)?;
                check_policy(request.policy.as_deref(), &*asking.caller.facts)?;
                let assumed = AssumedRole {
                    role: request.role.name,
                    session: request.session_name,
                };
                let user = assumed_user(&asking.caller.owner, &assumed, context);
                let new = asking.session(Some(assumed), request.policy, request.duration);
                Ok(Answer::AssumeRole(self.begin(context, new, account).await?, user))
            }
        }
    }

    /// Who signed the request, which needs a signature.
    async fn asking(
        &self,
        body: &[u8],
        facts: facts::Request,
        context: &Context,
        account: &mut Account,
    ) -> Result<Asking, StsError> {
        let head = Arc::clone(&facts.head);
        let to_verify = RequestHead {
            method: head.method.as_str(),
            raw_path: head.uri.path(),
            raw_query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
        };
        let hash = hex(Sha256::digest(body));
        let claim = claim_of_sts(&to_verify, hash, facts.now, &self.settings.region)?;
        let claim = claim.ok_or_else(|| {
            StsError::new(
                StsCode::MissingAuthenticationToken,
                "Request is missing Authentication Token",
            )
        })?;
        let access_key = claim.access_key().to_owned();
        account.claimed(&access_key);
        let holder = self
            .holder_of((&access_key, claim.token()), facts.now, &context.ports)
            .await?;
        let (_, secret_key) = holder.proven(account, |secret_key| claim.verify(&to_verify, secret_key))?;
        account.authenticated(&holder.owner);
        let secret_key = secret_key.clone();
        let signed = Signed {
            version: "AWS4-HMAC-SHA256",
            place: "REST-HEADER",
            at: Some(claim.signed_at()),
            payload: claim.into_payload_hash().into(),
        };
        Ok(Asking {
            caller: Caller {
                owner: holder.owner,
                expected_bucket_owner: None,
                identity: holder.identity,
                facts: Arc::new(facts::Request {
                    signed: Some(signed),
                    ..facts
                }),
            },
            access_key,
            secret_key,
            assumed: holder.assumed,
        })
    }

    /// The body of the request, which is small.
    async fn form_of(&self, head: &Parts, body: Body) -> Result<Bytes, StsError> {
        let declared =
            DeclaredBody::from_headers(RequestBody::Document, &head.headers, PayloadMode::Unsigned, None)?;
        // Nobody has proven who they are.
        let mut held = self.held_bodies.hold(&Owner::anonymous().id);
        let body = hurried(body, Arc::clone(&self.context.ports.clock));
        Ok(declared.collect(body, MOST_BYTES, &mut held).await?)
    }

    async fn begin(
        &self,
        context: &Context,
        new: NewSession<'_>,
        account: &mut Account,
    ) -> Result<Issued, StsError> {
        let has_policy = new.policy.is_some();
        let begun = begin_session(&context.ports, &self.sessions, new).await;
        let TemporaryCredentials {
            access_key,
            secret_key,
            token,
            expires,
            percent,
        } = begun.map_err(|fault| match fault {
            SessionFault::TooLong(percent) => StsError::new(
                StsCode::PackedPolicyTooLarge,
                format!("Packed size of session tags consumes {percent}% of allotted space."),
            ),
            SessionFault::Store(error) => S3Error::from(error).into(),
        })?;
        account.begins_session(&access_key);
        Ok(Issued {
            access_key,
            secret_key: secret_key.0,
            token,
            expires,
            policy_percent: has_policy.then_some(percent),
        })
    }

    async fn assume_role_with_token(
        &self,
        (request, token): (AssumeRole, String),
        facts: &facts::Request,
        context: &Context,
        account: &mut Account,
    ) -> Result<Answer, StsError> {
        let (role, tokens) = self.web_role(&request, context).ok_or_else(not_authorized)?;
        check_policy(request.policy.as_deref(), facts)?;
        let identity = tokens.verify(&role.issuer, &token).await.map_err(refused)?;
        let Some(audience) = role.audience_of(&identity) else {
            return Err(StsError::new(
                StsCode::InvalidIdentityToken,
                "Incorrect token audience",
            ));
        };
        if !role.takes_subject(&identity.subject) {
            return Err(not_authorized());
        }
        account.authenticated(&role.owner);
        account.told_of(&identity.subject);
        let web = WebAnswer {
            subject: identity.subject.clone(),
            audience: audience.to_owned(),
            issuer: role.issuer.url.clone(),
        };
        let assumed = AssumedRole {
            role: request.role.name,
            session: request.session_name,
        };
        let user = assumed_user(&role.owner, &assumed, context);
        let new = NewSession {
            parent: NewParent::Role(role),
            assumed: Some(assumed),
            policy: request.policy,
            duration: request.duration,
        };
        let issued = self.begin(context, new, account).await?;
        Ok(Answer::AssumeRoleWithWebIdentity(issued, user, web))
    }

    /// The role that a request names, and what checks tokens.
    fn web_role(
        &self,
        request: &AssumeRole,
        context: &Context,
    ) -> Option<(&WebRole, &Arc<dyn IdentityTokens>)> {
        let (roles, tokens): &(WebRoles, _) = self.web_roles.as_ref()?;
        let role = roles.find(&request.role.name)?;
        let same = context.accounts.id_of(&role.owner).as_str() == request.role.account;
        same.then_some((role.as_ref(), tokens))
    }
}

impl Asking {
    /// The session to begin for it.
    fn session(
        &self,
        assumed: Option<AssumedRole>,
        policy: Option<String>,
        duration: Duration,
    ) -> NewSession<'_> {
        NewSession {
            parent: NewParent::Key(&self.access_key, &self.secret_key),
            assumed,
            policy,
            duration,
        }
    }

    /// Temporary credentials begin no session.
    fn check_may_begin(&self, action: StsAction) -> Result<(), StsError> {
        match self.caller.identity.temporary {
            None => Ok(()),
            Some(_) => Err(StsError::new(
                StsCode::AccessDenied,
                format!("Cannot call {} with session credentials", action.name()),
            )),
        }
    }

    /// There are no roles: every name of one in the caller's own account is the caller, unless its policy denies that.
    fn check_may_assume(&self, request: &AssumeRole, context: &Context) -> Result<(), StsError> {
        let role = &request.role;
        let own = context.accounts.id_of(&self.caller.owner);
        let foreign = own.as_str() != role.account;
        if !foreign && !self.caller.is_denied(context, "sts", "AssumeRole", &role.text) {
            return Ok(());
        }
        let why = if foreign {
            ""
        } else {
            " with an explicit deny in an identity-based policy"
        };
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {}{why}",
            self.arn(context),
            role.text
        );
        Err(StsError::new(StsCode::AccessDenied, message))
    }

    fn arn(&self, context: &Context) -> String {
        if let Some(assumed) = &self.assumed {
            return assumed_user(&self.caller.owner, assumed, context).arn;
        }
        let account = context.accounts.id_of(&self.caller.owner);
        match &self.caller.identity.user {
            None => format!("arn:aws:iam::{}:root", account.as_str()),
            Some(user) => format!("arn:aws:iam::{}:user/{user}", account.as_str()),
        }
    }

    fn identity(&self, context: &Context) -> Answer {
        let account = context.accounts.id_of(&self.caller.owner);
        let user_id = match (&self.assumed, &self.caller.identity.user) {
            (Some(assumed), _) => assumed_user(&self.caller.owner, assumed, context).id,
            (None, Some(user)) => user.clone(),
            (None, None) => account.as_str().to_owned(),
        };
        Answer::GetCallerIdentity {
            arn: self.arn(context),
            user_id,
            account: account.as_str().to_owned(),
        }
    }
}

/// What a session calls itself, in that account.
fn assumed_user(owner: &Owner, assumed: &AssumedRole, context: &Context) -> AssumedRoleUser {
    let AssumedRole { role, session } = assumed;
    let account = context.accounts.id_of(owner);
    let account = account.as_str();
    let digest = hex(Sha256::digest(format!("{account}/{role}"))).to_ascii_uppercase();
    AssumedRoleUser {
        arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
        // As long as AWS's.
        id: format!("AROA{}:{session}", digest.get(..17).unwrap_or_default()),
    }
}

/// The policy of a session must be one, of which the deployment knows what it asks of requests.
fn check_policy(policy: Option<&str>, facts: &dyn RequestFacts) -> Result<(), StsError> {
    let Some(policy) = policy else {
        return Ok(());
    };
    let read = Policy::read(policy.as_bytes(), PolicyKind::Identity);
    let known = read.and_then(|policy| policy.check_known(facts));
    known.map_err(|error| StsError::new(StsCode::MalformedPolicyDocument, error.0))
}

/// The parameters of a form.
fn read_form(bytes: &[u8]) -> Result<Query, StsError> {
    let malformed = || {
        StsError::new(
            StsCode::MalformedQueryString,
            "The query string contains a syntax error.",
        )
    };
    let form = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    Query::parse(form).map_err(|_| malformed())
}

fn not_authorized() -> StsError {
    StsError::new(
        StsCode::AccessDenied,
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    )
}

fn refused(refusal: TokenRefusal) -> StsError {
    match refusal {
        TokenRefusal::Invalid(why) => StsError::new(
            StsCode::InvalidIdentityToken,
            format!("The ID Token provided is not valid: the token {why}"),
        ),
        TokenRefusal::Expired => StsError::new(
            StsCode::ExpiredTokenException,
            "Token expired: the current time must be before its expiration",
        ),
        TokenRefusal::Unavailable(why) => {
            tracing::debug!(%why, "a token cannot be checked");
            StsError::new(
                StsCode::IDPCommunicationError,
                "Couldn't retrieve verification key from your identity provider,  please reference \
                 AssumeRoleWithWebIdentity documentation for requirements",
            )
        }
    }
}
