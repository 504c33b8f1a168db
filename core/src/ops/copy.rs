//! CopyObject: the destination names the source's blobs. Bytes move only for a checksum that cannot be had otherwise.

use super::access::{Opened, open_source};
use super::edit::{Head, Seen, change, failed_write_condition, replace, share, until_undisturbed};
use super::events::Asked;
use super::free::free_blob;
use super::get::read;
use super::inline::check_inline;
use super::layout::all_extents;
use super::manifest::crc64nvme_of_pages;
use super::put::{Incoming, Put, check_copied_length, commit_fresh, store_body};
use super::tags::ready_for;
use super::{Caller, Context, Target};
use crate::model::{
    Acl, Bucket, BucketLayout, Checksum, ChecksumAlgorithm, CommitId, Description, ETag, ErrorCode, Manifest,
    ObjectHeaders, ObjectRecord, Operation, Owner, RequestedAcl, S3Error, Tags, VersionId, VersionName,
    WriteCondition,
};
use crate::ports::new_id;

/// What replaces the source's headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replacement {
    /// All headers and user metadata (`x-amz-metadata-directive: REPLACE`); `None` copies the source's.
    pub headers: Option<ObjectHeaders>,
    /// The storage class, which is never copied: `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// Where visitors of a website are sent, which is never copied either.
    pub website_redirect: Option<String>,
    /// Whether the request names something that is never copied, so that a copy onto itself changes something.
    pub changes_uncopied: bool,
    /// Whether the copy asks for `AES256`.
    pub sse_s3: bool,
    /// The tags (`x-amz-tagging-directive: REPLACE`); `None` copies the source's.
    pub tags: Option<Tags>,
}

impl Replacement {
    fn tags_of_copy<'a>(&'a self, source: &'a ObjectRecord) -> &'a Tags {
        self.tags.as_ref().unwrap_or(&source.description.tags)
    }

    fn headers_of_copy(&self, source: &ObjectRecord) -> ObjectHeaders {
        let headers = self.headers.as_ref().unwrap_or(&source.description.headers);
        ObjectHeaders {
            storage_class: self.storage_class.clone(),
            sse_s3: self.sse_s3,
            website_redirect: self.website_redirect.clone(),
            ..headers.clone()
        }
    }
}

/// What CopyObject is asked.
pub struct CopyObject<'a> {
    /// From where.
    pub source: Target,
    /// Whom the request acts for at the source's bucket.
    pub source_caller: Caller,
    /// To where.
    pub destination: Target,
    /// What the copy does not take over.
    pub replacement: Replacement,
    /// Who may do what with the copy: the source's list is never copied.
    pub acl: RequestedAcl,
    /// Decides the request's conditions about the source.
    pub check_source: &'a (dyn Fn(&ObjectRecord) -> Result<(), S3Error> + Sync),
    /// The checksum that the copy is to have; `None` copies the source's.
    pub checksum: Option<ChecksumAlgorithm>,
    /// What must hold of the destination at the moment of the commit.
    pub condition: WriteCondition,
}

/// What CopyObject answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The new object.
    pub record: ObjectRecord,
    /// The version that it is, where the bucket keeps versions.
    pub version: Option<VersionName>,
    /// The version that was copied, where it has an id.
    pub source: Option<VersionId>,
}

