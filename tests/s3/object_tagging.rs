//! GetObjectTagging, PutObjectTagging, DeleteObjectTagging, and the tags that other operations give to objects.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>

use std::sync::Barrier;
use std::thread;

use bleepstore_tests::http::{ALICE, Bucket, Request, Response, S3};
use bleepstore_tests::s3_test;

use crate::versioning::{set, version, versioned};

const COUNT: &str = "x-amz-tagging-count";
const TAGGING: &str = "x-amz-tagging";

/// A Tagging document.
pub(crate) fn document(tags: &[(&str, &str)]) -> String {
    let tag = |(key, value): &(&str, &str)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags: String = tags.iter().map(tag).collect();
    format!("<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>{tags}</TagSet></Tagging>")
}

/// The tags of a Tagging document, as `key=value`.
pub(crate) fn listed(response: &Response) -> Vec<String> {
    let of = |field: &str| response.all(&format!("Tagging/TagSet/Tag/{field}"));
    let pairs = of("Key").into_iter().zip(of("Value"));
    pairs.map(|(key, value)| format!("{key}={value}")).collect()
}

fn put(bucket: &Bucket, key: &str, tags: &[(&str, &str)]) -> Request {
    bucket.object("PUT", key).flag("tagging").body(document(tags))
}

fn get(bucket: &Bucket, key: &str) -> Request {
    bucket.get(key).flag("tagging")
}

fn delete(bucket: &Bucket, key: &str) -> Request {
    bucket.delete(key).flag("tagging")
}

/// The three requests about the tags of an object, and the method of each.
fn requests(bucket: &Bucket, key: &str) -> [(Request, &'static str); 3] {
    [
        (put(bucket, key, &[]), "PUT"),
        (get(bucket, key), "GET"),
        (delete(bucket, key), "DELETE"),
    ]
}

fn tags(bucket: &Bucket, key: &str) -> Vec<String> {
    listed(&get(bucket, key).expect(200))
}

fn tags_of(bucket: &Bucket, key: &str, version: &str) -> Vec<String> {
    listed(&get(bucket, key).query("versionId", version).expect(200))
}

s3_test!(
    is_a_change_of_what_is_said_and_moves_no_byte,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for body in [b"x".to_vec(), vec![7; 20_000]] {
            bucket
                .put("key", body.clone())
                .header("x-amz-meta-a", "b")
                .expect(200);
            assert_eq!(tags(&bucket, "key"), [""; 0]);
            let before = bucket.head("key").expect(200);
            assert_eq!(before.header(COUNT), None);
            let answer = put(&bucket, "key", &[("b", "1"), ("a", "")]).expect(200);
            assert_eq!(answer.body, b"");
            assert_eq!(answer.header("x-amz-version-id"), None);
            assert_eq!(tags(&bucket, "key"), ["b=1", "a="]);
            for read in [
                bucket.head("key"),
                bucket.get("key"),
                bucket.get("key").header("range", "bytes=0-0"),
            ] {
                let after = read.send();
                assert_eq!(after.required(COUNT), "2");
                for name in ["etag", "last-modified", "x-amz-meta-a"] {
                    assert_eq!(after.header(name), before.header(name), "{name}");
                }
            }
            assert_eq!(bucket.read("key"), body);
            put(&bucket, "key", &[("c", "3")]).expect(200);
            assert_eq!(tags(&bucket, "key"), ["c=3"]);
            assert_eq!(delete(&bucket, "key").expect(204).body, b"");
            assert_eq!(tags(&bucket, "key"), [""; 0]);
            assert_eq!(bucket.head("key").expect(200).header(COUNT), None);
            delete(&bucket, "key").expect(204);
        }
    }
);

s3_test!(without_tags_takes_them_away, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket();
    for nothing in [document(&[]), "<Tagging/>".to_owned()] {
        bucket.put("key", "x").header(TAGGING, "a=1").expect(200);
        bucket
            .object("PUT", "key")
            .flag("tagging")
            .body(nothing)
            .expect(200);
        assert_eq!(tags(&bucket, "key"), [""; 0]);
    }
});

s3_test!(takes_letters_of_all_scripts, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let given = [("größe 名前", "x é_.:/=+-@"), ("K", "k"), ("k", " spaces ")];
    put(&bucket, "key", &given).expect(200);
    assert_eq!(
        tags(&bucket, "key"),
        ["größe 名前=x é_.:/=+-@", "K=k", "k= spaces "]
    );
});

