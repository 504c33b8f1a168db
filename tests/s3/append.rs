//! PutObject with `x-amz-write-offset-bytes`.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-objects-append.html>

use std::sync::Barrier;
use std::thread;

use bleepstore_tests::http::encoding::{checksum_crc32, checksum_sha256, pattern};
use bleepstore_tests::http::{ALICE, Bucket, Request, S3};
use bleepstore_tests::s3_test;

use crate::versioning::versioned;

const SIZE: &str = "x-amz-object-size";
/// More than any store keeps in a record.
const LONG: usize = 20_000;

fn append(bucket: &Bucket, key: &str, offset: usize, body: impl Into<Vec<u8>>) -> Request {
    bucket.put(key, body).header("x-amz-write-offset-bytes", offset)
}

/// The entity tag and the checksum of an object.
fn state(bucket: &Bucket, key: &str) -> (String, Option<String>) {
    let head = bucket
        .head(key)
        .header("x-amz-checksum-mode", "ENABLED")
        .expect(200);
    (
        head.etag(),
        head.header("x-amz-checksum-crc64nvme").map(str::to_owned),
    )
}

/// What an object would have that was put at once.
fn state_of(bucket: &Bucket, body: &[u8]) -> (String, Option<String>) {
    bucket.put("at once", body).expect(200);
    state(bucket, "at once")
}

s3_test!(at_0_makes_an_object, largest_body = 20_000, |s3: &S3| {
    let bucket = s3.bucket();
    for body in [pattern(1, 5), pattern(2, LONG), Vec::new()] {
        let made = append(&bucket, "key", 0, body.clone())
            .header("x-amz-meta-a", "b")
            .header("content-type", "text/plain")
            .header("x-amz-tagging", "t=1")
            .expect(200);
        assert_eq!(made.header(SIZE), None);
        let head = bucket.head("key").expect(200);
        assert_eq!(made.etag(), head.etag());
        for (name, value) in [
            ("x-amz-meta-a", "b"),
            ("content-type", "text/plain"),
            ("x-amz-tagging-count", "1"),
        ] {
            assert_eq!(head.required(name), value);
        }
        assert_eq!(bucket.read("key"), body);
        assert_eq!(state(&bucket, "key"), state_of(&bucket, &body));
        bucket.delete("key").expect(204);
    }
});

s3_test!(
    adds_bytes_after_those_that_are_there,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        // Within a record, out of it, and of blobs alone; then in layouts that are too long for some rows.
        let lengths = [3, 5, LONG, 1, LONG, 7, 7, 7, 7, 7];
        let mut whole = Vec::new();
        let mut tags = Vec::new();
        for (at, length) in lengths.into_iter().enumerate() {
            let body = pattern(at as u8, length);
            let answer = append(&bucket, "key", whole.len(), body.clone()).expect(200);
            whole.extend(body);
            let size = whole.len().to_string();
            assert_eq!(answer.header(SIZE), (at > 0).then_some(size.as_str()));
            let head = bucket.head("key").expect(200);
            assert_eq!(head.required("content-length"), size);
            assert_eq!(head.etag(), answer.etag());
            assert_eq!(bucket.read("key"), whole, "{at}");
            let (_, checksum) = state(&bucket, "key");
            assert_eq!(answer.header("x-amz-checksum-crc64nvme"), checksum.as_deref());
            assert_eq!(checksum, state_of(&bucket, &whole).1, "{at}");
            assert!(!tags.contains(&answer.etag()), "{at}");
            tags.push(answer.etag());
        }
        let range = format!("bytes={}-{}", LONG - 2, LONG + 12);
        let part = bucket.get("key").header("range", range).expect(206);
        assert_eq!(part.body, whole[LONG - 2..=LONG + 12]);
        let listed = bucket.list().expect(200);
        assert!(
            listed
                .all("ListBucketResult/Contents/Size")
                .contains(&whole.len().to_string())
        );
    }
);

s3_test!(
    of_what_lay_in_a_record_is_as_if_put_at_once,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("key", "").expect(200);
        append(&bucket, "key", 0, "body").expect(200);
        assert_eq!(bucket.read("key"), b"body");
        assert_eq!(state(&bucket, "key"), state_of(&bucket, b"body"));
    }
);

