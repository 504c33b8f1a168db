//! Credentials.

use async_trait::async_trait;
use bleepstore_core::model::Credential;
use bleepstore_core::ports::{CredentialIndex, Page, StoreError, StoreResult};
use bleepstore_core::rows::scan_range;

use super::schema::{self, CREDENTIAL};
use super::{FirestoreMetadata, rows};

#[async_trait]
impl CredentialIndex for FirestoreMetadata {
    async fn credential(&self, access_key: &str) -> StoreResult<Option<Credential>> {
        let Some(path) = schema::credential(access_key) else {
            return Ok(None);
        };
        let [found] = self.documents.get([&path]).await?;
        found.as_ref().map(rows::detail_of).transpose()
    }

    async fn create_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let Some(path) = schema::credential(&credential.access_key) else {
            return Err(StoreError::internal("that is no access key"));
        };
        self.documents.create(&path, rows::credential(credential)?).await
    }

    async fn replace_credential(&self, credential: &Credential) -> StoreResult<bool> {
        match schema::credential(&credential.access_key) {
            Some(path) => self.documents.replace(&path, rows::credential(credential)?).await,
            None => Ok(false),
        }
    }

    async fn revoke_credential(&self, access_key: &str) -> StoreResult<bool> {
        match schema::credential(access_key) {
            Some(path) => self.documents.remove(&path).await,
            None => Ok(false),
        }
    }

    async fn scan_credentials(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<Credential, String>> {
        let query = self.by_id(CREDENTIAL, "", after);
        let read = |document: &_| {
            let credential: Credential = rows::detail_of(document)?;
            let listed = after.is_none_or(|after| credential.access_key.as_str() > after);
            Ok(listed.then_some(credential))
        };
        let (items, last) = scan_range(&self.documents, query, limit, read).await?;
        let last = last.as_ref().map(rows::detail_of::<Credential>).transpose()?;
        Ok(Page {
            items,
            next: last.map(|last| last.access_key),
        })
    }
}
