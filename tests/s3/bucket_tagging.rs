//! GetBucketTagging, PutBucketTagging, DeleteBucketTagging, and the tags of CreateBucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html>

use bleepstore_tests::http::{ALICE, Bucket, Request, S3};
use bleepstore_tests::s3_test;

use crate::object_tagging::{document, listed};

fn put(bucket: &Bucket, tags: &[(&str, &str)]) -> Request {
    bucket.request("PUT").flag("tagging").body(document(tags))
}

fn get(bucket: &Bucket) -> Request {
    bucket.request("GET").flag("tagging")
}

fn delete(bucket: &Bucket) -> Request {
    bucket.request("DELETE").flag("tagging")
}

/// CreateBucket with these `Tag` elements.
fn create(bucket: &Bucket, tags: &[(&str, &str)]) -> Request {
    let tag = |(key, value): &(&str, &str)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags: String = tags.iter().map(tag).collect();
    let body = format!("<CreateBucketConfiguration><Tags>{tags}</Tags></CreateBucketConfiguration>");
    bucket.request("PUT").body(body)
}

/// Tags that are too long for a bucket's row.
fn long() -> Vec<(String, String)> {
    (0..50).map(|n| (format!("key {n}"), "v".repeat(200))).collect()
}

fn borrowed(tags: &[(String, String)]) -> Vec<(&str, &str)> {
    tags.iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

s3_test!(is_kept_until_it_is_deleted, largest_body = 20_000, |s3: &S3| {
    let bucket = s3.bucket();
    let absent = get(&bucket).expect_error(404, "NoSuchTagSet");
    assert_eq!(absent.message, "The TagSet does not exist");
    assert_eq!(absent.field("BucketName"), bucket.name);
    assert_eq!(put(&bucket, &[("b", "1"), ("a", "")]).expect(204).body, b"");
    assert_eq!(listed(&get(&bucket).expect(200)), ["b=1", "a="]);
    let long = long();
    for tags in [borrowed(&long), vec![("one", "tag")], borrowed(&long)] {
        put(&bucket, &tags).expect(204);
        let expected: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(listed(&get(&bucket).expect(200)), expected);
    }
    for _ in 0..2 {
        assert_eq!(delete(&bucket).expect(204).body, b"");
        get(&bucket).expect_error(404, "NoSuchTagSet");
    }
    // No tags are no set of them.
    for nothing in [document(&[]), "<Tagging/>".to_owned()] {
        put(&bucket, &[("a", "1")]).expect(204);
        bucket.request("PUT").flag("tagging").body(nothing).expect(204);
        get(&bucket).expect_error(404, "NoSuchTagSet");
    }
});

s3_test!(
    refuses_tags_that_s3_does_not_allow,
    largest_body = 9_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        put(&bucket, &[("kept", "")]).expect(204);
        for (wrong, message) in [
            (
                [("Key1", "1"), ("Key1", "2")],
                "Cannot provide multiple Tags with the same key",
            ),
            (
                [("Key1,Key2", ""), ("b", "")],
                "The TagKey you have provided is invalid",
            ),
            (
                [("aws:prefixed", ""), ("b", "")],
                "System tags cannot be added/updated by requester",
            ),
        ] {
            let error = put(&bucket, &wrong).expect_error(400, "InvalidTag");
            assert_eq!(
                (error.message.as_str(), error.field("TagKey")),
                (message, wrong[0].0)
            );
        }
        let error = put(&bucket, &[("Key1", "Val1,Val2")]).expect_error(400, "InvalidTag");
        assert_eq!(error.message, "The TagValue you have provided is invalid");
        assert_eq!(
            (error.field("TagKey"), error.field("TagValue")),
            ("Key1", "Val1,Val2")
        );
        let names: Vec<String> = (0..51).map(|n| n.to_string()).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let error = put(&bucket, &many).expect_error(400, "BadRequest");
        assert_eq!(error.message, "Bucket tag count cannot be greater than 50");
        let nothing = bucket.request("PUT").flag("tagging");
        nothing.expect_error(400, "MissingRequestBodyError");
        let wrong = bucket
            .request("PUT")
            .flag("tagging")
            .body("<Tagging><Tag/></Tagging>");
        wrong.expect_error(400, "MalformedXML");
        assert_eq!(listed(&get(&bucket).expect(200)), ["kept="]);
    }
);

s3_test!(is_for_the_owner_of_the_bucket, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put_acl("public-read-write").expect(200);
    let seen = bucket.acting_for(&ALICE);
    for request in [get(&seen), put(&seen, &[]), delete(&seen)] {
        request.expect_error(403, "AccessDenied");
    }
    get(&bucket).anonymous().expect_error(403, "AccessDenied");
    let absent = s3.bucket_named(s3.unused_name());
    for request in [get(&absent), put(&absent, &[]), delete(&absent)] {
        request.expect_error(404, "NoSuchBucket");
    }
});

s3_test!(comes_with_a_new_bucket, largest_body = 20_000, |s3: &S3| {
    let long = long();
    for tags in [vec![("b", "1"), ("a", "")], borrowed(&long)] {
        let bucket = s3.bucket_named(s3.unused_name());
        create(&bucket, &tags).expect(200);
        let expected: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(listed(&get(&bucket).expect(200)), expected);
        // Tags make a repeated request another one.
        create(&bucket, &tags).expect_error(409, "BucketAlreadyOwnedByYou");
        create(&bucket, &[]).expect(200);
        bucket.request("PUT").expect(200);
        assert_eq!(listed(&get(&bucket).expect(200)), expected);
        bucket.request("DELETE").expect(204);
    }
    let bucket = s3.bucket_named(s3.unused_name());
    create(&bucket, &[]).expect(200);
    get(&bucket).expect_error(404, "NoSuchTagSet");
    bucket.request("DELETE").expect(204);
});

s3_test!(
    of_a_new_bucket_is_refused_before_it_is_made,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket_named(s3.unused_name());
        let error = create(&bucket, &[("aws:a", "")]).expect_error(400, "InvalidTag");
        assert_eq!(
            error.message,
            "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \"aws:\" from \
         your tag keys and try again."
        );
        let error = create(&bucket, &[("test,test2", "")]).expect_error(400, "InvalidTag");
        assert_eq!(error.field("TagKey"), "test,test2");
        let names: Vec<String> = (0..51).map(|n| n.to_string()).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        create(&bucket, &many).expect_error(400, "BadRequest");
        bucket.request("HEAD").expect(404);
    }
);
