//! Stores around stores: something is done around every call.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use super::{
    AbortOutcome, BeginComplete, BlobPage, BlobRead, BlobStore, BodyStream, BucketIndex, BucketRange,
    CreateBucketOutcome, CredentialIndex, DeleteBucketOutcome, DeleteOutcome, Edit, EditOutcome, EventIndex,
    KeyRange, KeyStart, KeyVersions, MetadataStore, ObjectIndex, ObjectLookup, OwnerRecord, Page,
    RecordPartOutcome, RecordPlace, StoreError, StoreIndex, StoreRecord, StoreResult, UploadIndex,
    UploadLookup, UploadRange, UploadStart, VersionIndex, VersionPage, VersionRange, WriteError,
};
use crate::model::{
    BlobRef, Bucket, BucketId, BucketName, CommitId, Credential, EventPlace, EventQueue, EventRow, ObjectKey,
    ObjectRecord, ObjectSummary, Part, PartNumber, Receipt, RetiredManifest, Revision, Timestamp, Token,
    Upload, UploadId, VersionName,
};

/// Does something around each call to a store.
pub trait Around: Send + Sync {
    /// Makes `call`, a call of the port's method of that name, and gives its answer or another one.
    fn around<T, E>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send,
        E: From<StoreError> + Send;
}

/// A metadata store around another.
#[derive(Clone)]
pub struct AroundMetadata<A> {
    inner: Arc<dyn MetadataStore>,
    around: A,
}

/// A blob store around another.
#[derive(Clone)]
pub struct AroundBlobs<A> {
    inner: Arc<dyn BlobStore>,
    around: A,
}

impl<A: Around> AroundMetadata<A> {
    /// Does `around` around every call to `inner`; what the store says of its limits is no call.
    pub fn new(inner: Arc<dyn MetadataStore>, around: A) -> Self {
        Self { inner, around }
    }
}

impl<A: Around> AroundBlobs<A> {
    /// Does `around` around every call to `inner`. What a stream does later belongs to no call.
    pub fn new(inner: Arc<dyn BlobStore>, around: A) -> Self {
        Self { inner, around }
    }
}

impl<A: Around> MetadataStore for AroundMetadata<A> {
    fn inline_limit(&self) -> u64 {
        self.inner.inline_limit()
    }

    fn layout_limit(&self) -> usize {
        self.inner.layout_limit()
    }
}

