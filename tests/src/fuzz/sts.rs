//! Targets of STS.

use bleepstore_core::model::{SessionKey, Timestamp};
use bleepstore_core::ops::{Parent, SecretKey, Session};
use bleepstore_core::ports::Entropy;
use bleepstore_core::protocol::query::Query;
use bleepstore_core::protocol::sts::{MOST_POLICY, SignedRequest, StsAction, StsRequest, error_document};

const KEY: SessionKey = SessionKey::from_bytes([7; 32]);

/// The same bytes each time.
struct Constant;

impl Entropy for Constant {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(3);
    }
}

/// The form of a request. What is taken is within its bounds, and what is refused has a document.
pub(super) fn sts_form(data: &[u8]) {
    let Ok(form) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(form) = Query::parse(form) else {
        return;
    };
    let request = StsAction::read(&form).and_then(|action| match StsRequest::read(action, &form) {
        StsRequest::Signed(request) => request,
        StsRequest::WebIdentity(request) => request.map(|(request, _)| SignedRequest::AssumeRole(request)),
    });
    match request {
        Err(error) => assert!(error_document(&error, "1").len() < 4 * 1024),
        Ok(SignedRequest::AssumeRole(request)) => {
            assert!((900..=43_200).contains(&request.duration.as_secs()));
            assert!((2..=64).contains(&request.session_name.len()));
            assert_eq!(request.role.account.len(), 12);
            let policy = request.policy.unwrap_or_default();
            assert!(policy.chars().count() <= MOST_POLICY);
        }
        Ok(SignedRequest::GetSessionToken(duration)) => {
            assert!((900..=129_600).contains(&duration.as_secs()))
        }
        Ok(SignedRequest::GetCallerIdentity) => {}
    }
}

/// A token that nobody gave out opens nothing; a session with this policy is read back.
pub(super) fn session_token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    assert_eq!(Session::open(text, &KEY, "ASIA"), None);
    let session = Session {
        secret_key: SecretKey("secret".to_owned()),
        issued: Timestamp::from_seconds(1),
        expires: Timestamp::from_seconds(2),
        parent: Parent::Key {
            access_key: "AKIA".to_owned(),
            fingerprint: String::new(),
        },
        assumed: None,
        policy: (text.len() <= MOST_POLICY).then(|| text.to_owned()),
    };
    let token = session.seal(&KEY, "ASIA", &Constant).expect("a sealed session");
    assert_eq!(Session::open(&token, &KEY, "ASIA"), Some(session));
}
