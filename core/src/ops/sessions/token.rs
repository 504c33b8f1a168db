//! The token of a session: all that is known of it, sealed. No row keeps a session.
//!
//! A token is unpadded Base64 for URLs of a version, a nonce, and what XChaCha20-Poly1305 makes of the session with the
//! store's key. The access key is bound to it as associated data: neither counts without the other.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::model::{SessionKey, Timestamp, hex};
use crate::ports::Entropy;

/// The most bytes that a token may have: what AWS asks clients to be ready for.
pub const MOST_TOKEN_BYTES: usize = 4_096;

/// The form of tokens. One of another form is as good as none.
const VERSION: u8 = 1;
const NONCE: usize = 24;

/// What is known of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// What its requests are signed with. Never logged.
    pub secret_key: SecretKey,
    /// When it began.
    pub issued: Timestamp,
    /// From when on it counts for nothing.
    pub expires: Timestamp,
    /// Whom it acts for.
    pub parent: Parent,
    /// What it calls itself, where it assumed a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed: Option<AssumedRole>,
    /// The JSON of a policy that narrows what its parent may. In a token it follows the rest as it is, since JSON in JSON
    /// is longer.
    #[serde(skip)]
    pub policy: Option<String>,
}

/// A secret key that `Debug` does not show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretKey(pub String);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey")
    }
}

/// Whom a session acts for. The fingerprint is of what it was then: when that changes, the session is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parent {
    /// The holder of an access key.
    Key {
        /// The key.
        access_key: String,
        /// Of its secret key.
        fingerprint: String,
    },
    /// Whoever has a token of an issuer that the role trusts.
    Role {
        /// The name of the role.
        name: String,
        /// Of all that is configured of it.
        fingerprint: String,
    },
}

/// What a session calls itself. Nothing follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumedRole {
    /// The name of the role, without its path.
    pub role: String,
    /// The name of the session.
    pub session: String,
}

impl Session {
    /// The token of the session with this access key. Its length depends on its policy and its names.
    pub fn seal(&self, key: &SessionKey, access_key: &str, entropy: &dyn Entropy) -> Option<String> {
        let mut plain = serde_json::to_vec(self).ok()?;
        if let Some(policy) = &self.policy {
            plain.push(b'\n');
            plain.extend_from_slice(policy.as_bytes());
        }
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let payload = Payload {
            msg: &plain,
            aad: &bound(access_key),
        };
        let secret = cipher(key).encrypt(&XNonce::from(nonce), payload).ok()?;
        let token = [&[VERSION][..], &nonce, &secret].concat();
        Some(URL_SAFE_NO_PAD.encode(token))
    }

    /// What this token says, if the store's key sealed it for this access key.
    pub fn open(token: &str, key: &SessionKey, access_key: &str) -> Option<Self> {
        if token.len() > MOST_TOKEN_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (nonce, secret) = rest.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: secret,
            aad: &bound(access_key),
        };
        let plain = cipher(key).decrypt(&XNonce::from(*nonce), payload).ok()?;
        // JSON that serde writes has no end of a line.
        let (sealed, policy) = match plain.iter().position(|byte| *byte == b'\n') {
            Some(end) => (plain.get(..end)?, Some(plain.get(end + 1..)?)),
            None => (plain.as_slice(), None),
        };
        let session: Self = serde_json::from_slice(sealed).ok()?;
        let policy = policy
            .map(|policy| String::from_utf8(policy.to_vec()))
            .transpose();
        Some(Self {
            policy: policy.ok()?,
            ..session
        })
    }
}

fn cipher(key: &SessionKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.as_bytes().into())
}

fn bound(access_key: &str) -> Vec<u8> {
    [&[VERSION], access_key.as_bytes()].concat()
}

/// What tells whether a secret is still the one that it was, and says nothing of it to who has not the store's key.
pub fn fingerprint(key: &SessionKey, secret: &str) -> String {
    // RFC 2104: a key shorter than the block is filled up with zeros.
    let mut block = [0; 64];
    block[..SessionKey::BYTES].copy_from_slice(key.as_bytes());
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(b"bleepstore session fingerprint\n");
    mac.update(secret.as_bytes());
    let code = mac.finalize().into_bytes();
    hex(code.get(..16).unwrap_or_default())
}
