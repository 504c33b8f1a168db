//! What is sent, and what is made of the answers, with a connection that answers from a script.

mod events;
mod script;
mod transactions;

use aws_sdk_dynamodb::types::AttributeValue;
use bleepstore_core::model::{
    Acl, BlobId, BlobRef, Bucket, BucketDocuments, BucketId, BucketLayout, BucketName, BucketState, CommitId,
    Description, ETag, Extent, Layout, Manifest, ObjectKey, ObjectKind, ObjectRecord, Owner, Revision,
    Timestamp, Token, WriteCondition,
};
use bleepstore_core::ports::{
    BucketIndex, DeleteBucketOutcome, Edit, EditOutcome, Expect, ObjectIndex, StoreErrorKind,
};
use serde_json::{Value, json};

use self::script::{Answer, Script, failure, ok};
use super::rows;
use super::schema::RowKey;

fn bucket() -> Bucket {
    Bucket {
        name: BucketName::new("bucket").unwrap(),
        id: BucketId::from_bytes([1; 16]),
        owner: Owner::root(),
        acl: Acl::default(),
        region: "eu-north-1".to_owned(),
        created: Timestamp::from_millis(0),
        state: BucketState::Active,
        revision: Revision(1),
        layout: BucketLayout::FIRST,
        documents: BucketDocuments::default(),
        versioning: None,
    }
}

fn record() -> ObjectRecord {
    ObjectRecord {
        bucket: bucket().id,
        key: ObjectKey::new("key").unwrap(),
        commit_id: CommitId::from_bytes([2; 16]),
        kind: ObjectKind::Object,
        etag: ETag::from_md5([3; 16]),
        size: 0,
        last_modified: Timestamp::from_millis(0),
        description: Description::of(Owner::root()),
        checksum: None,
        shared: false,
        manifest: Manifest::empty(),
        version: None,
    }
}

/// The bucket's row as DynamoDB sends it.
fn bucket_row(deleting: Option<Token>) -> Value {
    let bucket = bucket();
    let mut row = json!({
        "PK": {"S": "BUCKET#bucket"}, "SK": {"S": "#METADATA"},
        "bucket_id": {"S": bucket.id.to_string()}, "revision_no": {"N": "1"},
        "detail": {"S": serde_json::to_string(&bucket).unwrap()},
    });
    if let Some(token) = deleting {
        row["deleting_by"] = json!({"S": token.to_string()});
    }
    row
}

async fn edit(script: &Script, edit: &Edit<'_>) -> Result<EditOutcome, StoreErrorKind> {
    let outcome = script.store().edit(edit).await;
    outcome.map_err(|error| error.kind)
}

const ANYTHING: Expect<'static> = Expect::Condition {
    condition: &WriteCondition::Any,
    retired: None,
};

async fn commit(script: &Script) -> Result<EditOutcome, StoreErrorKind> {
    edit(script, &Edit::put(&bucket(), &record(), ANYTHING)).await
}

const COMMITTED: EditOutcome = EditOutcome::Applied { displaced: None };

/// An object's row as DynamoDB sends it.
fn object_row(record: &ObjectRecord) -> Value {
    let row = rows::object(&RowKey::object(&bucket().name, &record.key), record).unwrap();
    let sent = row.into_iter().map(|(name, value)| {
        let value = match value {
            AttributeValue::Bool(value) => json!({"BOOL": value}),
            value => json!({"S": value.as_s().unwrap()}),
        };
        (name, value)
    });
    Value::Object(sent.collect())
}

/// The condition does not hold of this row.
fn refused_for(record: &ObjectRecord) -> Answer {
    let code = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    Answer::Json(400, json!({"__type": code, "Item": object_row(record)}))
}

