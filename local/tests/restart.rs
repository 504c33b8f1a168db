//! What was acknowledged is there after a restart, byte for byte.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::model::{
    BucketName, ObjectHeaders, ObjectKey, Operation, Owner, PartNumber, RequestBody, RequestedAcl, Tags,
    WriteCondition,
};
use bleepstore_core::ops::{
    Caller, CompleteMultipartUpload, CompletedPart, Context, CreateBucket, CreateMultipartUpload, Incoming,
    Pairing, PutObject, Selection, Target, complete_multipart_upload, create_bucket, create_multipart_upload,
    get_object, open_completion, open_upload, pair_stores, put_object, upload_part,
};
use bleepstore_core::ports::MetadataStore;
use bleepstore_core::protocol::payload::DeclaredBody;
use bleepstore_core::protocol::sigv4::PayloadMode;
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_local::fs_blobs::FsBlobs;
use bleepstore_local::jsonl::JsonlMetadata;
use bleepstore_local::sqlite::SqliteMetadata;
use futures_util::TryStreamExt;

fn sqlite(folder: &Path) -> Arc<dyn MetadataStore> {
    Arc::new(SqliteMetadata::open(&folder.join("metadata.sqlite")).unwrap())
}

fn jsonl(folder: &Path) -> Arc<dyn MetadataStore> {
    Arc::new(JsonlMetadata::open(&folder.join("metadata.jsonl")).unwrap())
}

async fn open(folder: &Path, metadata: fn(&Path) -> Arc<dyn MetadataStore>) -> Context {
    let ports = Ports {
        metadata: metadata(folder),
        blobs: Arc::new(FsBlobs::open(folder).unwrap()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    };
    let pairing = pair_stores(&ports).await.unwrap();
    Context::new(ports, pairing)
}

fn target(key: &str) -> Target {
    Target {
        bucket: BucketName::new("bucket").unwrap(),
        key: ObjectKey::new(key).unwrap(),
        version: None,
    }
}

fn incoming(bytes: &[u8]) -> Incoming {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-length", bytes.len().into());
    let declared =
        DeclaredBody::from_headers(RequestBody::Object, &headers, PayloadMode::Unsigned, None).unwrap();
    let body = declared
        .open(bleepstore_core::Body::full(bytes.to_vec()), None)
        .unwrap();
    Incoming {
        stream: body.stream,
        length: Some(body.length),
        digests: body.digests,
    }
}

async fn read(context: &Context, caller: &Caller, key: &str) -> Vec<u8> {
    let whole = |_: &_| Ok(Selection::Whole);
    let read = get_object(context, caller, &target(key), &whole).await.unwrap();
    let pieces: Vec<_> = read.body.try_collect().await.unwrap();
    pieces.concat()
}

#[tokio::test]
async fn objects_of_every_kind_survive_a_restart_on_sqlite() {
    objects_of_every_kind_survive_a_restart(sqlite).await;
}

#[tokio::test]
async fn objects_of_every_kind_survive_a_restart_on_jsonl() {
    objects_of_every_kind_survive_a_restart(jsonl).await;
}

async fn objects_of_every_kind_survive_a_restart(metadata: fn(&Path) -> Arc<dyn MetadataStore>) {
    let folder = tempfile::tempdir().unwrap();
    let caller = Caller::of(Owner::root());
    let bodies: Vec<(String, Vec<u8>)> = [0, 1, 16 * 1024, 16 * 1024 + 1, 3 << 20]
        .into_iter()
        .map(|length| {
            (
                format!("key-{length}"),
                (0..length).map(|n: u32| (n % 251) as u8).collect(),
            )
        })
        .collect();

    let context = open(folder.path(), metadata).await;
    let input = CreateBucket {
        region: "us-east-1".to_owned(),
        ..CreateBucket::default()
    };
    create_bucket(&context, &caller, &target("x").bucket, input)
        .await
        .unwrap();
    for (key, body) in &bodies {
        let (headers, condition) = (ObjectHeaders::default(), WriteCondition::Any);
        let input = PutObject {
            operation: Operation::PutObject,
            target: target(key),
            headers,
            acl: RequestedAcl::default(),
            tags: Tags::default(),
            body: incoming(body),
            condition,
        };
        put_object(&context, &caller, input).await.unwrap();
    }
    let begin = CreateMultipartUpload {
        target: target("joined"),
        headers: ObjectHeaders::default(),
        acl: RequestedAcl::default(),
        tags: Tags::default(),
        checksum: None,
    };
    let upload = create_multipart_upload(&context, &caller, begin).await.unwrap();
    let row = open_upload(
        &context,
        &caller,
        Operation::UploadPart,
        &target("joined"),
        upload,
    )
    .await
    .unwrap();
    let part = vec![7; 5 << 20];
    let first = upload_part(&context, &row, PartNumber::new(1).unwrap(), incoming(&part))
        .await
        .unwrap();
    drop(context);

    // The upload goes on where it was.
    let context = open(folder.path(), metadata).await;
    assert_eq!(context.pairing, Pairing::Matched);
    let row = open_upload(
        &context,
        &caller,
        Operation::UploadPart,
        &target("joined"),
        upload,
    )
    .await
    .unwrap();
    let last = upload_part(&context, &row, PartNumber::new(2).unwrap(), incoming(b"end"))
        .await
        .unwrap();
    let listed = |part: bleepstore_core::model::Part| CompletedPart {
        number: part.number,
        etag: part.etag,
        checksum: None,
    };
    let complete = CompleteMultipartUpload {
        parts: vec![listed(first), listed(last)],
        checksum: None,
        checksum_kind: None,
        size: None,
        condition: WriteCondition::Any,
    };
    let completion = open_completion(&context, &caller, &target("joined"), upload)
        .await
        .unwrap();
    complete_multipart_upload(&context, &caller, completion, complete)
        .await
        .unwrap();
    drop(context);

    let context = open(folder.path(), metadata).await;
    for (key, body) in &bodies {
        assert_eq!(&read(&context, &caller, key).await, body, "{key}");
    }
    assert_eq!(
        read(&context, &caller, "joined").await,
        [part.as_slice(), b"end"].concat()
    );
}
