//! How DynamoDB and S3 fail on the wire, and what their requests change.

use std::sync::atomic::{AtomicUsize, Ordering};

use bleepstore_tests::emulators::fault_proxy::{Partial, Protocol, Seen};
use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};

/// The interfaces of DynamoDB and S3 at one endpoint.
#[derive(Default)]
pub(crate) struct Aws {
    throttled: AtomicUsize,
}

/// The operation of a request to DynamoDB; `None` for one to S3.
fn dynamodb(request: &Seen) -> Option<&str> {
    let target = request.head.headers.get("x-amz-target")?.to_str().ok()?;
    target.rsplit('.').next()
}

fn json_of(request: &Seen) -> Option<Value> {
    serde_json::from_slice(request.body.as_ref()?).ok()
}

/// The rows that a transaction puts.
fn together(body: &Value) -> impl Iterator<Item = &Value> {
    let items = body["TransactItems"].as_array().into_iter().flatten();
    items.map(|item| &item["Put"]["Item"])
}

fn partition(row: &Value) -> &str {
    row["PK"]["S"].as_str().unwrap_or_default()
}

fn is_object(row: &Value) -> bool {
    partition(row).starts_with("OBJECT#")
}

/// A row by its key.
fn key_of(row: &Value) -> Option<String> {
    let sort = row["SK"]["S"].as_str()?;
    Some(format!("{} {sort}", partition(row)))
}

fn xml(status: u16, code: &str) -> Response<Bytes> {
    let body = format!("<Error><Code>{code}</Code><Message>a fault</Message></Error>");
    answer(status, "application/xml", body)
}

fn exception(status: u16, code: &str, reasons: Value) -> Response<Bytes> {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    let body = json!({"__type": kind, "message": "a fault", "CancellationReasons": reasons});
    answer(status, "application/x-amz-json-1.0", body.to_string())
}

fn answer(status: u16, kind: &str, body: String) -> Response<Bytes> {
    let answer = Response::builder().status(status).header("content-type", kind);
    answer.body(Bytes::from(body)).unwrap()
}

impl Protocol for Aws {
    fn operation(&self, request: &Seen) -> String {
        if let Some(operation) = dynamodb(request) {
            return operation.to_owned();
        }
        let query = request.head.uri.query().unwrap_or_default();
        let of = ["uploads", "uploadId", "delete", "list-type"];
        let of = of
            .into_iter()
            .find(|name| query.contains(name))
            .unwrap_or("object");
        format!("{} {of}", request.head.method)
    }

    fn changes(&self, request: &Seen) -> Option<String> {
        let Some(operation) = dynamodb(request) else {
            let is_object = request
                .head
                .uri
                .query()
                .is_none_or(|query| query.starts_with("x-id="));
            let changes = matches!(request.head.method, Method::PUT | Method::DELETE) && is_object;
            return changes.then(|| request.head.uri.path().to_owned());
        };
        let body = json_of(request)?;
        match operation {
            "PutItem" => key_of(&body["Item"]),
            "UpdateItem" | "DeleteItem" => key_of(&body["Key"]),
            "TransactWriteItems" => together(&body).find(|row| is_object(row)).and_then(key_of),
            _ => None,
        }
    }

    fn commit(&self, request: &Seen) -> Option<String> {
        let body = match dynamodb(request)? {
            "PutItem" | "TransactWriteItems" => json_of(request)?,
            _ => return None,
        };
        if is_object(&body["Item"]) {
            let commit = body["Item"]["commit_id"]["S"].as_str()?;
            // Its own row is written once more where it is marked as shared.
            let marks = body["ExpressionAttributeValues"][":commit"]["S"].as_str() == Some(commit);
            return Some(format!("{commit}{}", if marks { ", marked" } else { "" }));
        }
        // Each try to publish an upload is a commit of its own: what must be there once is the receipt.
        let receipt = together(&body).map(partition);
        receipt
            .into_iter()
            .find(|key| key.starts_with("RECEIPT#"))
            .map(str::to_owned)
    }

    fn is_impatient(&self, request: &Seen) -> bool {
        dynamodb(request).is_some()
    }

    fn throttled(&self, request: &Seen) -> Response<Bytes> {
        let one_of = self.throttled.fetch_add(1, Ordering::Relaxed);
        match (dynamodb(request), one_of % 2) {
            (None, _) => xml(503, "SlowDown"),
            (Some("TransactWriteItems"), 0) => {
                let reasons = json!([{"Code": "TransactionConflict"}, {"Code": "None"}]);
                exception(400, "TransactionCanceledException", reasons)
            }
            (Some(_), 0) => exception(400, "ThrottlingException", Value::Null),
            (Some(_), _) => exception(400, "ProvisionedThroughputExceededException", Value::Null),
        }
    }

    fn failed(&self, request: &Seen) -> Response<Bytes> {
        match dynamodb(request) {
            Some(_) => exception(500, "InternalServerError", Value::Null),
            None => xml(500, "InternalError"),
        }
    }

    fn partial(&self, request: &Seen) -> Option<Partial> {
        let (list, left) = match dynamodb(request)? {
            "BatchGetItem" => ("/Keys", "UnprocessedKeys"),
            "BatchWriteItem" => ("", "UnprocessedItems"),
            _ => return None,
        };
        let mut body = json_of(request)?;
        let (table, mut rest) = {
            let (table, requests) = body["RequestItems"].as_object()?.iter().next()?;
            (table.clone(), requests.clone())
        };
        let path = format!("/RequestItems/{table}{list}");
        let done = body.pointer_mut(&path)?.as_array_mut()?;
        if done.len() < 2 {
            return None;
        }
        let not_done = done.split_off(done.len() / 2);
        *rest.pointer_mut(list)? = Value::Array(not_done);
        let complete = move |answer: Bytes| {
            let mut answer: Value = serde_json::from_slice(&answer).unwrap();
            answer[left] = json!({table: rest});
            Bytes::from(answer.to_string())
        };
        Some(Partial {
            body: Bytes::from(body.to_string()),
            complete: Box::new(complete),
        })
    }
}
