//! A metadata store whose calls are intercepted.

use std::sync::Arc;

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, Credential, ObjectKey, ObjectRecord, ObjectSummary, Part,
    PartNumber, Receipt, RetiredManifest, Revision, Timestamp, Token, Upload, UploadId, WriteCondition,
};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, BucketIndex, CommitOutcome, CreateBucketOutcome, CredentialIndex,
    DeleteBucketOutcome, KeyRange, KeyStart, MetadataStore, ObjectIndex, ObjectLookup, Page, PublishOutcome,
    RecordPartOutcome, RemoveOutcome, StoreIndex, StoreRecord, StoreResult, UploadIndex, UploadLookup,
    UploadRange, UploadStart,
};

use super::{Interceptor, intercept};

/// A metadata store around another. Methods are named to the interceptor as the port names them.
#[derive(Clone)]
pub struct InterceptedMetadata {
    inner: Arc<dyn MetadataStore>,
    interceptor: Arc<dyn Interceptor>,
}

impl InterceptedMetadata {
    /// Asks `interceptor` about every call to `inner`.
    pub fn new(inner: Arc<dyn MetadataStore>, interceptor: Arc<dyn Interceptor>) -> Self {
        Self { inner, interceptor }
    }
}

impl MetadataStore for InterceptedMetadata {
    fn inline_limit(&self) -> u64 {
        self.inner.inline_limit()
    }

    fn layout_limit(&self) -> usize {
        self.inner.layout_limit()
    }
}

/// Implements the traits of the port, method by method: intercept, then ask the store inside.
macro_rules! intercepted {
    ($(impl $index:ident { $(fn $method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+ })+) => {
        $(
            #[async_trait]
            impl $index for InterceptedMetadata {
                $(
                    async fn $method(&self, $($argument: $type),*) -> StoreResult<$answer> {
                        let call = self.inner.$method($($argument),*);
                        intercept(self.interceptor.as_ref(), stringify!($method), call).await
                    }
                )+
            }
        )+
    };
}

intercepted! {
    impl BucketIndex {
        fn create_bucket(bucket: &Bucket) -> CreateBucketOutcome;
        fn bucket(name: &BucketName) -> Option<Bucket>;
        fn scan_buckets(
            owner: Option<&str>,
            prefix: &str,
            after: Option<&str>,
            limit: usize
        ) -> Page<Bucket, String>;
        fn update_bucket(bucket: &Bucket, expected: Revision) -> bool;
        fn delete_bucket(name: &BucketName, id: BucketId, token: Token) -> DeleteBucketOutcome;
    }
    impl ObjectIndex {
        fn lookup(bucket: &BucketName, key: &ObjectKey) -> ObjectLookup;
        fn commit(
            bucket: &Bucket,
            record: &ObjectRecord,
            condition: &WriteCondition,
            retired: Option<CommitId>
        ) -> CommitOutcome;
        fn remove(
            bucket: &Bucket,
            key: &ObjectKey,
            condition: &WriteCondition,
            retired: Option<CommitId>
        ) -> RemoveOutcome;
        fn mark_shared(bucket: &Bucket, key: &ObjectKey, expected: CommitId) -> bool;
        fn scan_objects(bucket: &Bucket, range: &KeyRange, limit: usize) -> Page<ObjectSummary, KeyStart>;
        fn scan_records(bucket: &Bucket, after: Option<&str>, limit: usize) -> Page<ObjectRecord, String>;
    }
    impl UploadIndex {
        fn begin_upload(upload: &Upload) -> bool;
        fn lookup_upload(bucket: &BucketName, upload: UploadId) -> UploadLookup;
        fn record_part(upload: &Upload, part: &Part) -> RecordPartOutcome;
        fn begin_complete(upload: &Upload, token: Token, now: Timestamp) -> BeginComplete;
        fn reopen(upload: &Upload, token: Token) -> ();
        fn publish(
            bucket: &Bucket,
            record: &ObjectRecord,
            condition: &WriteCondition,
            retired: Option<CommitId>,
            receipt: &Receipt
        ) -> PublishOutcome;
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
        fn revoke_credential(access_key: &str) -> bool;
        fn scan_credentials(after: Option<&str>, limit: usize) -> Page<Credential, String>;
    }
    impl StoreIndex {
        fn store_record() -> Option<StoreRecord>;
        fn swap_store_record(expected: Option<&StoreRecord>, record: &StoreRecord) -> bool;
        fn purge_expired(now: Timestamp, limit: usize) -> usize;
    }
}