s3_test!(
    refuses_tags_that_s3_does_not_allow,
    largest_body = 9_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let (key, value) = ("k".repeat(129), "v".repeat(257));
        for (wrong, message) in [
            (
                [("a", "1"), ("a", "2")],
                "Cannot provide multiple Tags with the same key",
            ),
            (
                [("a,b", ""), ("b", "")],
                "The TagKey you have provided is invalid",
            ),
            ([("", ""), ("b", "")], "The TagKey you have provided is invalid"),
            ([(&key, ""), ("b", "")], "The TagKey you have provided is invalid"),
            (
                [("a", ""), ("aws:b", "")],
                "Your TagKey cannot be prefixed with aws:",
            ),
        ] {
            let error = put(&bucket, "key", &wrong).expect_error(400, "InvalidTag");
            assert_eq!(error.message, message);
            assert!(
                wrong.iter().any(|(key, _)| error.field("TagKey") == *key),
                "{message}"
            );
        }
        for wrong in ["a*", &value] {
            let error = put(&bucket, "key", &[("a", wrong)]).expect_error(400, "InvalidTag");
            assert_eq!(error.message, "The TagValue you have provided is invalid");
            assert_eq!(error.field("TagKey"), "a");
            assert_eq!(error.field("TagValue"), wrong);
        }
        let names: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let error = put(&bucket, "key", &many).expect_error(400, "BadRequest");
        assert_eq!(error.message, "Object tags cannot be greater than 10");
        for wrong in [
            "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
            "<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>",
            "<Tagging><Tag><Key>a</Key><Value/></Tag></Tagging>",
            "<TagSet/>",
            "no document",
        ] {
            let put = bucket.object("PUT", "key").flag("tagging").body(wrong);
            put.expect_error(400, "MalformedXML");
        }
        let put_nothing = bucket.object("PUT", "key").flag("tagging");
        put_nothing.expect_error(400, "MissingRequestBodyError");
        assert_eq!(tags(&bucket, "key"), [""; 0]);
        put(&bucket, "key", &many[..10]).expect(200);
        assert_eq!(bucket.head("key").expect(200).required(COUNT), "10");
    }
);

s3_test!(needs_the_object, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket();
    let absent = s3.bucket_named(s3.unused_name());
    for (request, _) in requests(&bucket, "absent") {
        let other = request.clone().query("versionId", "a".repeat(32));
        assert_eq!(request.expect_error(404, "NoSuchKey").field("Key"), "absent");
        other.expect_error(400, "InvalidArgument");
    }
    for (request, _) in requests(&absent, "key") {
        request.expect_error(404, "NoSuchBucket");
    }
});

s3_test!(is_for_the_owner_of_the_bucket, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket();
    bucket
        .put("key", "x")
        .header(TAGGING, "a=1")
        .header("x-amz-acl", "public-read")
        .expect(200);
    let seen = bucket.acting_for(&ALICE);
    for request in [
        get(&seen, "key"),
        put(&seen, "key", &[("b", "")]),
        delete(&seen, "key"),
    ] {
        request.expect_error(403, "AccessDenied");
    }
    for request in [
        get(&bucket, "key"),
        put(&bucket, "key", &[]),
        delete(&bucket, "key"),
    ] {
        request.anonymous().expect_error(403, "AccessDenied");
    }
    // Who may read the object and not its tags does not learn how many there are.
    assert_eq!(seen.head("key").expect(200).header(COUNT), None);
    assert_eq!(bucket.head("key").expect(200).required(COUNT), "1");
    bucket.put_acl("public-read-write").expect(200);
    seen.put("other", "x")
        .header(TAGGING, "a=1")
        .expect_error(403, "AccessDenied");
    seen.put("other", "x").expect(200);
    // A copy that takes the tags along reads them.
    let own = s3.bucket();
    own.put_acl("public-read-write").expect(200);
    let source = format!("/{}/key", bucket.name);
    let copy = |key: &str| {
        let copy = own.acting_for(&ALICE).object("PUT", key);
        copy.header("x-amz-copy-source", &source)
    };
    copy("copy").expect_error(403, "AccessDenied");
    copy("copy")
        .header("x-amz-tagging-directive", "REPLACE")
        .expect(200);
});

