//! GetBucketOwnershipControls, PutBucketOwnershipControls and DeleteBucketOwnershipControls.

use http::StatusCode;

use super::response::{empty, xml};
use super::{Answer, Call};
use crate::model::{Bucket, ErrorCode, S3Error};
use crate::ops;
use crate::protocol::xml::{ownership_controls, read_ownership_controls};

/// The longest OwnershipControls.
const MAX_CONTROLS: usize = 64 << 10;

async fn open(call: &Call<'_>) -> Result<Bucket, S3Error> {
    ops::open_bucket(call.context, &call.caller, call.route.operation, call.bucket()?).await
}

pub(super) async fn get_bucket_ownership_controls(call: &Call<'_>) -> Answer {
    let bucket = open(call).await?;
    if bucket.states_ownership {
        return Ok(xml(ownership_controls()));
    }
    Err(S3Error::new(ErrorCode::OwnershipControlsNotFoundError).with("BucketName", &bucket.name))
}

pub(super) async fn put_bucket_ownership_controls(call: Call<'_>) -> Answer {
    let (context, caller) = (call.context, call.caller.clone());
    let bucket = open(&call).await?;
    call.document(MAX_CONTROLS).await?.read(read_ownership_controls)?;
    ops::state_ownership(context, &caller, bucket, true).await?;
    Ok(empty(StatusCode::OK))
}

pub(super) async fn delete_bucket_ownership_controls(call: &Call<'_>) -> Answer {
    let bucket = open(call).await?;
    ops::state_ownership(call.context, &call.caller, bucket, false).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
