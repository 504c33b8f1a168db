//! Forms as browsers and SDKs send them.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html>

use std::time::{Duration, SystemTime};

use bleepstore_core::model::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

use super::encoding::{base64, hex};
use super::sigv2::seconds;
use super::{Bucket, Endpoint, ErrorDocument, Request, Response};

/// What separates the parts of every form.
pub const BOUNDARY: &str = "----the-boundary";

/// How long a policy holds that says nothing else.
const LIFETIME: Duration = Duration::from_secs(600);

/// A form that is not signed yet.
#[derive(Clone)]
pub struct Form {
    endpoint: Endpoint,
    bucket: String,
    fields: Vec<(String, String)>,
    conditions: Vec<Value>,
    expiration: Value,
    policy: Option<String>,
    signing: Signing,
    filename: String,
    file: Vec<u8>,
    tail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Signing {
    Version2,
    Version4,
    Anonymous,
}

impl Bucket {
    /// A form that uploads `file` to `key`, signed with version 4.
    pub fn form(&self, key: &str, file: impl Into<Vec<u8>>) -> Form {
        self.empty_form(file).field("key", key)
    }

    /// The same without any field.
    pub fn empty_form(&self, file: impl Into<Vec<u8>>) -> Form {
        Form {
            endpoint: self.endpoint.clone(),
            bucket: self.name.clone(),
            fields: Vec::new(),
            conditions: vec![json!({"bucket": self.name})],
            expiration: Value::from(iso(SystemTime::now() + LIFETIME)),
            policy: None,
            signing: Signing::Version4,
            filename: "photo.jpg".to_owned(),
            file: file.into(),
            tail: String::new(),
        }
    }
}

impl Form {
    /// Adds a field, and the condition that it is this.
    pub fn field(self, name: &str, value: &str) -> Self {
        let condition = json!({name: value});
        self.bare_field(name, value).condition(condition)
    }

    /// Adds a field without a condition.
    pub fn bare_field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a condition.
    pub fn condition(mut self, condition: Value) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Has no condition that is not added later.
    pub fn without_conditions(mut self) -> Self {
        self.conditions.clear();
        self
    }

    /// Holds until then.
    pub fn expiration(mut self, expiration: impl Into<Value>) -> Self {
        self.expiration = expiration.into();
        self
    }

    /// Expired so long ago.
    pub fn expired_since(self, age: Duration) -> Self {
        self.expiration(iso(SystemTime::now() - age))
    }

    /// Signs this in place of the policy.
    pub fn policy(mut self, policy: &str) -> Self {
        self.policy = Some(policy.to_owned());
        self
    }

    /// Names the file.
    pub fn filename(mut self, name: &str) -> Self {
        self.filename = name.to_owned();
        self
    }

    /// Sends this after the file.
    pub fn followed_by(mut self, tail: &str) -> Self {
        self.tail = tail.to_owned();
        self
    }

    /// Signs with these keys.
    pub fn keys(mut self, access_key: &str, secret_key: &str) -> Self {
        self.endpoint.access_key = access_key.to_owned();
        self.endpoint.secret_key = secret_key.to_owned();
        self
    }

    /// Signs for this region.
    pub fn region(mut self, region: &str) -> Self {
        self.endpoint.region = region.to_owned();
        self
    }

    /// Signs with version 2.
    pub fn signed_v2(mut self) -> Self {
        self.signing = Signing::Version2;
        self
    }

    /// Sends neither a policy nor a signature.
    pub fn anonymous(mut self) -> Self {
        self.signing = Signing::Anonymous;
        self
    }

    /// The fields with policy and signature, which tests that tamper with them change before they are sent.
    pub fn sign(mut self) -> SignedForm {
        let now = iso(SystemTime::now());
        let date = now.replace(['-', ':'], "").replace(".000", "");
        let scope = format!("{}/{}/s3/aws4_request", &date[..8], self.endpoint.region);
        if self.signing == Signing::Version4 {
            let credential = format!("{}/{scope}", self.endpoint.access_key);
            self = self
                .field("x-amz-algorithm", "AWS4-HMAC-SHA256")
                .field("x-amz-credential", &credential)
                .field("x-amz-date", &date);
        }
        if let Some(token) = self.endpoint.session_token.clone() {
            self = self.field("x-amz-security-token", &token);
        }
        let document = json!({"expiration": self.expiration, "conditions": self.conditions});
        let policy = self.policy.clone();
        let policy = policy.unwrap_or_else(|| base64(document.to_string().as_bytes()));
        let secret_key = self.endpoint.secret_key.clone();
        let signed = match self.signing {
            Signing::Anonymous => self,
            Signing::Version2 => {
                let mut mac = Hmac::<Sha1>::new_from_slice(secret_key.as_bytes()).unwrap();
                mac.update(policy.as_bytes());
                let access_key = self.endpoint.access_key.clone();
                self.bare_field("AWSAccessKeyId", &access_key)
                    .bare_field("policy", &policy)
                    .bare_field("signature", &base64(&mac.finalize().into_bytes()))
            }
            Signing::Version4 => {
                let mut key = format!("AWS4{secret_key}").into_bytes();
                for part in scope.split('/').chain([policy.as_str()]) {
                    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
                    mac.update(part.as_bytes());
                    key = mac.finalize().into_bytes().to_vec();
                }
                self.bare_field("policy", &policy)
                    .bare_field("x-amz-signature", &hex(&key))
            }
        };
        SignedForm {
            endpoint: signed.endpoint,
            bucket: signed.bucket,
            fields: signed.fields,
            filename: signed.filename,
            file: signed.file,
            tail: signed.tail,
        }
    }

    /// Sends the form.
    pub fn send(self) -> Response {
        self.sign().request().send()
    }

    /// Sends the form and checks the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Response {
        self.send().assert_status(status)
    }

    /// Sends the form and checks that it fails with this status and code.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> ErrorDocument {
        self.send().into_error(status, code)
    }
}

/// A form as it goes over the wire.
#[derive(Clone)]
pub struct SignedForm {
    /// Names and values, in the order in which they are sent.
    pub fields: Vec<(String, String)>,
    endpoint: Endpoint,
    bucket: String,
    filename: String,
    file: Vec<u8>,
    tail: String,
}

impl SignedForm {
    /// The same without this field.
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self
    }

    /// The same with another value of this field.
    #[track_caller]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(field, _)| field == name);
        field.unwrap_or_else(|| panic!("no field {name}")).1 = value.to_owned();
        self
    }

    /// The body.
    pub fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend(head.bytes().chain(value.bytes()).chain(*b"\r\n"));
        }
        let name = match self.filename.as_str() {
            "" => String::new(),
            name => format!("; filename=\"{name}\"\r\nContent-Type: image/jpeg"),
        };
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"{name}\r\n\r\n");
        body.extend(head.bytes().chain(self.file.iter().copied()));
        body.extend(format!("\r\n{}--{BOUNDARY}--\r\n", self.tail).bytes());
        body
    }

    /// The request that carries it.
    pub fn request(&self) -> Request {
        Request::new(&self.endpoint, "POST", &format!("/{}", self.bucket))
            .anonymous()
            .header(
                "content-type",
                format!("multipart/form-data; boundary={BOUNDARY}"),
            )
            .body(self.body())
    }
}

/// `2026-11-23T10:20:30.000Z`.
fn iso(time: SystemTime) -> String {
    let millis = i64::try_from(seconds(time) * 1000).expect("a time");
    Timestamp::from_millis(millis).iso_8601()
}
