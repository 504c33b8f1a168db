//! From an HTTP request to an operation's input, and from its output to an HTTP response.

mod acl;
mod bucket;
mod copy_object;
mod cors;
mod delete;
mod documents;
mod get_object;
mod list_objects;
mod list_uploads;
mod multipart;
mod object_attributes;
mod policy;
mod post_object;
mod put_object;
mod rename_object;
mod response;
mod tagging;
mod unbuilt;
mod versioning;
mod website;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Response};
use http_body::Body as _;

use crate::body::{Body, Held, HeldBodies};
use crate::config::Settings;
use crate::model::{
    BucketName, ChecksumAlgorithm, ErrorCode, Operation, RequestedAcl, S3Error, Timestamp, UploadId,
};
use crate::ops::{Caller, Context, Incoming, Target};
use crate::ports::Clock;
use crate::protocol::headers::{AclSubject, refuse_misplaced_headers, refuse_unbuilt_headers, requested_acl};
use crate::protocol::payload::DeclaredBody;
use crate::protocol::query::Query;
use crate::protocol::route::{Route, read_version_id};
use crate::served::Client;

pub(crate) use self::cors::let_origin_read;
pub(crate) use self::post_object::Posted;
pub(crate) use self::website::{Visit, visit};

/// The answer to one request.
type Answer = Result<Response<Body>, S3Error>;

/// How long a document may take to arrive, however it trickles in: meanwhile it holds memory.
const DOCUMENT_WITHIN: Duration = Duration::from_secs(300);

/// The XML body of a request.
struct Document {
    bytes: Bytes,
    held: Held,
}

impl Document {
    /// What `read` finds in it, which takes the memory of the bytes over until the second is dropped.
    fn read<T>(self, read: impl FnOnce(&[u8]) -> Result<T, S3Error>) -> Result<(T, Held), S3Error> {
        Ok((read(&self.bytes)?, self.held))
    }
}

/// The body, which fails where it takes too long.
pub(crate) fn hurried(body: Body, clock: Arc<dyn Clock>) -> Body {
    if body.is_empty() {
        return body;
    }
    let begun = clock.elapsed();
    let length = body.size_hint().exact();
    let pieces = body.into_stream().map(move |piece| {
        if clock.elapsed().saturating_sub(begun) <= DOCUMENT_WITHIN {
            return piece;
        }
        let error = io::Error::new(io::ErrorKind::TimedOut, "the document takes too long to arrive");
        Err(error.into())
    });
    Body::stream(pieces, length)
}

/// A request whose signature, if it has one, was verified, and what it asks for.
pub(crate) struct Call<'a> {
    pub(crate) context: &'a Context,
    pub(crate) settings: &'a Settings,
    pub(crate) held_bodies: &'a Arc<HeldBodies>,
    pub(crate) caller: Caller,
    pub(crate) route: Route,
    pub(crate) query: Arc<Query>,
    pub(crate) head: &'a Parts,
    pub(crate) declared: DeclaredBody,
    pub(crate) body: Body,
}

/// The answer to a request that needs nothing: it is the same for everybody.
pub(crate) async fn answer_anyone(context: &Context, route: &Route, headers: &HeaderMap) -> Answer {
    match route.operation {
        Operation::PreflightRequest => Box::pin(cors::answer_preflight(context, route, headers)).await,
        other => Err(other.not_implemented()),
    }
}

/// Carries out the call.
pub(crate) async fn answer(call: Call<'_>) -> Answer {
    if call.route.operation.is_built() {
        refuse_unbuilt_headers(call.route.operation, call.headers())?;
        refuse_misplaced_headers(call.route.operation, call.headers())?;
    }
    // What is rare lies on the heap: the future of every request is as large as the largest of those here.
    match call.route.operation {
        Operation::ListBuckets => bucket::list_buckets(&call).await,
        Operation::CreateBucket => Box::pin(bucket::create_bucket(call)).await,
        Operation::HeadBucket => bucket::head_bucket(&call).await,
        Operation::DeleteBucket => Box::pin(bucket::delete_bucket(&call)).await,
        Operation::GetBucketLocation => bucket::get_bucket_location(&call).await,
        Operation::GetBucketAcl => acl::get_bucket_acl(&call).await,
        Operation::PutBucketAcl => Box::pin(acl::put_bucket_acl(call)).await,
        Operation::GetObjectAcl => acl::get_object_acl(&call).await,
        Operation::PutObjectAcl => Box::pin(acl::put_object_acl(call)).await,
        Operation::GetObjectTagging => tagging::get_object_tagging(&call).await,
        Operation::PutObjectTagging => Box::pin(tagging::put_object_tagging(call)).await,
        Operation::DeleteObjectTagging => Box::pin(tagging::delete_object_tagging(call)).await,
        Operation::PutObject => put_object::put_object(call).await,
        Operation::GetObject => get_object::get_object(&call).await,
        Operation::HeadObject => get_object::head_object(&call).await,
        Operation::CopyObject => Box::pin(copy_object::copy_object(&call)).await,
        Operation::RenameObject => Box::pin(rename_object::rename_object(&call)).await,
        Operation::DeleteObject => delete::delete_object(&call).await,
        Operation::DeleteObjects => Box::pin(delete::delete_objects(call)).await,
        Operation::ListObjects => list_objects::list_objects(&call).await,
        Operation::GetObjectAttributes => Box::pin(object_attributes::get_object_attributes(&call)).await,
        Operation::ListObjectsV2 => list_objects::list_objects_v2(&call).await,
        Operation::CreateMultipartUpload => Box::pin(multipart::create_multipart_upload(&call)).await,
        Operation::UploadPart => multipart::upload_part(call).await,
        Operation::UploadPartCopy => Box::pin(multipart::upload_part_copy(&call)).await,
        Operation::CompleteMultipartUpload => Box::pin(multipart::complete_multipart_upload(call)).await,
        Operation::AbortMultipartUpload => multipart::abort_multipart_upload(&call).await,
        Operation::ListParts => list_uploads::list_parts(&call).await,
        Operation::ListMultipartUploads => list_uploads::list_multipart_uploads(&call).await,
        Operation::GetBucketVersioning => versioning::get_bucket_versioning(&call).await,
        Operation::PutBucketVersioning => Box::pin(versioning::put_bucket_versioning(call)).await,
        Operation::ListObjectVersions => Box::pin(versioning::list_object_versions(&call)).await,
        Operation::GetBucketPolicyStatus => Box::pin(policy::get_bucket_policy_status(&call)).await,
        _ => Box::pin(documents::answer(call)).await,
    }
}

