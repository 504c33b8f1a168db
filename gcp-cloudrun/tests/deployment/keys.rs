//! An issuer of tokens on loopback.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;

pub(crate) const AUDIENCE: &str = "https://bleepstore.example";
pub(crate) const ACCOUNT: &str = "schedule@project.iam.gserviceaccount.com";

/// Publishes one key, and signs with it.
pub(crate) struct Issuer {
    key: RsaKeyPair,
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub(crate) fn start() -> Self {
        let pem = include_str!("../../../oidc/src/fixtures/test_key.pem");
        let begin = pem.find("-----BEGIN").unwrap();
        let lines = pem[begin..].lines().filter(|line| !line.starts_with('-'));
        let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(lines.collect::<String>()).unwrap()).unwrap();
        let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
        let text = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        let set = json!({"keys": [
            {"kid": "only", "kty": "RSA", "alg": "RS256", "use": "sig", "n": text(&public.n), "e": text(&public.e)},
        ]});
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/certs", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                    head.push(byte[0]);
                }
                count.fetch_add(1, Ordering::SeqCst);
                let body = set.to_string();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: public, max-age=600\r\n\
                     content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { key, url, asked }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How often the keys were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A token that is valid for an hour.
    pub(crate) fn token(&self, audience: &str, account: &str) -> String {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let header = json!({"alg": "RS256", "kid": "only", "typ": "JWT"});
        let claims = json!({
            "iss": "https://accounts.google.com", "aud": audience, "email": account, "email_verified": true,
            "iat": now, "exp": now + 3_600,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
            .unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
