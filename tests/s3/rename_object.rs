use std::thread;

use bleepstore_tests::http::encoding::{checksum_sha256, etag, multipart_etag, pattern, percent_path};
use bleepstore_tests::http::{ALICE, BOB, Bucket, Request, S3};
use bleepstore_tests::s3_test;

const PAST: &str = "Fri, 01 Jan 2010 00:00:00 GMT";
const FUTURE: &str = "Fri, 01 Jan 2100 00:00:00 GMT";
const OTHER: &str = "\"00000000000000000000000000000000\"";

fn rename(bucket: &Bucket, from: &str, to: &str) -> Request {
    let request = bucket.object("PUT", to).flag("renameObject");
    request.header("x-amz-rename-source", percent_path(from))
}

/// The keys of all objects.
fn keys(bucket: &Bucket) -> Vec<String> {
    bucket.list().expect(200).all("ListBucketResult/Contents/Key")
}

s3_test!(moves_an_object, largest_body = 20, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["folder/source", "other"]);
    for (from, to) in [("folder/source", "a b+ü"), ("a b+ü", "zz")] {
        let renamed = rename(&bucket, from, to).expect(200);
        assert_eq!(renamed.body, b"");
        bucket.get(from).expect_error(404, "NoSuchKey");
        assert_eq!(bucket.read(to), b"folder/source");
    }
    assert_eq!(keys(&bucket), ["other", "zz"]);
});

s3_test!(
    keeps_everything_that_belongs_to_the_object,
    largest_body = 20,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket
            .put("source", "body")
            .header("content-type", "text/plain")
            .header("cache-control", "no-store")
            .header("x-amz-meta-color", "red")
            .header("x-amz-storage-class", "STANDARD_IA")
            .header("x-amz-server-side-encryption", "AES256")
            .header("x-amz-checksum-sha256", checksum_sha256(b"body"))
            .header("x-amz-acl", "public-read")
            .expect(200);
        let head = |key: &str| {
            bucket
                .head(key)
                .header("x-amz-checksum-mode", "ENABLED")
                .expect(200)
        };
        let before = head("source");
        let list = bucket.get("source").flag("acl").expect(200).text().to_owned();
        rename(&bucket, "source", "renamed").expect(200);
        let after = head("renamed");
        for name in [
            "content-type",
            "content-length",
            "cache-control",
            "x-amz-meta-color",
            "x-amz-storage-class",
            "x-amz-server-side-encryption",
            "x-amz-checksum-sha256",
            "x-amz-checksum-type",
            "last-modified",
            "etag",
        ] {
            assert_eq!(after.header(name), before.header(name), "{name}");
        }
        assert_eq!(after.etag(), etag(b"body"));
        assert_eq!(bucket.get("renamed").flag("acl").expect(200).text(), list);
        assert_eq!(bucket.get("renamed").anonymous().expect(200).text(), "body");
    }
);

s3_test!(
    keeps_the_parts_of_a_multipart_object,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        let first = pattern(4, 5_242_880);
        let upload = bucket.begin_upload("source");
        let parts = [
            bucket.upload_part("source", &upload, 1, &first),
            bucket.upload_part("source", &upload, 2, b"tail"),
        ];
        bucket.complete("source", &upload, &parts).expect(200);
        rename(&bucket, "source", "renamed").expect(200);
        let part = bucket.get("renamed").query("partNumber", 2).expect(206);
        assert_eq!(part.text(), "tail");
        assert_eq!(part.etag(), multipart_etag(&[&first, b"tail"]));
        assert_eq!(part.required("x-amz-mp-parts-count"), "2");
    }
);

s3_test!(
    replaces_what_was_under_the_key,
    largest_body = 1_000_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let body = pattern(5, 1_000_000);
        bucket.put("source", body.as_slice()).expect(200);
        bucket.fill(&["renamed"]);
        bucket.copy("renamed", "copy").expect(200);
        rename(&bucket, "source", "renamed").expect(200);
        assert!(bucket.read("renamed") == body);
        assert_eq!(bucket.read("copy"), b"renamed");
        assert_eq!(keys(&bucket), ["copy", "renamed"]);
    }
);

