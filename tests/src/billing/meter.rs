//! Counts the calls of SDK clients.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use aws_smithy_types::timeout::TimeoutConfig;
use serde_json::{Value, json};

use super::capacity::{Rows, Units};

/// What was called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How often each operation of DynamoDB was.
    pub dynamodb: BTreeMap<String, usize>,
    /// The units of all of them.
    pub units: Units,
    /// How often each operation of S3 was.
    pub s3: BTreeMap<String, usize>,
}

/// How long a call may take while calls are counted.
const PATIENCE: Duration = Duration::from_secs(120);

/// Counts every try of every call of the clients that it is an interceptor of. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    usage: Usage,
    rows: Rows,
    disagreements: Vec<String>,
}

impl Meter {
    /// A client like this one, counted.
    pub fn dynamodb(&self, client: &aws_sdk_dynamodb::Client) -> aws_sdk_dynamodb::Client {
        let config = client.config().to_builder().interceptor(self.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client like this one, counted.
    pub fn s3(&self, client: &aws_sdk_s3::Client) -> aws_sdk_s3::Client {
        let config = client.config().to_builder().interceptor(self.clone());
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// What was called since the last look.
    pub fn take(&self) -> Usage {
        std::mem::take(&mut self.0.lock().unwrap().usage)
    }

    /// Calls for which the emulator says other units than the rules do.
    pub fn disagreements(&self) -> Vec<String> {
        self.0.lock().unwrap().disagreements.clone()
    }
}

/// The body of a request to DynamoDB, until its answer is there.
#[derive(Debug)]
struct Sent(Value);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "meter"
    }

    /// A machine that is busy with other tests answers late, and a read that is tried again would count twice.
    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let patient = TimeoutConfig::builder()
            .operation_attempt_timeout(PATIENCE)
            .operation_timeout(PATIENCE)
            .read_timeout(PATIENCE);
        cfg.interceptor_state().store_put(patient.build());
        Ok(())
    }

    /// Asks DynamoDB what it charges.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if service(cfg) == "DynamoDB" {
            let request = context.request_mut();
            let mut body = json_of(request.body());
            body["ReturnConsumedCapacity"] = json!("TOTAL");
            let text = body.to_string();
            request
                .headers_mut()
                .insert("content-length", text.len().to_string());
            *request.body_mut() = SdkBody::from(text);
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if service(cfg) == "DynamoDB" {
            let sent = Sent(json_of(context.request().body()));
            cfg.interceptor_state().store_put(sent);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = cfg.load::<Metadata>().map(Metadata::name).unwrap_or_default();
        let mut state = self.0.lock().unwrap();
        if service(cfg) != "DynamoDB" {
            *state.usage.s3.entry(name.to_owned()).or_default() += 1;
            return Ok(());
        }
        *state.usage.dynamodb.entry(name.to_owned()).or_default() += 1;
        let request = cfg.load::<Sent>().map_or(&Value::Null, |sent| &sent.0);
        let response = context
            .response()
            .filter(|response| response.status().is_success());
        let answer = response.map(|response| json_of(response.body()));
        let units = state.rows.charge(name, request, answer.as_ref());
        state.usage.units += units;
        // MiniStack asks one unit for a query, however much it reads.
        let said = answer.as_ref().filter(|_| name != "Query").and_then(consumed);
        if said.is_some_and(|said| said != (units.read + units.write) as f64) {
            let disagreement = format!("{name}: {units:?} by the rules, {said:?} by the emulator: {request}");
            state.disagreements.push(disagreement);
        }
        Ok(())
    }
}

fn service(cfg: &ConfigBag) -> &str {
    cfg.load::<Metadata>().map(Metadata::service).unwrap_or_default()
}

fn json_of(body: &SdkBody) -> Value {
    let bytes = body.bytes().expect("a body in memory");
    serde_json::from_slice(bytes).expect("JSON")
}

/// The units that an answer speaks of, of one table or of several.
fn consumed(answer: &Value) -> Option<f64> {
    let tables = match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.as_slice(),
        Value::Null => return None,
        table => std::slice::from_ref(table),
    };
    tables.iter().map(|table| table["CapacityUnits"].as_f64()).sum()
}
