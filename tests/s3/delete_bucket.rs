use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

s3_test!(removes_an_empty_bucket, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    assert_eq!(bucket.request("DELETE").expect(204).body, b"");
    bucket.request("HEAD").expect(404);
    bucket.request("DELETE").expect_error(404, "NoSuchBucket");
});

s3_test!(refuses_a_bucket_with_objects, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    assert_eq!(
        bucket
            .request("DELETE")
            .expect_error(409, "BucketNotEmpty")
            .field("BucketName"),
        bucket.name
    );
    assert_eq!(bucket.read("key"), b"key");
    bucket.delete("key").expect(204);
    bucket.request("DELETE").expect(204);
});

s3_test!(does_not_wait_for_open_uploads, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    let part = bucket.upload_part("key", &upload, 1, b"part");
    bucket.request("DELETE").expect(204);
    bucket.request("PUT").expect(200);
    bucket
        .complete("key", &upload, &[part])
        .expect_error(404, "NoSuchUpload");
    assert_eq!(bucket.list().expect(200).value("ListBucketResult/KeyCount"), "0");
});

s3_test!(never_loses_an_acknowledged_write, largest_body = 10, |s3: &S3| {
    for round in 0..20 {
        let bucket = s3.bucket();
        let (put, delete) = (bucket.put("key", "x").sign(), bucket.request("DELETE").sign());
        let (put, delete) = std::thread::scope(|scope| {
            let put = scope.spawn(|| put.send().status);
            let delete = scope.spawn(|| delete.send().status);
            (put.join().unwrap(), delete.join().unwrap())
        });
        match (put, delete) {
            (200, 409) => assert_eq!(bucket.read("key"), b"x"),
            (404, 204) => bucket.request("HEAD").expect(404).assert_common_headers(),
            other => panic!("round {round}: put and delete answered {other:?}"),
        }
    }
});
