//! Building, signing and sending one request.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use bleepstore_core::model::Timestamp;

use super::encoding::{percent, sha256_hex};
use super::sigv2::{Signable, seconds};
use super::{Connection, Endpoint, ErrorDocument, Front, Response, http2};

/// A request that is not signed yet. What no method changed is what an ordinary client would send.
#[derive(Clone)]
pub struct Request {
    endpoint: Endpoint,
    method: String,
    path: String,
    query: Vec<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    payload: Option<String>,
    signing: Signing,
    service: &'static str,
    time: SystemTime,
}

#[derive(Clone)]
enum Signing {
    Header,
    HeaderWithoutHash,
    Presigned(Duration),
    HeaderVersion2,
    PresignedVersion2(Duration),
    Anonymous,
}

/// A request as it goes over the wire. Tests that tamper with it change its fields.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// All headers but `Host`; `Content-Length` is added where a body is sent and none is here.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    address: SocketAddr,
    front: Front,
}

impl Request {
    /// A request to `path`, which is sent as it is given: percent-encoded already.
    pub fn new(endpoint: &Endpoint, method: &str, path: &str) -> Self {
        Self {
            endpoint: endpoint.clone(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            payload: None,
            signing: Signing::Header,
            service: "s3",
            time: SystemTime::now(),
        }
    }

    /// Adds a query parameter, encoding it.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query
            .push(format!("{}={}", percent(name), percent(&value.to_string())));
        self
    }

    /// Adds a query parameter without a value, such as `uploads`.
    pub fn flag(mut self, name: &str) -> Self {
        self.query.push(name.to_owned());
        self
    }

    /// Adds a header, which is signed.
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends this in `x-amz-content-sha256` in place of the body's hash.
    pub fn payload_hash(mut self, hash: &str) -> Self {
        self.payload = Some(hash.to_owned());
        self
    }

    /// Signs with these keys.
    pub fn keys(mut self, access_key: &str, secret_key: &str) -> Self {
        self.endpoint.access_key = access_key.to_owned();
        self.endpoint.secret_key = secret_key.to_owned();
        self
    }

    /// Signs for this service.
    pub fn service(mut self, service: &'static str) -> Self {
        self.service = service;
        self
    }

    /// Brings this token in place of that of the session whose keys sign.
    pub fn session_token(mut self, token: Option<&str>) -> Self {
        self.endpoint.session_token = token.map(str::to_owned);
        self
    }

    /// Signs for this region.
    pub fn region(mut self, region: &str) -> Self {
        self.endpoint.region = region.to_owned();
        self
    }

    /// Signs the body's hash and not the header that would carry it, which is left out.
    pub fn leaving_its_hash_unsigned(mut self) -> Self {
        self.signing = Signing::HeaderWithoutHash;
        self
    }

    /// Signs as if it were `age` earlier.
    pub fn signed_ago(mut self, age: Duration) -> Self {
        self.time = SystemTime::now() - age;
        self
    }

    /// Signs as if it were `lead` later.
    pub fn signed_ahead(mut self, lead: Duration) -> Self {
        self.time = SystemTime::now() + lead;
        self
    }

    /// Puts the signature into the query.
    pub fn presigned(mut self, expires: Duration) -> Self {
        self.signing = Signing::Presigned(expires);
        self
    }

    /// Puts a signature of version 2 into the query.
    pub fn presigned_v2(mut self, expires: Duration) -> Self {
        self.signing = Signing::PresignedVersion2(expires);
        self
    }

    /// Puts a signature of version 2 into the `Authorization` header.
    pub fn signed_v2(mut self) -> Self {
        self.signing = Signing::HeaderVersion2;
        self
    }

    /// Sends no signature.
    pub fn anonymous(mut self) -> Self {
        self.signing = Signing::Anonymous;
        self
    }

    /// Signs the request.
    pub fn sign(self) -> SignedRequest {
        let target = match self.query.is_empty() {
            true => self.path.clone(),
            false => format!("{}?{}", self.path, self.query.join("&")),
        };
        let mut signed = SignedRequest {
            method: self.method.clone(),
            target,
            headers: self.headers.clone(),
            body: self.body.clone(),
            address: self.endpoint.address,
            front: self.endpoint.front,
        };
        match self.signing {
            Signing::Header | Signing::HeaderWithoutHash | Signing::Presigned(_) => {
                self.add_signature(&mut signed)
            }
            Signing::HeaderVersion2 => self.add_version_2(&mut signed),
            Signing::PresignedVersion2(expires) => self.add_version_2_to_the_query(&mut signed, expires),
            Signing::Anonymous => {}
        }
        signed
    }

    fn add_version_2(&self, signed: &mut SignedRequest) {
        let millis = i64::try_from(seconds(self.time) * 1000).expect("a time");
        let date = Timestamp::from_millis(millis).http_date();
        if let Some(token) = &self.endpoint.session_token {
            signed.add_header("x-amz-security-token", token);
        }
        let signature = self.version_2(signed, &date, false);
        let authorization = format!("AWS {}:{signature}", self.endpoint.access_key);
        signed.headers.push(("date".to_owned(), date));
        signed.headers.push(("authorization".to_owned(), authorization));
    }

