//! AWS Signature Version 4 as a client makes it, with the signing key derived once a day.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::endpoint::Endpoint;

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// What every request signs, in the order of the alphabet: the last comes after what a request may have beside them.
const SIGNED_HEADERS: &str = "host;x-amz-content-sha256";
const LAST_SIGNED: &str = "x-amz-date";

/// What of a request its signature covers.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// In upper case.
    pub method: &'static str,
    /// Encoded, with its first `/`.
    pub path: &'a str,
    /// Encoded, its parameters in order, without `?`.
    pub query: &'a str,
    /// The SHA-256 of the body in hex, or what S3 takes in its place.
    pub sha256: &'a str,
    /// One more header, in lower case, that comes between `x-amz-content-sha256` and `x-amz-date` in the alphabet or
    /// after both.
    pub header: Option<(&'static str, &'a str)>,
}

impl Unsigned<'_> {
    /// The names of the signed headers.
    fn signed(&self) -> String {
        match self.header {
            None => format!("{SIGNED_HEADERS};{LAST_SIGNED}"),
            Some((name, _)) if name < LAST_SIGNED => format!("{SIGNED_HEADERS};{name};{LAST_SIGNED}"),
            Some((name, _)) => format!("{SIGNED_HEADERS};{LAST_SIGNED};{name}"),
        }
    }
}

/// Signs the requests of one connection.
pub struct Signer {
    endpoint: Endpoint,
    /// The second that `date` is of.
    second: u64,
    date: String,
    /// `{day}/{region}/s3/aws4_request`, and what signs in this scope.
    scope: String,
    key: Hmac<Sha256>,
    canonical: Vec<u8>,
}

impl Signer {
    /// A signer with the endpoint's keys.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            second: u64::MAX,
            date: String::new(),
            scope: String::new(),
            key: keyed(b""),
            canonical: Vec::with_capacity(1024),
        }
    }

    /// Writes the head of the request without its last, empty line.
    pub fn write_head(&mut self, request: Unsigned<'_>, head: &mut Vec<u8>) -> Result<(), String> {
        let second = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|error| format!("the clock is wrong: {error}"))?
            .as_secs();
        let authorization = self.authorization(second, request)?;
        let Unsigned {
            method,
            path,
            query,
            sha256,
            header,
        } = request;
        let mark = if query.is_empty() { "" } else { "?" };
        let (host, date) = (&self.endpoint.host, &self.date);
        write!(
            head,
            "{method} {path}{mark}{query} HTTP/1.1\r\nhost: {host}\r\nx-amz-content-sha256: {sha256}\r\n\
             x-amz-date: {date}\r\nauthorization: {authorization}\r\n"
        )
        .map_err(|error| error.to_string())?;
        if let Some((name, value)) = header {
            write!(head, "{name}: {value}\r\n").map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The header that proves the request at this second since 1970.
    pub fn authorization(&mut self, second: u64, request: Unsigned<'_>) -> Result<String, String> {
        if second != self.second {
            self.move_to(second)?;
        }
        let signature = self.signature(request).map_err(|error| error.to_string())?;
        Ok(format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.endpoint.access_key,
            self.scope,
            request.signed()
        ))
    }

    /// When the request was signed that was signed last, as `x-amz-date` says it.
    pub fn date(&self) -> &str {
        &self.date
    }

    fn signature(&mut self, request: Unsigned<'_>) -> io::Result<String> {
        let Unsigned {
            method,
            path,
            query,
            sha256,
            header,
        } = request;
        let (host, date) = (&self.endpoint.host, &self.date);
        let line = header.map(|(name, value)| format!("{name}:{value}\n"));
        let (before, after) = match (&line, header) {
            (Some(line), Some((name, _))) if name < LAST_SIGNED => (line.as_str(), ""),
            (Some(line), _) => ("", line.as_str()),
            (None, _) => ("", ""),
        };
        let signed = request.signed();
        self.canonical.clear();
        write!(
            self.canonical,
            "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{sha256}\n{before}x-amz-date:{date}\n{after}\n\
             {signed}\n{sha256}"
        )?;
        let hash = hex(&Sha256::digest(&self.canonical));
        self.canonical.clear();
        let scope = &self.scope;
        write!(self.canonical, "AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}")?;
        Ok(hex(&finished(self.key.clone(), &self.canonical)))
    }

    fn move_to(&mut self, second: u64) -> Result<(), String> {
        let wrong = |error: &dyn std::fmt::Display| format!("the clock is wrong: {error}");
        let time = i64::try_from(second).map_err(|error| wrong(&error))?;
        let time = OffsetDateTime::from_unix_timestamp(time).map_err(|error| wrong(&error))?;
        self.date = time.format(DATE).map_err(|error| wrong(&error))?;
        self.second = second;
        let day = &self.date[..8];
        if !self.scope.starts_with(day) {
            let key = finished(
                keyed(format!("AWS4{}", self.endpoint.secret_key).as_bytes()),
                day.as_bytes(),
            );
            let key = finished(keyed(&key), self.endpoint.region.as_bytes());
            let key = finished(keyed(&key), b"s3");
            self.key = keyed(&finished(keyed(&key), b"aws4_request"));
            self.scope = format!("{day}/{}/s3/aws4_request", self.endpoint.region);
        }
        Ok(())
    }
}

/// HMAC-SHA256 under this key. A key longer than a block is hashed (RFC 2104).
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0_u8; 64];
    if let Some(start) = block.get_mut(..key.len()) {
        start.copy_from_slice(key);
    } else {
        block[..32].copy_from_slice(&Sha256::digest(key));
    }
    Hmac::new(&block.into())
}

fn finished(mut mac: Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bleepstore_core::model::Timestamp;
    use bleepstore_core::protocol::sigv4::{Claim, RequestHead, claim};

    /// Signs a request in one second of 2013, and lets the core verify it.
    fn verified(path: &str, query: &str, secret_key: &str) -> bool {
        let mut signer = Signer::new(Endpoint::local(9000));
        let sha256 = hex(&Sha256::digest(b""));
        let request = Unsigned {
            method: "GET",
            path,
            query,
            sha256: &sha256,
            header: None,
        };
        let authorization = signer.authorization(1_369_353_600, request).unwrap();
        assert_eq!(signer.date(), "20130524T000000Z");
        let headers = [
            ("host", "127.0.0.1:9000"),
            ("x-amz-content-sha256", &sha256),
            ("x-amz-date", "20130524T000000Z"),
            ("authorization", &authorization),
        ];
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let head = RequestHead {
            method: "GET",
            raw_path: path,
            raw_query: query,
            headers: &headers,
        };
        let Ok(Claim::Signed(claim)) = claim(&head, Timestamp::from_seconds(1_369_353_600), "us-east-1")
        else {
            panic!("not a claim: {headers:?}");
        };
        claim.verify(&head, secret_key).is_ok()
    }

    #[test]
    fn what_it_signs_is_verified_under_its_secret_and_no_other() {
        let secret = Endpoint::local(9000).secret_key;
        assert!(verified("/bucket/key", "", &secret));
        assert!(verified("/bucket", "list-type=2&prefix=a%2F", &secret));
        assert!(!verified("/bucket/key", "", "another"));
    }
}