s3_test!(comes_with_a_put, largest_body = 20_000, |s3: &S3| {
    let bucket = s3.bucket();
    for (header, expected) in [
        ("b=2&a=1", vec!["b=2", "a=1"]),
        ("tag", vec!["tag="]),
        ("key1&&&key2", vec!["key1=", "key2="]),
        ("a+b=c%2Bd&%C3%A9=%3D%26", vec![]),
        ("a+b=c%2Bd&%C3%A9=%3D", vec!["a b=c+d", "é=="]),
        ("", vec![]),
    ] {
        let put = bucket.put("key", vec![1; 20_000]).header(TAGGING, header);
        if header.ends_with("%26") {
            put.expect_error(400, "InvalidTag");
            continue;
        }
        put.expect(200);
        assert_eq!(tags(&bucket, "key"), expected, "{header}");
    }
    bucket.put("key", "x").header(TAGGING, "a=1").expect(200);
    // A body without them is an object without them.
    bucket.put("key", "y").expect(200);
    assert_eq!(tags(&bucket, "key"), [""; 0]);
});

s3_test!(
    with_a_put_refuses_what_is_no_list_of_tags,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        for wrong in ["=", "a=1&a=2", "key1=val1,key2=val2", "a=%zz", "a=%ff"] {
            let put = bucket.put("key", "x").header(TAGGING, wrong);
            let error = put.expect_error(400, "InvalidArgument");
            assert_eq!(
                error.message,
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name \
             duplicates."
            );
            assert_eq!(error.field("ArgumentName"), TAGGING);
            assert_eq!(error.field("ArgumentValue"), wrong);
        }
        for (wrong, code) in [
            ("a?=1", "InvalidTag"),
            ("a=1*", "InvalidTag"),
            ("aws:a=1", "InvalidTag"),
            ("a&b&c&d&e&f&g&h&i&j&k", "BadRequest"),
        ] {
            bucket
                .put("key", "x")
                .header(TAGGING, wrong)
                .expect_error(400, code);
        }
        bucket.get("key").expect_error(404, "NoSuchKey");
        // What makes no object takes no tags.
        bucket.fill(&["key"]);
        let error = bucket
            .delete("key")
            .header(TAGGING, "a=1")
            .expect_error(501, "NotImplemented");
        assert_eq!(error.field("Header"), TAGGING);
    }
);

s3_test!(comes_with_a_multipart_upload, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.create_upload("key").header(TAGGING, "a=1&b=2");
    let upload = bucket
        .begin_upload_by(upload)
        .value("InitiateMultipartUploadResult/UploadId");
    let part = bucket.upload_part("key", &upload, 1, b"part");
    bucket.complete("key", &upload, &[part]).expect(200);
    assert_eq!(tags(&bucket, "key"), ["a=1", "b=2"]);
    assert_eq!(bucket.head("key").expect(200).required(COUNT), "2");
    let wrong = bucket.create_upload("key").header(TAGGING, "a=1&a=1");
    wrong.expect_error(400, "InvalidArgument");
});

s3_test!(
    of_a_copy_are_its_sources_unless_replaced,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        const DIRECTIVE: &str = "x-amz-tagging-directive";
        for body in [b"x".to_vec(), vec![7; 20_000]] {
            bucket.put("key", body).header(TAGGING, "a=1").expect(200);
            for (directive, header, expected) in [
                (None, None, vec!["a=1"]),
                (Some("COPY"), None, vec!["a=1"]),
                // Tags beside the directive to copy count for nothing.
                (None, Some("b=2"), vec!["a=1"]),
                (Some("COPY"), Some("b=2"), vec!["a=1"]),
                (Some("REPLACE"), Some("b=2"), vec!["b=2"]),
                (Some("REPLACE"), None, vec![]),
            ] {
                let mut copy = bucket.copy("key", "copy");
                if let Some(directive) = directive {
                    copy = copy.header(DIRECTIVE, directive);
                }
                if let Some(header) = header {
                    copy = copy.header(TAGGING, header);
                }
                copy.expect(200);
                assert_eq!(tags(&bucket, "copy"), expected, "{directive:?} {header:?}");
            }
            // The metadata's directive says nothing of tags.
            let copy = bucket
                .copy("key", "key")
                .header("x-amz-metadata-directive", "REPLACE");
            copy.expect(200);
            assert_eq!(tags(&bucket, "key"), ["a=1"]);
            let other = s3.bucket();
            let copy = other.object("PUT", "there");
            copy.header("x-amz-copy-source", format!("/{}/key", bucket.name))
                .expect(200);
            assert_eq!(tags(&other, "there"), ["a=1"]);
        }
        let wrong = bucket.copy("key", "copy").header(DIRECTIVE, "MOVE");
        wrong.expect_error(400, "InvalidArgument");
        let wrong = bucket
            .copy("key", "copy")
            .header(DIRECTIVE, "REPLACE")
            .header(TAGGING, "=");
        wrong.expect_error(400, "InvalidArgument");
        // Other tags alone change nothing that makes a copy onto itself legal.
        let onto_itself = bucket.copy("key", "key").header(DIRECTIVE, "REPLACE");
        onto_itself.expect_error(400, "InvalidRequest");
    }
);

