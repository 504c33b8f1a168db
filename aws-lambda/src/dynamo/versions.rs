//! Versions that are not current.

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, ObjectKey, ObjectRecord, Sequence};
use bleepstore_core::ports::StoreResult;
use bleepstore_core::rows::VersionRows;

use super::DynamoMetadata;
use super::rows;
use super::schema::RowKey;

#[async_trait]
impl VersionRows for DynamoMetadata {
    async fn head(&self, bucket: &Bucket, key: &ObjectKey) -> StoreResult<Option<ObjectRecord>> {
        let found = self.table.get(&RowKey::object(&bucket.name, key)).await?;
        found.as_ref().map(rows::read_object).transpose()
    }

    async fn version_at(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        place: Sequence,
    ) -> StoreResult<Option<ObjectRecord>> {
        let found = self.table.get(&RowKey::version(bucket.id, key, place)).await?;
        found.as_ref().map(rows::read_version).transpose()
    }
}
