//! Credentials in memory.

use async_trait::async_trait;

use super::metadata::{following, page};
use super::{Change, Journal};
use crate::model::Credential;
use crate::ports::{CredentialIndex, Page, StoreResult};

#[async_trait]
impl<J: Journal> CredentialIndex for J {
    async fn credential(&self, access_key: &str) -> StoreResult<Option<Credential>> {
        Ok(self.rows().credentials.get(access_key).cloned())
    }

    async fn create_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let credential = credential.clone();
        self.change(move |rows| {
            let free = !rows.credentials.contains_key(&credential.access_key);
            if free {
                rows.set(Change::Credential(credential));
            }
            free
        })
        .await
    }

    async fn replace_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let credential = credential.clone();
        self.change(move |rows| {
            let found = rows.credentials.contains_key(&credential.access_key);
            if found {
                rows.set(Change::Credential(credential));
            }
            found
        })
        .await
    }

    async fn revoke_credential(&self, access_key: &str) -> StoreResult<bool> {
        let access_key = access_key.to_owned();
        self.change(move |rows| {
            let found = rows.credentials.contains_key(&access_key);
            if found {
                rows.set(Change::CredentialGone(access_key));
            }
            found
        })
        .await
    }

    async fn scan_credentials(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<Credential, String>> {
        let rows = self.rows();
        let credentials = rows.credentials.range::<str, _>(following(after));
        Ok(page(
            credentials.map(|(_, credential)| credential.clone()),
            limit,
            |last| last.access_key.clone(),
        ))
    }
}
