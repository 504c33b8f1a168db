//! Who a request claims to come from.

use super::RequestHead;
use super::authorization::{self, Parts};
use super::canonical::{ACCEPT_ENCODING, CanonicalRequest};
use super::mode::{CONTENT_SHA256, PayloadMode};
use super::presigned::{self, parameter};
use super::scope::Endpoint;
use super::signer::{ChunkSigner, SigningKey, same_signature};
use crate::model::{ErrorCode, S3Error, Timestamp, hex};
use crate::protocol::{percent, query_signature};

const MAX_SIGNED_HEADERS: usize = 128;

/// Who a request claims to come from, before any secret is known.
#[derive(Debug)]
pub enum Claim {
    /// Nobody: it carries no signature.
    Anonymous,
    /// The holder of an access key.
    Signed(Box<SignedClaim>),
}

/// A signature that is well-formed, meant for this endpoint and in time. Nothing proves it yet.
#[derive(Debug)]
pub struct SignedClaim {
    parts: Parts,
    payload: PayloadMode,
    token: Option<String>,
}

/// Reads the signature of a request and checks all that needs no secret: that there is at most one, its
/// syntax, its scope, its time, and that it covers `host` and every `x-amz-*` header.
pub fn claim(head: &RequestHead<'_>, now: Timestamp, region: &str) -> Result<Claim, S3Error> {
    head.check_lengths()?;
    let query = percent::query_pairs(head.raw_query)?;
    let version_2 = query_signature::of_version_2(&query);
    let in_query = query_signature::of_version_4(&query);

    let parts = match head.headers.get("authorization") {
        Some(header) => {
            let header = header.to_str().unwrap_or_default();
            if in_query || version_2 || head.headers.get_all("authorization").iter().count() > 1 {
                return Err(two_mechanisms(header));
            }
            authorization::parse(header, head, now, region)?
        }
        None if version_2 => return Err(version_2_unsupported()),
        None if in_query => presigned::parse(&query, head, now, region)?,
        None => return Ok(Claim::Anonymous),
    };
    check_coverage(head, &parts.signed_headers)?;
    let payload = PayloadMode::parse(&parts.payload_hash)?;
    let token = head.header(TOKEN).or_else(|| parameter(&query, TOKEN));
    let token = token.map(str::to_owned);
    Ok(Claim::Signed(Box::new(SignedClaim {
        parts,
        payload,
        token,
    })))
}

/// As [`claim`], of a request to STS, whose body has this hash in hex. It is signed in its header or not at all.
pub fn claim_of_sts(
    head: &RequestHead<'_>,
    body_hash: String,
    now: Timestamp,
    region: &str,
) -> Result<Option<SignedClaim>, S3Error> {
    head.check_lengths()?;
    let mut headers = head.headers.get_all("authorization").iter();
    let header = match (headers.next(), headers.next()) {
        (None, _) => return Ok(None),
        (Some(header), None) => header.to_str().unwrap_or_default(),
        (Some(header), Some(_)) => return Err(two_mechanisms(header.to_str().unwrap_or_default())),
    };
    let parts = authorization::parse_for(header, head, now, Endpoint::sts(region))?;
    check_coverage(head, &parts.signed_headers)?;
    Ok(Some(SignedClaim {
        parts: Parts {
            payload_hash: body_hash,
            ..parts
        },
        payload: PayloadMode::Unsigned,
        token: head.header(TOKEN).map(str::to_owned),
    }))
}

impl SignedClaim {
    /// The access key whose secret proves the claim. Any text without `/`.
    pub fn access_key(&self) -> &str {
        &self.parts.scope.access_key
    }

    /// The token of the session that signed it, where it brings one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// When it was made.
    pub fn signed_at(&self) -> Timestamp {
        self.parts.date.instant
    }

    /// What `x-amz-content-sha256` says that is signed.
    pub fn into_payload_hash(self) -> String {
        self.parts.payload_hash
    }

    /// How the body is framed and what vouches for it.
    pub fn payload(&self) -> PayloadMode {
        self.payload
    }

