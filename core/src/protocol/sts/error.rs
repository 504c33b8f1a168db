//! STS's errors.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>

use std::borrow::Cow;

use super::NAMESPACE;
use crate::model::{ErrorCode, S3Error};
use crate::protocol::xml::document_in;

macro_rules! sts_codes {
    ($($name:ident $status:literal,)*) => {
        /// Every error code that STS answers here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are AWS's")]
        pub enum StsCode { $($name,)* }

        impl StsCode {
            /// The code as STS spells it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The HTTP status that goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

sts_codes! {
    AccessDenied 403,
    ExpiredToken 403,
    ExpiredTokenException 400,
    IDPCommunicationError 400,
    IncompleteSignature 400,
    InternalFailure 500,
    InvalidAction 400,
    InvalidClientTokenId 403,
    InvalidIdentityToken 400,
    MalformedPolicyDocument 400,
    MalformedQueryString 404,
    MissingAction 400,
    MissingAuthenticationToken 403,
    NotImplemented 501,
    PackedPolicyTooLarge 400,
    RequestEntityTooLarge 413,
    RequestTimeout 400,
    ServiceUnavailable 503,
    SignatureDoesNotMatch 403,
    ValidationError 400,
}

/// An error of STS.
#[derive(Debug)]
pub struct StsError {
    /// The code.
    pub code: StsCode,
    /// What the client is told.
    pub message: Cow<'static, str>,
    /// What it came of, for the log.
    pub cause: Option<Box<S3Error>>,
}

impl StsError {
    /// An error with that message.
    pub fn new(code: StsCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            cause: None,
        }
    }
}

/// What STS says where S3 says that: of signatures, of tokens, of bodies and of stores.
impl From<S3Error> for StsError {
    fn from(error: S3Error) -> Self {
        let (code, message) = match error.code {
            ErrorCode::InvalidAccessKeyId | ErrorCode::InvalidToken => (
                StsCode::InvalidClientTokenId,
                "The security token included in the request is invalid.".into(),
            ),
            ErrorCode::ExpiredToken => (
                StsCode::ExpiredToken,
                "The security token included in the request is expired".into(),
            ),
            ErrorCode::SignatureDoesNotMatch => (
                StsCode::SignatureDoesNotMatch,
                "The request signature we calculated does not match the signature you provided. Check your AWS \
                 Secret Access Key and signing method. Consult the service documentation for details."
                    .into(),
            ),
            ErrorCode::RequestTimeTooSkewed => {
                let field = |name| {
                    let found = error.fields.iter().find(|(field, _)| *field == name);
                    found.map_or("", |(_, value)| value.as_str())
                };
                let message = format!(
                    "Signature not yet current or expired: {} is more than 15 min. from {}",
                    field("RequestTime"),
                    field("ServerTime")
                );
                (StsCode::SignatureDoesNotMatch, message.into())
            }
            ErrorCode::AccessDenied => (StsCode::SignatureDoesNotMatch, error.message.clone()),
            ErrorCode::AuthorizationHeaderMalformed
                if error.fields.iter().any(|(name, _)| *name == "Region") =>
            {
                (
                    StsCode::SignatureDoesNotMatch,
                    "Credential should be scoped to a valid region.".into(),
                )
            }
            ErrorCode::MaxMessageLengthExceeded => (
                StsCode::RequestEntityTooLarge,
                "The request has more than 65536 bytes.".into(),
            ),
            ErrorCode::RequestTimeout => (StsCode::RequestTimeout, error.message.clone()),
            ErrorCode::NotImplemented => (StsCode::NotImplemented, error.message.clone()),
            code => match code.status() {
                503 => (StsCode::ServiceUnavailable, error.message.clone()),
                500.. => (StsCode::InternalFailure, error.message.clone()),
                _ => (StsCode::IncompleteSignature, error.message.clone()),
            },
        };
        Self {
            code,
            message,
            cause: Some(Box::new(error)),
        }
    }
}

/// The body that tells a client about `error`.
pub fn error_document(error: &StsError, request_id: &str) -> Vec<u8> {
    document_in(NAMESPACE, "ErrorResponse", |w| {
        w.element("Error", |w| {
            let of_the_sender = error.code.status() < 500;
            w.text("Type", if of_the_sender { "Sender" } else { "Receiver" });
            w.text("Code", error.code.as_str());
            w.text("Message", &error.message);
        });
        w.text("RequestId", request_id);
    })
}
