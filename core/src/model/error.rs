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
    ($(
        $name:ident $status:literal $message:literal
        $(with [$($with:literal)*])? $(sometimes [$($sometimes:literal)*])? $(headers [$($header:literal)*])?,
    )*) => {
        /// Every S3 error code that BleepStore can answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are S3's, the meaning is the message beside each")]
        pub enum ErrorCode { $($name,)* }

        impl ErrorCode {
            /// All codes, in the order of the alphabet.
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

            /// The elements that every such error carries after `Message`, in order.
            pub const fn fields(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($($with,)*)?],)* }
            }

            /// The elements that such an error carries where they say something of its cause.
            pub const fn occasional_fields(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($($sometimes,)*)?],)* }
            }

            /// The headers that every response with such an error carries beside those of all responses, in lower case.
            pub const fn headers(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($($header,)*)?],)* }
            }
        }
    };
}

error_codes! {
    AccessControlListNotSupported 400 "The bucket does not allow ACLs",
    AccessDenied 403 "Access Denied"
        sometimes ["HeadersNotSigned" "X-Amz-Expires" "Expires" "ServerTime"],
    AccessForbidden 403 "Access Forbidden"
        with ["Method" "ResourceType"],
    AuthorizationHeaderMalformed 400 "The authorization header that you provided is not valid."
        sometimes ["Region"],
    AuthorizationQueryParametersError 400 "Error parsing the X-Amz-Credential parameter."
        sometimes ["Region"],
    BadDigest 400 "The Content-MD5 you specified did not match what we received."
        sometimes ["ExpectedDigest" "CalculatedDigest"],
    BadRequest 400 "Bad Request",
    BucketAlreadyExists 409 "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."
        with ["BucketName"],
    BucketAlreadyOwnedByYou 409 "Your previous request to create the named bucket succeeded and you already own it."
        with ["BucketName"],
    BucketNotEmpty 409 "The bucket you tried to delete is not empty"
        with ["BucketName"],
    EntityTooLarge 400 "Your proposed upload exceeds the maximum allowed size"
        with ["ProposedSize" "MaxSizeAllowed"],
    EntityTooSmall 400 "Your proposed upload is smaller than the minimum allowed size"
        with ["ProposedSize" "MinSizeAllowed"] sometimes ["PartNumber" "ETag"],
    ExpiredToken 400 "The provided token has expired."
        with ["Token-0"],
    IdempotencyParameterMismatch 400 "Parameters on this idempotent request are inconsistent with parameters used in previous request(s).",
    IllegalLocationConstraintException 400 "The specified location constraint is incompatible for the region specific endpoint this request was sent to.",
    IllegalVersioningConfigurationException 400 "The Versioning element must be specified",
    IncompleteBody 400 "You did not provide the number of bytes specified by the Content-Length HTTP header."
        sometimes ["NumberBytesExpected" "NumberBytesProvided"],
    InternalError 500 "We encountered an internal error. Please try again.",
    InvalidAccessKeyId 403 "The AWS access key ID that you provided does not exist in our records."
        with ["AWSAccessKeyId"],
    InvalidArgument 400 "Invalid Argument"
        with ["ArgumentName" "ArgumentValue"]
        sometimes ["ArgumentName1" "ArgumentValue1" "ArgumentName2" "ArgumentValue2" "ArgumentName3" "ArgumentValue3"],
    InvalidBucketAclWithObjectOwnership 400 "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    InvalidBucketName 400 "The specified bucket is not valid."
        with ["BucketName"],
    InvalidBucketState 409 "The request is not valid for the current state of the bucket.",
    InvalidChunkSizeError 403 "Only the last chunk is allowed to have a size less than 8192 bytes"
        with ["Chunk" "BadChunkSize"],
    InvalidDigest 400 "The Content-MD5 you specified was invalid."
        with ["Content-MD5"],
    InvalidLocationConstraint 400 "The specified location-constraint is not valid"
        with ["LocationConstraint"],
    InvalidPart 400 "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
        with ["UploadId" "PartNumber" "ETag"],
    InvalidPartNumber 416 "The requested partnumber is not satisfiable"
        with ["PartNumberRequested" "ActualPartCount"],
    InvalidPartOrder 400 "The list of parts was not in ascending order. Parts must be ordered by part number."
        with ["UploadId"],
    InvalidPolicyDocument 400 "The content of the form does not meet the conditions specified in the policy document.",
    InvalidRange 416 "The requested range is not satisfiable"
        with ["RangeRequested" "ActualObjectSize"]
        headers ["content-range"],
    InvalidRedirectLocation 400 "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
    InvalidRequest 400 "Invalid Request",
    InvalidStorageClass 400 "The storage class you specified is not valid"
        with ["StorageClassRequested"],
    InvalidTag 400 "The tag provided was not a valid tag. This error can occur if the tag did not pass input validation."
        sometimes ["TagKey" "TagValue"],
    InvalidToken 400 "The provided token is malformed or otherwise invalid."
        with ["Token-0"],
    InvalidURI 400 "Couldn't parse the specified URI."
        sometimes ["URI"],
    InvalidWriteOffset 400 "The write offset value that you specified does not match the current object size.",
    KeyTooLongError 400 "Your key is too long"
        with ["Size" "MaxSizeAllowed"],
    MalformedACLError 400 "The XML you provided was not well-formed or did not validate against our published schema",
    MalformedPolicy 400 "Policy has invalid resource",
    MalformedPOSTRequest 400 "The body of your POST request is not well-formed multipart/form-data.",
    MalformedTrailerError 400 "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    MalformedXML 400 "The XML you provided was not well-formed or did not validate against our published schema",
    MaxMessageLengthExceeded 400 "Your request was too big."
        with ["MaxMessageLengthBytes"],
    MaxPostPreDataLengthExceededError 400 "Your POST request fields preceding the upload file were too large.",
    MetadataTooLarge 400 "Your metadata headers exceed the maximum allowed metadata size"
        with ["Size" "MaxSizeAllowed"],
    MethodNotAllowed 405 "The specified method is not allowed against this resource."
        with ["Method" "ResourceType"]
        headers ["allow"],
    MissingContentLength 411 "You must provide the Content-Length HTTP header.",
    MissingRequestBodyError 400 "Request Body is empty",
    MissingSecurityHeader 400 "Your request was missing a required header"
        with ["MissingHeaderName"],
    NoSuchBucket 404 "The specified bucket does not exist"
        with ["BucketName"],
    NoSuchBucketPolicy 404 "The bucket policy does not exist"
        with ["BucketName"],
    NoSuchConfiguration 404 "The specified configuration does not exist.",
    NoSuchCORSConfiguration 404 "The CORS configuration does not exist"
        with ["BucketName"],
    NoSuchKey 404 "The specified key does not exist."
        with ["Key"],
    NoSuchLifecycleConfiguration 404 "The lifecycle configuration does not exist"
        with ["BucketName"],
    NoSuchPublicAccessBlockConfiguration 404 "The public access block configuration was not found"
        with ["BucketName"],
    NoSuchTagSet 404 "The TagSet does not exist"
        with ["BucketName"],
    NoSuchUpload 404 "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
        with ["UploadId"],
    NoSuchVersion 404 "The specified version does not exist."
        sometimes ["Key" "VersionId"],
    NoSuchWebsiteConfiguration 404 "The specified bucket does not have a website configuration"
        with ["BucketName"],
    NotImplemented 501 "A header you provided implies functionality that is not implemented"
        sometimes ["Header" "additionalMessage"],
    NotModified 304 "Not Modified"
        headers ["etag" "last-modified"],
    ObjectLockConfigurationNotFoundError 404 "Object Lock configuration does not exist for this bucket"
        with ["BucketName"],
    OwnershipControlsNotFoundError 404 "The bucket ownership controls were not found"
        with ["BucketName"],
    PreconditionFailed 412 "At least one of the pre-conditions you specified did not hold"
        with ["Condition"],
    ReplicationConfigurationNotFoundError 404 "The replication configuration was not found"
        with ["BucketName"],
    RequestHeaderSectionTooLarge 400 "Your request header section exceeds the maximum allowed size.",
    RequestTimeout 400 "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.",
    RequestTimeTooSkewed 403 "The difference between the request time and the server's time is too large."
        with ["RequestTime" "ServerTime" "MaxAllowedSkewMilliseconds"],
    ServiceUnavailable 503 "Service is unable to handle request.",
    SignatureDoesNotMatch 403 "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        sometimes ["AWSAccessKeyId" "StringToSign" "SignatureProvided" "StringToSignBytes" "CanonicalRequest" "CanonicalRequestBytes"],
    SlowDown 503 "Please reduce your request rate.",
    TooManyParts 400 "You have attempted to add more parts than the maximum of 10000 that are allowed for this object.",
    UnexpectedContent 400 "This request does not support content",
    XAmzContentSHA256Mismatch 400 "The provided 'x-amz-content-sha256' header does not match what was computed."
        with ["ClientComputedContentSHA256" "S3ComputedContentSHA256"],
}