/// Copies an object of any size.
///
/// The source is marked as shared first, conditional on the commit that was read, and then the copy is committed,
/// born shared: a crash in between leaves a mark that only makes gc, and not an overwrite, free the bytes.
///
/// A checksum of another algorithm than the source's is combined of the blobs' where that is possible. Otherwise the bytes,
/// at most 5 GiB, pass once through memory to a blob of the copy's own, which then is an object that was put at once.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub async fn copy_object(
    context: &Context,
    caller: &Caller,
    input: CopyObject<'_>,
) -> Result<Copied, S3Error> {
    caller.admit(Operation::CopyObject)?;
    let (from, to) = (&input.source, &input.destination);
    let onto_itself = (&from.bucket, &from.key) == (&to.bucket, &to.key);
    let changes =
        input.replacement.headers.is_some() || input.replacement.changes_uncopied || input.checksum.is_some();
    // A version that is named is brought back, be it the current one.
    if onto_itself && !changes && from.version.is_none() {
        return Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    until_undisturbed(context, || copy_once(context, caller, &input, onto_itself)).await
}

/// Copies what is there now. `None` when it changed meanwhile.
async fn copy_once(
    context: &Context,
    caller: &Caller,
    input: &CopyObject<'_>,
    onto_itself: bool,
) -> Result<Option<Copied>, S3Error> {
    let operation = Operation::CopyObject;
    let (bucket, source) = open_source(context, &input.source_caller, operation, &input.source).await?;
    (input.check_source)(&source)?;
    // Where the bucket keeps versions, the one that is copied stays.
    if onto_itself && bucket.versioning.is_none() {
        update_in_place(context, caller, bucket.bucket, source, input).await
    } else {
        copy_across(context, caller, &bucket, source, input).await
    }
}

/// The bucket, ready for the copy, and whose that is, with its list; an error where the caller may not replace what
/// is under the key, or give the copy its tags.
async fn ready(
    context: &Context,
    caller: &Caller,
    mut bucket: Opened,
    replaced: Option<&ObjectRecord>,
    source: &ObjectRecord,
    input: &CopyObject<'_>,
) -> Result<(Opened, (Owner, Acl)), S3Error> {
    if !bucket.by_policy {
        caller.may_replace(&bucket, replaced)?;
    }
    let tags = input.replacement.tags_of_copy(source);
    if !tags.is_empty() {
        let caller = caller.saying(tags, None);
        caller.may_tag(context, &bucket, &input.destination.key)?;
    }
    let whose = bucket.rules().belong(&caller.owner, &input.acl, &bucket.owner)?;
    let headers = input.replacement.headers_of_copy(source);
    let layout = BucketLayout::of_objects_with(&headers, tags);
    bucket.bucket = ready_for(context, bucket.bucket, layout).await?;
    Ok((bucket, whose))
}

/// Commits the copy under another name. `None` when the source changed meanwhile.
async fn copy_across(
    context: &Context,
    caller: &Caller,
    source_bucket: &Bucket,
    source: ObjectRecord,
    input: &CopyObject<'_>,
) -> Result<Option<Copied>, S3Error> {
    let metadata = &context.ports.metadata;
    let source_id = source.version.and_then(|version| version.id);
    let found = metadata
        .lookup(&input.destination.bucket, &input.destination.key)
        .await?;
    let bucket = caller
        .open(context, Operation::CopyObject, &input.destination, found.bucket)
        .await?;
    let (bucket, whose) = ready(context, caller, bucket, found.object.as_ref(), &source, input).await?;
    let Some(content) = content(context, &bucket, &source, input).await? else {
        return Ok(None);
    };
    let fresh = content.fresh;
    let shares = !fresh && !matches!(source.manifest, Manifest::Inline(_));
    if shares && !share(metadata.as_ref(), source_bucket, &source).await? {
        return Ok(None);
    }
    let mut record = copy_of(context, whose, source, content, input);
    record.bucket = bucket.id;
    record.key = input.destination.key.clone();
    record.shared = shares;
    let seen = Seen::opened(bucket, Head::Read(found.object));
    let asked = Asked {
        caller,
        operation: Operation::CopyObject,
    };
    let version = if fresh {
        commit_fresh(context, asked, seen, &record, &input.condition).await?
    } else {
        let plan = Put {
            asked,
            record: &record,
            condition: &input.condition,
        };
        change(context, seen, &plan).await?.version()
    };
    Ok(Some(Copied {
        record,
        version,
        source: source_id,
    }))
}

/// Replaces the record by one with the same bytes, if it still is the one that was read. `None` when it is not.
async fn update_in_place(
    context: &Context,
    caller: &Caller,
    bucket: Bucket,
    source: ObjectRecord,
    input: &CopyObject<'_>,
) -> Result<Option<Copied>, S3Error> {
    let bucket = caller
        .open(context, Operation::CopyObject, &input.destination, Some(bucket))
        .await?;
    let (bucket, whose) = ready(context, caller, bucket, Some(&source), &source, input).await?;
    if !input.condition.holds(Some(&source.etag)) {
        return Err(failed_write_condition(&input.condition));
    }
    let Some(content) = content(context, &bucket, &source, input).await? else {
        return Ok(None);
    };
    let fresh = content.fresh;
    let mut record = copy_of(context, whose, source.clone(), content, input);
    record.shared = source.shared && !fresh;
    let written = || record.manifest.blobs().filter(|_| fresh);
    let asked = Asked {
        caller,
        operation: Operation::CopyObject,
    };
    match replace(context, &bucket, source, &record, Some(asked)).await {
        Ok(true) => Ok(Some(Copied {
            record,
            version: None,
            source: None,
        })),
        Ok(false) => {
            for blob in written() {
                free_blob(context, blob).await;
            }
            Ok(None)
        }
        Err(failure) => Err(failure.freeing(context, written()).await),
    }
}

/// What a copy holds.
struct Content {
    etag: ETag,
    checksum: Option<Checksum>,
    manifest: Manifest,
    /// Whether the bytes were written for the copy, and are not those of its source.
    fresh: bool,
}

/// The source's content with a checksum of the algorithm that is wanted. `None` when the source's bytes are gone.
async fn content(
    context: &Context,
    bucket: &Bucket,
    source: &ObjectRecord,
    input: &CopyObject<'_>,
) -> Result<Option<Content>, S3Error> {
    check_inline(&input.source.bucket, source)?;
    let with_checksum = |checksum| Content {
        etag: source.etag.clone(),
        checksum,
        manifest: source.manifest.clone(),
        fresh: false,
    };
    let stored = source.checksum.as_ref().map(|stored| stored.algorithm);
    let Some(algorithm) = input.checksum.filter(|wanted| stored != Some(*wanted)) else {
        return Ok(Some(with_checksum(source.checksum.clone())));
    };
    if algorithm == ChecksumAlgorithm::Crc64nvme && !matches!(source.manifest, Manifest::Inline(_)) {
        let Some(extents) = all_extents(&context.ports, &source.manifest).await? else {
            return Ok(None);
        };
        if let Some(checksum) = crc64nvme_of_pages(extents).await? {
            return Ok(Some(with_checksum(Some(checksum))));
        }
    }
    check_copied_length(source.size)?;
    let Some(bytes) = read(context, &input.source.bucket, source, 0..source.size).await? else {
        return Ok(None);
    };
    let body = Incoming::of_stored(context, bytes, source.size, Some(algorithm));
    let (manifest, digests) = store_body(context, bucket, body).await?;
    Ok(Some(Content {
        etag: ETag::from_md5(digests.md5),
        checksum: digests.checksum,
        manifest,
        fresh: true,
    }))
}

fn copy_of(
    context: &Context,
    (owner, acl): (Owner, Acl),
    source: ObjectRecord,
    content: Content,
    input: &CopyObject<'_>,
) -> ObjectRecord {
    let replacement = &input.replacement;
    let tags = replacement.tags_of_copy(&source).clone();
    let headers = replacement.headers_of_copy(&source);
    ObjectRecord {
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        last_modified: context.ports.clock.now(),
        etag: content.etag,
        checksum: content.checksum,
        manifest: content.manifest,
        description: Description {
            owner,
            acl,
            headers,
            tags,
        },
        version: None,
        ..source
    }
}
