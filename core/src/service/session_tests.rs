//! Sessions over time, and those of roles for tokens of others.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use http::Request;
use serde_json::{Value, json};

use super::*;
use crate::body::Body;
use crate::config::Settings;
use crate::model::{Credential, CredentialUser, Owner, RootCredential, TrustedIssuer, WebIdentity};
use crate::ops::{NewParent, NewSession, SecretKey, TemporaryCredentials, WebRoles, begin_session};
use crate::ports::{IdentityTokens, TokenRefusal};
use crate::protocol::percent;
use crate::served::Account;
use crate::service::stand_ins::{Hands, settings, stores};

/// A store, and the time in it.
struct Store {
    ports: Ports,
    hands: Arc<Hands>,
}

impl Store {
    fn new() -> Self {
        let (ports, hands) = stores();
        Self { ports, hands }
    }

    /// A service over it whose root has these secret keys.
    async fn serving(&self, secret: &str, previous: Option<&str>) -> Service {
        let settings = Settings {
            root: RootCredential {
                previous_secret_key: previous.map(str::to_owned),
                ..RootCredential::new("AKROOT", secret)
            },
            ..settings()
        };
        Service::start(settings, self.ports.clone()).await.unwrap()
    }

    fn set(&self, seconds: u64) {
        self.hands.set(seconds);
    }

    /// A session of 900 seconds of whoever holds that key.
    async fn session(&self, service: &Service, access_key: &str, secret: &str) -> TemporaryCredentials {
        let secret = SecretKey(secret.to_owned());
        let new = NewSession {
            parent: NewParent::Key(access_key, &secret),
            assumed: None,
            policy: None,
            duration: Duration::from_secs(900),
        };
        begin_session(&self.ports, &service.sessions, new).await.unwrap()
    }

    async fn holder(&self, service: &Service, session: &TemporaryCredentials) -> Result<Holder, ErrorCode> {
        let key = (session.access_key.as_str(), Some(session.token.as_str()));
        let holder = service.holder_of(key, self.ports.clock.now(), &self.ports).await;
        holder.map_err(|error| error.code)
    }

    async fn refusal(&self, service: &Service, session: &TemporaryCredentials) -> ErrorCode {
        self.holder(service, session).await.err().unwrap()
    }
}

const READS: &str = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
const WRITES: &str = r#"{"Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}}"#;

fn reader(policy: &str, expires: Option<i64>) -> Credential {
    Credential {
        access_key: "AKUSER".to_owned(),
        secret_key: "user's".to_owned(),
        owner: Owner::root(),
        created: Timestamp::from_millis(0),
        user: Some(CredentialUser {
            name: "reader".to_owned(),
            policy: policy.to_owned(),
        }),
        expires: expires.map(Timestamp::from_seconds),
    }
}

#[tokio::test]
async fn a_session_is_over_from_its_end_on() {
    let store = Store::new();
    let service = store.serving("secret", None).await;
    let session = store.session(&service, "AKROOT", "secret").await;
    store.set(899);
    let holder = store.holder(&service, &session).await.ok().unwrap();
    assert_eq!(
        (holder.owner, holder.secret_key.0),
        (Owner::root(), session.secret_key.0.clone())
    );
    assert_eq!(holder.identity.temporary, Some(Timestamp::from_seconds(0)));
    store.set(900);
    assert_eq!(store.refusal(&service, &session).await, ErrorCode::ExpiredToken);
}

#[tokio::test]
async fn a_session_ends_with_its_parent_within_30_seconds() {
    let store = Store::new();
    let service = store.serving("secret", None).await;
    let metadata = store.ports.metadata.as_ref();
    assert!(
        metadata
            .create_credential(&reader(READS, Some(500)))
            .await
            .unwrap()
    );
    let session = store.session(&service, "AKUSER", "user's").await;
    let holder = store.holder(&service, &session).await.ok().unwrap();
    assert_eq!(holder.identity.user.as_deref(), Some("reader"));
    let of_before = holder.identity.policy;
    // What its parent may is what it may.
    assert!(
        metadata
            .replace_credential(&reader(WRITES, Some(500)))
            .await
            .unwrap()
    );
    store.set(30);
    let holder = store.holder(&service, &session).await.ok().unwrap();
    assert_ne!(holder.identity.policy, of_before);
    assert!(metadata.revoke_credential("AKUSER").await.unwrap());
    store.set(60);
    assert_eq!(store.refusal(&service, &session).await, ErrorCode::InvalidToken);
    // Another key of the same name is another parent.
    let other = Credential {
        secret_key: "another's".to_owned(),
        ..reader(READS, None)
    };
    assert!(metadata.create_credential(&other).await.unwrap());
    store.set(90);
    assert_eq!(store.refusal(&service, &session).await, ErrorCode::InvalidToken);
}