s3_test!(go_along_with_a_rename, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("key", "x").header(TAGGING, "a=1").expect(200);
    let rename = bucket.object("PUT", "renamed").flag("renameObject");
    rename
        .header("x-amz-rename-source", format!("/{}/key", bucket.name))
        .expect(200);
    assert_eq!(tags(&bucket, "renamed"), ["a=1"]);
});

s3_test!(are_each_versions_own, largest_body = 500, |s3: &S3| {
    let bucket = versioned(s3);
    let first = version(&bucket.put("key", "one").header(TAGGING, "a=1").expect(200));
    let second = version(&bucket.put("key", "two").expect(200));
    let answer = put(&bucket, "key", &[("b", "2")]).expect(200);
    assert_eq!(version(&answer), second);
    let answer = get(&bucket, "key").expect(200);
    assert_eq!(
        (version(&answer), listed(&answer)),
        (second.clone(), vec!["b=2".to_owned()])
    );
    assert_eq!(tags_of(&bucket, "key", &first), ["a=1"]);
    let answer = put(&bucket, "key", &[("c", "3")])
        .query("versionId", &first)
        .expect(200);
    assert_eq!(version(&answer), first);
    assert_eq!(tags_of(&bucket, "key", &first), ["c=3"]);
    assert_eq!(tags_of(&bucket, "key", &second), ["b=2"]);
    let read = bucket.get("key").query("versionId", &first).expect(200);
    assert_eq!((read.required(COUNT), read.text()), ("1", "one"));
    // A version that is copied takes its tags along.
    let source = format!("/{}/key?versionId={first}", bucket.name);
    bucket
        .object("PUT", "copy")
        .header("x-amz-copy-source", source)
        .expect(200);
    assert_eq!(tags(&bucket, "copy"), ["c=3"]);
    let answer = delete(&bucket, "key").query("versionId", &first).expect(204);
    assert_eq!(version(&answer), first);
    assert_eq!(tags_of(&bucket, "key", &first), [""; 0]);
    assert_eq!(version(&delete(&bucket, "key").expect(204)), second);
    assert_eq!(tags(&bucket, "key"), [""; 0]);
    let unknown = get(&bucket, "key").query("versionId", "a".repeat(32));
    unknown.expect_error(404, "NoSuchVersion");
    set(&bucket, "Suspended").expect(200);
    bucket.put("key", "three").header(TAGGING, "n=0").expect(200);
    assert_eq!(tags_of(&bucket, "key", "null"), ["n=0"]);
    assert_eq!(version(&get(&bucket, "key").expect(200)), "null");
});

s3_test!(
    of_a_delete_marker_are_not_allowed,
    largest_body = 500,
    |s3: &S3| {
        let bucket = versioned(s3);
        bucket.fill(&["key"]);
        let marker = version(&bucket.delete("key").expect(204));
        for (request, method) in requests(&bucket, "key") {
            for request in [request.clone(), request.query("versionId", &marker)] {
                let error = request.expect_error(405, "MethodNotAllowed");
                assert_eq!(error.field("Method"), method);
                assert_eq!(error.field("ResourceType"), "DeleteMarker");
            }
        }
    }
);

s3_test!(that_race_have_one_order, largest_body = 500, |s3: &S3| {
    const WRITERS: usize = 8;
    let bucket = s3.bucket();
    bucket.put("key", "body").header("x-amz-meta-a", "b").expect(200);
    let start = Barrier::new(WRITERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (bucket, start) = (&bucket, &start);
            scope.spawn(move || {
                let name = writer.to_string();
                start.wait();
                put(bucket, "key", &[("writer", &name), (&name, "")]).expect(200);
            });
        }
    });
    let left = tags(&bucket, "key");
    let [writer, own] = left.as_slice() else {
        panic!("{left:?}");
    };
    assert_eq!(writer.strip_prefix("writer="), own.strip_suffix('='), "{left:?}");
    assert_eq!(bucket.head("key").expect(200).required("x-amz-meta-a"), "b");
    assert_eq!(bucket.read("key"), b"body");
});
