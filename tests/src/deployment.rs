//! The core's operations over stores that a test controls, with S3's arguments cut down to what tests vary.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bleepstore_core::digest::BodyHasher;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{
    BlobRef, Bucket, BucketName, ChecksumAlgorithm, ETag, ErrorCode, ObjectHeaders, ObjectRecord, Operation,
    Owner, Part, RequestedAcl, S3Error, Tags, UploadId, WriteCondition,
};
use bleepstore_core::ops::{
    AppendObject, Caller, ClientToken, CompleteMultipartUpload, CompletedPart, CompletedUpload, Context,
    CopyObject, CreateBucket, CreateMultipartUpload, Incoming, Pairing, PutAcl, PutObject, RenameObject,
    Replacement, Said, Selection, Target,
};
use bleepstore_core::ports::{BlobStore, Edit, EditOutcome, MetadataStore, Ports};
use bleepstore_core::{digest, ops};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::clock::ManualClock;
use crate::decorators::{Interceptor, intercepted_blobs, intercepted_metadata};
use crate::entropy::SeededEntropy;
use crate::metadata_conformance::edits::retiring;
use crate::samples::{NOW, key, number};

/// The region that buckets are created in.
pub const REGION: &str = "eu-north-1";

/// Operations of the store's owner, over stores whose calls are intercepted.
pub struct Deployment {
    /// What the operations work with: the intercepted stores.
    pub context: Context,
    /// The metadata store inside, whose calls nobody intercepts.
    pub metadata: Arc<dyn MetadataStore>,
    /// The blob store inside.
    pub blobs: Arc<dyn BlobStore>,
    /// The time of all of it.
    pub clock: Arc<ManualClock>,
    /// Whom the operations act for.
    pub caller: Caller,
    _resources: Box<dyn Any + Send + Sync>,
}

impl Deployment {
    /// Over new stores in memory, with the limits of [`MemoryMetadata::new`].
    pub async fn in_memory(
        inline_limit: u64,
        layout_limit: usize,
        interceptor: Arc<dyn Interceptor>,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let metadata = Arc::new(MemoryMetadata::new(inline_limit, layout_limit));
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        Self::over(metadata, blobs, clock, interceptor).await
    }

