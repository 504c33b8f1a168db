//! Credentials.

use async_trait::async_trait;
use bleepstore_core::model::{CommitId, Credential};
use bleepstore_core::ports::{CredentialIndex, Page, StoreError, StoreErrorKind, StoreResult, new_id};
use bleepstore_core::rows::{IndexEntry, NameIndex, NamedRows, drop_entry, scan_named};

use super::DynamoMetadata;
use super::condition::Condition;
use super::rows;
use super::schema::{CREDENTIALS, RowKey, attribute};
use super::table::Written;

/// How often a row that others change meanwhile is read again.
const ATTEMPTS: u32 = 16;

#[async_trait]
impl CredentialIndex for DynamoMetadata {
    async fn credential(&self, access_key: &str) -> StoreResult<Option<Credential>> {
        let found = self.table.get(&RowKey::credential(access_key)).await?;
        found.as_ref().map(rows::detail_of).transpose()
    }

    async fn create_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let creation = new_id(self.entropy.as_ref(), CommitId::from_bytes);
        let entry = IndexEntry::new(&credential.access_key, creation);
        self.put_entry(CREDENTIALS, &entry).await?;
        let row = rows::credential(credential, creation)?;
        let created = self.table.put(row, Some(&Condition::absent())).await?;
        if !created.is_applied() {
            drop_entry(self, CREDENTIALS, &entry).await;
        }
        Ok(created.is_applied())
    }

    async fn replace_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let key = RowKey::credential(&credential.access_key);
        for attempt in 0..ATTEMPTS {
            self.table.back_off(attempt).await;
            let Some(row) = self.table.get(&key).await? else {
                return Ok(false);
            };
            // What is not known of the row must not get lost.
            let _: Credential = rows::detail_of(&row)?;
            let creation = rows::id_of(&row, attribute::CREATION)?;
            let read = Condition::detail_of_creation(rows::text_of(&row, attribute::DETAIL)?, creation);
            let row = rows::credential(credential, creation)?;
            if self.table.put(row, Some(&read)).await?.is_applied() {
                return Ok(true);
            }
        }
        Err(StoreError::new(
            StoreErrorKind::Throttled,
            "others keep changing the credential",
        ))
    }

    async fn revoke_credential(&self, access_key: &str) -> StoreResult<bool> {
        let key = RowKey::credential(access_key);
        let Written::Applied(Some(row)) = self.table.delete(&key, None).await? else {
            return Ok(false);
        };
        if let Ok(creation) = rows::text_of(&row, attribute::CREATION) {
            let entry = IndexEntry::new(access_key, creation);
            drop_entry(self, CREDENTIALS, &entry).await;
        }
        Ok(true)
    }

    async fn scan_credentials(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<Credential, String>> {
        scan_named(self, "", after, limit, |_| true).await
    }
}

#[async_trait]
impl NamedRows<Credential> for DynamoMetadata {
    const INDEX: &str = CREDENTIALS;

    async fn read_named(&self, names: &[String]) -> StoreResult<Vec<Credential>> {
        let keys: Vec<RowKey> = names.iter().map(|name| RowKey::credential(name)).collect();
        let found = self.table.get_many(&keys).await?;
        let mut credentials = found
            .iter()
            .map(rows::detail_of)
            .collect::<StoreResult<Vec<Credential>>>()?;
        credentials.sort_by(|one, next| one.access_key.cmp(&next.access_key));
        Ok(credentials)
    }
}