/// Implements the traits of the port, method by method.
macro_rules! around {
    ($(impl $index:ident { $(fn $method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+ })+) => {
        $(
            #[async_trait]
            impl<A: Around> $index for AroundMetadata<A> {
                $(
                    async fn $method(&self, $($argument: $type),*) -> StoreResult<$answer> {
                        let call = self.inner.$method($($argument),*);
                        self.around.around(stringify!($method), call).await
                    }
                )+
            }
        )+
    };
}

around! {
    impl BucketIndex {
        fn create_bucket(bucket: &Bucket) -> CreateBucketOutcome;
        fn bucket(name: &BucketName) -> Option<Bucket>;
        fn scan_buckets(range: BucketRange<'_>, limit: usize) -> Page<Bucket, String>;
        fn update_bucket(bucket: &Bucket, expected: Revision) -> bool;
        fn delete_bucket(name: &BucketName, id: BucketId, token: Token) -> DeleteBucketOutcome;
    }
    impl ObjectIndex {
        fn lookup(bucket: &BucketName, key: &ObjectKey) -> ObjectLookup;
        fn edit(edit: &Edit<'_>) -> EditOutcome;
        fn scan_objects(bucket: &Bucket, range: &KeyRange, limit: usize) -> Page<ObjectSummary, KeyStart>;
        fn scan_records(bucket: &Bucket, range: &KeyRange, limit: usize) -> Page<ObjectRecord, KeyStart>;
    }
    impl VersionIndex {
        fn lookup_version(bucket: &BucketName, key: &ObjectKey, version: VersionName) -> ObjectLookup;
        fn key_versions(range: VersionRange<'_>) -> KeyVersions;
        fn versions_below(range: VersionRange<'_>) -> (Vec<ObjectRecord>, bool);
        fn scan_versions(bucket: &Bucket, after: Option<&str>, limit: usize) -> VersionPage;
    }
    impl UploadIndex {
        fn begin_upload(upload: &Upload) -> bool;
        fn lookup_upload(bucket: &BucketName, upload: UploadId) -> UploadLookup;
        fn record_part(upload: &Upload, part: &Part) -> RecordPartOutcome;
        fn begin_complete(upload: &Upload, token: Token, now: Timestamp) -> BeginComplete;
        fn reopen(upload: &Upload, token: Token) -> ();
        fn abort(upload: &Upload, receipt: &Receipt) -> AbortOutcome;
        fn receipt(bucket: &Bucket, key: &ObjectKey, upload: UploadId, now: Timestamp) -> Option<Receipt>;
        fn scan_parts(upload: &Upload, after: Option<PartNumber>, limit: usize) -> Page<Part, PartNumber>;
        fn scan_uploads(bucket: &Bucket, range: &UploadRange, limit: usize) -> Page<Upload, UploadStart>;
        fn retire(retired: &RetiredManifest) -> ();
        fn scan_retired(
            after: Option<CommitId>,
            now: Timestamp,
            limit: usize
        ) -> Page<RetiredManifest, CommitId>;
    }
    impl CredentialIndex {
        fn credential(access_key: &str) -> Option<Credential>;
        fn create_credential(credential: &Credential) -> bool;
        fn replace_credential(credential: &Credential) -> bool;
        fn revoke_credential(access_key: &str) -> bool;
        fn scan_credentials(after: Option<&str>, limit: usize) -> Page<Credential, String>;
    }
    impl StoreIndex {
        fn record_at(place: RecordPlace) -> Option<StoreRecord>;
        fn swap_record_at(
            place: RecordPlace,
            expected: Option<&StoreRecord>,
            record: &StoreRecord
        ) -> bool;
        fn purge_expired(now: Timestamp, limit: usize) -> usize;
    }
}

#[async_trait]
impl<A: Around> EventIndex for AroundMetadata<A> {
    fn event_lane(&self, bucket: BucketId, key: &ObjectKey) -> String {
        self.inner.event_lane(bucket, key)
    }

    async fn scan_event_lanes(&self, after: Option<&str>, limit: usize) -> StoreResult<Page<String, String>> {
        let call = self.inner.scan_event_lanes(after, limit);
        self.around.around("scan_event_lanes", call).await
    }

    async fn scan_events(
        &self,
        lane: &str,
        queue: &EventQueue,
        after: Option<EventPlace>,
        limit: usize,
    ) -> StoreResult<Page<EventRow, EventPlace>> {
        let call = self.inner.scan_events(lane, queue, after, limit);
        self.around.around("scan_events", call).await
    }

    async fn put_events(&self, events: &[EventRow]) -> StoreResult<()> {
        self.around
            .around("put_events", self.inner.put_events(events))
            .await
    }

    async fn remove_events(&self, events: &[EventRow]) -> StoreResult<()> {
        let call = self.inner.remove_events(events);
        self.around.around("remove_events", call).await
    }
}

#[async_trait]
impl<A: Around> BlobStore for AroundBlobs<A> {
    async fn write(
        &self,
        blob: &BlobRef,
        body: BodyStream,
        size_hint: Option<u64>,
    ) -> Result<u64, WriteError> {
        let call = self.inner.write(blob, body, size_hint);
        self.around.around("write", call).await
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        self.around.around("read", self.inner.read(blob, range)).await
    }

    /// A call that fails fails for each of the blobs.
    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        let call = async { Ok::<_, StoreError>(self.inner.delete(blobs).await) };
        match self.around.around("delete", call).await {
            Ok(outcomes) => outcomes,
            Err(error) => blobs
                .iter()
                .map(|blob| DeleteOutcome {
                    blob: *blob,
                    result: Err(StoreError::new(error.kind, error.to_string())),
                })
                .collect(),
        }
    }

    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        self.around.around("scan", self.inner.scan(after, limit)).await
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        self.around.around("owner", self.inner.owner()).await
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        self.around.around("set_owner", self.inner.set_owner(owner)).await
    }
}