s3_test!(
    needs_the_size_of_the_object_as_offset,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let refused = |offset: usize, key: &str| {
            let error = append(&bucket, key, offset, "more").expect_error(400, "InvalidWriteOffset");
            assert_eq!(
                error.message,
                "The write offset value that you specified does not match the current object size."
            );
        };
        refused(1, "absent");
        bucket.get("absent").expect_error(404, "NoSuchKey");
        for body in [pattern(1, 4), pattern(2, LONG)] {
            bucket.put("key", body.clone()).expect(200);
            for wrong in [0, 1, body.len() - 1, body.len() + 1] {
                refused(wrong, "key");
            }
            assert_eq!(bucket.read("key"), body);
        }
        for wrong in ["", "-1", "+1", "0x1", "1.0", "99999999999999999999999"] {
            let put = bucket.put("key", "x").header("x-amz-write-offset-bytes", wrong);
            let error = put.expect_error(400, "InvalidArgument");
            assert_eq!(error.field("ArgumentName"), "x-amz-write-offset-bytes");
        }
        let absent = s3.bucket_named(s3.unused_name());
        append(&absent, "key", 0, "x").expect_error(404, "NoSuchBucket");
    }
);

s3_test!(of_nothing_changes_nothing, largest_body = 20_000, |s3: &S3| {
    let bucket = s3.bucket();
    let body = pattern(1, LONG);
    bucket.put("key", body.clone()).expect(200);
    let before = state(&bucket, "key");
    let answer = append(&bucket, "key", LONG, "").expect(200);
    assert_eq!(answer.required(SIZE), LONG.to_string());
    assert_eq!(state(&bucket, "key"), before);
    assert_eq!(bucket.read("key"), body);
});

s3_test!(
    changes_nothing_that_is_said_of_the_object,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for body in [pattern(1, 4), pattern(2, LONG)] {
            bucket
                .put("key", body.clone())
                .header("x-amz-meta-a", "b")
                .header("content-type", "text/plain")
                .header("x-amz-tagging", "t=1")
                .header("x-amz-acl", "public-read")
                .header("x-amz-storage-class", "STANDARD_IA")
                .header("x-amz-website-redirect-location", "/a")
                .expect(200);
            let length = body.len();
            for (header, value) in [
                ("x-amz-meta-a", "c"),
                ("x-amz-tagging", "t=2"),
                ("x-amz-acl", "private"),
                ("x-amz-storage-class", "GLACIER"),
                ("x-amz-server-side-encryption", "AES256"),
                ("x-amz-website-redirect-location", "/b"),
            ] {
                let put = append(&bucket, "key", length, "more").header(header, value);
                let error = put.expect_error(400, "InvalidRequest");
                let named = if header == "x-amz-meta-a" {
                    "x-amz-meta-*"
                } else {
                    header
                };
                assert!(error.message.contains(named), "{}", error.message);
            }
            append(&bucket, "key", length, "more")
                .header("x-amz-meta-a", "b")
                .header("x-amz-tagging", "t=1")
                .header("x-amz-acl", "public-read")
                .header("x-amz-storage-class", "STANDARD_IA")
                .header("x-amz-website-redirect-location", "/a")
                // As clients send it by themselves.
                .header("content-type", "application/octet-stream")
                .expect(200);
            append(&bucket, "key", length + 4, "!").expect(200);
            let head = bucket.head("key").anonymous().expect(200);
            for (name, value) in [
                ("x-amz-meta-a", "b"),
                ("content-type", "text/plain"),
                ("x-amz-storage-class", "STANDARD_IA"),
                ("x-amz-website-redirect-location", "/a"),
            ] {
                assert_eq!(head.required(name), value);
            }
            assert_eq!(
                bucket.head("key").expect(200).required("x-amz-tagging-count"),
                "1"
            );
            assert_eq!(bucket.read("key"), [&body[..], b"more!"].concat());
        }
    }
);

