use std::sync::Barrier;

use bleepstore_tests::http::S3;
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
    assert_eq!(response.body, b"");
    bucket.request("HEAD").expect(200);
});

s3_test!(takes_a_trailing_slash, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    s3.request("PUT", &format!("/{}/", bucket.name)).expect(200);
    bucket.request("HEAD").expect(200);
});

s3_test!(refuses_a_bucket_that_is_there, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["kept"]);
    let error = bucket.request("PUT").expect_error(409, "BucketAlreadyOwnedByYou");
    assert_eq!(error.field("BucketName"), bucket.name);
    assert_eq!(bucket.read("kept"), b"kept");
});

s3_test!(has_one_winner_of_eight, largest_body = 0, |s3: &S3| {
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
    assert_eq!(
        created.iter().filter(|status| **status == 200).count(),
        1,
        "{created:?}"
    );
    assert_eq!(
        created.iter().filter(|status| **status == 409).count(),
        7,
        "{created:?}"
    );
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
