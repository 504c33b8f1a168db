//! The keys that an issuer publishes ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use crate::source::KeysUnavailable;
use crate::token::{Algorithm, Refusal, Token};

/// How a point of the curve is written when both coordinates follow.
const UNCOMPRESSED: u8 = 4;

/// The bytes of a coordinate on the curve P-256.
const COORDINATE: usize = 32;

/// A key that an issuer publishes, which is for one way of signing.
#[derive(Clone, Debug)]
pub struct PublicKey {
    id: String,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// A point, uncompressed.
    P256(Vec<u8>),
}

impl PublicKey {
    /// Whether the token is signed with this key, in the way that this key is for. RSA keys of less than 2,048 bits
    /// sign nothing.
    pub fn check<C>(&self, token: &Token<'_, C>) -> Result<(), Refusal> {
        if token.algorithm == self.algorithm() && self.verifies(token.signed, &token.signature) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }

    /// Whether it has this id and is for this way of signing.
    pub(crate) fn is(&self, id: &str, algorithm: Algorithm) -> bool {
        self.id == id && self.algorithm() == algorithm
    }

    const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.material {
            Material::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// A key as a set has it beside others.
#[derive(Deserialize)]
struct JsonWebKey {
    kid: String,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl JsonWebKey {
    /// The key, where it is one for signatures that are taken here.
    fn into_public(self) -> Option<PublicKey> {
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Material::Rsa {
                modulus: number(self.n)?,
                exponent: number(self.e)?,
            },
            ("EC", Some("P-256")) => Material::P256(point(&number(self.x)?, &number(self.y)?)?),
            _ => return None,
        };
        let key = PublicKey {
            id: self.kid,
            material,
        };
        let is_for = |said: Option<String>, expected: &str| said.is_none_or(|said| said == expected);
        (is_for(self.alg, key.algorithm().name()) && is_for(self.purpose, "sig")).then_some(key)
    }
}

fn number(text: Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

fn point(x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    let is_whole = x.len() == COORDINATE && y.len() == COORDINATE;
    is_whole.then(|| [&[UNCOMPRESSED], x, y].concat())
}

/// The keys of a set that are for signatures taken here; others are left out.
pub(crate) fn read(document: &[u8]) -> Result<Vec<Arc<PublicKey>>, KeysUnavailable> {
    let set: KeySet = serde_json::from_slice(document)
        .map_err(|error| KeysUnavailable(format!("what is published is no set of keys: {error}")))?;
    let keys = set.keys.into_iter();
    Ok(keys
        .filter_map(|key| serde_json::from_value::<JsonWebKey>(key).ok()?.into_public())
        .map(Arc::new)
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What both examples of RFC 7515 sign, after their headers.
    const PAYLOAD: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    fn verifies(key: Value, header: &str, payload: &str, signature: &str) -> bool {
        let key = serde_json::from_value::<JsonWebKey>(key).unwrap();
        let key = key.into_public().unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        key.verifies(format!("{header}.{payload}").as_bytes(), &signature)
    }

    #[test]
    fn rfc_7515_appendix_a_2() {
        let key = json!({"kid": "", "kty": "RSA", "e": "AQAB", "n": concat!(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR",
            "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB",
            "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia",
            "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        )});
        let signature = concat!(
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9",
            "uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB",
            "_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq",
            "Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        );
        assert!(verifies(key.clone(), "eyJhbGciOiJSUzI1NiJ9", PAYLOAD, signature));
        assert!(!verifies(key, "eyJhbGciOiJFUzI1NiJ9", PAYLOAD, signature));
    }

    #[test]
    fn rfc_7515_appendix_a_3() {
        let key = json!({
            "kid": "", "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        let signature =
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        assert!(verifies(key.clone(), "eyJhbGciOiJFUzI1NiJ9", PAYLOAD, signature));
        assert!(!verifies(key, "eyJhbGciOiJSUzI1NiJ9", PAYLOAD, signature));
    }

    #[test]
    fn keys_of_other_kinds_are_left_out_and_what_is_no_set_is_an_error() {
        let zero = "A".repeat(43);
        let set = json!({"keys": [
            {"kid": "good", "kty": "RSA", "alg": "RS256", "use": "sig", "n": "AQAB", "e": "AQAB"},
            {"kid": "bare", "kty": "RSA", "n": "AQAB", "e": "AQAB"},
            {"kid": "curve", "kty": "EC", "alg": "ES256", "use": "sig", "crv": "P-256", "x": zero, "y": zero},
            {"kid": "short", "kty": "EC", "crv": "P-256", "x": "AQAB", "y": zero},
            {"kid": "other curve", "kty": "EC", "crv": "P-384", "x": zero, "y": zero},
            {"kid": "no curve", "kty": "EC", "x": zero, "y": zero},
            {"kid": "half", "kty": "EC", "crv": "P-256", "x": zero},
            {"kid": "confused", "kty": "RSA", "alg": "ES256", "n": "AQAB", "e": "AQAB"},
            {"kid": "so too", "kty": "EC", "alg": "RS256", "crv": "P-256", "x": zero, "y": zero},
            {"kid": "secret", "kty": "oct", "alg": "HS256", "k": "AQAB"},
            {"kid": "longer", "kty": "RSA", "alg": "RS512", "n": "AQAB", "e": "AQAB"},
            {"kid": "encryption", "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"},
            {"kid": "garbled", "kty": "RSA", "n": "*", "e": "AQAB"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, 7,
        ]});
        let keys = read(set.to_string().as_bytes()).unwrap();
        let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        assert_eq!(ids, ["good", "bare", "curve"]);
        for wrong in [&b""[..], b"{}", b"[]", b"{\"keys\":{}}"] {
            assert!(read(wrong).is_err());
        }
    }
}
