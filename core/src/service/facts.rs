//! What policies may ask of a request.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html>

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use http::request::Parts;

use crate::model::{Operation, Tags, Timestamp, When};
use crate::ops::RequestFacts;
use crate::policy::ConditionKeys;
use crate::protocol::headers::{self, Directive};
use crate::protocol::query::Query;
use crate::served::Client;

/// The signature of a request.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    /// `AWS` or `AWS4-HMAC-SHA256`.
    pub(super) version: &'static str,
    /// Where it stands: `REST-HEADER`, `REST-QUERY-STRING` or `POST`.
    pub(super) place: &'static str,
    /// When it was made; now where it does not say so, as AWS has it of version 2.
    pub(super) at: Option<Timestamp>,
    /// What it says of the body, as `x-amz-content-sha256` does.
    pub(super) payload: Cow<'static, str>,
}

/// What a signature says that covers no body.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The id that the request was given, in its extensions.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) Arc<str>);

/// One request.
pub(super) struct Request {
    /// With what its query carries in place of headers.
    pub(super) head: Arc<Parts>,
    pub(super) query: Arc<Query>,
    /// `None` where it is none of S3's.
    pub(super) operation: Option<Operation>,
    pub(super) now: Timestamp,
    pub(super) signed: Option<Signed>,
    /// The tags that it gives its object. Those of a form are known; the others are read from their header when a
    /// policy first asks for them.
    pub(super) tags: OnceLock<Tags>,
}

impl Request {
    /// The text of a header, its repetitions joined, as operations read it. One that is sent empty counts as absent.
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self.head.headers.get_all(name).iter();
        let first = String::from_utf8_lossy(values.next()?.as_bytes());
        let text = values.fold(first, |text, value| {
            Cow::Owned(format!("{text},{}", String::from_utf8_lossy(value.as_bytes())))
        });
        (!text.is_empty()).then_some(text)
    }

    /// The tags that the request gives an object; `None` where it gives none, and where it copies those of its source.
    fn tags(&self) -> Option<&Tags> {
        let gives = match self.operation {
            Some(Operation::PutObject | Operation::PostObject | Operation::CreateMultipartUpload) => true,
            Some(Operation::CopyObject) => !self.asks(When::CopiesTags),
            _ => false,
        };
        let read = || headers::tagging(&self.head.headers).unwrap_or_default();
        let tags = gives.then(|| self.tags.get_or_init(read));
        tags.filter(|tags| !tags.is_empty())
    }

    fn client(&self) -> Option<&Client> {
        self.head.extensions.get()
    }

    fn one(&self, key: &str) -> Option<Cow<'_, str>> {
        let number = |number: i64| Some(Cow::Owned(number.to_string()));
        let text = |text: &'static str| Some(Cow::Borrowed(text));
        if let Some(header) = HEADERS.iter().find(|header| is_key_of(key, header)) {
            return self.header(header);
        }
        match key {
            // However the client writes it.
            "s3:x-amz-copy-source" => {
                let source = headers::copy_source(&self.head.headers).ok().flatten()?;
                Some(Cow::Owned(format!("{}/{}", source.bucket, source.key)))
            }
            "aws:currenttime" => Some(Cow::Owned(self.now.iso_8601())),
            "aws:epochtime" => number(self.now.seconds()),
            "aws:referer" => self.header("referer"),
            "aws:securetransport" => match self.client()?.encrypted? {
                true => text("true"),
                false => text("false"),
            },
            "aws:sourceip" => {
                let client = self.client().filter(|client| client.certain)?;
                Some(Cow::Owned(client.address.to_canonical().to_string()))
            }
            "aws:useragent" => self.header("user-agent"),
            "s3:authtype" => text(self.signed.as_ref()?.place),
            "s3:delimiter" | "s3:max-keys" | "s3:prefix" if self.lists() => {
                let value = self.query.get(key.trim_start_matches("s3:"))?;
                Some(Cow::Borrowed(value))
            }
            "s3:if-match" | "s3:if-none-match"
                if self.operation.is_some_and(|operation| !operation.only_reads()) =>
            {
                self.header(key.trim_start_matches("s3:"))
            }
            "s3:objectcreationoperation" => match self.operation {
                Some(
                    Operation::PutObject
                    | Operation::CopyObject
                    | Operation::CompleteMultipartUpload
                    | Operation::PostObject
                    | Operation::RenameObject,
                ) => text("true"),
                Some(
                    Operation::CreateMultipartUpload | Operation::UploadPart | Operation::UploadPartCopy,
                ) => text("false"),
                _ => None,
            },
            "s3:signatureage" => {
                let age = self.now.millis() - self.signed.as_ref()?.at?.millis();
                number(age.max(0))
            }
            "s3:signatureversion" => text(self.signed.as_ref()?.version),
            // What was signed, not what a header says beside it.
            "s3:x-amz-content-sha256" => Some(Cow::Borrowed(match &self.signed {
                Some(signed) => &signed.payload,
                None => UNSIGNED,
            })),
            _ => None,
        }
    }

    fn lists(&self) -> bool {
        matches!(
            self.operation,
            Some(
                Operation::ListObjects
                    | Operation::ListObjectsV2
                    | Operation::ListObjectVersions
                    | Operation::ListMultipartUploads
            )
        )
    }
}

