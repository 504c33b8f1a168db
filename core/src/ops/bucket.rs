//! Operations on buckets.

use serde::Serialize;

use super::access::{Opened, denied, no_such_bucket};
use super::bucket_row::change_bucket;
use super::documents::Placing;
use super::format::raise_format;
use super::free::free_blob;
use super::page_reads::{PageReads, Read};
use super::rows::PAGE;
use super::{Caller, Context};
use crate::model::{
    Bucket, BucketDocuments, BucketId, BucketLayout, BucketName, BucketState, DocumentKind, ErrorCode,
    Format, NewBuckets, ObjectOwnership, Operation, PublicAccessBlock, RequestedAcl, Revision, S3Error,
    StoredDocument, Tags, Timestamp, Token, Versioning,
};
use crate::ports::{BucketRange, CreateBucketOutcome, DeleteBucketOutcome, StoreError, new_id};

/// What is said of a bucket that keeps versions and is not empty.
const VERSIONS_LEFT: &str =
    "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";

/// What CreateBucket is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateBucket {
    /// Where it is said to be.
    pub region: String,
    /// Who may do what with it.
    pub acl: RequestedAcl,
    /// Whom its objects belong to, where the request says so.
    pub ownership: Option<ObjectOwnership>,
    /// What is said of it where the request does not.
    pub defaults: NewBuckets,
    /// Its tags.
    pub tags: Tags,
}

/// Creates a bucket.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>. A bucket that the caller already owns is
/// `BucketAlreadyOwnedByYou`, but in us-east-1, where the request has no tags, the answer. Nothing is changed then: AWS
/// resets the bucket's list to what the request says, which could widen it.
pub async fn create_bucket(
    context: &Context,
    caller: &Caller,
    name: &BucketName,
    input: CreateBucket,
) -> Result<Bucket, S3Error> {
    caller.may(context, Operation::CreateBucket, Some(name))?;
    let mut bucket = Bucket {
        name: name.clone(),
        id: new_id(context.ports.entropy.as_ref(), BucketId::from_bytes),
        owner: caller.owner.clone(),
        acl: input.acl.of_bucket(&caller.owner),
        documents: BucketDocuments::default(),
        region: input.region,
        created: context.ports.clock.now(),
        state: BucketState::Active,
        revision: Revision(1),
        layout: BucketLayout::FIRST,
        versioning: None,
    };
    let (ownership, block) = match input.defaults {
        NewBuckets::Open => (input.ownership, None),
        NewBuckets::Private => (
            input.ownership.or(Some(ObjectOwnership::BucketOwnerEnforced)),
            Some(PublicAccessBlock::ALL),
        ),
    };
    if ownership == Some(ObjectOwnership::BucketOwnerEnforced) && !bucket.acl.is_for_alone(&bucket.owner) {
        return Err(ErrorCode::InvalidBucketAclWithObjectOwnership.into());
    }
    if block.is_some() && bucket.acl.is_public() {
        return Err(denied());
    }
    set_inline(&mut bucket, DocumentKind::OwnershipControls, ownership)?;
    set_inline(&mut bucket, DocumentKind::PublicAccessBlock, block)?;
    let kind = DocumentKind::Tagging;
    let mut tagging = Placing::of(None);
    if !input.tags.is_empty() {
        let value = serde_json::to_value(&input.tags).map_err(StoreError::internal)?;
        tagging = Placing::of(Some(value));
        let stored = tagging.place(context, &bucket, kind).await?;
        bucket.set_document(kind, stored);
    }
    let taken = match context.ports.metadata.create_bucket(&bucket).await? {
        CreateBucketOutcome::Created => return Ok(bucket),
        // The store's answer was lost, and it was asked again.
        CreateBucketOutcome::Exists(taken) if taken.id == bucket.id => return Ok(taken),
        CreateBucketOutcome::Exists(taken) => taken,
    };
    tagging.free_unless(context, None).await;
    if taken.owner.id != caller.owner.id {
        Err(S3Error::new(ErrorCode::BucketAlreadyExists).with("BucketName", name))
    } else if bucket.region == "us-east-1" && input.tags.is_empty() {
        Ok(taken)
    } else {
        Err(S3Error::new(ErrorCode::BucketAlreadyOwnedByYou).with("BucketName", name))
    }
}

/// Gives a new bucket a short document.
fn set_inline(
    bucket: &mut Bucket,
    kind: DocumentKind,
    document: Option<impl Serialize>,
) -> Result<(), S3Error> {
    if let Some(document) = document {
        let value = serde_json::to_value(document).map_err(StoreError::internal)?;
        bucket.set_document(kind, Some(StoredDocument::Inline(value)));
    }
    Ok(())
}

/// Begins to keep the versions of objects in `bucket`, which was opened for [`Operation::PutBucketVersioning`], or
/// ceases to. Writes that begin after this returns do so.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html>
pub async fn put_bucket_versioning(
    context: &Context,
    caller: &Caller,
    bucket: Opened,
    versioning: Versioning,
) -> Result<(), S3Error> {
    if bucket.versioning.is_none() {
        // First: a program that does not know versions would free what they name.
        raise_format(&context.ports, Format::VERSIONS).await?;
    }
    change_bucket(
        context,
        caller,
        Operation::PutBucketVersioning,
        bucket,
        |bucket| {
            bucket.bucket.set_versioning(versioning);
            Ok(())
        },
    )
    .await
}