s3_test!(
    takes_the_source_as_a_key_with_a_slash_or_after_its_bucket,
    largest_body = 20,
    |s3: &S3| {
        let bucket = s3.bucket();
        let inner = format!("{}/key", bucket.name);
        for (source, object) in [
            ("/key", "key"),
            (inner.as_str(), "key"),
            (&format!("/{inner}"), "key"),
            ("//key", "/key"),
        ] {
            bucket.put(object, source).expect(200);
            rename(&bucket, source, "renamed").expect(200);
            assert_eq!(bucket.read("renamed"), source.as_bytes());
            bucket.get(object).expect(404);
            bucket.delete("renamed").expect(204);
        }
        // A key that begins like the bucket is that key, if there is such an object.
        bucket.fill(&["key", &inner]);
        rename(&bucket, &inner, "renamed").expect(200);
        assert_eq!(bucket.read("renamed"), inner.as_bytes());
        // The same once more must not take the other one, and put it over what has been renamed.
        rename(&bucket, &inner, "renamed").expect_error(404, "NoSuchKey");
        assert_eq!(bucket.read("renamed"), inner.as_bytes());
        assert_eq!(bucket.read("key"), b"key");
    }
);

s3_test!(
    of_a_source_in_another_bucket_finds_no_key,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, other) = (s3.bucket(), s3.bucket());
        other.fill(&["key"]);
        let source = format!("{}/key", other.name);
        let error = rename(&bucket, &source, "renamed").expect_error(404, "NoSuchKey");
        assert_eq!(error.field("Key"), source);
        assert_eq!(other.read("key"), b"key");
    }
);

s3_test!(needs_source_and_bucket, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["renamed"]);
    rename(&bucket, "absent", "renamed").expect_error(404, "NoSuchKey");
    let without = bucket.object("PUT", "renamed").flag("renameObject");
    without.expect_error(400, "InvalidArgument");
    let malformed = bucket.object("PUT", "renamed").flag("renameObject");
    malformed
        .header("x-amz-rename-source", "%ff")
        .expect_error(400, "InvalidArgument");
    assert_eq!(bucket.read("renamed"), b"renamed");
    let absent = s3.bucket_named(s3.unused_name());
    rename(&absent, "a", "b").expect_error(404, "NoSuchBucket");
});

s3_test!(
    of_keys_that_end_with_the_delimiter_is_refused,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["folder/", "key"]);
        rename(&bucket, "folder/", "renamed").expect_error(400, "InvalidRequest");
        rename(&bucket, "key", "other/").expect_error(400, "InvalidRequest");
        assert_eq!(keys(&bucket), ["folder/", "key"]);
    }
);

s3_test!(onto_itself_changes_nothing, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let before = bucket.head("key").expect(200);
    rename(&bucket, "key", "key").expect(200);
    rename(&bucket, "key", "key")
        .header("if-none-match", "*")
        .expect_error(412, "PreconditionFailed");
    assert_eq!(
        bucket.head("key").expect(200).header("last-modified"),
        before.header("last-modified")
    );
    assert_eq!(bucket.read("key"), b"key");
});

s3_test!(
    decides_conditions_on_what_is_under_the_key,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let there = etag(b"there");
        for (header, value, over, holds) in [
            ("if-none-match", "*", false, true),
            ("if-none-match", "*", true, false),
            ("if-match", there.as_str(), true, true),
            ("if-match", OTHER, true, false),
            ("if-match", OTHER, false, false),
            ("if-match", "*", true, true),
            ("if-modified-since", PAST, true, true),
            ("if-modified-since", FUTURE, true, false),
            ("if-modified-since", PAST, false, false),
            ("if-unmodified-since", FUTURE, true, true),
            ("if-unmodified-since", PAST, true, false),
            ("if-unmodified-since", PAST, false, true),
        ] {
            let context = format!("{header}: {value}, {over}");
            bucket.put("source", "moved").expect(200);
            if over {
                bucket.put("renamed", "there").expect(200);
            } else {
                bucket.delete("renamed").expect(204);
            }
            let request = rename(&bucket, "source", "renamed").header(header, value);
            if holds {
                request.expect(200);
                assert_eq!(bucket.read("renamed"), b"moved", "{context}");
                bucket.get("source").expect(404);
            } else {
                let error = request.expect_error(412, "PreconditionFailed");
                assert_eq!(error.field("Condition").to_lowercase(), header, "{context}");
                assert_eq!(bucket.read("source"), b"moved", "{context}");
                let found = bucket.get("renamed").send();
                assert_eq!(found.status, if over { 200 } else { 404 }, "{context}");
            }
        }
    }
);

