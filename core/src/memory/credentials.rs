//! Credentials in memory.

use std::collections::btree_map::Entry;

use async_trait::async_trait;

use super::MemoryMetadata;
use super::metadata::{behind, page};
use crate::model::Credential;
use crate::ports::{CredentialIndex, Page, StoreResult};

#[async_trait]
impl CredentialIndex for MemoryMetadata {
    async fn credential(&self, access_key: &str) -> StoreResult<Option<Credential>> {
        Ok(self.rows().credentials.get(access_key).cloned())
    }

    async fn create_credential(&self, credential: &Credential) -> StoreResult<bool> {
        Ok(
            match self.rows().credentials.entry(credential.access_key.clone()) {
                Entry::Occupied(_) => false,
                Entry::Vacant(free) => {
                    free.insert(credential.clone());
                    true
                }
            },
        )
    }

    async fn revoke_credential(&self, access_key: &str) -> StoreResult<bool> {
        Ok(self.rows().credentials.remove(access_key).is_some())
    }

    async fn scan_credentials(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<Credential, String>> {
        let rows = self.rows();
        let credentials = rows.credentials.range::<str, _>(behind(after));
        Ok(page(
            credentials.map(|(_, credential)| credential.clone()),
            limit,
            |last| last.access_key.clone(),
        ))
    }
}