s3_test!(
    verifies_and_combines_checksums,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let (body, more) = (pattern(1, LONG), pattern(2, LONG));
        let whole = [&body[..], &more].concat();
        let read = |key: &str| {
            bucket
                .head(key)
                .header("x-amz-checksum-mode", "ENABLED")
                .expect(200)
        };
        for (algorithm, checksum) in [
            ("crc32", checksum_crc32 as fn(&[u8]) -> String),
            ("sha256", checksum_sha256),
        ] {
            let header = format!("x-amz-checksum-{algorithm}");
            let with = |request: Request, body: &[u8]| request.header(&header, checksum(body));
            with(bucket.put("key", body.clone()), &body).expect(200);
            let wrong = append(&bucket, "key", LONG, more.clone()).header(&header, checksum(b"other"));
            wrong.expect_error(400, "BadDigest");
            assert_eq!(bucket.read("key"), body);
            with(append(&bucket, "key", LONG, more.clone()), &more).expect(200);
            let head = read("key");
            // A SHA-256 cannot be had without all bytes: there is a CRC-64/NVME in its place.
            let combines = algorithm == "crc32";
            let expected = combines.then(|| checksum(&whole));
            assert_eq!(head.header(&header), expected.as_deref());
            let other = state_of(&bucket, &whole).1.filter(|_| !combines);
            assert_eq!(head.header("x-amz-checksum-crc64nvme"), other.as_deref());
            assert_eq!(head.required("x-amz-checksum-type"), "FULL_OBJECT");
            assert_eq!(bucket.read("key"), whole);
        }
        let wrong =
            append(&bucket, "key", whole.len(), "x").header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==");
        wrong.expect_error(400, "BadDigest");
        // Of bytes in a record, any checksum is computed anew.
        let small = bucket
            .put("small", "abc")
            .header("x-amz-checksum-sha256", checksum_sha256(b"abc"));
        small.expect(200);
        append(&bucket, "small", 3, "def").expect(200);
        if let Some(found) = read("small").header("x-amz-checksum-sha256") {
            assert_eq!(found, checksum_sha256(b"abcdef"));
        }
        assert_eq!(bucket.read("small"), b"abcdef");
    }
);

s3_test!(depends_on_conditions, largest_body = 20_000, |s3: &S3| {
    let bucket = s3.bucket();
    for body in [pattern(1, 4), pattern(2, LONG)] {
        let etag = bucket.put("key", body.clone()).expect(200).etag();
        let more = || append(&bucket, "key", body.len(), "more");
        more()
            .header("if-match", "\"other\"")
            .expect_error(412, "PreconditionFailed");
        more()
            .header("if-none-match", "*")
            .expect_error(412, "PreconditionFailed");
        assert_eq!(bucket.read("key"), body);
        more().header("if-match", &etag).expect(200);
        assert_eq!(bucket.read("key"), [&body[..], b"more"].concat());
    }
    append(&bucket, "new", 0, "x")
        .header("if-none-match", "*")
        .expect(200);
    let twice = append(&bucket, "new", 1, "x").header("if-none-match", "*");
    twice.expect_error(412, "PreconditionFailed");
});

s3_test!(adds_a_part, largest_body = 20_000, |s3: &S3| {
    let bucket = s3.bucket();
    let (body, more) = (pattern(1, LONG), pattern(2, 100));
    bucket.put("key", body.clone()).expect(200);
    let etag = append(&bucket, "key", LONG, more.clone()).expect(200).etag();
    assert!(etag.ends_with("-2\""), "{etag}");
    let etag = append(&bucket, "key", LONG + 100, "x").expect(200).etag();
    assert!(etag.ends_with("-3\""), "{etag}");
    let part = bucket.get("key").query("partNumber", 2).expect(206);
    assert_eq!(part.body, more);
    assert_eq!(part.required("x-amz-mp-parts-count"), "3");
    assert_eq!(bucket.get("key").query("partNumber", 1).expect(206).body, body);
});