s3_test!(decides_conditions_on_the_source, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let moved = etag(b"moved");
    for (header, value, holds) in [
        ("if-match", moved.as_str(), true),
        ("if-match", OTHER, false),
        ("if-none-match", OTHER, true),
        ("if-none-match", moved.as_str(), false),
        ("if-none-match", "*", false),
        ("if-modified-since", PAST, true),
        ("if-modified-since", FUTURE, false),
        ("if-unmodified-since", FUTURE, true),
        ("if-unmodified-since", PAST, false),
    ] {
        bucket.put("source", "moved").expect(200);
        let header = format!("x-amz-rename-source-{header}");
        let request = rename(&bucket, "source", "renamed").header(&header, value);
        if holds {
            request.expect(200);
            bucket.delete("renamed").expect(204);
        } else {
            let error = request.expect_error(412, "PreconditionFailed");
            assert_eq!(error.field("Condition"), header, "{value}");
            assert_eq!(bucket.read("source"), b"moved");
            bucket.get("renamed").expect(404);
        }
    }
});

s3_test!(
    that_is_repeated_with_its_token_succeeds_and_changes_nothing,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("source", "first").expect(200);
        let with_token = |from: &str, token: &str| {
            let request = rename(&bucket, from, "renamed");
            request.header("x-amz-client-token", token)
        };
        with_token("source", "token").expect(200);
        with_token("source", "token").expect(200);
        with_token("source", "another").expect_error(404, "NoSuchKey");
        bucket.put("source", "second").expect(200);
        with_token("source", "token").expect(200);
        assert_eq!(bucket.read("source"), b"second");
        assert_eq!(bucket.read("renamed"), b"first");
        with_token("other", "token").expect_error(400, "IdempotencyParameterMismatch");
        with_token("source", "token")
            .header("if-match", "*")
            .expect_error(400, "IdempotencyParameterMismatch");
        with_token("source", "another").expect(200);
        assert_eq!(bucket.read("renamed"), b"second");
        for token in ["", &"x".repeat(65), "a b"] {
            with_token("source", token).expect_error(400, "InvalidArgument");
        }
    }
);

s3_test!(
    of_one_object_has_one_winner_of_16,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["source"]);
        let bucket = &bucket;
        let statuses: Vec<u16> = thread::scope(|scope| {
            let racing = (0..16).map(|index| {
                scope.spawn(move || rename(bucket, "source", &format!("key-{index:02}")).send().status)
            });
            let racing: Vec<_> = racing.collect();
            racing.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let count = |status| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((count(200), count(404)), (1, 15), "{statuses:?}");
        let left = keys(bucket);
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(bucket.read(&left[0]), b"source");
    }
);

s3_test!(
    needs_write_on_the_bucket_and_to_own_both_objects,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put_acl("public-read-write").expect(200);
        bucket.fill(&["owners"]);
        let (alice, bob) = (bucket.acting_for(&ALICE), bucket.acting_for(&BOB));
        alice.fill(&["alices"]);
        bob.fill(&["bobs"]);
        for (from, to) in [
            ("owners", "new"),
            ("bobs", "new"),
            ("alices", "bobs"),
            ("alices", "owners"),
        ] {
            rename(&alice, from, to).expect_error(403, "AccessDenied");
        }
        let anonymous = rename(&bucket, "alices", "new").anonymous();
        anonymous.expect_error(403, "AccessDenied");
        rename(&alice, "alices", "renamed").expect(200);
        let object = alice.head("renamed").expect(200);
        assert_eq!(object.etag(), etag(b"alices"));
        // The bucket's owner may move what it cannot read, and it stays whose it was.
        rename(&bucket, "renamed", "bobs").expect(200);
        assert_eq!(alice.read("bobs"), b"alices");
        bucket.get("bobs").expect_error(403, "AccessDenied");
        let private = s3.bucket();
        private.fill(&["key"]);
        rename(&private.acting_for(&ALICE), "key", "new").expect_error(403, "AccessDenied");
        assert_eq!(keys(&private), ["key"]);
    }
);

s3_test!(
    of_a_version_or_with_what_is_not_built_is_refused,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let version = rename(&bucket, "key", "renamed").query("versionId", "null");
        version.expect_error(400, "InvalidArgument");
        let tagged = rename(&bucket, "key", "renamed").header("x-amz-tagging", "a=b");
        tagged.expect_error(501, "NotImplemented");
        assert_eq!(keys(&bucket), ["key"]);
    }
);
