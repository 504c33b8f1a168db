//! Credentials.

use async_trait::async_trait;
use bleepstore_core::model::{CommitId, Credential};
use bleepstore_core::ports::{CredentialIndex, Page, StoreResult, new_id};
use bleepstore_core::rows::{IndexEntry, NameIndex, NamedRows, drop_entry, scan_named};

use super::CosmosMetadata;
use super::rows::{self, StoredCredential};
use super::schema::{CREDENTIALS, RowKey};
use super::swap::Decision;

#[async_trait]
impl CredentialIndex for CosmosMetadata {
    async fn credential(&self, access_key: &str) -> StoreResult<Option<Credential>> {
        let found = self.container.get(&RowKey::credential(access_key)).await?;
        let stored: Option<StoredCredential> = found.map(|item| item.detail()).transpose()?;
        Ok(stored.map(|stored| stored.credential))
    }

    async fn create_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let creation = new_id(self.entropy.as_ref(), CommitId::from_bytes);
        let entry = IndexEntry::new(&credential.access_key, creation);
        self.put_entry(CREDENTIALS, &entry).await?;
        let stored = StoredCredential {
            creation,
            credential: credential.clone(),
        };
        let created = self.container.create(&rows::credential(&stored)?).await?;
        if created.is_none() {
            drop_entry(self, CREDENTIALS, &entry).await;
        }
        Ok(created.is_some())
    }

    async fn replace_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let key = RowKey::credential(&credential.access_key);
        let put = |stored: &mut StoredCredential| {
            stored.credential = credential.clone();
            Decision::Write
        };
        Ok(self.container.swap(&key, None, put).await?.is_some())
    }

    async fn revoke_credential(&self, access_key: &str) -> StoreResult<bool> {
        let key = RowKey::credential(access_key);
        let removed = self
            .container
            .remove_if(&key, |_: &StoredCredential| true)
            .await?;
        let Some(removed) = removed else {
            return Ok(false);
        };
        let entry = IndexEntry::new(access_key, removed.creation);
        drop_entry(self, CREDENTIALS, &entry).await;
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
impl NamedRows<Credential> for CosmosMetadata {
    const INDEX: &str = CREDENTIALS;

    async fn read_named(&self, names: &[String]) -> StoreResult<Vec<Credential>> {
        let keys = names.iter().map(|name| RowKey::credential(name)).collect();
        let found: Vec<StoredCredential> = self.container.get_many(keys).await?;
        Ok(found.into_iter().map(|stored| stored.credential).collect())
    }
}
