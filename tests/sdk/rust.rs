//! Amazon's SDK for Rust against BleepStore: what it sends by default must work, and what it makes of errors must
//! be what its users match on.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, CompletedMultipartUpload, CompletedPart, Delete, MetadataDirective,
    ObjectIdentifier, VersioningConfiguration,
};
use bleepstore_tests::http::encoding::pattern;
use bleepstore_tests::http::{Bucket, S3};
use bleepstore_tests::{deployment_test, sdk_test};

/// A client with nothing set but an endpoint, keys and an HTTP client without TLS.
fn client(s3: &S3) -> Client {
    let endpoint = &s3.endpoint;
    let keys = Credentials::new(&endpoint.access_key, &endpoint.secret_key, None, None, "tests");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", endpoint.address))
        .region(Region::new(endpoint.region.clone()))
        .credentials_provider(keys)
        .force_path_style(true)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

/// Runs a conversation of the SDK with a fresh bucket.
fn talk(s3: &S3, conversation: impl AsyncFnOnce(&Client, &Bucket)) {
    let bucket = s3.bucket();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(conversation(&client(s3), &bucket));
}

sdk_test!(
    creates_lists_and_deletes_buckets,
    largest_body = 1_000,
    |s3: &S3| {
        talk(s3, async |client, bucket| {
            let name = format!("{}-sdk", bucket.name);
            client.create_bucket().bucket(&name).send().await.unwrap();
            client.head_bucket().bucket(&name).send().await.unwrap();
            let listed = client.list_buckets().prefix(&name).send().await.unwrap();
            assert_eq!(listed.buckets().len(), 1);
            assert_eq!(listed.buckets()[0].name(), Some(name.as_str()));
            client.delete_bucket().bucket(&name).send().await.unwrap();
            let error = client.head_bucket().bucket(&name).send().await.unwrap_err();
            assert!(error.into_service_error().is_not_found());
        });
    }
);

sdk_test!(puts_and_gets_with_metadata, largest_body = 1_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        let put = client
            .put_object()
            .bucket(&bucket.name)
            .key("a key/é+%")
            .content_type("text/plain")
            .metadata("color", "red")
            .body(ByteStream::from_static(b"body"))
            .send()
            .await
            .unwrap();
        assert!(put.checksum_crc32().is_some(), "the SDK's checksum was not taken");
        let get = client
            .get_object()
            .bucket(&bucket.name)
            .key("a key/é+%")
            .send()
            .await
            .unwrap();
        assert_eq!(get.content_type(), Some("text/plain"));
        assert_eq!(get.metadata().unwrap()["color"], "red");
        assert_eq!(get.e_tag(), put.e_tag());
        assert_eq!(get.body.collect().await.unwrap().to_vec(), b"body");
    });
});

/// The length that the SDK reads from the answer to HEAD for an object of four bytes.
fn length_of_head(s3: &S3) -> Option<i64> {
    let mut length = None;
    talk(s3, async |client, bucket| {
        bucket.put("key", "body").expect(200);
        let head = client.head_object().bucket(&bucket.name).key("key");
        length = head.send().await.unwrap().content_length();
    });
    length
}

sdk_test!(tells_the_length_of_a_head, largest_body = 1_000, |s3: &S3| {
    assert_eq!(length_of_head(s3), Some(4));
});

// A Function URL in streaming mode gives it a name that the SDK does not know.
deployment_test!(cannot_tell_the_length_of_a_head on aws_lambda_stream, AWS_LAMBDA_STREAM, |s3: &S3| {
    assert_eq!(length_of_head(s3), None);
});

sdk_test!(pages_through_listings, largest_body = 1_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        let keys = ["a", "b/1", "b/2", "c d", "é"];
        bucket.fill(&keys);
        let mut pages = client
            .list_objects_v2()
            .bucket(&bucket.name)
            .max_keys(2)
            .into_paginator()
            .send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            listed.extend(
                page.unwrap()
                    .contents()
                    .iter()
                    .map(|object| object.key().unwrap().to_owned()),
            );
        }
        assert_eq!(listed, keys);
    });
});

