//! PutObject.

use std::borrow::Cow;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::edit::{Change, Head, Plan, Seen, Step, change, expected, precondition_failed};
use super::events::Asked;
use super::pace::Pace;
use super::tags::ready_for;
use super::{Caller, Context, Target};
use crate::digest::{BodyHasher, DigestSlot, Digests};
use crate::model::{
    BlobId, BlobRef, Bucket, BucketId, BucketLayout, Checksum, ChecksumAlgorithm, CommitId, Description,
    ETag, ErrorCode, Extent, Layout, Manifest, ObjectHeaders, ObjectKey, ObjectKind, ObjectRecord, Operation,
    RequestedAcl, S3Error, Tags, VersionName, WriteCondition,
};
use crate::ports::{BlobStream, BodyStream, WriteError, new_id};

/// The largest body of one PutObject, PostObject or UploadPart: 5 GiB.
pub(crate) const MAX_BODY: u64 = 5 << 30;

/// `InvalidRequest` if a copy that reads its source would read more than one request may write.
pub(super) fn check_copied_length(length: u64) -> Result<(), S3Error> {
    if length <= MAX_BODY {
        return Ok(());
    }
    let message = format!(
        "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_BODY}"
    );
    Err(S3Error::message(ErrorCode::InvalidRequest, message))
}

/// A body on its way in. The stream verifies what the client declared of it and ends in an error if that
/// does not hold; when it ends well, `digests` is filled.
pub struct Incoming {
    /// The decoded bytes.
    pub stream: BodyStream,
    /// How many there will be, where that is known before their end. Otherwise the stream itself must end in an error
    /// after more than one request may have.
    pub length: Option<u64>,
    /// What is computed of them.
    pub digests: DigestSlot,
}

impl Incoming {
    /// Bytes that are stored already, on their way to another blob. They end in an error where that would take longer
    /// than a request may.
    pub(super) fn of_stored(
        context: &Context,
        bytes: BlobStream,
        length: u64,
        checksum: Option<ChecksumAlgorithm>,
    ) -> Self {
        let digests = DigestSlot::default();
        let pace = Pace::of(context, length);
        let state = (bytes, BodyHasher::new(checksum, false), digests.clone(), pace);
        let stream = stream::try_unfold(state, |(mut bytes, mut hasher, slot, mut pace)| async move {
            match bytes.try_next().await? {
                Some(piece) => {
                    pace.pass(piece.len())?;
                    hasher.update(&piece);
                    Ok(Some((piece, (bytes, hasher, slot, pace))))
                }
                None => {
                    slot.fill(hasher.finish().digests);
                    Ok(None)
                }
            }
        });
        Self {
            stream: stream.boxed(),
            length: Some(length),
            digests,
        }
    }

    /// `EntityTooLarge` if the declared length is over the limit of one request.
    pub(super) fn check_length(&self) -> Result<(), S3Error> {
        match self.length {
            Some(length) if length > MAX_BODY => Err(S3Error::new(ErrorCode::EntityTooLarge)
                .with("ProposedSize", length)
                .with("MaxSizeAllowed", MAX_BODY)),
            _ => Ok(()),
        }
    }

    fn digests(slot: &DigestSlot) -> Result<Digests, S3Error> {
        slot.take()
            .ok_or_else(|| S3Error::message(ErrorCode::InternalError, "The body was not verified."))
    }

    /// All bytes at once, for a body that is known to be small.
    pub(super) async fn collect(mut self) -> Result<(Bytes, Digests), S3Error> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = self.stream.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok((bytes.freeze(), Self::digests(&self.digests)?))
    }

    /// The bytes where there are at most `limit` of them, whatever is known of their length. Otherwise the same body
    /// again.
    async fn collect_at_most(mut self, limit: u64) -> Result<Result<(Bytes, Digests), Self>, S3Error> {
        if let Some(length) = self.length {
            return match length <= limit {
                true => self.collect().await.map(Ok),
                false => Ok(Err(self)),
            };
        }
        let mut bytes = BytesMut::new();
        while bytes.len() as u64 <= limit {
            match self.stream.next().await {
                Some(piece) => bytes.extend_from_slice(&piece?),
                None => return Ok(Ok((bytes.freeze(), Self::digests(&self.digests)?))),
            }
        }
        let read = stream::once(async move { Ok(bytes.freeze()) });
        self.stream = read.chain(self.stream).boxed();
        Ok(Err(self))
    }

    /// Writes the bytes to a fresh blob. An empty body makes no blob and no extent.
    pub(super) async fn store(
        self,
        context: &Context,
        bucket: BucketId,
    ) -> Result<(Option<Extent>, Digests), S3Error> {
        if self.length == Some(0) {
            let (_, digests) = self.collect().await?;
            return Ok((None, digests));
        }
        let blob = BlobRef {
            bucket,
            blob: new_id(context.ports.entropy.as_ref(), BlobId::from_bytes),
        };
        let written = context.ports.blobs.write(&blob, self.stream, self.length).await;
        match written {
            Ok(length) => {
                let digests = Self::digests(&self.digests)?;
                Ok((Some(Extent::whole(blob, length, digests.crc64nvme)), digests))
            }
            Err(WriteError::Body(error)) => Err(error),
            Err(WriteError::Store(error)) => Err(error.into()),
        }
    }
}