/// Deletes a bucket that holds no objects. Open uploads go with it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html>
pub async fn delete_bucket(context: &Context, caller: &Caller, name: &BucketName) -> Result<(), S3Error> {
    let bucket = caller.bucket(context, Operation::DeleteBucket, name).await?;
    let token = new_id(context.ports.entropy.as_ref(), Token::from_bytes);
    match context
        .ports
        .metadata
        .delete_bucket(name, bucket.id, token)
        .await?
    {
        DeleteBucketOutcome::Deleted => {
            for (_, extent) in bucket.documents.blobs() {
                free_blob(context, extent.blob).await;
            }
            Ok(())
        }
        DeleteBucketOutcome::NotEmpty => {
            let error = match bucket.versioning {
                None => S3Error::new(ErrorCode::BucketNotEmpty),
                Some(_) => S3Error::message(ErrorCode::BucketNotEmpty, VERSIONS_LEFT),
            };
            Err(error.with("BucketName", name))
        }
        DeleteBucketOutcome::NoSuchBucket => Err(no_such_bucket(name)),
    }
}

/// What ListBuckets is asked.
#[derive(Clone, Debug)]
pub struct ListBuckets {
    /// Only names that start with this.
    pub prefix: String,
    /// Only names greater than this.
    pub after: Option<String>,
    /// Only buckets of this region.
    pub region: Option<String>,
    /// At most this many, 1 to 10,000.
    pub limit: usize,
    /// Whether the client asked for a page, and so knows that there may be more.
    pub pages: bool,
}

/// A bucket as ListBuckets shows it. Ten thousand of them are held at once, so nothing else is: not their lists, which
/// may have a hundred grants each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBucket {
    /// Its name.
    pub name: BucketName,
    /// When it was created.
    pub created: Timestamp,
    /// Where it is said to be.
    pub region: String,
}

/// What ListBuckets answers.
#[derive(Clone, Debug)]
pub struct ListBucketsOutput {
    /// Buckets in ascending order of their names.
    pub buckets: Vec<ListedBucket>,
    /// The name to go on after, where there are more. It may be that of a bucket that is not shown, and more may be none.
    pub next: Option<String>,
}

/// The caller's buckets.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>
pub async fn list_buckets(
    context: &Context,
    caller: &Caller,
    input: ListBuckets,
) -> Result<ListBucketsOutput, S3Error> {
    caller.may(context, Operation::ListBuckets, None)?;
    let mut buckets = Vec::new();
    let mut after = input.after;
    let mut reads = match input.pages {
        true => PageReads::new(false),
        false => PageReads::new(false).for_the_only_page(),
    };
    // One more than asked for tells whether there are more. Buckets of others and of other regions show nothing.
    while buckets.len() <= input.limit {
        if reads.are_spent() {
            return Ok(ListBucketsOutput { buckets, next: after });
        }
        let limit = PAGE.min(reads.size(input.limit + 1 - buckets.len()));
        let range = BucketRange {
            owner: Some(&caller.owner.id),
            prefix: &input.prefix,
            after: after.as_deref(),
        };
        let metadata = &context.ports.metadata;
        let page = metadata.scan_buckets(range, limit).await?;
        let in_region = |bucket: &Bucket| {
            input
                .region
                .as_ref()
                .is_none_or(|region| *region == bucket.region)
        };
        let listed = page
            .items
            .into_iter()
            .filter(in_region)
            .map(|bucket| ListedBucket {
                name: bucket.name,
                created: bucket.created,
                region: bucket.region,
            });
        let before = buckets.len();
        buckets.extend(listed);
        let Some(next) = page.next else { break };
        after = Some(next);
        let shown = buckets.len() - before;
        reads.note(Read {
            asked: limit,
            told: shown,
            shown,
            skips: false,
        });
    }
    let next = if buckets.len() > input.limit {
        buckets.truncate(input.limit);
        buckets.last().map(|bucket| bucket.name.to_string())
    } else {
        None
    };
    Ok(ListBucketsOutput { buckets, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CannedAcl;
    use crate::ops::tests::scene::{account, caller, context};

    async fn create(
        name: &str,
        ownership: Option<ObjectOwnership>,
        acl: CannedAcl,
    ) -> Result<Bucket, ErrorCode> {
        let input = CreateBucket {
            acl: RequestedAcl::Canned(acl),
            ownership,
            defaults: NewBuckets::Private,
            ..CreateBucket::default()
        };
        let name = BucketName::new(name).unwrap();
        let created = create_bucket(&context(1), &caller(account('b')), &name, input).await;
        created.map_err(|error| error.code)
    }

    fn inline(bucket: &Bucket, kind: DocumentKind) -> serde_json::Value {
        match bucket.documents.get(kind) {
            Some(StoredDocument::Inline(value)) => value.clone(),
            other => panic!("{kind} is {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_new_bucket_is_private_where_the_store_says_so_and_its_creator_does_not() {
        let bucket = create("private", None, CannedAcl::Private).await.unwrap();
        let ownership = inline(&bucket, DocumentKind::OwnershipControls);
        assert_eq!(ownership, "BucketOwnerEnforced");
        let block = inline(&bucket, DocumentKind::PublicAccessBlock);
        assert_eq!(block, serde_json::to_value(PublicAccessBlock::ALL).unwrap());
        let public = create("public", None, CannedAcl::PublicRead).await;
        assert_eq!(
            public.unwrap_err(),
            ErrorCode::InvalidBucketAclWithObjectOwnership
        );
        let writer = Some(ObjectOwnership::ObjectWriter);
        let stated = create("stated", writer, CannedAcl::LogDeliveryWrite)
            .await
            .unwrap();
        assert_eq!(inline(&stated, DocumentKind::OwnershipControls), "ObjectWriter");
        let public = create("public", writer, CannedAcl::PublicRead).await;
        assert_eq!(public.unwrap_err(), ErrorCode::AccessDenied);
    }
}