#[tokio::test]
async fn a_commit_is_sent_again_only_while_it_was_certainly_not_applied() {
    let script = Script::new([
        failure(400, "ThrottlingException"),
        failure(400, "ProvisionedThroughputExceededException"),
        Answer::Refused,
        failure(400, "TransactionConflictException"),
        ok(json!({})),
        ok(json!({"Item": bucket_row(None)})),
    ]);
    assert_eq!(commit(&script).await, Ok(COMMITTED));
    let sent = script.sent();
    assert_eq!(sent[..5], ["PutItem"; 5]);
    assert_eq!(sent[5..], ["GetItem"]);
}

#[tokio::test]
async fn a_commit_that_stays_throttled_gives_up_and_was_not_applied() {
    let script = Script::new((0..5).map(|_| failure(400, "ThrottlingException")));
    assert_eq!(commit(&script).await, Err(StoreErrorKind::Throttled));
    assert_eq!(script.sent(), ["PutItem"; 5]);
}

#[tokio::test]
async fn a_commit_whose_outcome_is_unknown_is_never_sent_again() {
    for answer in [
        Answer::Late,
        Answer::Reset,
        failure(500, "InternalServerError"),
        failure(503, "ServiceUnavailable"),
        ok(Value::from("garbled")),
    ] {
        let script = Script::new([answer]);
        assert_eq!(commit(&script).await, Err(StoreErrorKind::Timeout));
        assert_eq!(script.sent(), ["PutItem"]);
    }
}

#[tokio::test]
async fn a_commit_that_cannot_be_confirmed_has_an_unknown_outcome() {
    let script = Script::new([ok(json!({})), failure(400, "AccessDeniedException")]);
    assert_eq!(commit(&script).await, Err(StoreErrorKind::Timeout));
    assert_eq!(script.sent(), ["PutItem", "GetItem"]);
}

#[tokio::test]
async fn a_read_is_tried_again_whatever_was_lost() {
    let script = Script::new([
        Answer::Reset,
        failure(500, "InternalServerError"),
        ok(json!({"Item": bucket_row(None)})),
    ]);
    let found = script.store().bucket(&bucket().name).await.unwrap();
    assert_eq!(found, Some(bucket()));
    assert_eq!(script.sent(), ["GetItem"; 3]);
    assert_eq!(script.body(0)["ConsistentRead"], json!(true));
}

#[tokio::test]
async fn a_writer_that_meets_a_deletion_cancels_it() {
    let token = Token::from_bytes([9; 16]);
    let script = Script::new([
        ok(json!({})),
        ok(json!({"Item": bucket_row(Some(token))})),
        ok(json!({"Attributes": bucket_row(None)})),
    ]);
    assert_eq!(commit(&script).await, Ok(COMMITTED));
    assert_eq!(script.sent(), ["PutItem", "GetItem", "UpdateItem"]);
    let update = script.body(2);
    assert_eq!(update["UpdateExpression"], "REMOVE deleting_by");
    assert_eq!(
        update["ExpressionAttributeValues"][":mark"]["S"],
        token.to_string()
    );
}

#[tokio::test]
async fn a_writer_whose_bucket_is_gone_takes_its_own_row_back() {
    let script = Script::new([ok(json!({})), ok(json!({})), ok(json!({}))]);
    assert_eq!(commit(&script).await, Ok(EditOutcome::NoSuchBucket));
    assert_eq!(script.sent(), ["PutItem", "GetItem", "DeleteItem"]);
    let delete = script.body(2);
    assert_eq!(delete["ConditionExpression"], "commit_id = :commit");
    assert_eq!(
        delete["ExpressionAttributeValues"][":commit"]["S"],
        record().commit_id.to_string()
    );
}

