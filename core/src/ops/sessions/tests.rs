use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::{Format, Owner, SessionKey, WebIdentity};
use crate::ops::pair_stores;
use crate::ops::tests::stand_ins::{Hands, ports};
use crate::ports::Ports;

const KEY: SessionKey = SessionKey::from_bytes([7; 32]);

const POLICY: &str = "{\"Statement\":{\"Effect\":\"Allow\",\n\"Action\":\"s3:*\",\"Resource\":\"*\"}}";

fn session(policy: Option<&str>) -> Session {
    Session {
        secret_key: SecretKey("secret".to_owned()),
        issued: Timestamp::from_seconds(1),
        expires: Timestamp::from_seconds(2),
        parent: Parent::Key {
            access_key: "AKPARENT".to_owned(),
            fingerprint: fingerprint(&KEY, "parent's"),
        },
        assumed: Some(AssumedRole {
            role: "role".to_owned(),
            session: "session".to_owned(),
        }),
        policy: policy.map(str::to_owned),
    }
}

#[test]
fn a_session_is_read_back_by_its_key_for_its_access_key_and_by_no_other() {
    let ports = ports(10);
    for policy in [None, Some(""), Some(POLICY)] {
        let session = session(policy);
        let token = session.seal(&KEY, "ASIAONE", ports.entropy.as_ref()).unwrap();
        assert!(!token.contains("secret") && !token.contains(['+', '/', '=']));
        assert_eq!(Session::open(&token, &KEY, "ASIAONE").unwrap(), session);
        assert_eq!(Session::open(&token, &KEY, "ASIATWO"), None);
        assert_eq!(
            Session::open(&token, &SessionKey::from_bytes([8; 32]), "ASIAONE"),
            None
        );
    }
}

#[test]
fn a_token_that_was_changed_anywhere_is_as_good_as_none() {
    let ports = ports(10);
    let token = session(Some(POLICY))
        .seal(&KEY, "ASIA", ports.entropy.as_ref())
        .unwrap();
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(Session::open(&changed, &KEY, "ASIA"), None, "{at}");
        assert_eq!(Session::open(&token[..at], &KEY, "ASIA"), None, "{at}");
    }
    for wrong in ["", "A", "====", "é", &"A".repeat(MOST_TOKEN_BYTES + 1)] {
        assert_eq!(Session::open(wrong, &KEY, "ASIA"), None);
    }
}

#[test]
fn a_fingerprint_tells_secrets_apart_and_stores_too() {
    let print = fingerprint(&KEY, "a");
    assert_eq!((print.len(), &print), (32, &fingerprint(&KEY, "a")));
    assert_ne!(print, fingerprint(&KEY, "b"));
    assert_ne!(print, fingerprint(&SessionKey::from_bytes([8; 32]), "a"));
}

/// Stores that know each other, and their clock.
async fn stores() -> (Ports, Arc<Hands>) {
    let clock = Arc::new(Hands::default());
    let ports = Ports {
        clock: clock.clone(),
        ..ports(10)
    };
    pair_stores(&ports).await.unwrap();
    (ports, clock)
}

async fn begun(ports: &Ports, cache: &SessionCache) -> TemporaryCredentials {
    let secret = SecretKey("parent's".to_owned());
    let new = NewSession {
        parent: NewParent::Key("AKPARENT", &secret),
        assumed: None,
        policy: Some(POLICY.to_owned()),
        duration: Duration::from_secs(900),
    };
    begin_session(ports, cache, new).await.unwrap()
}

async fn finds(ports: &Ports, cache: &SessionCache, of: &TemporaryCredentials) -> bool {
    let found = cache.find(ports, &of.access_key, &of.token).await.unwrap();
    found.is_some_and(|(known, _)| known.session.secret_key == of.secret_key)
}

#[tokio::test]
async fn the_first_session_gives_the_store_its_key_and_format_and_later_ones_change_nothing() {
    let (ports, _) = stores().await;
    let record = async || ports.metadata.store_record().await.unwrap().unwrap();
    assert_eq!(
        (record().await.format, record().await.session_key),
        (Format::FIRST, None)
    );
    let cache = SessionCache::default();
    let first = begun(&ports, &cache).await;
    let keyed = record().await;
    assert!(keyed.session_key.is_some() && keyed.format == Format::SESSIONS);
    let second = begun(&ports, &SessionCache::default()).await;
    assert_eq!(record().await, keyed);
    assert!(first.access_key.starts_with("ASIA") && first.access_key.len() == 20);
    assert_eq!(
        (first.secret_key.0.len(), first.expires),
        (40, Timestamp::from_seconds(900))
    );
    assert_ne!(first.token, second.token);
    // Each program finds those of the other.
    for cache in [cache, SessionCache::default()] {
        assert!(finds(&ports, &cache, &first).await && finds(&ports, &cache, &second).await);
    }
}

