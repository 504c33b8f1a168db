//! Operations on buckets.

use http::header::LOCATION;
use http::{HeaderName, StatusCode};

use super::response::{empty, set, xml};
use super::tagging::MAX_TAGGING;
use super::{Answer, Call};
use crate::model::{ErrorCode, Operation, S3Error, bucket_arn};
use crate::ops::{self, CreateBucket, ListBuckets};
use crate::protocol::headers::{self, AclSubject};
use crate::protocol::token;
use crate::protocol::xml::{document, read_create_bucket_configuration};

/// The longest CreateBucketConfiguration.
const MAX_CONFIGURATION: usize = MAX_TAGGING;

/// The most buckets on one page, and how many there are on one without `max-buckets`.
const MAX_BUCKETS: usize = 10_000;

const BUCKET_ARN: HeaderName = HeaderName::from_static("x-amz-bucket-arn");
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// The location constraints that S3 knows. <https://docs.aws.amazon.com/general/latest/gr/s3.html>
const CONSTRAINTS: [&str; 39] = [
    "EU",
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

pub(super) async fn list_buckets(call: &Call<'_>) -> Answer {
    let prefix = call.query.get("prefix").unwrap_or_default();
    let limit = match call.number("max-buckets", usize::MAX)? {
        None => MAX_BUCKETS,
        Some(limit @ 1..=MAX_BUCKETS) => limit,
        Some(other) => {
            return Err(S3Error::invalid_argument(
                "Argument max-buckets must be an integer between 1 and 10000",
                "max-buckets",
                other,
            ));
        }
    };
    let input = ListBuckets {
        prefix: prefix.to_owned(),
        after: call
            .query
            .get("continuation-token")
            .filter(|token| !token.is_empty())
            .map(token::read_name)
            .transpose()?,
        region: call.query.get("bucket-region").map(str::to_owned),
        limit,
        pages: ["max-buckets", "continuation-token"]
            .iter()
            .any(|name| call.query.has(name)),
    };
    let output = ops::list_buckets(call.context, &call.caller, input).await?;
    Ok(xml(document("ListAllMyBucketsResult", |root| {
        root.element("Owner", |owner| {
            owner.text("ID", &call.caller.owner.id);
            owner.text("DisplayName", &call.caller.owner.display_name);
        });
        root.element("Buckets", |buckets| {
            for bucket in &output.buckets {
                buckets.element("Bucket", |element| {
                    element.text("Name", &bucket.name);
                    element.text("CreationDate", bucket.created.iso_8601());
                    element.text("BucketRegion", &bucket.region);
                    element.text("BucketArn", bucket_arn(&bucket.name, &bucket.region));
                });
            }
        });
        root.optional("ContinuationToken", output.next.as_deref().map(token::of_name));
        root.optional("Prefix", call.query.get("prefix"));
    })))
}

pub(super) async fn create_bucket(call: Call<'_>) -> Answer {
    call.caller.admit(Operation::CreateBucket)?;
    let acl = headers::requested_acl(call.headers(), AclSubject::Bucket)?.unwrap_or_default();
    let ownership = headers::requested_ownership(call.headers())?;
    let name = call.bucket()?.clone();
    let (context, settings, caller) = (call.context, call.settings, call.caller.clone());
    settings.limits.check_bucket(&name)?;
    let body = call.document(MAX_CONFIGURATION).await?.bytes;
    let asked = read_create_bucket_configuration(&body)?;
    check_constraint(asked.location_constraint.as_deref(), &settings.region)?;
    let input = CreateBucket {
        region: settings.region.clone(),
        acl,
        ownership,
        defaults: settings.new_buckets,
        tags: asked.tags.clone(),
    };
    let location = asked
        .location_constraint
        .as_deref()
        .filter(|text| !text.is_empty());
    let caller = caller.saying(&input.tags, location);
    let bucket = ops::create_bucket(context, &caller, &name, input).await?;
    let mut response = empty(StatusCode::OK);
    set(response.headers_mut(), LOCATION, &format!("/{name}"))?;
    set(response.headers_mut(), BUCKET_ARN, &bucket.arn())?;
    Ok(response)
}

/// A bucket lives in the region of its deployment; the constraint of any other region is meant for another endpoint.
/// `us-east-1` is left out by clients, and no harm when it is not.
fn check_constraint(constraint: Option<&str>, region: &str) -> Result<(), S3Error> {
    let is_here = |constraint: &str| {
        // What eu-west-1 was called first.
        constraint.is_empty() || constraint == region || (constraint == "EU" && region == "eu-west-1")
    };
    let Some(constraint) = constraint.filter(|constraint| !is_here(constraint)) else {
        return Ok(());
    };
    if !CONSTRAINTS.contains(&constraint) {
        return Err(S3Error::new(ErrorCode::InvalidLocationConstraint).with("LocationConstraint", constraint));
    }
    let message = format!(
        "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to."
    );
    Err(S3Error::message(
        ErrorCode::IllegalLocationConstraintException,
        message,
    ))
}

pub(super) async fn head_bucket(call: &Call<'_>) -> Answer {
    let bucket = ops::open_bucket(call.context, &call.caller, Operation::HeadBucket, call.bucket()?).await?;
    let mut response = empty(StatusCode::OK);
    set(response.headers_mut(), BUCKET_REGION, &bucket.region)?;
    set(response.headers_mut(), BUCKET_ARN, &bucket.arn())?;
    set(
        response.headers_mut(),
        HeaderName::from_static("x-amz-access-point-alias"),
        "false",
    )?;
    Ok(response)
}

pub(super) async fn delete_bucket(call: &Call<'_>) -> Answer {
    ops::delete_bucket(call.context, &call.caller, call.bucket()?).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn get_bucket_location(call: &Call<'_>) -> Answer {
    let bucket = ops::open_bucket(
        call.context,
        &call.caller,
        Operation::GetBucketLocation,
        call.bucket()?,
    )
    .await?;
    Ok(xml(document("LocationConstraint", |root| {
        // us-east-1 has no constraint: the element is empty.
        if bucket.region != "us-east-1" {
            root.content(&bucket.region);
        }
    })))
}