sdk_test!(uploads_in_parts, largest_body = 5_300_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        let (name, key) = (bucket.name.as_str(), "large");
        let upload = client
            .create_multipart_upload()
            .bucket(name)
            .key(key)
            .send()
            .await
            .unwrap();
        let upload = upload.upload_id().unwrap();
        let bodies = [pattern(1, 5_242_880), b"tail".to_vec()];
        let mut completed = CompletedMultipartUpload::builder();
        for (number, body) in (1..).zip(&bodies) {
            let part = client
                .upload_part()
                .bucket(name)
                .key(key)
                .upload_id(upload)
                .part_number(number);
            let part = part.body(ByteStream::from(body.clone())).send().await.unwrap();
            let part = CompletedPart::builder().part_number(number).set_e_tag(part.e_tag);
            completed = completed.parts(part.build());
        }
        let parts = client
            .list_parts()
            .bucket(name)
            .key(key)
            .upload_id(upload)
            .send()
            .await
            .unwrap();
        assert_eq!(parts.parts().len(), 2);
        let complete = client
            .complete_multipart_upload()
            .bucket(name)
            .key(key)
            .upload_id(upload);
        complete.multipart_upload(completed.build()).send().await.unwrap();
        assert!(bucket.read(key) == bodies.concat(), "another body came back");
    });
});

sdk_test!(streams_a_file, largest_body = 3_100_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        let body = pattern(2, 3_000_000);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &body).unwrap();
        let stream = ByteStream::from_path(file.path()).await.unwrap();
        client
            .put_object()
            .bucket(&bucket.name)
            .key("file")
            .body(stream)
            .send()
            .await
            .unwrap();
        assert!(bucket.read("file") == body, "another body came back");
    });
});

sdk_test!(copies_objects, largest_body = 1_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        bucket.put("source", "body").expect(200);
        let copy = client.copy_object().bucket(&bucket.name).key("copy");
        let copy = copy.copy_source(format!("{}/source", bucket.name));
        let copy = copy
            .metadata_directive(MetadataDirective::Replace)
            .metadata("color", "blue");
        let copied = copy.send().await.unwrap();
        assert!(copied.copy_object_result().unwrap().e_tag().is_some());
        assert_eq!(
            bucket.get("copy").expect(200).required("x-amz-meta-color"),
            "blue"
        );
    });
});

sdk_test!(deletes_many_objects, largest_body = 1_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        bucket.fill(&["a", "b", "c"]);
        let mut delete = Delete::builder();
        for key in ["a", "c"] {
            delete = delete.objects(ObjectIdentifier::builder().key(key).build().unwrap());
        }
        let request = client
            .delete_objects()
            .bucket(&bucket.name)
            .delete(delete.build().unwrap());
        let deleted = request.send().await.unwrap();
        assert_eq!((deleted.deleted().len(), deleted.errors().len()), (2, 0));
        assert_eq!(
            bucket.list().expect(200).value("ListBucketResult/Contents/Key"),
            "b"
        );
    });
});

sdk_test!(presigns_requests, largest_body = 1_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        bucket.put("a key", "body").expect(200);
        let lifetime = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
        let get = client
            .get_object()
            .bucket(&bucket.name)
            .key("a key")
            .presigned(lifetime)
            .await
            .unwrap();
        let authority = format!("http://{}", s3.endpoint.address);
        let target = get
            .uri()
            .strip_prefix(&authority)
            .expect("the endpoint's own authority");
        let response = s3.request("GET", target).anonymous().expect(200);
        assert_eq!(response.text(), "body");
    });
});

