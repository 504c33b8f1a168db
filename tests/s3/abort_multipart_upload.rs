use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

s3_test!(forgets_the_upload, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    let part = bucket.upload_part("key", &upload, 1, b"x");
    assert_eq!(bucket.abort("key", &upload).expect(204).body, b"");
    bucket
        .part("key", &upload, 2, "late")
        .expect_error(404, "NoSuchUpload");
    bucket
        .list_parts("key", &upload)
        .expect_error(404, "NoSuchUpload");
    bucket
        .complete("key", &upload, &[part])
        .expect_error(404, "NoSuchUpload");
    bucket.abort("key", &upload).expect_error(404, "NoSuchUpload");
    let uploads = bucket.request("GET").flag("uploads").expect(200);
    assert_eq!(uploads.all("ListMultipartUploadsResult/Upload/UploadId"), [""; 0]);
    bucket.get("key").expect_error(404, "NoSuchKey");
});

s3_test!(
    leaves_other_uploads_of_the_key_alone,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let (aborted, kept) = (bucket.begin_upload("key"), bucket.begin_upload("key"));
        let part = bucket.upload_part("key", &kept, 1, b"kept");
        bucket.abort("key", &aborted).expect(204);
        bucket.complete("key", &kept, &[part]).expect(200);
        assert_eq!(bucket.read("key"), b"kept");
    }
);

s3_test!(
    after_completion_leaves_the_object,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let part = bucket.upload_part("key", &upload, 1, b"x");
        bucket.complete("key", &upload, &[part]).expect(200);
        bucket.abort("key", &upload).expect_error(404, "NoSuchUpload");
        assert_eq!(bucket.read("key"), b"x");
    }
);

s3_test!(needs_an_open_upload, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.abort("key", "unknown").expect_error(404, "NoSuchUpload");
    let upload = bucket.begin_upload("key");
    bucket
        .abort("other key", &upload)
        .expect_error(404, "NoSuchUpload");
});