    /// Over these stores. One interceptor sees the calls to both: no two of their methods have the same name.
    pub async fn over(
        metadata: Arc<dyn MetadataStore>,
        blobs: Arc<dyn BlobStore>,
        clock: Arc<ManualClock>,
        interceptor: Arc<dyn Interceptor>,
    ) -> Self {
        let ports = Ports {
            metadata: metadata.clone(),
            blobs: blobs.clone(),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        let pairing = ops::pair_stores(&ports).await.unwrap();
        assert_eq!(pairing, Pairing::Matched);
        let ports = Ports {
            metadata: Arc::new(intercepted_metadata(metadata.clone(), interceptor.clone())),
            blobs: Arc::new(intercepted_blobs(blobs.clone(), interceptor)),
            ..ports
        };
        Self {
            context: Context::new(ports, pairing),
            metadata,
            blobs,
            clock,
            caller: Caller::of(Owner::root()),
            _resources: Box::new(()),
        }
    }

    /// The same stores, asked by another instance whose calls `interceptor` sees.
    pub fn beside(&self, interceptor: Arc<dyn Interceptor>) -> Self {
        let ports = Ports {
            metadata: Arc::new(intercepted_metadata(self.metadata.clone(), interceptor.clone())),
            blobs: Arc::new(intercepted_blobs(self.blobs.clone(), interceptor)),
            ..self.context.ports.clone()
        };
        Self {
            context: Context {
                limits: self.context.limits,
                began: self.context.began,
                ..Context::new(ports, self.context.pairing)
            },
            metadata: self.metadata.clone(),
            blobs: self.blobs.clone(),
            clock: self.clock.clone(),
            caller: self.caller.clone(),
            _resources: Box::new(()),
        }
    }

    /// Keeps something, such as a temporary folder, until the test is over.
    pub fn holding(mut self, resources: impl Any + Send + Sync) -> Self {
        self._resources = Box::new(resources);
        self
    }

    /// CreateBucket.
    pub async fn create_bucket(&self, bucket: &str) -> Result<(), S3Error> {
        let input = CreateBucket {
            region: REGION.to_owned(),
            ..CreateBucket::default()
        };
        ops::create_bucket(&self.context, &self.caller, &name(bucket), input)
            .await
            .map(drop)
    }

    /// DeleteBucket.
    pub async fn delete_bucket(&self, bucket: &str) -> Result<(), S3Error> {
        ops::delete_bucket(&self.context, &self.caller, &name(bucket)).await
    }

    /// PutBucketAcl.
    pub async fn put_bucket_acl(&self, bucket: &str, acl: RequestedAcl) -> Result<(), S3Error> {
        let operation = Operation::PutBucketAcl;
        let opened = ops::open_bucket(&self.context, &self.caller, operation, &name(bucket)).await?;
        let input = PutAcl { owner: None, acl };
        ops::put_bucket_acl(&self.context, &self.caller, opened, &input).await
    }

    /// PutObjectAcl.
    pub async fn put_object_acl(&self, bucket: &str, key: &str, acl: RequestedAcl) -> Result<(), S3Error> {
        let (operation, target) = (Operation::PutObjectAcl, target(bucket, key));
        let opened = ops::open_object(&self.context, &self.caller, operation, &target).await?;
        let input = PutAcl { owner: None, acl };
        ops::put_object_acl(&self.context, &self.caller, &target, opened, &input).await?;
        Ok(())
    }

    /// PutObject.
    pub async fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) -> Result<ETag, S3Error> {
        self.put_if(bucket, key, bytes, WriteCondition::Any).await
    }

    /// PutObject with a condition.
    pub async fn put_if(
        &self,
        bucket: &str,
        key: &str,
        bytes: impl Into<Bytes>,
        condition: WriteCondition,
    ) -> Result<ETag, S3Error> {
        self.put_body(bucket, key, incoming(bytes.into()), condition)
            .await
    }

    /// PutObject of a body in whatever state it is.
    pub async fn put_body(
        &self,
        bucket: &str,
        key: &str,
        body: Incoming,
        condition: WriteCondition,
    ) -> Result<ETag, S3Error> {
        let input = PutObject {
            operation: Operation::PutObject,
            target: target(bucket, key),
            headers: ObjectHeaders::default(),
            acl: RequestedAcl::default(),
            tags: Tags::default(),
            body,
            condition,
        };
        let output = ops::put_object(&self.context, &self.caller, input).await?;
        Ok(output.etag)
    }

    /// PutObject with a write offset. The object as it is then.
    pub async fn append(
        &self,
        bucket: &str,
        key: &str,
        offset: u64,
        body: Incoming,
    ) -> Result<ObjectRecord, S3Error> {
        self.append_if((bucket, key), offset, body, WriteCondition::Any)
            .await
    }

    /// PutObject with a write offset and a condition.
    pub async fn append_if(
        &self,
        (bucket, key): (&str, &str),
        offset: u64,
        body: Incoming,
        condition: WriteCondition,
    ) -> Result<ObjectRecord, S3Error> {
        let target = target(bucket, key);
        let appending = ops::open_append(&self.context, &self.caller, &target, offset).await?;
        let input = AppendObject {
            target,
            offset,
            said: Said {
                headers: ObjectHeaders::default(),
                acl: None,
                tags: Tags::default(),
            },
            body,
            condition,
        };
        let output = ops::append_object(&self.context, &self.caller, appending, input).await?;
        Ok(output.object)
    }

