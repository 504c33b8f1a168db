//! The crate `object_store`: the integration suite that it has for stores of others, and what its users do beyond that.

use std::sync::Arc;
use std::time::Duration;

use ::object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3CopyIfNotExists};
use ::object_store::integration;
use ::object_store::multipart::{MultipartStore, PartId};
use ::object_store::path::Path;
use ::object_store::signer::Signer;
use ::object_store::{
    Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutPayload, TagSet, UpdateVersion,
};
use bleepstore_azure::tls::use_ring;
use bleepstore_tests::deployment_test;
use bleepstore_tests::http::{Bucket, S3};

/// A store with nothing set but an endpoint without TLS, keys and a region.
fn builder(bucket: &Bucket, s3: &S3) -> AmazonS3Builder {
    // Another crate of these tests chooses an HTTP client without any cryptography of its own.
    use_ring();
    let endpoint = &s3.endpoint;
    AmazonS3Builder::new()
        .with_endpoint(format!("http://{}", endpoint.address))
        .with_allow_http(true)
        .with_region(&endpoint.region)
        .with_access_key_id(&endpoint.access_key)
        .with_secret_access_key(&endpoint.secret_key)
        .with_bucket_name(&bucket.name)
}

/// Runs a conversation about a fresh bucket.
fn talk(
    s3: &S3,
    build: impl FnOnce(AmazonS3Builder) -> AmazonS3Builder,
    conversation: impl AsyncFnOnce(AmazonS3, &Bucket),
) {
    let bucket = s3.bucket();
    let store = build(builder(&bucket, s3)).build().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(conversation(store, &bucket));
}

/// Functions of the suite that take the store, each a test of its own.
macro_rules! suite {
    ($($rule:ident: |$builder:ident| $build:expr, |$store:ident| $run:expr;)+) => {$(
        deployment_test!($rule on sqlite, SQLITE, |s3: &S3| {
            talk(s3, |$builder| $build, async |$store, _| $run.await);
        });
    )+};
}

suite! {
    put_get_delete_list: |b| b, |store| integration::put_get_delete_list(&store);
    with_unsigned_payloads: |b| b.with_unsigned_payload(true), |store| integration::put_get_delete_list(&store);
    with_sha256: |b| b.with_checksum_algorithm(Checksum::SHA256), |store| integration::put_get_delete_list(&store);
    with_crc64nvme:
        |b| b.with_checksum_algorithm(Checksum::CRC64NVME), |store| integration::put_get_delete_list(&store);
    put_get_attributes: |b| b, |store| integration::put_get_attributes(&store);
    get_opts: |b| b, |store| integration::get_opts(&store);
    put_opts: |b| b, |store| integration::put_opts(&store, true);
    stream_get: |b| b, |store| integration::stream_get(&store);
    list_uses_directories_correctly: |b| b, |store| integration::list_uses_directories_correctly(&store);
    list_with_delimiter: |b| b, |store| integration::list_with_delimiter(&store);
    list_with_offset_exclusivity: |b| b, |store| integration::list_with_offset_exclusivity(&store);
    list_paginated: |b| b, |store| integration::list_paginated(&store, &store);
    rename_and_copy: |b| b, |store| integration::rename_and_copy(&store);
    copy_rename_nonexistent_object:
        |b| b.with_copy_if_not_exists(S3CopyIfNotExists::Multipart),
        |store| integration::copy_rename_nonexistent_object(&store);
    copy_if_not_exists_by_parts:
        |b| b.with_copy_if_not_exists(S3CopyIfNotExists::Multipart), |store| integration::copy_if_not_exists(&store);
    copy_if_not_exists_by_a_header:
        |b| b.with_copy_if_not_exists(S3CopyIfNotExists::Header("if-none-match".to_owned(), "*".to_owned())),
        |store| integration::copy_if_not_exists(&store);
    multipart: |b| b, |store| integration::multipart(&store, &store);
    multipart_with_opts: |b| b, |store| integration::multipart_with_opts(&store, &store);
    multipart_put_part_out_of_order: |b| b, |store| integration::multipart_put_part_out_of_order(&store, &store);
    multipart_out_of_order: |b| b, |store| integration::multipart_out_of_order(&store);
    multipart_race_condition: |b| b, |store| integration::multipart_race_condition(&store, true);
    response_extensions:
        |b| b.with_http_connector(integration::MarkerHttpConnector::default()),
        |store| integration::response_extensions(&store, true);
}

deployment_test!(get_nonexistent_object on sqlite, SQLITE, |s3: &S3| {
    talk(s3, |b| b, async |store, _| {
        let error = integration::get_nonexistent_object(&store, None).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    });
    let nowhere = s3.bucket_named(s3.unused_name());
    let store = builder(&nowhere, s3).build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = runtime.block_on(store.head(&Path::from("key")));
    assert!(matches!(found, Err(Error::NotFound { .. })), "{found:?}");
});

