use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

s3_test!(
    is_empty_in_us_east_1_and_the_region_elsewhere,
    largest_body = 0,
    |s3: &S3| {
        let response = s3.bucket().request("GET").flag("location").expect(200);
        let expected = match s3.endpoint.region.as_str() {
            "us-east-1" => "",
            region => region,
        };
        assert_eq!(response.value("LocationConstraint"), expected);
        assert!(
            response
                .text()
                .contains("xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
        );
    }
);

s3_test!(needs_the_bucket, largest_body = 0, |s3: &S3| {
    s3.bucket_named(s3.unused_name())
        .request("GET")
        .flag("location")
        .expect_error(404, "NoSuchBucket");
});
