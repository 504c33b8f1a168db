use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

s3_test!(names_the_region, largest_body = 0, |s3: &S3| {
    let response = s3.bucket().request("HEAD").expect(200);
    assert_eq!(response.required("x-amz-bucket-region"), s3.endpoint.region);
    assert_eq!(response.body, b"");
});

s3_test!(
    of_an_absent_bucket_is_404_without_a_body,
    largest_body = 0,
    |s3: &S3| {
        s3.bucket_named(s3.unused_name())
            .request("HEAD")
            .send()
            .assert_bodiless(404);
    }
);