#[tokio::test]
async fn a_session_ends_when_its_parent_does() {
    let store = Store::new();
    let service = store.serving("secret", None).await;
    let metadata = store.ports.metadata.as_ref();
    assert!(
        metadata
            .create_credential(&reader(READS, Some(500)))
            .await
            .unwrap()
    );
    let session = store.session(&service, "AKUSER", "user's").await;
    store.set(499);
    assert!(store.holder(&service, &session).await.is_ok());
    store.set(500);
    assert_eq!(store.refusal(&service, &session).await, ErrorCode::InvalidToken);
}

#[tokio::test]
async fn a_session_of_the_root_lives_as_long_as_the_secret_key_it_began_with_is_taken() {
    let store = Store::new();
    let before = store.serving("old", None).await;
    let session = store.session(&before, "AKROOT", "old").await;
    let rotated = store.serving("new", Some("old")).await;
    assert!(store.holder(&rotated, &session).await.is_ok());
    let after = store.serving("new", None).await;
    assert_eq!(store.refusal(&after, &session).await, ErrorCode::InvalidToken);
}

#[tokio::test]
async fn a_token_without_the_access_key_of_a_session_asks_no_store() {
    let store = Store::new();
    let service = store.serving("secret", None).await;
    let session = store.session(&service, "AKROOT", "secret").await;
    let counter = Arc::default();
    let ports = store.ports.counted_by(&counter);
    for key in ["AKROOT", "AKUSER", ""] {
        let found = service
            .holder_of((key, Some(&session.token)), Timestamp::from_seconds(0), &ports)
            .await;
        assert_eq!(found.err().unwrap().code, ErrorCode::InvalidToken);
    }
    assert_eq!(counter.so_far().database, 0);
}

#[tokio::test]
async fn a_signature_tells_which_secret_key_made_it() {
    let store = Store::new();
    let service = store.serving("new", Some("old")).await;
    let holder = service
        .holder("AKROOT", Timestamp::from_seconds(0), &store.ports)
        .await
        .unwrap();
    for signed_with in ["new", "old"] {
        let mut account = Account::open("1", None, &store.ports, None);
        let verify = |secret: &str| match secret == signed_with {
            true => Ok(()),
            false => Err(ErrorCode::SignatureDoesNotMatch.into()),
        };
        let ((), secret) = holder.proven(&mut account, verify).unwrap();
        assert_eq!(secret.0, signed_with);
    }
}

/// Takes a token at its word: what it is about, and after a slash whom it is meant for.
struct Trusting;

#[async_trait]
impl IdentityTokens for Trusting {
    async fn verify(&self, issuer: &TrustedIssuer, token: &str) -> Result<WebIdentity, TokenRefusal> {
        assert_eq!(issuer.url, "https://issuer.example");
        match token {
            "wrong" => Err(TokenRefusal::Invalid("is not signed".to_owned())),
            "over" => Err(TokenRefusal::Expired),
            "down" => Err(TokenRefusal::Unavailable("nobody answers".to_owned())),
            token => {
                let (subject, audience) = token.split_once('/').unwrap();
                Ok(WebIdentity {
                    subject: subject.to_owned(),
                    audiences: vec![audience.to_owned()],
                })
            }
        }
    }
}

fn roles(subject: &str) -> WebRoles {
    let policy: Value = serde_json::from_str(READS).unwrap();
    let role = json!({
        "role": "ci", "issuer": "https://issuer.example", "audiences": ["store"], "subjects": [subject],
        "policy": policy,
    });
    WebRoles::read(&json!([role]).to_string()).unwrap()
}

async fn asked(service: &Service, account: &str, token: &str) -> (u16, String) {
    asked_for(service, account, token, "").await
}

