//! Credentials.

use async_trait::async_trait;
use bleepstore_core::model::Credential;
use bleepstore_core::ports::{CredentialIndex, Page, StoreResult};
use rusqlite::params;

use super::SqliteMetadata;
use super::rows::{after_key, first, json_column, one_more_than, page, to_json};

#[async_trait]
impl CredentialIndex for SqliteMetadata {
    async fn credential(&self, access_key: &str) -> StoreResult<Option<Credential>> {
        let access_key = access_key.to_owned();
        self.look(move |db| {
            let mut select = db.prepare_cached("SELECT detail FROM credentials WHERE access_key = ?")?;
            first(&mut select, [access_key.as_bytes()], |row| json_column(row, 0))
        })
        .await
    }

    async fn create_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let access_key = credential.access_key.clone();
        let detail = to_json(credential)?;
        self.change(move |db| {
            let mut insert =
                db.prepare_cached("INSERT OR IGNORE INTO credentials (access_key, detail) VALUES (?, ?)")?;
            Ok(insert.execute(params![access_key.as_bytes(), detail])? == 1)
        })
        .await
    }

    async fn replace_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let access_key = credential.access_key.clone();
        let detail = to_json(credential)?;
        self.change(move |db| {
            let mut update = db.prepare_cached("UPDATE credentials SET detail = ? WHERE access_key = ?")?;
            Ok(update.execute(params![detail, access_key.as_bytes()])? == 1)
        })
        .await
    }

    async fn revoke_credential(&self, access_key: &str) -> StoreResult<bool> {
        let access_key = access_key.to_owned();
        self.change(move |db| {
            let mut delete = db.prepare_cached("DELETE FROM credentials WHERE access_key = ?")?;
            Ok(delete.execute([access_key.as_bytes()])? == 1)
        })
        .await
    }

    async fn scan_credentials(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<Credential, String>> {
        let start = after.map(after_key).unwrap_or_default();
        self.query(move |db| {
            let mut select = db.prepare_cached(
                "SELECT detail FROM credentials WHERE access_key >= ? ORDER BY access_key LIMIT ?",
            )?;
            page(
                &mut select,
                params![start, one_more_than(limit)],
                limit,
                |row| json_column(row, 0),
                |last: &Credential| last.access_key.clone(),
            )
        })
        .await
    }
}
