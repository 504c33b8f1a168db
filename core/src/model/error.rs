//! S3's errors as plain data. `protocol::error` writes them on the wire.
//!
//! Codes, statuses and messages are those of
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

macro_rules! error_codes {
    ($($name:ident $status:literal $message:literal,)*) => {
        /// Every S3 error code that BleepStore can answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are S3's, the meaning is the message beside each")]
        pub enum ErrorCode { $($name,)* }

        impl ErrorCode {
            /// All codes, for the catalogue in the documentation and its test.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as S3 spells it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The HTTP status that goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The message that S3 sends when there is nothing more particular to say.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

error_codes! {
    AccessDenied 403 "Access Denied",
    AccessForbidden 403 "Access Forbidden",
    AuthorizationHeaderMalformed 400 "The authorization header that you provided is not valid.",
    AuthorizationQueryParametersError 400 "Error parsing the X-Amz-Credential parameter.",
    BadDigest 400 "The Content-MD5 or checksum value that you specified did not match what the server received.",
    BadRequest 400 "Bad Request",
    BucketAlreadyExists 409 "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
    BucketAlreadyOwnedByYou 409 "Your previous request to create the named bucket succeeded and you already own it.",
    BucketNotEmpty 409 "The bucket you tried to delete is not empty.",
    EntityTooLarge 400 "Your proposed upload exceeds the maximum allowed size",
    EntityTooSmall 400 "Your proposed upload is smaller than the minimum allowed size",
    IllegalLocationConstraintException 400 "The specified location constraint is incompatible for the region specific endpoint this request was sent to.",
    IncompleteBody 400 "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    InternalError 500 "We encountered an internal error. Please try again.",
    InvalidAccessKeyId 403 "The AWS access key ID that you provided does not exist in our records.",
    InvalidArgument 400 "Invalid Argument",
    InvalidBucketName 400 "The specified bucket is not valid.",
    InvalidBucketState 409 "The request is not valid for the current state of the bucket.",
    InvalidChunkSizeError 403 "Only the last chunk is allowed to have a size less than 8192 bytes",
    InvalidDigest 400 "The Content-MD5 or checksum value that you specified is not valid.",
    InvalidLocationConstraint 400 "The specified location constraint is not valid.",
    InvalidPart 400 "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    InvalidPartNumber 416 "The requested partnumber is not satisfiable",
    InvalidPartOrder 400 "The list of parts was not in ascending order. The parts list must be specified in order by part number.",
    InvalidRange 416 "The requested range is not satisfiable",
    InvalidRequest 400 "Invalid Request",
    InvalidStorageClass 400 "The storage class you specified is not valid",
    InvalidToken 400 "The provided token is malformed or otherwise invalid.",
    InvalidURI 400 "Couldn't parse the specified URI.",
    KeyTooLongError 400 "Your key is too long",
    MalformedACLError 400 "The XML you provided was not well-formed or did not validate against our published schema",
    MalformedTrailerError 400 "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    MalformedXML 400 "The XML you provided was not well-formed or did not validate against our published schema",
    MaxMessageLengthExceeded 400 "Your request was too big.",
    MetadataTooLarge 400 "Your metadata headers exceed the maximum allowed metadata size",
    MethodNotAllowed 405 "The specified method is not allowed against this resource.",
    MissingContentLength 411 "You must provide the Content-Length HTTP header.",
    MissingRequestBodyError 400 "Request Body is empty",
    MissingSecurityHeader 400 "Your request was missing a required header",
    NoSuchBucket 404 "The specified bucket does not exist",
    NoSuchBucketPolicy 404 "The bucket policy does not exist",
    NoSuchConfiguration 404 "The specified configuration does not exist.",
    NoSuchCORSConfiguration 404 "The CORS configuration does not exist",
    NoSuchKey 404 "The specified key does not exist.",
    NoSuchLifecycleConfiguration 404 "The lifecycle configuration does not exist",
    NoSuchPublicAccessBlockConfiguration 404 "The public access block configuration was not found",
    NoSuchTagSet 404 "The TagSet does not exist",
    NoSuchUpload 404 "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    NoSuchVersion 404 "The specified version does not exist.",
    NoSuchWebsiteConfiguration 404 "The specified bucket does not have a website configuration",
    NotImplemented 501 "A header you provided implies functionality that is not implemented.",
    NotModified 304 "Not Modified",
    ObjectLockConfigurationNotFoundError 404 "Object Lock configuration does not exist for this bucket",
    OwnershipControlsNotFoundError 404 "The bucket ownership controls were not found",
    PreconditionFailed 412 "At least one of the pre-conditions you specified did not hold",
    ReplicationConfigurationNotFoundError 404 "The replication configuration was not found",
    RequestHeaderSectionTooLarge 400 "Your request header section exceeds the maximum allowed size.",
    RequestTimeout 400 "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.",
    RequestTimeTooSkewed 403 "The difference between the request time and the server's time is too large.",
    ServerSideEncryptionConfigurationNotFoundError 404 "The server side encryption configuration was not found",
    ServiceUnavailable 503 "Service is unable to handle request.",
    SignatureDoesNotMatch 403 "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    SlowDown 503 "Please reduce your request rate.",
    UnexpectedContent 400 "This request does not support content.",
    XAmzContentChecksumMismatch 400 "The provided checksum does not match the checksum of the data received.",
    XAmzContentSHA256Mismatch 400 "The provided 'x-amz-content-sha256' header does not match what was computed.",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An S3 error: what the client is told, and for the log the error underneath.
#[derive(Clone, Debug)]
pub struct S3Error {
    /// Decides the HTTP status.
    pub code: ErrorCode,
    /// What the client reads; never carries secrets or internals.
    pub message: Cow<'static, str>,
    /// Elements that S3 adds to this error's XML (`BucketName`, `ArgumentName`, …), in order.
    pub fields: Vec<(&'static str, String)>,
    /// Headers that S3 adds to this error's response, in order, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Sent as `Retry-After`, in whole seconds.
    pub retry_after: Option<Duration>,
    pub(crate) source: Option<Arc<dyn Error + Send + Sync>>,
}

impl S3Error {
    /// An error with the code's own message.
    pub fn new(code: ErrorCode) -> Self {
        Self {
            code,
            message: Cow::Borrowed(code.message()),
            fields: Vec::new(),
            headers: Vec::new(),
            retry_after: None,
            source: None,
        }
    }

    /// An error with a message of its own.
    pub fn message(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            ..Self::new(code)
        }
    }

    /// `InvalidArgument` about one argument, with the two elements that S3 adds to it.
    pub fn invalid_argument(
        message: impl Into<Cow<'static, str>>,
        name: &'static str,
        value: impl ToString,
    ) -> Self {
        Self::message(ErrorCode::InvalidArgument, message)
            .with("ArgumentName", name)
            .with("ArgumentValue", value)
    }

    /// `501 NotImplemented` that names the feature.
    pub fn not_implemented(feature: &str) -> Self {
        Self::message(
            ErrorCode::NotImplemented,
            format!("BleepStore does not implement {feature}."),
        )
    }

    /// Adds an element to the error's XML.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    /// Adds a header to the error's response. `name` is in lower case.
    pub fn with_header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Keeps the error underneath, for the log only.
    pub fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Error for S3Error {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

impl From<ErrorCode> for S3Error {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}