/// Makes the bucket keep versions, and puts one of these bodies after the other; their ids.
async fn put_versions(client: &Client, bucket: &Bucket, key: &str, bodies: &[&'static str]) -> Vec<String> {
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    let configure = client.put_bucket_versioning().bucket(&bucket.name);
    configure
        .versioning_configuration(enabled.build())
        .send()
        .await
        .unwrap();
    let mut ids = Vec::new();
    for body in bodies {
        let put = client.put_object().bucket(&bucket.name).key(key);
        let put = put.body(ByteStream::from_static(body.as_bytes())).send().await;
        ids.push(put.unwrap().version_id.unwrap());
    }
    ids
}

sdk_test!(reads_versions_by_their_ids, largest_body = 1_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        let ids = put_versions(client, bucket, "key", &["first", "second"]).await;
        let state = client.get_bucket_versioning().bucket(&bucket.name).send().await;
        assert_eq!(state.unwrap().status(), Some(&BucketVersioningStatus::Enabled));
        let get = client.get_object().bucket(&bucket.name).key("key");
        let got = get.clone().version_id(&ids[0]).send().await.unwrap();
        assert_eq!(got.version_id(), Some(ids[0].as_str()));
        assert_eq!(got.body.collect().await.unwrap().to_vec(), b"first");
        let head = client
            .head_object()
            .bucket(&bucket.name)
            .key("key")
            .version_id(&ids[1]);
        assert_eq!(head.send().await.unwrap().version_id(), Some(ids[1].as_str()));
        let source = format!("{}/key?versionId={}", bucket.name, ids[0]);
        let copy = client
            .copy_object()
            .bucket(&bucket.name)
            .key("copy")
            .copy_source(source);
        let copied = copy.send().await.unwrap();
        assert_eq!(copied.copy_source_version_id(), Some(ids[0].as_str()));
        assert_eq!(bucket.read("copy"), b"first");

        let delete = client.delete_object().bucket(&bucket.name).key("key");
        let marker = delete.clone().send().await.unwrap();
        assert_eq!(marker.delete_marker(), Some(true));
        let gone = get.clone().send().await.unwrap_err();
        assert!(gone.into_service_error().is_no_such_key());
        let of_marker = get.version_id(marker.version_id().unwrap()).send().await;
        assert_eq!(of_marker.unwrap_err().code(), Some("MethodNotAllowed"));
        let undone = delete
            .version_id(marker.version_id().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(undone.delete_marker(), Some(true));
        assert_eq!(bucket.read("key"), b"second");
    });
});

// The SDK has no paginator for versions.
sdk_test!(pages_through_versions, largest_body = 1_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        let mut expected = put_versions(client, bucket, "a", &["1", "2", "3"]).await;
        expected.reverse();
        expected.extend(put_versions(client, bucket, "b/c", &["4"]).await);
        let mut listed = Vec::new();
        let (mut key, mut version) = (None, None);
        loop {
            let list = client.list_object_versions().bucket(&bucket.name).max_keys(2);
            let list = list.set_key_marker(key).set_version_id_marker(version);
            let page = list.send().await.unwrap();
            assert!(page.versions().len() <= 2);
            listed.extend(
                page.versions()
                    .iter()
                    .map(|entry| entry.version_id().unwrap().to_owned()),
            );
            if page.is_truncated() != Some(true) {
                break;
            }
            (key, version) = (page.next_key_marker, page.next_version_id_marker);
        }
        assert_eq!(listed, expected);
        let mut delete = Delete::builder();
        for (key, id) in ["a", "a", "a", "b/c"].into_iter().zip(&listed) {
            delete = delete.objects(
                ObjectIdentifier::builder()
                    .key(key)
                    .version_id(id)
                    .build()
                    .unwrap(),
            );
        }
        let delete = delete.build().unwrap();
        let request = client.delete_objects().bucket(&bucket.name).delete(delete);
        let deleted = request.send().await.unwrap();
        assert_eq!((deleted.deleted().len(), deleted.errors().len()), (4, 0));
        bucket.request("DELETE").expect(204);
    });
});

sdk_test!(recognises_errors, largest_body = 1_000, |s3: &S3| {
    talk(s3, async |client, bucket| {
        let get = client
            .get_object()
            .bucket(&bucket.name)
            .key("absent")
            .send()
            .await
            .unwrap_err();
        assert!(get.into_service_error().is_no_such_key());
        // In us-east-1, as on AWS, that is no error.
        let again = client.create_bucket().bucket(&bucket.name).send().await;
        again.unwrap();
        let create = || {
            let put = client
                .put_object()
                .bucket(&bucket.name)
                .key("key")
                .if_none_match("*");
            put.body(ByteStream::from_static(b"x")).send()
        };
        create().await.unwrap();
        assert_eq!(create().await.unwrap_err().code(), Some("PreconditionFailed"));
        let abort = client
            .abort_multipart_upload()
            .bucket(&bucket.name)
            .key("key")
            .upload_id("none");
        assert!(
            abort
                .send()
                .await
                .unwrap_err()
                .into_service_error()
                .is_no_such_upload()
        );
    });
});
