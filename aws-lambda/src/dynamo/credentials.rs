//! Credentials.

use std::collections::HashMap;

use async_trait::async_trait;
use bleepstore_core::model::{CommitId, Credential};
use bleepstore_core::ports::{CredentialIndex, Page, StoreResult, new_id};

use super::DynamoMetadata;
use super::condition::Condition;
use super::index::{Entry, Start};
use super::rows;
use super::schema::{CREDENTIALS, RowKey, attribute};
use super::table::Written;

#[async_trait]
impl CredentialIndex for DynamoMetadata {
    async fn credential(&self, access_key: &str) -> StoreResult<Option<Credential>> {
        let found = self.table.get(&RowKey::credential(access_key)).await?;
        found.as_ref().map(rows::detail_of).transpose()
    }

    async fn create_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let creation = new_id(self.entropy.as_ref(), CommitId::from_bytes);
        let entry = Entry::new(&credential.access_key, creation);
        self.table.put(entry.item(CREDENTIALS), None).await?;
        let row = rows::credential(credential, creation)?;
        let created = self.table.put(row, Some(&Condition::absent())).await?;
        if !created.is_applied() {
            self.drop_entry(CREDENTIALS, &entry).await;
        }
        Ok(created.is_applied())
    }

    async fn revoke_credential(&self, access_key: &str) -> StoreResult<bool> {
        let key = RowKey::credential(access_key);
        let Written::Applied(Some(row)) = self.table.delete(&key, None).await? else {
            return Ok(false);
        };
        if let Ok(creation) = rows::text_of(&row, attribute::CREATION) {
            self.drop_entry(CREDENTIALS, &Entry::new(access_key, creation))
                .await;
        }
        Ok(true)
    }

    async fn scan_credentials(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<Credential, String>> {
        let start = after.map_or(Start::Beginning, Start::AfterText);
        let admits = |entry: &Entry| after.is_none_or(|after| entry.text.as_str() > after);
        let (mut entries, more) = self.table.entries(CREDENTIALS, "", start, limit, admits).await?;
        let next = entries.last().map(|entry| entry.text.clone()).filter(|_| more);
        entries.dedup_by(|next, one| next.text == one.text);
        let keys: Vec<RowKey> = entries
            .iter()
            .map(|entry| RowKey::credential(&entry.text))
            .collect();
        let mut found = HashMap::new();
        for item in &self.table.get_many(&keys).await? {
            let credential: Credential = rows::detail_of(item)?;
            found.insert(credential.access_key.clone(), credential);
        }
        let items = entries
            .iter()
            .filter_map(|entry| found.remove(&entry.text))
            .collect();
        Ok(Page { items, next })
    }
}