deployment_test!(signed_urls on sqlite, SQLITE, |s3: &S3| {
    talk(s3, |b| b, async |store, bucket| {
        let path = Path::from("a folder/key");
        let lifetime = Duration::from_secs(60);
        let put = store.signed_url("PUT".parse().unwrap(), &path, lifetime).await.unwrap();
        let target = |url: &str| url.split_once(&s3.endpoint.address.to_string()).unwrap().1.to_owned();
        s3.request("PUT", &target(put.as_str())).anonymous().body("signed").expect(200);
        assert_eq!(bucket.read("a folder/key"), b"signed");
        let get = store.signed_url("GET".parse().unwrap(), &path, lifetime).await.unwrap();
        let got = s3.request("GET", &target(get.as_str())).anonymous().expect(200);
        assert_eq!(got.text(), "signed");
    });
});

deployment_test!(an_aborted_upload_leaves_nothing on sqlite, SQLITE, |s3: &S3| {
    talk(s3, |b| b, async |store, _| {
        let path = Path::from("key");
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part(PutPayload::from_static(b"part")).await.unwrap();
        upload.abort().await.unwrap();
        assert!(matches!(store.head(&path).await, Err(Error::NotFound { .. })));
        let id = store.create_multipart(&path).await.unwrap();
        let part = store.put_part(&path, &id, 0, PutPayload::from_static(b"part")).await.unwrap();
        let other = PartId { content_id: "\"00000000000000000000000000000000\"".to_owned() };
        store.complete_multipart(&path, &id, vec![other]).await.unwrap_err();
        store.complete_multipart(&path, &id, vec![part]).await.unwrap();
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "part");
    });
});

// Of writers that all have seen the same object, one replaces it.
deployment_test!(one_of_many_writers_replaces_what_all_have_seen on sqlite, SQLITE, |s3: &S3| {
    talk(s3, |b| b, async |store, _| {
        let (path, store) = (Path::from("key"), Arc::new(store));
        let seen = store.put(&path, PutPayload::from_static(b"first")).await.unwrap();
        let writers: Vec<_> = (0..16_u8)
            .map(|writer| {
                let (path, store) = (path.clone(), Arc::clone(&store));
                let seen = UpdateVersion { e_tag: seen.e_tag.clone(), version: seen.version.clone() };
                tokio::spawn(async move {
                    let body = PutPayload::from(vec![writer; 10]);
                    store.put_opts(&path, body, PutMode::Update(seen).into()).await
                })
            })
            .collect();
        let mut won = Vec::new();
        for (writer, task) in (0..16_u8).zip(writers) {
            match task.await.unwrap() {
                Ok(_) => won.push(vec![writer; 10]),
                Err(Error::Precondition { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), won[0]);
    });
});

deployment_test!(versions_are_told_and_read on sqlite, SQLITE, |s3: &S3| {
    talk(s3, |b| b, async |store, bucket| {
        let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        bucket.request("PUT").flag("versioning").body(enabled).expect(200);
        let path = Path::from("key");
        let first = store.put(&path, PutPayload::from_static(b"first")).await.unwrap();
        let second = store.put(&path, PutPayload::from_static(b"second")).await.unwrap();
        assert!(first.version.is_some() && first.version != second.version);
        assert_eq!(store.head(&path).await.unwrap().version, second.version);
        let options = GetOptions { version: first.version.clone(), ..GetOptions::default() };
        let got = store.get_opts(&path, options).await.unwrap();
        assert_eq!(got.meta.version, first.version);
        assert_eq!(got.bytes().await.unwrap(), "first");
    });
});

deployment_test!(tags_are_kept on sqlite, SQLITE, |s3: &S3| {
    talk(s3, |b| b, async |store, bucket| {
        let tags = [("foo.com=bar/s", "bananas/foo.com-_"), ("namespace/key.foo", "value with a space")];
        let mut set = TagSet::default();
        for (key, value) in tags {
            set.push(key, value);
        }
        let body = PutPayload::from_static(b"body");
        store.put_opts(&Path::from("put"), body.clone(), set.clone().into()).await.unwrap();
        let mut upload = store.put_multipart_opts(&Path::from("parts"), set.into()).await.unwrap();
        upload.put_part(body).await.unwrap();
        upload.complete().await.unwrap();
        store.copy(&Path::from("put"), &Path::from("copy")).await.unwrap();
        for key in ["put", "parts", "copy"] {
            let kept = bucket.get(key).flag("tagging").expect(200);
            let of = |field: &str| kept.all(&format!("Tagging/TagSet/Tag/{field}"));
            assert_eq!(of("Key"), tags.map(|(key, _)| key), "{key}");
            assert_eq!(of("Value"), tags.map(|(_, value)| value), "{key}");
        }
    });
});