/// Carries out the call of PostObject, whose head has the fields of the form for headers.
pub(crate) async fn answer_form(call: Call<'_>, posted: Posted) -> Answer {
    refuse_unbuilt_headers(call.route.operation, call.headers())?;
    post_object::post_object(call, posted).await
}

impl Call<'_> {
    /// How the client came, as URLs begin: `http` where nobody knows.
    fn scheme(&self) -> &'static str {
        match self.encrypted() {
            Some(true) => "https",
            Some(false) | None => "http",
        }
    }

    /// Whether the client came by TLS, where that is known.
    fn encrypted(&self) -> Option<bool> {
        let client: &Client = self.head.extensions.get()?;
        client.encrypted
    }

    /// The host that the client addressed, as it wrote it; empty where it named none.
    fn host(&self) -> &str {
        let host = self.headers().get(HOST);
        host.and_then(|host| host.to_str().ok()).unwrap_or_default()
    }

    fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    fn now(&self) -> Timestamp {
        self.context.ports.clock.now()
    }

    /// The bucket, which the route of every operation on one has.
    fn bucket(&self) -> Result<&BucketName, S3Error> {
        self.route
            .bucket
            .as_ref()
            .ok_or_else(|| S3Error::new(ErrorCode::InvalidURI))
    }

    /// The object, or the version of it that the request names; the route of every operation on one has it.
    fn target(&self) -> Result<Target, S3Error> {
        match (&self.route.bucket, &self.route.key) {
            (Some(bucket), Some(key)) => {
                let version = self.query.get("versionId");
                Ok(Target {
                    bucket: bucket.clone(),
                    key: key.clone(),
                    version: version
                        .map(|version| read_version_id(version, "versionId"))
                        .transpose()?,
                })
            }
            _ => Err(S3Error::new(ErrorCode::InvalidURI)),
        }
    }

    /// The list that a new object shall have.
    fn object_acl(&self) -> Result<RequestedAcl, S3Error> {
        Ok(requested_acl(self.headers(), AclSubject::Object)?.unwrap_or_default())
    }

    /// The upload that the query names. An id that was never given out is an upload that does not exist.
    fn upload_id(&self) -> Result<UploadId, S3Error> {
        let text = self.query.get("uploadId").unwrap_or_default();
        text.parse()
            .map_err(|_| S3Error::new(ErrorCode::NoSuchUpload).with("UploadId", text))
    }

    /// A query parameter that is a number of 0 to 2³¹ - 1, cut to `most`. An empty one counts as none.
    fn number(&self, name: &'static str, most: usize) -> Result<Option<usize>, S3Error> {
        let text = self.query.get(name).filter(|text| !text.is_empty());
        text.map(|text| bounded_number(name, text, most)).transpose()
    }

    /// The body of an XML request, verified, of at most `limit` bytes. Whoever asks for it knows that the caller may do
    /// what the request is for.
    async fn document(self, limit: usize) -> Result<Document, S3Error> {
        let mut held = self.held_bodies.hold(&self.caller.owner.id);
        let body = hurried(self.body, Arc::clone(&self.context.ports.clock));
        let bytes = self.declared.collect(body, limit, &mut held).await?;
        Ok(Document { bytes, held })
    }

    /// The body of an upload, as a stream that verifies it. `default` is the checksum to compute where the client
    /// sends none.
    fn incoming(self, default: ChecksumAlgorithm) -> Result<Incoming, S3Error> {
        self.settings.limits.check_request(self.declared.length()?)?;
        let body = self.declared.open(self.body, Some(default))?;
        Ok(Incoming {
            stream: body.stream,
            length: Some(body.length),
            digests: body.digests,
        })
    }
}

/// The argument `name` as a number of 0 to 2³¹ - 1, cut to `most`.
fn bounded_number(name: &'static str, text: &str, most: usize) -> Result<usize, S3Error> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<i32>() {
        Ok(number) if digits => Ok(usize::try_from(number).unwrap_or(most).min(most)),
        _ => Err(S3Error::invalid_argument(
            format!("Argument {name} must be an integer between 0 and 2147483647"),
            name,
            text,
        )),
    }
}
