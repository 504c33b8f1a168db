//! A connection that answers from a script.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::error::ConnectorError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::{Clock, Entropy};
use serde_json::{Value, json};

use crate::dynamo::DynamoMetadata;

/// What the other end does with a request.
pub(super) enum Answer {
    Json(u16, Value),
    Refused,
    Reset,
    Late,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Script(Arc<Mutex<ScriptState>>);

#[derive(Default)]
pub(super) struct ScriptState {
    answers: VecDeque<Answer>,
    sent: Vec<(String, Value)>,
}

impl std::fmt::Debug for ScriptState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.sent)
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut state = self.0.lock().unwrap();
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        state.sent.push((operation, body));
        let io = |kind| Err(ConnectorError::io(io::Error::from(kind).into()));
        HttpConnectorFuture::ready(match state.answers.pop_front() {
            Some(Answer::Json(status, body)) => Ok(HttpResponse::new(
                StatusCode::try_from(status).unwrap(),
                SdkBody::from(body.to_string()),
            )),
            Some(Answer::Refused) => io(io::ErrorKind::ConnectionRefused),
            Some(Answer::Reset) => io(io::ErrorKind::ConnectionReset),
            Some(Answer::Late) => Err(ConnectorError::timeout("late".into())),
            None => panic!("nothing is scripted for {:?}", state.sent.last()),
        })
    }
}

impl Script {
    pub(super) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Self::default();
        script.0.lock().unwrap().answers.extend(answers);
        script
    }

    pub(super) fn store(&self) -> DynamoMetadata {
        let connector = SharedHttpConnector::new(self.clone());
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-north-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "static"))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        DynamoMetadata::new(
            Client::from_conf(config.build()),
            "table".to_owned(),
            Arc::new(Still),
            Arc::new(Still),
        )
    }

    /// The operations that were sent, all of the script having been used.
    pub(super) fn sent(&self) -> Vec<String> {
        let state = self.0.lock().unwrap();
        assert!(state.answers.is_empty(), "{state:?}");
        state
            .sent
            .iter()
            .map(|(operation, _)| operation.clone())
            .collect()
    }

    pub(super) fn body(&self, index: usize) -> Value {
        self.0.lock().unwrap().sent[index].1.clone()
    }
}

/// Time that stands still and waits for nothing, and no randomness.
struct Still;

#[async_trait::async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

impl Entropy for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

pub(super) fn ok(body: Value) -> Answer {
    Answer::Json(200, body)
}

pub(super) fn failure(status: u16, code: &str) -> Answer {
    Answer::Json(
        status,
        json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}")}),
    )
}
