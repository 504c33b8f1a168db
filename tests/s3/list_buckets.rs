use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

const NAMES: &str = "ListAllMyBucketsResult/Buckets/Bucket/Name";

/// Creates buckets that share a prefix which no other test uses, and returns the prefix.
fn family(s3: &S3, suffixes: &[&str]) -> String {
    let prefix = s3.unused_name();
    for suffix in suffixes {
        s3.bucket_named(format!("{prefix}{suffix}"))
            .request("PUT")
            .expect(200);
    }
    prefix
}

s3_test!(names_the_owner_and_every_bucket, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let response = s3.request("GET", "/").expect(200);
    assert!(response.all(NAMES).contains(&bucket.name));
    assert_eq!(response.value("ListAllMyBucketsResult/Owner/ID").len(), 64);
    for date in response.all("ListAllMyBucketsResult/Buckets/Bucket/CreationDate") {
        assert!(date.len() == 24 && date.ends_with(".000Z"), "{date}");
    }
});

s3_test!(orders_buckets_by_name, largest_body = 0, |s3: &S3| {
    let prefix = family(s3, &["-c", "-a", "-b"]);
    let names = s3.request("GET", "/").expect(200).all(NAMES);
    let mine: Vec<_> = names
        .iter()
        .filter_map(|name| name.strip_prefix(&prefix))
        .collect();
    assert_eq!(mine, ["-a", "-b", "-c"]);
});

s3_test!(filters_by_prefix, largest_body = 0, |s3: &S3| {
    let prefix = family(s3, &["-a", "-b1", "-b2"]);
    let response = s3
        .request("GET", "/")
        .query("prefix", format!("{prefix}-b"))
        .expect(200);
    assert_eq!(
        response.all(NAMES),
        [format!("{prefix}-b1"), format!("{prefix}-b2")]
    );
    assert_eq!(
        response.value("ListAllMyBucketsResult/Prefix"),
        format!("{prefix}-b")
    );
});

s3_test!(pages_by_max_buckets, largest_body = 0, |s3: &S3| {
    let prefix = family(s3, &["-a", "-b", "-c"]);
    let request = s3
        .request("GET", "/")
        .query("prefix", &prefix)
        .query("max-buckets", 2);
    let first = request.clone().expect(200);
    assert_eq!(first.all(NAMES), [format!("{prefix}-a"), format!("{prefix}-b")]);
    let token = first.value("ListAllMyBucketsResult/ContinuationToken");
    let last = request.query("continuation-token", token).expect(200);
    assert_eq!(last.all(NAMES), [format!("{prefix}-c")]);
    assert_eq!(last.optional("ListAllMyBucketsResult/ContinuationToken"), None);
});

s3_test!(
    of_exactly_max_buckets_has_no_token,
    largest_body = 0,
    |s3: &S3| {
        let prefix = family(s3, &["-a", "-b"]);
        let response = s3
            .request("GET", "/")
            .query("prefix", &prefix)
            .query("max-buckets", 2)
            .expect(200);
        assert_eq!(response.all(NAMES).len(), 2);
        assert_eq!(
            response.optional("ListAllMyBucketsResult/ContinuationToken"),
            None
        );
    }
);

s3_test!(
    refuses_max_buckets_outside_one_to_ten_thousand,
    largest_body = 0,
    |s3: &S3| {
        for max_buckets in ["0", "10001", "-1", "all"] {
            s3.request("GET", "/")
                .query("max-buckets", max_buckets)
                .expect_error(400, "InvalidArgument");
        }
    }
);

s3_test!(takes_empty_parameters_as_none, largest_body = 0, |s3: &S3| {
    let prefix = family(s3, &["-a", "-b"]);
    let request = s3.request("GET", "/").query("prefix", &prefix);
    let whole = request.clone().expect(200);
    let answer = request
        .query("max-buckets", "")
        .query("continuation-token", "")
        .expect(200);
    let names = "ListAllMyBucketsResult/Buckets/Bucket/Name";
    assert_eq!(answer.all(names).len(), 2);
    assert_eq!(answer.all(names), whole.all(names));
});

s3_test!(
    refuses_a_token_that_it_did_not_give,
    largest_body = 0,
    |s3: &S3| {
        s3.request("GET", "/")
            .query("continuation-token", "not a token")
            .expect_error(400, "InvalidArgument");
    }
);

s3_test!(names_each_buckets_arn, largest_body = 0, |s3: &S3| {
    let prefix = family(s3, &["-a"]);
    let response = s3.request("GET", "/").query("prefix", &prefix).expect(200);
    let arn = response.value("ListAllMyBucketsResult/Buckets/Bucket/BucketArn");
    assert_eq!(arn, format!("arn:aws:s3:::{prefix}-a"));
});
