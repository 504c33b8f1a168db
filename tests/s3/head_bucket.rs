use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

s3_test!(names_the_region, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let response = bucket.request("HEAD").expect(200);
    assert_eq!(response.required("x-amz-bucket-region"), s3.endpoint.region);
    assert_eq!(
        response.required("x-amz-bucket-arn"),
        format!("arn:aws:s3:::{}", bucket.name)
    );
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

s3_test!(names_the_region_where_it_refuses, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let head = bucket.request("HEAD");
    for (request, status) in [
        (head.clone().region("mars-north-1"), 400),
        (head.clone().anonymous(), 403),
    ] {
        let refused = request.send().assert_bodiless(status);
        assert_eq!(refused.required("x-amz-bucket-region"), s3.endpoint.region);
    }
    let absent = s3.bucket_named(s3.unused_name()).request("HEAD").expect(404);
    assert!(absent.header("x-amz-bucket-region").is_none());
});
