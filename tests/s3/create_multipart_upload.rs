use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

s3_test!(answers_an_upload_id, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let response = bucket.begin_upload_by(bucket.create_upload("a key"));
    assert_eq!(
        response.value("InitiateMultipartUploadResult/Bucket"),
        bucket.name
    );
    assert_eq!(response.value("InitiateMultipartUploadResult/Key"), "a key");
    let first = response.value("InitiateMultipartUploadResult/UploadId");
    assert!(!first.is_empty());
    assert_ne!(bucket.begin_upload("a key"), first);
});

s3_test!(makes_no_object, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    bucket.upload_part("key", &upload, 1, b"part");
    bucket.get("key").expect_error(404, "NoSuchKey");
    assert_eq!(bucket.list().expect(200).value("ListBucketResult/KeyCount"), "0");
});

s3_test!(keeps_headers_for_the_object, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let headers = [
        ("content-type", "text/plain"),
        ("content-encoding", "gzip"),
        ("cache-control", "no-store"),
        ("x-amz-meta-color", "red"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-server-side-encryption", "AES256"),
    ];
    let request = bucket.create_upload("key");
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(name, value));
    let upload = bucket
        .begin_upload_by(request)
        .value("InitiateMultipartUploadResult/UploadId");
    let part = bucket.upload_part("key", &upload, 1, b"part");
    bucket.complete("key", &upload, &[part]).expect(200);
    let object = bucket.get("key").expect(200);
    for (name, value) in headers {
        assert_eq!(object.required(name), value);
    }
});

s3_test!(
    refuses_metadata_over_two_kilobytes,
    largest_body = 0,
    |s3: &S3| {
        let request = s3
            .bucket()
            .object("POST", "key")
            .flag("uploads")
            .header("x-amz-meta-a", "v".repeat(2_048));
        request.expect_error(400, "MetadataTooLarge");
    },
    on AWS_LAMBDA: |s3: &S3| {
        s3.bucket().begin_upload("key");
    }
);

s3_test!(needs_the_bucket, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    bucket
        .object("POST", "key")
        .flag("uploads")
        .expect_error(404, "NoSuchBucket");
}, on AWS_LAMBDA: |s3: &S3| {
    s3.bucket_named(s3.unused_name()).begin_upload("key");
});