    fn add_version_2_to_the_query(&self, signed: &mut SignedRequest, expires: Duration) {
        let expires = (seconds(self.time) + expires.as_secs()).to_string();
        if let Some(token) = &self.endpoint.session_token {
            let separator = if signed.target.contains('?') { '&' } else { '?' };
            let token = percent(token);
            signed
                .target
                .push_str(&format!("{separator}x-amz-security-token={token}"));
        }
        let signature = self.version_2(signed, &expires, true);
        let separator = if signed.target.contains('?') { '&' } else { '?' };
        signed.target.push_str(&format!(
            "{separator}AWSAccessKeyId={}&Expires={expires}&Signature={}",
            percent(&self.endpoint.access_key),
            percent(&signature)
        ));
    }

    fn version_2(&self, signed: &SignedRequest, date: &str, is_presigned: bool) -> String {
        let signable = Signable {
            method: &signed.method,
            target: &signed.target,
            headers: &signed.headers,
        };
        signable.sign(date, is_presigned, &self.endpoint.secret_key)
    }

    fn add_signature(&self, signed: &mut SignedRequest) {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let mut payload = self.payload.clone();
        match self.signing {
            Signing::Presigned(expires) => {
                settings.signature_location = SignatureLocation::QueryParams;
                settings.expires_in = Some(expires);
                payload.get_or_insert_with(|| "UNSIGNED-PAYLOAD".to_owned());
            }
            Signing::HeaderWithoutHash => {}
            _ => {
                settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            }
        }
        let identity = Credentials::for_tests_with_keys(&self.endpoint).into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.endpoint.region)
            .name(self.service)
            .time(self.time)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let payload = payload.unwrap_or_else(|| sha256_hex(&self.body));
        let signable = SignableRequest::new(
            &signed.method,
            format!("http://{}{}", signed.address, signed.target),
            signed
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
            SignableBody::Precomputed(payload),
        )
        .expect("a request that can be signed");
        let (headers, query) = sign(signable, &params)
            .expect("a signature")
            .into_parts()
            .0
            .into_parts();
        for header in headers {
            signed
                .headers
                .push((header.name().to_owned(), header.value().to_owned()));
        }
        for (name, value) in query {
            let separator = if signed.target.contains('?') { '&' } else { '?' };
            signed
                .target
                .push_str(&format!("{separator}{name}={}", percent(&value)));
        }
    }

    /// Sends the request on a connection of its own.
    pub fn send(self) -> Response {
        self.sign().send()
    }

    /// Sends the request and checks the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Response {
        self.send().assert_status(status)
    }

    /// Sends the request and checks that it fails with this status and code.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> ErrorDocument {
        self.send().into_error(status, code)
    }
}

/// Keys of an endpoint as the signer's type.
trait FromEndpoint {
    fn for_tests_with_keys(endpoint: &Endpoint) -> Self;
}

impl FromEndpoint for Credentials {
    fn for_tests_with_keys(endpoint: &Endpoint) -> Self {
        Self::new(
            endpoint.access_key.as_str(),
            endpoint.secret_key.as_str(),
            endpoint.session_token.clone(),
            None,
            "tests",
        )
    }
}

impl SignedRequest {
    /// The value of a header.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let header = self
            .headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name));
        header
            .map(|(_, value)| value.as_str())
            .unwrap_or_else(|| panic!("no {name} was sent"))
    }

    /// Replaces the value of a header after the signing.
    #[track_caller]
    pub fn set_header(&mut self, name: &str, value: &str) {
        let header = self
            .headers
            .iter_mut()
            .find(|(header, _)| header.eq_ignore_ascii_case(name));
        header.unwrap_or_else(|| panic!("no {name} was sent")).1 = value.to_owned();
    }

    /// Adds a header after the signing.
    pub fn add_header(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Where the request is sent.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The request line and headers as they are sent.
    pub fn head(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let has = |name: &str| {
            self.headers
                .iter()
                .any(|(header, _)| header.eq_ignore_ascii_case(name))
        };
        if !has("host") {
            head.push_str(&format!("host: {address}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let takes_body = !self.body.is_empty() || matches!(self.method.as_str(), "PUT" | "POST");
        if takes_body && !has("content-length") && !has("transfer-encoding") {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Sends the request on a connection of its own.
    pub fn send(&self) -> Response {
        let response = match self.front {
            Front::Http2 => http2::send(self.address, self),
            Front::Nothing | Front::FunctionUrl => Connection::open(self.address, self.front).send(self),
        };
        if response.status >= 200 {
            response.assert_common_headers();
        }
        response
    }

    /// Sends the request and checks that it fails with this status and code.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) -> ErrorDocument {
        self.send().into_error(status, code)
    }
}
