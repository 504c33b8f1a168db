//! What webhooks are signed with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

const PREFIX: &str = "whsec_";

pub(crate) struct Secret(hmac::Key);

impl Secret {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let secret = text
            .strip_prefix(PREFIX)
            .and_then(|text| STANDARD.decode(text).ok());
        let secret = secret.filter(|secret| (24..=64).contains(&secret.len()));
        let secret = secret.ok_or("a webhook's secret is whsec_ and 24 to 64 bytes in base64")?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// The header `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, sent: &str, body: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{id}.{sent}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn it_signs_as_others_do() {
        let secret = Secret::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            secret.sign(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "1614265330",
                r#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn what_is_no_secret_is_not_repeated() {
        for wrong in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_***",
        ] {
            let error = Secret::read(wrong).err().unwrap();
            assert!(
                wrong.is_empty() || wrong == "whsec_" || !error.contains(wrong),
                "{error}"
            );
        }
    }
}
