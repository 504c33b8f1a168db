//! What buckets are as websites. Whoever asks needs no right: what they see of objects is decided as every read is.

use super::Context;
use super::access::no_such_bucket;
use super::document_reads::bucket_document;
use crate::model::{BucketName, DocumentKind, ErrorCode, S3Error, WebsiteConfiguration};
use crate::rows::read_stored;

/// What the bucket of that name is as a website; `NoSuchWebsiteConfiguration` where it is none. Reads the bucket's row,
/// and its document where that has a blob for itself.
pub async fn bucket_website(context: &Context, name: &BucketName) -> Result<WebsiteConfiguration, S3Error> {
    let bucket = context.ports.metadata.bucket(name).await?;
    let bucket = bucket.ok_or_else(|| no_such_bucket(name))?;
    match bucket_document(context, &bucket, DocumentKind::Website).await? {
        Some(stored) => Ok(read_stored(stored)?),
        None => Err(S3Error::new(ErrorCode::NoSuchWebsiteConfiguration).with("BucketName", name)),
    }
}