    /// GetObject, all bytes of it.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Bytes, S3Error> {
        self.get_selected(bucket, key, Selection::Whole).await
    }

    /// GetObject of a range or a part.
    pub async fn get_selected(
        &self,
        bucket: &str,
        key: &str,
        selection: Selection,
    ) -> Result<Bytes, S3Error> {
        let select = |_: &ObjectRecord| Ok(selection.clone());
        self.read(&target(bucket, key), &select).await
    }

    /// GetObject of what is under a key, or of a version of it; all bytes.
    pub async fn get_version(&self, target: &Target) -> Result<Bytes, S3Error> {
        self.read(target, &|_| Ok(Selection::Whole)).await
    }

    async fn read(
        &self,
        target: &Target,
        select: &(dyn Fn(&ObjectRecord) -> Result<Selection, S3Error> + Sync),
    ) -> Result<Bytes, S3Error> {
        let output = ops::get_object(&self.context, &self.caller, target, select).await?;
        let pieces: Vec<Bytes> = output.body.try_collect().await?;
        Ok(pieces.concat().into())
    }

    /// HeadObject.
    pub async fn head(&self, bucket: &str, key: &str) -> Result<ObjectRecord, S3Error> {
        let select = |_: &ObjectRecord| Ok(Selection::Whole);
        let target = target(bucket, key);
        let output = ops::head_object(&self.context, &self.caller, &target, &select).await?;
        Ok(output.record)
    }

    /// DeleteObject.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), S3Error> {
        let target = target(bucket, key);
        ops::delete_object(&self.context, &self.caller, &target, &WriteCondition::Any).await?;
        Ok(())
    }

    /// CopyObject; with fresh headers, so that a copy onto itself is legal.
    pub async fn copy(&self, from: (&str, &str), to: (&str, &str)) -> Result<ObjectRecord, S3Error> {
        self.copy_with(from, to, None).await
    }

    /// CopyObject that asks for a checksum of this algorithm.
    pub async fn copy_with(
        &self,
        from: (&str, &str),
        to: (&str, &str),
        checksum: Option<ChecksumAlgorithm>,
    ) -> Result<ObjectRecord, S3Error> {
        let input = CopyObject {
            source: target(from.0, from.1),
            source_caller: self.caller.clone(),
            destination: target(to.0, to.1),
            replacement: Replacement {
                headers: Some(ObjectHeaders::default()),
                ..Replacement::default()
            },
            acl: RequestedAcl::default(),
            check_source: &|_| Ok(()),
            checksum,
            condition: WriteCondition::Any,
        };
        let copied = ops::copy_object(&self.context, &self.caller, input).await?;
        Ok(copied.record)
    }

    /// RenameObject within a bucket.
    pub async fn rename(&self, bucket: &str, from: &str, to: &str) -> Result<(), S3Error> {
        self.rename_if(bucket, (from, to), WriteCondition::Any, None)
            .await
    }

    /// RenameObject with a condition on what is under the other key, and with a client token.
    pub async fn rename_if(
        &self,
        bucket: &str,
        (from, to): (&str, &str),
        condition: WriteCondition,
        token: Option<&str>,
    ) -> Result<(), S3Error> {
        let request = format!("{from} {to}");
        let input = RenameObject {
            bucket: name(bucket),
            sources: vec![key(from)],
            destination: key(to),
            check_source: &|_| Ok(()),
            check_destination: None,
            condition,
            token: token.map(|token| ClientToken::new(&self.caller.owner, token, &request)),
        };
        ops::rename_object(&self.context, &self.caller, input).await
    }

    /// CreateMultipartUpload.
    pub async fn begin(&self, bucket: &str, key: &str) -> Result<UploadId, S3Error> {
        let input = CreateMultipartUpload {
            target: target(bucket, key),
            headers: ObjectHeaders::default(),
            acl: RequestedAcl::default(),
            tags: Tags::default(),
            checksum: None,
        };
        ops::create_multipart_upload(&self.context, &self.caller, input).await
    }

    /// UploadPart.
    pub async fn part(
        &self,
        (bucket, key): (&str, &str),
        upload: UploadId,
        part: u64,
        body: Incoming,
    ) -> Result<Part, S3Error> {
        let target = target(bucket, key);
        let upload = ops::open_upload(
            &self.context,
            &self.caller,
            Operation::UploadPart,
            &target,
            upload,
        )
        .await?;
        ops::upload_part(&self.context, &upload, number(part), body).await
    }

    /// CompleteMultipartUpload of these parts.
    pub async fn complete(
        &self,
        (bucket, key): (&str, &str),
        upload: UploadId,
        parts: &[(u64, ETag)],
    ) -> Result<CompletedUpload, S3Error> {
        let parts = parts.iter().map(|(part, etag)| CompletedPart {
            number: number(*part),
            etag: etag.clone(),
            checksum: None,
        });
        let input = CompleteMultipartUpload {
            parts: parts.collect(),
            checksum: None,
            checksum_kind: None,
            size: None,
            condition: WriteCondition::Any,
        };
        let completion =
            ops::open_completion(&self.context, &self.caller, &target(bucket, key), upload).await?;
        ops::complete_multipart_upload(&self.context, &self.caller, completion, input).await
    }

    /// AbortMultipartUpload.
    pub async fn abort(&self, (bucket, key): (&str, &str), upload: UploadId) -> Result<(), S3Error> {
        let target = target(bucket, key);
        ops::abort_multipart_upload(&self.context, &self.caller, &target, upload).await
    }

    /// The bucket's row. The call is not intercepted.
    pub async fn bucket_row(&self, bucket: &str) -> Option<Bucket> {
        self.metadata.bucket(&name(bucket)).await.unwrap()
    }

    /// What readers see under a key. The call is not intercepted.
    pub async fn object(&self, bucket: &str, text: &str) -> Option<ObjectRecord> {
        let found = self.metadata.lookup(&name(bucket), &key(text)).await.unwrap();
        found.object
    }

    /// Puts a record over what is under its key, also over the shared row of the same commit. The call is not
    /// intercepted.
    pub async fn put_record(&self, bucket: &str, record: &ObjectRecord) {
        let bucket = self.bucket_row(bucket).await.expect("the bucket is there");
        let edit = Edit::put(&bucket, record, retiring(record.commit_id));
        let outcome = self.metadata.edit(&edit).await.unwrap();
        assert!(matches!(outcome, EditOutcome::Applied { .. }), "{outcome:?}");
    }

    /// All blobs in the store, in order. The calls are not intercepted.
    pub async fn stored_blobs(&self) -> Vec<BlobRef> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.blobs.scan(after.as_ref(), 1_000).await.unwrap();
            found.extend(page.blobs.into_iter().map(|entry| entry.blob));
            match page.next {
                Some(next) => after = Some(next),
                None => return found,
            }
        }
    }
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment").finish_non_exhaustive()
    }
}

/// The bucket name.
pub fn name(text: &str) -> BucketName {
    BucketName::new(text).expect("a valid bucket name")
}

/// The object as a request names it.
pub fn target(bucket: &str, text: &str) -> Target {
    Target {
        bucket: name(bucket),
        key: key(text),
        version: None,
    }
}

/// A body that arrives whole and is what the client declared.
pub fn incoming(bytes: Bytes) -> Incoming {
    let mut hasher = BodyHasher::new(None, false);
    hasher.update(&bytes);
    let digests = digest::DigestSlot::default();
    digests.fill(hasher.finish().digests);
    Incoming {
        length: Some(bytes.len() as u64),
        stream: stream::iter([Ok(bytes)]).boxed(),
        digests,
    }
}

/// A body that begins with `bytes` and then fails, though more was declared.
pub fn failing(bytes: Bytes) -> Incoming {
    Incoming {
        length: Some(bytes.len() as u64 + 1),
        stream: stream::iter([Ok(bytes), Err(S3Error::new(ErrorCode::IncompleteBody))]).boxed(),
        digests: digest::DigestSlot::default(),
    }
}
