use std::sync::Barrier;

use bleepstore_tests::http::{S3, start_server_with};
use bleepstore_tests::s3_test;

fn constraint(region: &str) -> String {
    format!(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    )
}

s3_test!(answers_where_the_bucket_is, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    let response = bucket.request("PUT").expect(200);
    assert_eq!(response.required("location"), format!("/{}", bucket.name));
    assert_eq!(
        response.required("x-amz-bucket-arn"),
        format!("arn:aws:s3:::{}", bucket.name)
    );
    assert_eq!(response.body, b"");
    bucket.request("HEAD").expect(200);
});

s3_test!(takes_a_trailing_slash, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    s3.request("PUT", &format!("/{}/", bucket.name)).expect(200);
    bucket.request("HEAD").expect(200);
});

s3_test!(
    of_ones_own_bucket_succeeds_in_us_east_1,
    largest_body = 10,
    |s3: &S3| {
        assert_eq!(s3.endpoint.region, "us-east-1");
        let bucket = s3.bucket();
        bucket.fill(&["kept"]);
        let again = bucket.request("PUT").expect(200);
        assert_eq!(again.required("location"), format!("/{}", bucket.name));
        assert_eq!(
            again.required("x-amz-bucket-arn"),
            format!("arn:aws:s3:::{}", bucket.name)
        );
        assert_eq!(bucket.read("kept"), b"kept");
    }
);

s3_test!(
    of_ones_own_bucket_leaves_its_list_as_it_is,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        let again = bucket.request("PUT").header("x-amz-acl", "public-read");
        again.expect(200);
        bucket.list().anonymous().expect_error(403, "AccessDenied");
    }
);

#[test]
fn of_ones_own_bucket_is_refused_outside_us_east_1() {
    let s3 = S3 {
        endpoint: start_server_with(|settings| settings.region = "eu-west-1".to_owned()),
    };
    let bucket = s3.bucket();
    bucket.fill(&["kept"]);
    let error = bucket.request("PUT").expect_error(409, "BucketAlreadyOwnedByYou");
    assert_eq!(error.field("BucketName"), bucket.name);
    assert_eq!(bucket.read("kept"), b"kept");
    // What eu-west-1 was called first.
    let named = s3.bucket_named(s3.unused_name());
    named.request("PUT").body(constraint("EU")).expect(200);
}

s3_test!(
    refuses_a_region_that_there_is_not,
    largest_body = 200,
    |s3: &S3| {
        let bucket = s3.bucket_named(s3.unused_name());
        for region in ["mars-north-1", "EU-WEST-1", "eu"] {
            let request = bucket.request("PUT").body(constraint(region));
            let error = request.expect_error(400, "InvalidLocationConstraint");
            assert_eq!(error.field("LocationConstraint"), region);
        }
        bucket.request("HEAD").expect(404);
    }
);

s3_test!(eight_at_once_make_one_bucket, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    let start = Barrier::new(8);
    let created = std::thread::scope(|scope| {
        let creators: Vec<_> = (0..8)
            .map(|_| {
                let request = bucket.request("PUT").sign();
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    request.send().status
                })
            })
            .collect();
        creators
            .into_iter()
            .map(|creator| creator.join().unwrap())
            .collect::<Vec<u16>>()
    });
    // In us-east-1 those that come later are told of the same success.
    assert_eq!(created, [200; 8]);
    bucket.fill(&["kept"]);
    assert_eq!(bucket.read("kept"), b"kept");
});

s3_test!(
    makes_a_fresh_bucket_after_a_deletion,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        bucket.delete("key").expect(204);
        bucket.request("DELETE").expect(204);
        bucket.request("PUT").expect(200);
        assert_eq!(bucket.list().expect(200).value("ListBucketResult/KeyCount"), "0");
    }
);

s3_test!(refuses_names_against_the_rules, largest_body = 0, |s3: &S3| {
    for name in [
        "ab",
        "Upper-Case",
        "under_score",
        "-dash",
        "dash-",
        "two..dots",
        "192.168.5.4",
        &"a".repeat(64),
    ] {
        s3.request("PUT", &format!("/{name}"))
            .expect_error(400, "InvalidBucketName");
    }
});

s3_test!(takes_a_name_of_63_characters, largest_body = 0, |s3: &S3| {
    let short = s3.unused_name();
    let long = format!("{short}{}", "x".repeat(63 - short.len()));
    s3.request("PUT", &format!("/{long}")).expect(200);
});

s3_test!(takes_the_servers_own_region, largest_body = 200, |s3: &S3| {
    let region = &s3.endpoint.region;
    s3.bucket_named(s3.unused_name())
        .request("PUT")
        .body(constraint(region))
        .expect(200);
});

s3_test!(refuses_another_region, largest_body = 200, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    let request = bucket.request("PUT").body(constraint("eu-central-1"));
    request.expect_error(400, "IllegalLocationConstraintException");
    bucket.request("HEAD").expect(404);
});

s3_test!(
    refuses_a_document_of_another_form,
    largest_body = 200,
    |s3: &S3| {
        let bucket = s3.bucket_named(s3.unused_name());
        for document in ["<CreateBucketConfiguration>", "<Other/>", "us-east-1"] {
            bucket
                .request("PUT")
                .body(document)
                .expect_error(400, "MalformedXML");
        }
        bucket.request("HEAD").expect(404);
    }
);
