//! The documents that the owner of a bucket configures: in the bucket's row where they are short, else in blobs.
//!
//! A document's blob is named by one row only, and is written before that row. So it may be freed once the row names
//! another one; whoever still reads it finds the row changed.

use bytes::Bytes;
use serde_json::Value;

use super::access::{Opened, denied};
use super::bucket_row::{ATTEMPTS, Swapped, swap_row};
use super::document_reads::LONGEST;
use super::free::free_blob;
use super::manifest::write_bytes;
use super::{Caller, Context};
use crate::model::{
    Bucket, DocumentKind, ErrorCode, Extent, ObjectOwnership, Operation, S3Error, StoredDocument,
};
use crate::policy::{Policy, PolicyKind};
use crate::ports::StoreError;

/// How many bytes of documents lie in a bucket's row at most. Every request reads the row, and DynamoDB bills reads by
/// 4 KiB.
const INLINE: usize = 2 << 10;

/// Puts a document in the place of that of its kind in `bucket`, which was opened for `operation`; `None` takes away the one
/// that is there. `check` may refuse it in this bucket. Requests that begin after this returns see it.
pub async fn set_bucket_document(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    mut bucket: Opened,
    (kind, document): (DocumentKind, Option<Value>),
    check: fn(&Opened, &Value) -> Result<(), S3Error>,
) -> Result<(), S3Error> {
    let (mut placing, id) = (Placing::of(document), bucket.id);
    for attempt in 0..ATTEMPTS {
        if let Some(value) = &placing.value
            && let Err(error) = check(&bucket, value)
        {
            placing.free_unless(context, None).await;
            return Err(error);
        }
        let stored = placing.place(context, &bucket, kind).await?;
        if bucket.documents.get(kind) == stored.as_ref() {
            placing.free_unless(context, stored.as_ref()).await;
            return Ok(());
        }
        let mut changed = bucket.bucket;
        let displaced = changed.set_document(kind, stored.clone());
        // What fails with an unknown outcome may name the blob, so that all others leave theirs to gc too.
        match swap_row(context, changed, attempt).await? {
            Swapped::Done => {
                if let Some(extent) = displaced.as_ref().and_then(StoredDocument::blob) {
                    free_blob(context, extent.blob).await;
                }
                placing.free_unless(context, stored.as_ref()).await;
                return Ok(());
            }
            Swapped::Other(name, found) => {
                // One of that name that was created since is another bucket.
                let found = found.filter(|found| found.id == id);
                bucket = caller.open(context, operation, &name, found).await?;
            }
        }
    }
    placing.free_unless(context, bucket.documents.get(kind)).await;
    Err(ErrorCode::SlowDown.into())
}

/// Refuses ownership controls that take all meaning from the bucket's list where that grants something.
pub fn check_ownership(bucket: &Opened, stored: &Value) -> Result<(), S3Error> {
    let enforced = stored.as_str() == Some(ObjectOwnership::BucketOwnerEnforced.as_str());
    if enforced && !bucket.acl.is_for_alone(&bucket.owner) {
        return Err(ErrorCode::InvalidBucketAclWithObjectOwnership.into());
    }
    Ok(())
}

/// Refuses a public policy where the bucket blocks those.
pub fn check_policy(bucket: &Opened, stored: &Value) -> Result<(), S3Error> {
    if !bucket.blocks_public_policy() {
        return Ok(());
    }
    let text = stored.as_str().unwrap_or_default();
    let kind = PolicyKind::Bucket { name: &bucket.name };
    let policy = Policy::read(text.as_bytes(), kind).map_err(|error| StoreError::corrupt(error.0))?;
    if policy.is_public() { Err(denied()) } else { Ok(()) }
}

/// A document on its way to where it fits.
pub(super) struct Placing {
    value: Option<Value>,
    /// The blob that it was written to, if it had to be.
    written: Option<Extent>,
}

impl Placing {
    pub(super) const fn of(value: Option<Value>) -> Self {
        Self { value, written: None }
    }

    /// Where the document goes in this row.
    pub(super) async fn place(
        &mut self,
        context: &Context,
        bucket: &Bucket,
        kind: DocumentKind,
    ) -> Result<Option<StoredDocument>, S3Error> {
        let Some(value) = &self.value else {
            return Ok(None);
        };
        let text = value.to_string();
        if bucket.documents.inline_length_beside(kind) + text.len() <= INLINE {
            return Ok(Some(StoredDocument::Inline(value.clone())));
        }
        if text.len() as u64 > LONGEST {
            return Err(StoreError::internal(format!("the {kind} are too long")).into());
        }
        let extent = match self.written {
            Some(extent) => extent,
            None => write_bytes(&context.ports, bucket.id, Bytes::from(text)).await?,
        };
        self.written = Some(extent);
        Ok(Some(StoredDocument::Blob(extent)))
    }

    /// Frees the blob that was written, unless `kept` names it.
    pub(super) async fn free_unless(&self, context: &Context, kept: Option<&StoredDocument>) {
        match self.written {
            Some(extent) if kept.and_then(StoredDocument::blob) != Some(&extent) => {
                free_blob(context, extent.blob).await;
            }
            _ => {}
        }
    }
}