#[tokio::test]
async fn a_row_of_a_creation_that_is_gone_is_written_over_as_it_was_met() {
    let stale = ObjectRecord {
        bucket: BucketId::from_bytes([8; 16]),
        commit_id: CommitId::from_bytes([9; 16]),
        ..record()
    };
    let script = Script::new([
        refused_for(&stale),
        ok(json!({"Item": bucket_row(None)})),
        ok(json!({"Attributes": object_row(&stale)})),
        ok(json!({"Item": bucket_row(None)})),
    ]);
    assert_eq!(commit(&script).await, Ok(COMMITTED));
    assert_eq!(script.sent(), ["PutItem", "GetItem", "PutItem", "GetItem"]);
    let put = script.body(2);
    assert_eq!(
        put["ConditionExpression"],
        "commit_id = :commit AND is_shared = :shared AND attribute_not_exists(revision_no)"
    );
    let values = json!({":commit": {"S": stale.commit_id.to_string()}, ":shared": {"BOOL": false}});
    assert_eq!(put["ExpressionAttributeValues"], values);
}

/// Neither needs the bucket.
#[tokio::test]
async fn a_removal_and_a_mark_are_one_write_that_names_the_row() {
    let (bucket, read) = (bucket(), record());
    let marked = ObjectRecord {
        shared: true,
        ..read.clone()
    };
    let expect = Expect::Row(Some(read.tag()));
    let edits = [
        ("PutItem", Edit::put(&bucket, &marked, expect)),
        ("DeleteItem", Edit::remove(&bucket, &read.key, expect)),
    ];
    for (call, made) in edits {
        let script = Script::new([ok(json!({"Attributes": object_row(&read)}))]);
        let displaced = Some(Box::new(read.clone()));
        assert_eq!(edit(&script, &made).await, Ok(EditOutcome::Applied { displaced }));
        assert_eq!(script.sent(), [call]);
        let sent = script.body(0);
        assert_eq!(
            sent["ConditionExpression"],
            "bucket_id = :bucket AND commit_id = :commit AND is_shared = :shared \
             AND attribute_not_exists(revision_no) AND attribute_not_exists(is_kept)"
        );
        let values = json!({":bucket": {"S": bucket.id.to_string()},
            ":commit": {"S": read.commit_id.to_string()}, ":shared": {"BOOL": false}});
        assert_eq!(sent["ExpressionAttributeValues"], values);
        let script = Script::new([refused_for(&marked)]);
        let head = Some(Box::new(marked.clone()));
        assert_eq!(edit(&script, &made).await, Ok(EditOutcome::Refused { head }));
        assert_eq!(script.sent(), [call]);
    }
}

#[tokio::test]
async fn a_deletion_that_lost_its_mark_looks_again() {
    let refused = || failure(400, "ConditionalCheckFailedException");
    let row = || ok(json!({"Item": bucket_row(None)}));
    let marked = || ok(json!({"Attributes": bucket_row(None)}));
    let object = json!({"Items": [{"PK": {"S": "OBJECT#bucket"}, "SK": {"S": "key"},
        "bucket_id": {"S": bucket().id.to_string()}}]});
    let empty = || ok(json!({"Items": []}));
    let script = Script::new([
        row(),
        marked(),
        empty(),
        empty(),
        refused(),
        row(),
        marked(),
        ok(object),
        marked(),
    ]);
    let token = Token::from_bytes([9; 16]);
    let store = script.store();
    let outcome = store.delete_bucket(&bucket().name, bucket().id, token).await;
    assert_eq!(outcome.unwrap(), DeleteBucketOutcome::NotEmpty);
    let one = ["GetItem", "UpdateItem", "Query"];
    assert_eq!(
        script.sent(),
        [&one[..], &["Query", "DeleteItem"], &one[..], &["UpdateItem"]].concat()
    );
}

