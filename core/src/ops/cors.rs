//! What pages of other origins may do with a bucket. Whoever asks needs no right: browsers ask without a signature.

use super::Context;
use super::document_reads::bucket_document;
use crate::model::{BucketName, CorsConfiguration, DocumentKind, S3Error};
use crate::rows::read_stored;

/// What a bucket says of other origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketCors {
    /// There is no such bucket.
    NoBucket,
    /// Nothing.
    Off,
    /// That these rules decide.
    Rules(CorsConfiguration),
}

/// What the bucket of that name says of other origins. Reads the bucket's row, and its document where that has a blob
/// for itself.
pub async fn bucket_cors(context: &Context, name: &BucketName) -> Result<BucketCors, S3Error> {
    let Some(bucket) = context.ports.metadata.bucket(name).await? else {
        return Ok(BucketCors::NoBucket);
    };
    match bucket_document(context, &bucket, DocumentKind::Cors).await? {
        Some(stored) => Ok(BucketCors::Rules(read_stored(stored)?)),
        None => Ok(BucketCors::Off),
    }
}
