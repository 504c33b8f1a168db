//! The keys that an issuer publishes ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::Clock;
use bytes::BytesMut;
use http::HeaderMap;
use http::header::CACHE_CONTROL;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

/// Where Google publishes its keys.
pub const GOOGLE: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// A longer document is not read. Google's has about 2 KB.
const LONGEST: usize = 64 * 1024;

/// How often the keys are asked for at most, whoever wants to know.
const PAUSE: Duration = Duration::from_secs(60);

/// How long keys are kept: what the answer says, within these bounds.
const SHORTEST_AGE: Duration = Duration::from_secs(5 * 60);
const LONGEST_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the issuer has for its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The issuer's keys cannot be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the issuer's keys cannot be read: {0}")]
pub struct KeysUnavailable(pub String);

/// A JSON Web Key Set as it was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The document.
    pub document: Vec<u8>,
    /// How long it may be kept.
    pub max_age: Duration,
}

/// Where keys come from.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// Asks for the keys as they are now.
    async fn fetch(&self) -> Result<Published, KeysUnavailable>;
}

/// Keys at a URL.
pub struct KeysAtUrl {
    client: reqwest::Client,
    url: String,
}

impl KeysAtUrl {
    /// Keys that are asked for with this client.
    pub fn new(client: reqwest::Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

#[async_trait]
impl KeySource for KeysAtUrl {
    async fn fetch(&self) -> Result<Published, KeysUnavailable> {
        let failed = |error: reqwest::Error| KeysUnavailable(error.to_string());
        let request = self.client.get(&self.url).timeout(TIMEOUT);
        let mut response = request
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(failed)?;
        let max_age = max_age(response.headers());
        let mut document = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if document.len() + chunk.len() > LONGEST {
                return Err(KeysUnavailable("the answer is too long".to_owned()));
            }
            document.extend_from_slice(&chunk);
        }
        Ok(Published {
            document: document.to_vec(),
            max_age,
        })
    }
}

fn max_age(headers: &HeaderMap) -> Duration {
    let directives = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let seconds = directives.unwrap_or_default().split(',').find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.parse().ok())?
    });
    Duration::from_secs(seconds.unwrap_or_default())
}

/// A public key for RS256.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl PublicKey {
    /// Whether `signature` is this key's, of `message`. Keys of less than 2,048 bits have none.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKeyComponents {
            n: &self.modulus,
            e: &self.exponent,
        };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok()
    }
}

/// The issuer's keys, asked for when they are needed.
pub(super) struct KeyRing<S> {
    source: S,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: HashMap<String, Arc<PublicKey>>,
    fresh_until: Option<Timestamp>,
    asked: Option<Timestamp>,
}

impl State {
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }
}

impl<S: KeySource> KeyRing<S> {
    pub(super) fn new(source: S, clock: Arc<dyn Clock>) -> Self {
        Self {
            source,
            clock,
            state: Mutex::default(),
        }
    }

    /// The key with this id. Who asks meanwhile waits for the same answer of the issuer.
    pub(super) async fn find(&self, id: &str) -> Result<Option<Arc<PublicKey>>, KeysUnavailable> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if state.is_fresh(now) && state.keys.contains_key(id) {
            return Ok(state.keys.get(id).cloned());
        }
        if state.asked.is_none_or(|asked| now.since(asked) >= PAUSE) {
            state.asked = Some(now);
            match self.read().await {
                Ok((keys, age)) => {
                    state.keys = keys;
                    state.fresh_until = Some(now.plus(age.clamp(SHORTEST_AGE, LONGEST_AGE)));
                }
                Err(error) => tracing::warn!(%error, "tokens cannot be checked"),
            }
        }
        if state.is_fresh(now) {
            return Ok(state.keys.get(id).cloned());
        }
        Err(KeysUnavailable("the last attempt failed".to_owned()))
    }

    async fn read(&self) -> Result<(HashMap<String, Arc<PublicKey>>, Duration), KeysUnavailable> {
        let published = self.source.fetch().await?;
        Ok((keys(&published.document)?, published.max_age))
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// A key for signatures with RS256, as a set has it beside others.
#[derive(Deserialize)]
struct RsaKey {
    kid: String,
    kty: String,
    #[serde(default)]
    alg: Option<String>,
    #[serde(rename = "use", default)]
    purpose: Option<String>,
    n: String,
    e: String,
}

impl RsaKey {
    fn into_public(self) -> Option<(String, Arc<PublicKey>)> {
        let absent_or =
            |value: &Option<String>, expected: &str| value.as_deref().is_none_or(|it| it == expected);
        if self.kty != "RSA" || !absent_or(&self.alg, "RS256") || !absent_or(&self.purpose, "sig") {
            return None;
        }
        let key = PublicKey {
            modulus: URL_SAFE_NO_PAD.decode(self.n).ok()?,
            exponent: URL_SAFE_NO_PAD.decode(self.e).ok()?,
        };
        Some((self.kid, Arc::new(key)))
    }
}

/// The keys of a set that are for RS256; others are left out.
fn keys(document: &[u8]) -> Result<HashMap<String, Arc<PublicKey>>, KeysUnavailable> {
    let set: KeySet = serde_json::from_slice(document).map_err(|error| KeysUnavailable(error.to_string()))?;
    let keys = set.keys.into_iter();
    Ok(keys
        .filter_map(|key| serde_json::from_value::<RsaKey>(key).ok()?.into_public())
        .collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_age_of_an_answer_is_what_it_says() {
        let age = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(text));
            max_age(&headers).as_secs()
        };
        assert_eq!(
            age("public, max-age=22532, must-revalidate, no-transform"),
            22_532
        );
        assert_eq!(age("Max-Age=1"), 1);
        assert_eq!(age("no-store"), 0);
        assert_eq!(age("max-age=soon"), 0);
        assert_eq!(max_age(&HeaderMap::new()).as_secs(), 0);
    }

    #[test]
    fn keys_of_other_kinds_are_left_out_and_what_is_no_set_is_an_error() {
        let set = br#"{"keys":[
            {"kid":"good","kty":"RSA","alg":"RS256","use":"sig","n":"AQAB","e":"AQAB"},
            {"kid":"bare","kty":"RSA","n":"AQAB","e":"AQAB"},
            {"kid":"curve","kty":"EC","alg":"ES256","use":"sig","crv":"P-256","x":"AQAB","y":"AQAB"},
            {"kid":"secret","kty":"oct","alg":"HS256","k":"AQAB"},
            {"kid":"longer","kty":"RSA","alg":"RS512","n":"AQAB","e":"AQAB"},
            {"kid":"encryption","kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"},
            {"kid":"garbled","kty":"RSA","n":"*","e":"AQAB"},
            {"kty":"RSA","n":"AQAB","e":"AQAB"}, 7
        ]}"#;
        let mut ids: Vec<String> = keys(set).unwrap().into_keys().collect();
        ids.sort_unstable();
        assert_eq!(ids, ["bare", "good"]);
        for wrong in [&b""[..], b"{}", b"[]", b"{\"keys\":{}}"] {
            assert!(keys(wrong).is_err());
        }
    }
}