/// What PutObject is asked, or PostObject.
pub struct PutObject {
    /// Which of the two it is.
    pub operation: Operation,
    /// Where.
    pub target: Target,
    /// What to keep beside the bytes.
    pub headers: ObjectHeaders,
    /// Who may do what with it.
    pub acl: RequestedAcl,
    /// Its tags.
    pub tags: Tags,
    /// The bytes.
    pub body: Incoming,
    /// What must hold at the moment of the commit.
    pub condition: WriteCondition,
}

/// What PutObject answers.
pub struct PutObjectOutput {
    /// The new object's entity tag.
    pub etag: ETag,
    /// The checksum stored with it.
    pub checksum: Option<Checksum>,
    /// The version that it is, where the bucket keeps versions.
    pub version: Option<VersionName>,
}

/// Stores a body under a key. The body is not read before the caller is known to be allowed to; the object is
/// visible and durable when this returns, and not at all when it fails (but for an unknown outcome of the store).
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
pub async fn put_object(
    context: &Context,
    caller: &Caller,
    input: PutObject,
) -> Result<PutObjectOutput, S3Error> {
    let found = context
        .ports
        .metadata
        .lookup(&input.target.bucket, &input.target.key)
        .await?;
    let mut bucket = caller
        .open(context, input.operation, &input.target, found.bucket)
        .await?;
    if !bucket.by_policy {
        caller.may_replace(&bucket, found.object.as_ref())?;
    }
    let (owner, acl) = bucket.rules().belong(&caller.owner, &input.acl, &bucket.owner)?;
    input.body.check_length()?;
    let layout = BucketLayout::of_objects_with(&input.headers, &input.tags);
    bucket.bucket = ready_for(context, bucket.bucket, layout).await?;
    let (manifest, digests) = store_body(context, &bucket, input.body).await?;
    let record = ObjectRecord {
        bucket: bucket.id,
        key: input.target.key,
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        kind: ObjectKind::Object,
        etag: ETag::from_md5(digests.md5),
        size: digests.length,
        last_modified: context.ports.clock.now(),
        description: Description {
            owner,
            acl,
            headers: input.headers,
            tags: input.tags,
        },
        checksum: digests.checksum,
        shared: false,
        manifest,
        version: None,
    };
    let seen = Seen::opened(bucket, Head::Read(found.object));
    let asked = Asked {
        caller,
        operation: input.operation,
    };
    let version = commit_fresh(context, asked, seen, &record, &input.condition).await?;
    Ok(PutObjectOutput {
        version,
        etag: record.etag,
        checksum: record.checksum,
    })
}

/// Commits a record whose bytes were written for it; they are freed where the commit was refused. Returns the version
/// that it is, where the bucket keeps versions.
pub(super) async fn commit_fresh(
    context: &Context,
    asked: Asked<'_>,
    seen: Seen,
    record: &ObjectRecord,
    condition: &WriteCondition,
) -> Result<Option<VersionName>, S3Error> {
    let plan = Put {
        asked,
        record,
        condition,
    };
    match change(context, seen, &plan).await {
        Ok(changed) => Ok(changed.version()),
        Err(failure) => Err(failure.freeing(context, record.manifest.blobs()).await),
    }
}

/// Puts a record under its key.
pub(super) struct Put<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) record: &'a ObjectRecord,
    pub(super) condition: &'a WriteCondition,
}

#[async_trait]
impl Plan for Put<'_> {
    fn key(&self) -> &ObjectKey {
        &self.record.key
    }

    fn asked(&self) -> Option<Asked<'_>> {
        Some(self.asked)
    }

    fn plan<'p>(&'p self, seen: &'p Seen) -> Result<Step<'p>, S3Error> {
        let expect = expected(self.asked.caller, self.condition, seen, |row| self.refused(row))?;
        Ok(expect.map_or(Step::Look, |expect| {
            Step::Change(Change::put(Cow::Borrowed(self.record), expect))
        }))
    }

    fn refused(&self, head: Option<&ObjectRecord>) -> S3Error {
        precondition_failed(self.condition, head, &self.record.key)
    }
}

/// Stores a body in the record itself where it is short enough, otherwise in a blob.
pub(super) async fn store_body(
    context: &Context,
    bucket: &Bucket,
    body: Incoming,
) -> Result<(Manifest, Digests), S3Error> {
    let body = match body
        .collect_at_most(context.ports.metadata.inline_limit())
        .await?
    {
        Ok((bytes, digests)) => return Ok((Manifest::Inline(bytes), digests)),
        Err(body) => body,
    };
    let (extent, digests) = body.store(context, bucket.id).await?;
    let layout = Layout {
        extents: extent.into_iter().collect(),
        parts: Vec::new(),
    };
    Ok((Manifest::Extents(layout), digests))
}
