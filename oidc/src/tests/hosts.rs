//! Hosts that publish documents, without a network.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

use crate::published::Documents;
use crate::source::{KeysUnavailable, Published};

/// Publishes documents, each for an hour, and remembers which were asked for.
pub(super) struct Hosts {
    documents: Mutex<HashMap<String, Vec<u8>>>,
    asked: Mutex<Vec<String>>,
    reached: Notify,
    /// Answers wait while there is no permit.
    answering: Semaphore,
}

impl Default for Hosts {
    fn default() -> Self {
        Self {
            documents: Mutex::default(),
            asked: Mutex::default(),
            reached: Notify::new(),
            answering: Semaphore::new(1),
        }
    }
}

impl Hosts {
    pub(super) fn publish(&self, url: &str, document: &Value) {
        let document = document.to_string().into_bytes();
        self.documents.lock().unwrap().insert(url.to_owned(), document);
    }

    pub(super) fn go_down(&self) {
        self.documents.lock().unwrap().clear();
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(super) fn asked_for(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// No answer comes until [`answer`](Self::answer).
    pub(super) fn hold_answers(&self) {
        assert_eq!(self.answering.forget_permits(1), 1);
    }

    pub(super) fn answer(&self) {
        self.answering.add_permits(1);
    }

    /// Returns once somebody has asked.
    pub(super) async fn reached(&self) {
        self.reached.notified().await;
    }
}

#[async_trait]
impl Documents for Hosts {
    async fn get(&self, url: &str) -> Result<Published, KeysUnavailable> {
        self.asked.lock().unwrap().push(url.to_owned());
        self.reached.notify_one();
        let _answering = self.answering.acquire().await.unwrap();
        let documents = self.documents.lock().unwrap();
        let document = documents.get(url).ok_or(KeysUnavailable("down".to_owned()))?;
        Ok(Published {
            document: document.clone(),
            max_age: Duration::from_secs(3_600),
        })
    }
}