#[tokio::test]
async fn a_lookup_asks_again_for_what_a_batch_left_unread() {
    let left = json!({"table": {"Keys": [{"PK": {"S": "BUCKET#bucket"}, "SK": {"S": "#METADATA"}}],
        "ConsistentRead": true}});
    let script = Script::new([
        ok(json!({"Responses": {"table": []}, "UnprocessedKeys": left})),
        ok(json!({"Responses": {"table": [bucket_row(None)]}, "UnprocessedKeys": {}})),
    ]);
    let found = script
        .store()
        .lookup(&bucket().name, &record().key)
        .await
        .unwrap();
    assert_eq!(found.bucket, Some(bucket()));
    assert_eq!(script.sent(), ["BatchGetItem"; 2]);
    let again = script.body(1);
    assert_eq!(
        again["RequestItems"]["table"]["Keys"].as_array().unwrap().len(),
        1
    );
    assert_eq!(again["RequestItems"]["table"]["ConsistentRead"], json!(true));
}

#[tokio::test]
async fn an_object_row_with_a_full_layout_stays_near_two_kilobytes() {
    let script = Script::new([ok(json!({})), ok(json!({"Item": bucket_row(None)}))]);
    let blob = BlobRef {
        bucket: bucket().id,
        blob: BlobId::from_bytes([4; 16]),
    };
    let extent = Extent::whole(blob, 5 << 40, u64::MAX);
    let full = ObjectRecord {
        manifest: Manifest::Extents(Layout {
            extents: vec![extent; super::LAYOUT_LIMIT],
            parts: Vec::new(),
        }),
        ..record()
    };
    let committed = edit(&script, &Edit::put(&bucket(), &full, ANYTHING)).await;
    assert_eq!(committed, Ok(COMMITTED));
    let item = script.body(0)["Item"].clone();
    let texts = item.as_object().unwrap().iter();
    let bytes: usize = texts
        .map(|(name, value)| name.len() + value["S"].as_str().map_or(1, str::len))
        .sum();
    assert!((1024..2200).contains(&bytes), "{bytes} bytes");
    script.sent();
}

#[test]
fn a_row_with_an_attribute_of_a_later_program_is_refused() {
    let key = RowKey::object(&bucket().name, &record().key);
    let mut rows = [
        rows::bucket(&bucket()).unwrap(),
        rows::object(&key, &record()).unwrap(),
    ];
    assert_eq!(rows::read_bucket(&rows[0]).unwrap(), bucket());
    assert_eq!(rows::read_object(&rows[1]).unwrap(), record());
    for row in &mut rows {
        row.insert("versions".to_owned(), rows::number(2));
    }
    let refused = [
        rows::read_bucket(&rows[0]).unwrap_err(),
        rows::read_object(&rows[1]).unwrap_err(),
    ];
    for refused in refused {
        assert_eq!(refused.kind, StoreErrorKind::TooNew);
        assert!(refused.to_string().contains("attribute versions"), "{refused}");
    }
}

#[test]
fn what_is_said_of_an_object_is_in_the_detail_of_its_row_as_release_0_1_writes_it() {
    let detail = concat!(
        r#"{"size":9,"last_modified":1795959852466,"owner":{"id":"a11ce","display_name":"alice"},"#,
        r#""acl":[{"grantee":{"Group":"AllUsers"},"permission":"READ"}],"#,
        r#""headers":{"content_type":"text/plain","user_metadata":[["colour","blue"]],"storage_class":"GLACIER"},"#,
        r#""checksum":{"algorithm":"CRC64NVME","kind":"FULL_OBJECT","value":"P4RbzKo4dVo="},"#,
        r#""manifest":{"Inline":"Zm9yIEFsaWNl"}}"#,
    );
    let key = RowKey::object(&bucket().name, &record().key);
    let mut row = rows::object(&key, &record()).unwrap();
    row.insert("detail".to_owned(), rows::text(detail));
    let read = rows::read_object(&row).unwrap();
    assert_eq!(read.description.owner.display_name, "alice");
    assert_eq!(rows::object(&key, &read).unwrap(), row);
    let later = detail.replacen('{', r#"{"later":1,"#, 1);
    row.insert("detail".to_owned(), rows::text(later));
    assert_eq!(rows::read_object(&row).unwrap_err().kind, StoreErrorKind::TooNew);
}