/// Headers that are keys: `s3:` and the name.
const HEADERS: [&str; 13] = [
    "x-amz-acl",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

fn is_key_of(key: &str, header: &str) -> bool {
    key.strip_prefix("s3:") == Some(header)
}

/// The headers of object lock, whose keys have shorter names.
fn lock_header(key: &str) -> Option<&'static str> {
    Some(match key {
        "s3:object-lock-legal-hold" => "x-amz-object-lock-legal-hold",
        "s3:object-lock-mode" => "x-amz-object-lock-mode",
        "s3:object-lock-retain-until-date" => "x-amz-object-lock-retain-until-date",
        _ => return None,
    })
}

impl ConditionKeys for Request {
    fn values(&self, key: &str) -> Option<Vec<Cow<'_, str>>> {
        if let Some(name) = key.strip_prefix("s3:requestobjecttag/") {
            return Some(vec![Cow::Borrowed(self.tags()?.get(name)?)]);
        }
        if key == "s3:requestobjecttagkeys" {
            let names = self.tags()?.iter().map(|(name, _)| Cow::Borrowed(name));
            return Some(names.collect());
        }
        if let Some(header) = lock_header(key) {
            return Some(vec![self.header(header)?]);
        }
        Some(vec![self.one(key)?])
    }
}

impl RequestFacts for Request {
    fn request_id(&self) -> &str {
        let id = self.head.extensions.get::<RequestId>();
        id.map_or("", |RequestId(id)| id)
    }

    fn client_address(&self) -> Option<String> {
        Some(self.client()?.address.to_canonical().to_string())
    }

    fn asks(&self, when: When) -> bool {
        let has = |name: &str| self.header(name).is_some();
        match when {
            When::Always | When::Current => true,
            When::Version | When::CopiesTagsOfVersion => false,
            // Both tell whether an object has an entity tag.
            When::IfMatch => ["if-match", "if-none-match"]
                .into_iter()
                .any(|name| self.header(name).is_some_and(|value| value.trim() != "*")),
            When::Acl => {
                let mut names = self.head.headers.keys().map(http::HeaderName::as_str);
                names.any(|name| name == "x-amz-acl" || name.starts_with("x-amz-grant-"))
            }
            When::Tags => {
                self.tags().is_some()
                    || (self.operation != Some(Operation::PostObject) && has("x-amz-tagging"))
            }
            When::CopiesTags => {
                let directive = headers::tagging_directive(&self.head.headers);
                !matches!(directive, Ok(Directive::Replace))
            }
            When::Retention => has("x-amz-object-lock-mode"),
            When::LegalHold => has("x-amz-object-lock-legal-hold"),
            When::Bypass => self
                .header("x-amz-bypass-governance-retention")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
            When::Ownership => has("x-amz-object-ownership"),
            When::ObjectLock => self
                .header("x-amz-bucket-object-lock-enabled")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
        }
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