impl ErrorCode {
    /// Whether [`ErrorCode::message`] was seen in an answer of AWS's, word for word. The others are those of its
    /// documentation, or our own.
    pub const fn is_seen(self) -> bool {
        matches!(
            self,
            Self::AccessDenied
                | Self::AccessControlListNotSupported
                | Self::BadDigest
                | Self::BucketAlreadyOwnedByYou
                | Self::BucketNotEmpty
                | Self::EntityTooLarge
                | Self::EntityTooSmall
                | Self::IllegalVersioningConfigurationException
                | Self::InternalError
                | Self::InvalidBucketName
                | Self::InvalidDigest
                | Self::InvalidPart
                | Self::InvalidPartNumber
                | Self::InvalidPartOrder
                | Self::InvalidRange
                | Self::InvalidStorageClass
                | Self::MalformedACLError
                | Self::MalformedXML
                | Self::MethodNotAllowed
                | Self::MissingSecurityHeader
                | Self::NoSuchBucket
                | Self::NoSuchBucketPolicy
                | Self::NoSuchConfiguration
                | Self::NoSuchCORSConfiguration
                | Self::NoSuchKey
                | Self::NoSuchLifecycleConfiguration
                | Self::NoSuchPublicAccessBlockConfiguration
                | Self::NoSuchTagSet
                | Self::NoSuchUpload
                | Self::NoSuchVersion
                | Self::NoSuchWebsiteConfiguration
                | Self::NotImplemented
                | Self::NotModified
                | Self::ObjectLockConfigurationNotFoundError
                | Self::OwnershipControlsNotFoundError
                | Self::PreconditionFailed
                | Self::ReplicationConfigurationNotFoundError
                | Self::SignatureDoesNotMatch
                | Self::UnexpectedContent
        )
    }
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
    /// Elements that S3 adds to this error's XML, in order: all of [`ErrorCode::fields`] and any of
    /// [`ErrorCode::occasional_fields`].
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