#[tokio::test]
async fn another_key_ends_all_sessions_within_30_seconds_and_those_that_begin_later_live() {
    let (ports, clock) = stores().await;
    let cache = SessionCache::default();
    assert!(!end_sessions(&ports).await.unwrap(), "there was none");
    let before = begun(&ports, &cache).await;
    assert!(finds(&ports, &cache, &before).await);
    assert!(end_sessions(&ports).await.unwrap());
    assert!(!finds(&ports, &SessionCache::default(), &before).await);
    clock.advance(Duration::from_secs(29));
    assert!(finds(&ports, &cache, &before).await);
    // Of another program, which has read the new key: this one reads it too then.
    let after = begun(&ports, &SessionCache::default()).await;
    assert!(finds(&ports, &cache, &after).await);
    assert!(!finds(&ports, &cache, &before).await);
}

#[tokio::test]
async fn a_session_that_is_known_reads_nothing_for_30_seconds_and_a_strangers_token_the_key() {
    let (ports, clock) = stores().await;
    let cache = SessionCache::default();
    let session = begun(&ports, &cache).await;
    let counter = Arc::default();
    let counted = ports.counted_by(&counter);
    let read = || counter.so_far().database;
    for _ in 0..3 {
        assert!(finds(&counted, &cache, &session).await);
    }
    assert_eq!(read(), 0);
    assert!(cache.find(&counted, "ASIA", "nobody's").await.unwrap().is_none());
    let once = read();
    assert!(once > 0);
    clock.advance(Duration::from_secs(30));
    for _ in 0..3 {
        assert!(finds(&counted, &cache, &session).await);
    }
    assert_eq!(read(), 2 * once);
}

fn role(change: impl FnOnce(&mut serde_json::Value)) -> Result<WebRoles, String> {
    let mut role = serde_json::json!({
        "role": "ci", "issuer": "https://issuer.example", "audiences": ["sts.amazonaws.com", "b"],
        "subjects": ["repo:acme/*:ref:refs/heads/main"],
        "policy": {"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}},
    });
    change(&mut role);
    WebRoles::read(&serde_json::json!([role]).to_string())
}

#[test]
fn a_role_takes_its_audiences_and_subjects_alone() {
    let roles = role(|_| {}).unwrap();
    assert!(roles.find("other").is_none() && !roles.is_empty());
    let role = roles.find("ci").unwrap();
    assert_eq!(
        (role.owner.clone(), role.user()),
        (Owner::root(), "oidc/ci".to_owned())
    );
    assert_eq!(role.issuer.url, "https://issuer.example");
    let meant = |audiences: &[&str]| {
        let identity = WebIdentity {
            subject: "s".to_owned(),
            audiences: audiences.iter().map(|text| (*text).to_owned()).collect(),
        };
        role.audience_of(&identity).map(str::to_owned)
    };
    assert_eq!(meant(&["a", "b"]).as_deref(), Some("b"));
    assert_eq!(meant(&["STS.amazonaws.com"]), None);
    assert!(role.takes_subject("repo:acme/site:ref:refs/heads/main"));
    for other in [
        "repo:acme/site:ref:refs/heads/mainly",
        "repo:acme:ref:refs/heads/main",
        "",
    ] {
        assert!(!role.takes_subject(other), "{other}");
    }
}

#[test]
fn a_wrong_role_is_one_line_that_says_what_is_wrong() {
    let wrong = |name: &'static str, value: serde_json::Value| role(|role| role[name] = value).unwrap_err();
    let text = |text: &str| serde_json::Value::from(text);
    for (name, value, complaint) in [
        ("role", text("a/b"), "role a/b: a name has 1 to 64 letters"),
        (
            "issuer",
            text("http://issuer.example"),
            "role ci: http://issuer.example is no https URL",
        ),
        ("keys", text("https://"), "role ci: https:// is no https URL"),
        (
            "audiences",
            serde_json::json!([]),
            "role ci: audiences are 1 to 100 texts",
        ),
        (
            "subjects",
            serde_json::json!([""]),
            "role ci: subjects are 1 to 100 texts",
        ),
        (
            "account",
            serde_json::json!({"id": "1", "display_name": ""}),
            "role ci: an account's id is",
        ),
        ("policy", serde_json::json!({}), "role ci: "),
        (
            "certificates",
            text("ca.pem"),
            "role ci: certificates are the text",
        ),
        ("jwks", text("x"), "role ci: unknown field `jwks`"),
    ] {
        let complained = wrong(name, value);
        assert!(complained.starts_with(complaint), "{complained}");
    }
    assert!(role(|role| *role = serde_json::json!({"role": "ci"})).is_err());
    assert!(WebRoles::read("{}").is_err() && WebRoles::read("[").is_err());
    let twice = serde_json::json!([{"role": "a"}, {"role": "a"}]).to_string();
    assert!(WebRoles::read(&twice).is_err());
    assert!(WebRoles::read("[]").unwrap().is_empty());
}