s3_test!(
    to_a_multipart_object_adds_a_part_up_to_10_000,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let part = bucket.upload_part("key", &upload, 9_999, &pattern(1, LONG));
        bucket.complete("key", &upload, &[part]).expect(200);
        append(&bucket, "key", LONG, "more").expect(200);
        let read = bucket.get("key").query("partNumber", 10_000).expect(206);
        assert_eq!(
            (read.text(), read.required("x-amz-mp-parts-count")),
            ("more", "2")
        );
        let error = append(&bucket, "key", LONG + 4, "x").expect_error(400, "TooManyParts");
        assert!(error.message.contains("10000"), "{}", error.message);
        assert_eq!(bucket.read("key"), [&pattern(1, LONG)[..], b"more"].concat());
    }
);

s3_test!(
    leaves_copies_and_sources_as_they_are,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for body in [pattern(1, 4), pattern(2, LONG)] {
            bucket.put("key", body.clone()).expect(200);
            bucket.copy("key", "copy").expect(200);
            let longer = |end: &[u8]| [&body[..], end].concat();
            append(&bucket, "copy", body.len(), "of copy").expect(200);
            append(&bucket, "key", body.len(), "of key").expect(200);
            assert_eq!(bucket.read("copy"), longer(b"of copy"));
            assert_eq!(bucket.read("key"), longer(b"of key"));
            bucket.delete("key").expect(204);
            assert_eq!(bucket.read("copy"), longer(b"of copy"));
            bucket.put("copy", "new").expect(200);
        }
    }
);

s3_test!(
    of_many_at_one_offset_is_made_once,
    largest_body = 20_000,
    |s3: &S3| {
        const WRITERS: usize = 8;
        let bucket = s3.bucket();
        for body in [pattern(1, 4), pattern(2, LONG)] {
            bucket.put("key", body.clone()).expect(200);
            let start = Barrier::new(WRITERS);
            let made: Vec<usize> = thread::scope(|scope| {
                let writers: Vec<_> = (0..WRITERS)
                    .map(|writer| {
                        let (bucket, start, offset) = (&bucket, &start, body.len());
                        scope.spawn(move || {
                            start.wait();
                            let answer = append(bucket, "key", offset, writer.to_string()).send();
                            if answer.status == 200 {
                                return Some(writer);
                            }
                            answer.into_error(400, "InvalidWriteOffset");
                            None
                        })
                    })
                    .collect();
                writers
                    .into_iter()
                    .filter_map(|writer| writer.join().unwrap())
                    .collect()
            });
            let [winner] = made.as_slice() else {
                panic!("{made:?} were made");
            };
            assert_eq!(
                bucket.read("key"),
                [&body[..], winner.to_string().as_bytes()].concat()
            );
        }
    }
);

s3_test!(
    is_refused_by_name_where_versions_are_kept,
    largest_body = 200,
    |s3: &S3| {
        let bucket = versioned(s3);
        bucket.put("key", "body").expect(200);
        for (key, offset) in [("key", 4), ("new", 0)] {
            let error = append(&bucket, key, offset, "x").expect_error(501, "NotImplemented");
            assert!(
                error.message.contains("x-amz-write-offset-bytes"),
                "{}",
                error.message
            );
        }
        assert_eq!(bucket.read("key"), b"body");
        // Other writes take no offset.
        let copy = bucket.copy("key", "copy").header("x-amz-write-offset-bytes", 0);
        copy.expect_error(501, "NotImplemented");
    }
);

s3_test!(
    needs_permission_to_replace_the_object,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("key", "body").expect(200);
        let seen = bucket.acting_for(&ALICE);
        append(&seen, "key", 4, "x").expect_error(403, "AccessDenied");
        bucket.put_acl("public-read-write").expect(200);
        append(&seen, "key", 4, "x").expect_error(403, "AccessDenied");
        append(&seen, "own", 0, "x").expect(200);
        append(&seen, "own", 1, "y").expect(200);
        assert_eq!(seen.read("own"), b"xy");
        append(&bucket, "own", 2, "z").expect(200);
        // It still is its writer's.
        assert_eq!(seen.read("own"), b"xyz");
        assert_eq!(bucket.read("key"), b"body");
    }
);