async fn asked_for(service: &Service, account: &str, token: &str, more: &str) -> (u16, String) {
    let form = format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=me&WebIdentityToken={token}\
         &RoleArn=arn:aws:iam::{account}:role/team/ci{more}"
    );
    let request = Request::post("/")
        .header("host", "store.example")
        .header("content-length", form.len())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::full(form))
        .unwrap();
    let response = service.call(request).await;
    let status = response.status().as_u16();
    let body: Vec<_> = response.into_body().into_stream().try_collect().await.unwrap();
    (status, String::from_utf8(body.concat()).unwrap())
}

fn value<'x>(xml: &'x str, name: &str) -> &'x str {
    let (_, rest) = xml
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("no {name}: {xml}"));
    rest.split_once('<').unwrap().0
}

#[tokio::test]
async fn whoever_has_a_token_that_a_role_trusts_gets_its_session_without_a_signature() {
    let store = Store::new();
    let service = store
        .serving("secret", None)
        .await
        .with_web_roles(roles("repo:acme"), Arc::new(Trusting));
    let (status, xml) = asked(&service, "000000000000", "repo:acme/store").await;
    assert_eq!(status, 200, "{xml}");
    for (name, expected) in [
        ("SubjectFromWebIdentityToken", "repo:acme"),
        ("Audience", "store"),
        ("Provider", "https://issuer.example"),
        ("Arn", "arn:aws:sts::000000000000:assumed-role/ci/me"),
        ("Expiration", "1970-01-01T01:00:00Z"),
    ] {
        assert_eq!(value(&xml, name), expected);
    }
    let session = TemporaryCredentials {
        access_key: value(&xml, "AccessKeyId").to_owned(),
        secret_key: SecretKey(value(&xml, "SecretAccessKey").to_owned()),
        token: value(&xml, "SessionToken").to_owned(),
        expires: Timestamp::from_seconds(3_600),
        percent: 0,
    };
    let holder = store.holder(&service, &session).await.ok().unwrap();
    assert_eq!(holder.owner, Owner::root());
    assert_eq!(holder.identity.user.as_deref(), Some("oidc/ci"));
    assert!(holder.identity.policy.is_some() && holder.identity.session.is_none());
    // Another configuration of the role, or none, ends it.
    let changed = store
        .serving("secret", None)
        .await
        .with_web_roles(roles("repo:*"), Arc::new(Trusting));
    let without = store.serving("secret", None).await;
    for service in [changed, without] {
        assert_eq!(store.refusal(&service, &session).await, ErrorCode::InvalidToken);
    }
}

#[tokio::test]
async fn a_token_that_a_role_does_not_trust_is_refused_in_stss_words() {
    let store = Store::new();
    let service = store
        .serving("secret", None)
        .await
        .with_web_roles(roles("repo:acme"), Arc::new(Trusting));
    for (account, token, status, code) in [
        ("000000000000", "repo:other/store", 403, "AccessDenied"),
        ("000000000001", "repo:acme/store", 403, "AccessDenied"),
        ("000000000000", "repo:acme/other", 400, "InvalidIdentityToken"),
        ("000000000000", "wrong", 400, "InvalidIdentityToken"),
        ("000000000000", "over", 400, "ExpiredTokenException"),
        ("000000000000", "down", 400, "IDPCommunicationError"),
    ] {
        let (answered, xml) = asked(&service, account, token).await;
        assert_eq!((answered, value(&xml, "Code")), (status, code), "{xml}");
    }
}

#[tokio::test]
async fn a_session_policy_that_asks_what_the_deployment_does_not_know_is_refused() {
    let store = Store::new();
    let service = store.serving("secret", None).await;
    let service = service.with_web_roles(roles("repo:acme"), Arc::new(Trusting));
    for (key, status) in [("s3:TlsVersion", 400), ("aws:UserAgent", 200)] {
        let policy = json!({"Statement": {
            "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringLike": {key: "1*"}},
        }});
        let policy = format!("&Policy={}", percent::encode(policy.to_string()));
        let (answered, xml) = asked_for(&service, "000000000000", "repo:acme/store", &policy).await;
        assert_eq!(answered, status, "{xml}");
        if status == 400 {
            assert_eq!(value(&xml, "Code"), "MalformedPolicyDocument");
            assert!(value(&xml, "Message").contains("s3:tlsversion"), "{xml}");
        }
    }
}
