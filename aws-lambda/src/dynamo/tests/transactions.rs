//! The conditions under which an edit's rows change together.

use std::borrow::Cow;

use bleepstore_core::model::{Receipt, ReceiptOutcome, RowTag, UploadId};
use bleepstore_core::rows::{EditRows, RowChange};

use super::*;

/// What one transaction is sent for these changes.
async fn sent(edit: &Edit<'_>, changes: &[RowChange<'_>], seen: Option<RowTag>) -> Vec<Value> {
    let script = Script::new([ok(json!({}))]);
    assert!(script.store().change_rows(edit, changes, &seen).await.unwrap());
    assert_eq!(script.sent(), ["TransactWriteItems"]);
    let body = script.body(0);
    body["TransactItems"].as_array().unwrap().clone()
}

/// Partition, condition and values of a row that is put or deleted.
fn guard<'a>(action: &'a Value, call: &str) -> (&'a str, &'a str, &'a Value) {
    let action = &action[call];
    let key = if call == "Put" { "Item" } else { "Key" };
    (
        action[key]["PK"]["S"].as_str().unwrap(),
        action["ConditionExpression"].as_str().unwrap(),
        &action["ExpressionAttributeValues"],
    )
}

const ABSENT: &str = "attribute_not_exists(PK)";
const TAGGED: &str = "commit_id = :commit AND is_shared = :shared AND attribute_not_exists(revision_no)";

fn values_of(tag: RowTag) -> Value {
    json!({":commit": {"S": tag.commit_id.to_string()}, ":shared": {"BOOL": tag.shared}})
}

fn tag(commit: u8, shared: bool) -> RowTag {
    RowTag {
        commit_id: CommitId::from_bytes([commit; 16]),
        shared,
        revision: 0,
    }
}

#[tokio::test]
async fn an_object_is_put_over_the_row_that_was_seen() {
    let (bucket, record) = (bucket(), record());
    let edit = Edit::put(&bucket, &record, ANYTHING);
    for seen in [tag(9, false), tag(9, true)] {
        let actions = sent(&edit, &[RowChange::Object(Cow::Borrowed(&record))], Some(seen)).await;
        assert_eq!(actions.len(), 1);
        assert_eq!(
            guard(&actions[0], "Put"),
            ("OBJECT#bucket", TAGGED, &values_of(seen))
        );
    }
}

#[tokio::test]
async fn an_object_is_put_where_no_row_was_seen_only_if_there_still_is_none() {
    let (bucket, record) = (bucket(), record());
    let edit = Edit::put(&bucket, &record, ANYTHING);
    let actions = sent(&edit, &[RowChange::Object(Cow::Borrowed(&record))], None).await;
    assert_eq!(guard(&actions[0], "Put"), ("OBJECT#bucket", ABSENT, &Value::Null));
}

#[tokio::test]
async fn the_row_under_an_edits_key_goes_if_it_is_the_one_that_was_seen() {
    let (bucket, record) = (bucket(), record());
    let edit = Edit::remove(&bucket, &record.key, ANYTHING);
    let seen = tag(9, true);
    let actions = sent(&edit, &[RowChange::ObjectGone(&record.key)], Some(seen)).await;
    assert_eq!(actions.len(), 1);
    assert_eq!(
        guard(&actions[0], "Delete"),
        ("OBJECT#bucket", TAGGED, &values_of(seen))
    );
    assert_eq!(actions[0]["Delete"]["Key"]["SK"]["S"], "key");
}

#[tokio::test]
async fn a_renames_source_goes_if_it_is_the_one_that_the_edit_names_and_a_note_comes_with_it() {
    let bucket = bucket();
    let source = ObjectRecord {
        key: ObjectKey::new("source").unwrap(),
        commit_id: CommitId::from_bytes([5; 16]),
        shared: true,
        ..record()
    };
    let record = record();
    let edit = Edit::put(&bucket, &record, ANYTHING).moving(&source);
    let changes = [
        RowChange::ObjectGone(&source.key),
        RowChange::Object(Cow::Borrowed(&record)),
    ];
    let seen = tag(9, false);
    let actions = sent(&edit, &changes, Some(seen)).await;
    assert_eq!(actions.len(), 3);
    assert_eq!(
        guard(&actions[0], "Delete"),
        ("OBJECT#bucket", TAGGED, &values_of(source.tag()))
    );
    assert_eq!(actions[0]["Delete"]["Key"]["SK"]["S"], "source");
    assert_eq!(
        guard(&actions[1], "Put"),
        ("OBJECT#bucket", TAGGED, &values_of(seen))
    );
    let note = RowKey::note(bucket.id, record.commit_id);
    let note = rows::key(&note)["PK"].as_s().unwrap().clone();
    assert_eq!(guard(&actions[2], "Put"), (note.as_str(), ABSENT, &Value::Null));
}

#[tokio::test]
async fn a_receipt_is_written_only_where_the_upload_has_none() {
    let (bucket, record) = (bucket(), record());
    let upload = UploadId::from_bytes([6; 16]);
    let receipt = Receipt {
        upload,
        outcome: ReceiptOutcome::Completed {
            etag: record.etag.clone(),
            checksum: None,
            commit_id: record.commit_id,
            version: None,
        },
        expires: Timestamp::from_millis(0),
    };
    let edit = Edit::put(&bucket, &record, ANYTHING).closing(&receipt);
    let changes = [
        RowChange::Object(Cow::Borrowed(&record)),
        RowChange::Receipt(Cow::Borrowed(&receipt)),
    ];
    let actions = sent(&edit, &changes, None).await;
    assert_eq!(actions.len(), 2);
    assert_eq!(guard(&actions[0], "Put"), ("OBJECT#bucket", ABSENT, &Value::Null));
    let partition = format!("RECEIPT#{upload}");
    assert_eq!(
        guard(&actions[1], "Put"),
        (partition.as_str(), ABSENT, &Value::Null)
    );
}