    /// Compares the signature, in constant time. What it returns verifies the chunks of a body that is
    /// signed chunk by chunk. The head must be the one that the claim was made of.
    pub fn verify(&self, head: &RequestHead<'_>, secret_key: &str) -> Result<ChunkSigner, S3Error> {
        let parts = &self.parts;
        let scope = parts.scope.to_string();
        let key = SigningKey::derive(secret_key, &parts.scope);
        let candidate = |accept_encoding| {
            let canonical =
                CanonicalRequest::new(head, &parts.signed_headers, &parts.payload_hash, accept_encoding)?;
            let string_to_sign = canonical.string_to_sign(&parts.date.text, &scope);
            Ok::<_, S3Error>((canonical, string_to_sign))
        };
        let matching = |string_to_sign: &str| {
            let signature = key.sign(string_to_sign);
            same_signature(&signature, parts.signature.as_bytes()).then_some(signature)
        };
        let (canonical, string_to_sign) = candidate(None)?;
        let mut signature = matching(&string_to_sign);
        if signature.is_none() {
            for encoding in self.encodings_before(head) {
                signature = signature.or(matching(&candidate(Some(encoding))?.1));
            }
        }
        match signature {
            Some(signature) => Ok(ChunkSigner::new(key, parts.date.text.clone(), scope, signature)),
            None => Err(self.mismatch(&canonical, &string_to_sign)),
        }
    }

    /// What `Accept-Encoding` may have been where it is signed: front ends of platforms and other proxies change it on the
    /// way. Nothing is done with it here, so it does not matter which.
    fn encodings_before<'h>(&self, head: &'h RequestHead<'_>) -> Vec<&'h str> {
        if !self
            .parts
            .signed_headers
            .iter()
            .any(|name| name == ACCEPT_ENCODING)
        {
            return Vec::new();
        }
        // What Google's front end appends.
        let sent = head.header(ACCEPT_ENCODING).unwrap_or_default();
        let before = sent.trim_end().strip_suffix("gzip(gfe)").map(str::trim_end);
        let before = before.map(|sent| sent.strip_suffix(',').unwrap_or(sent).trim_end());
        ["identity", "gzip"].into_iter().chain(before).collect()
    }

    fn mismatch(&self, canonical: &CanonicalRequest, string_to_sign: &str) -> S3Error {
        S3Error::new(ErrorCode::SignatureDoesNotMatch)
            .with("AWSAccessKeyId", self.access_key())
            .with("StringToSign", string_to_sign)
            .with("SignatureProvided", &self.parts.signature)
            .with("StringToSignBytes", spaced_hex(string_to_sign.as_bytes()))
            .with("CanonicalRequest", String::from_utf8_lossy(canonical.bytes()))
            .with("CanonicalRequestBytes", spaced_hex(canonical.bytes()))
    }
}

/// What need not be signed: the hash of the payload, which the signature covers by its value or which counts for nothing,
/// and what CloudFront adds, which is never read.
const MAY_BE_UNSIGNED: [&str; 2] = [CONTENT_SHA256, "x-amz-cf-id"];

/// `host` and every other `x-amz-*` header must be signed: otherwise whoever carries a request, or holds a
/// presigned URL, could add a header that changes what it does.
fn check_coverage(head: &RequestHead<'_>, signed: &[String]) -> Result<(), S3Error> {
    if signed.len() > MAX_SIGNED_HEADERS {
        return Err(S3Error::new(ErrorCode::RequestHeaderSectionTooLarge));
    }
    // Each would be written out once more for every time that it is named.
    let mut names: Vec<String> = signed.iter().map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "SignedHeaders names a header more than once.",
        ));
    }
    let missing: Vec<&str> = head
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-") && !MAY_BE_UNSIGNED.contains(name))
        .chain(["host"])
        .filter(|name| !signed.iter().any(|signed| signed == name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(S3Error::message(
        ErrorCode::AccessDenied,
        "There were headers present in the request which were not signed",
    )
    .with("HeadersNotSigned", missing.join(", ")))
}

/// Where a session's token stands.
const TOKEN: &str = "X-Amz-Security-Token";

fn two_mechanisms(header: &str) -> S3Error {
    S3Error::invalid_argument(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
         parameter or the Authorization header should be specified",
        "Authorization",
        header,
    )
}

pub(in crate::protocol) fn version_2_unsupported() -> S3Error {
    S3Error::message(
        ErrorCode::InvalidRequest,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
}

fn spaced_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&hex([*byte]));
    }
    text
}
