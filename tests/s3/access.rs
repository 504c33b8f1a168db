use bleepstore_tests::http::chunked::{SIGNED, UNSIGNED_TRAILER};
use bleepstore_tests::http::encoding::checksum_crc32;
use bleepstore_tests::http::{ALICE, ANONYMOUS_ID, BOB, Bucket, Request, Response, S3};
use bleepstore_tests::s3_test;

/// Sends the head of each request that takes a body and waits to be asked for it, without a signature; returns the
/// answers.
fn answers_to_uploads_that_wait(s3: &S3) -> Vec<Response> {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let upload = "a".repeat(32);
    let requests = [
        bucket.object("PUT", "key"),
        bucket.object("PUT", "absent"),
        bucket.object("PUT", "key").flag("acl"),
        bucket.request("PUT").flag("acl"),
        bucket
            .request("POST")
            .flag("delete")
            .header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
        s3.bucket_named(s3.unused_name()).request("PUT"),
        bucket.object("POST", "key").query("uploadId", &upload),
        bucket
            .object("PUT", "key")
            .query("uploadId", &upload)
            .query("partNumber", 1),
    ];
    let answer = |request: Request| {
        let mut request = request.anonymous().sign();
        request.add_header("expect", "100-continue");
        request.add_header("content-length", "100000");
        let mut connection = s3.connect();
        connection.write_head(&request);
        connection.read_response(&request.method)
    };
    requests.map(answer).into()
}

s3_test!(
    without_a_signature_is_refused_before_the_body_is_sent,
    largest_body = 10,
    |s3: &S3| {
        for answer in answers_to_uploads_that_wait(s3) {
            answer.into_error(403, "AccessDenied");
        }
    },
    // Lambda takes the whole body before it asks the function: it goes on waiting for it.
    on AWS_LAMBDA: |s3: &S3| {
        let bucket = s3.bucket();
        let refused = bucket.put("key", vec![0; 100_000]).anonymous();
        refused.expect_error(403, "AccessDenied");
    }
);

/// A bucket in which everybody creates objects and sees what there is.
#[track_caller]
fn open_bucket(s3: &S3) -> Bucket {
    let bucket = s3.bucket();
    bucket.put_acl("public-read-write").expect(200);
    bucket
}

s3_test!(
    to_a_private_bucket_is_its_owners_alone,
    largest_body = 200,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let seen = bucket.acting_for(&ALICE);
        for request in [
            seen.list(),
            seen.request("GET"),
            seen.request("GET").flag("uploads"),
            seen.request("GET").flag("location"),
            seen.request("GET").flag("acl"),
            seen.request("GET").flag("policy"),
            seen.request("DELETE"),
            seen.request("DELETE").flag("policy"),
            seen.get("key"),
            seen.get("key").flag("acl"),
            seen.get("key").flag("tagging"),
            seen.get("absent"),
            seen.put("key", "other"),
            seen.put("absent", "other"),
            seen.delete("key"),
            seen.delete("absent"),
            seen.copy("key", "copy"),
        ] {
            request.clone().expect_error(403, "AccessDenied");
            request.anonymous().expect_error(403, "AccessDenied");
        }
        for request in [seen.request("HEAD"), seen.head("key"), seen.head("absent")] {
            request.clone().send().assert_bodiless(403);
            request.anonymous().send().assert_bodiless(403);
        }
        assert_eq!(bucket.read("key"), b"key");
        // Whoever has the name is told that it is taken, and nothing else.
        seen.request("PUT").expect_error(409, "BucketAlreadyExists");
    }
);

s3_test!(lists_each_account_its_own_buckets, largest_body = 0, |s3: &S3| {
    let alices = s3.acting_for(&ALICE);
    let (own, hers) = (s3.bucket(), alices.bucket());
    let names = |s3: &S3, prefix: &str| {
        let listed = s3.request("GET", "/").query("prefix", prefix).expect(200);
        listed.all("ListAllMyBucketsResult/Buckets/Bucket/Name")
    };
    assert_eq!(alices.own_id(), ALICE.id);
    assert_eq!(names(&alices, &hers.name), [hers.name.as_str()]);
    assert_eq!(names(s3, &own.name), [own.name.as_str()]);
    assert!(names(&alices, &own.name).is_empty());
    // The store's owner has no more of it than anybody.
    assert!(names(s3, &hers.name).is_empty());
    s3.bucket_named(hers.name.clone())
        .list()
        .expect_error(403, "AccessDenied");
    hers.request("DELETE").expect(204);
    for request in [
        s3.request("GET", "/"),
        s3.bucket_named(s3.unused_name()).request("PUT"),
    ] {
        request.anonymous().expect_error(403, "AccessDenied");
    }
});

s3_test!(
    to_a_bucket_by_read_shows_keys_but_no_objects,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        bucket.put_acl("public-read").expect(200);
        for anonymous in [false, true] {
            let seen = bucket.acting_for(&ALICE);
            let as_seen = |request: Request| match anonymous {
                true => request.anonymous(),
                false => request,
            };
            let listed = as_seen(seen.list()).expect(200);
            assert_eq!(listed.all("ListBucketResult/Contents/Key"), ["key"]);
            as_seen(seen.request("GET").flag("uploads")).expect(200);
            as_seen(seen.request("HEAD")).expect(200);
            as_seen(seen.get("key")).expect_error(403, "AccessDenied");
            as_seen(seen.head("key")).send().assert_bodiless(403);
            as_seen(seen.put("new", "x")).expect_error(403, "AccessDenied");
            as_seen(seen.get("absent")).expect_error(404, "NoSuchKey");
            as_seen(seen.head("absent")).send().assert_bodiless(404);
            as_seen(seen.request("DELETE")).expect_error(403, "AccessDenied");
        }
    }
);

s3_test!(
    to_an_object_needs_no_permission_on_its_bucket,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let put = |key: &str, canned: &str| bucket.put(key, "0123").header("x-amz-acl", canned).expect(200);
        put("public", "public-read");
        put("accounts", "authenticated-read");
        let seen = bucket.acting_for(&ALICE);
        for request in [
            seen.get("public"),
            seen.get("accounts"),
            bucket.get("public").anonymous(),
        ] {
            let part = request.header("range", "bytes=1-2").expect(206);
            assert_eq!(part.text(), "12");
        }
        bucket.head("public").anonymous().expect(200);
        bucket
            .get("accounts")
            .anonymous()
            .expect_error(403, "AccessDenied");
        for refused in [
            seen.put("public", "x"),
            seen.delete("public"),
            bucket.put("public", "x").anonymous(),
        ] {
            refused.expect_error(403, "AccessDenied");
        }
        assert_eq!(bucket.read("public"), b"0123");
    }
);

s3_test!(
    to_what_others_wrote_is_not_the_bucket_owners,
    largest_body = 200,
    |s3: &S3| {
        let bucket = open_bucket(s3);
        let own = s3.own_id();
        let hers = bucket.acting_for(&ALICE);
        hers.put("private", "x").expect(200);
        hers.put("read", "x")
            .header("x-amz-acl", "bucket-owner-read")
            .expect(200);
        hers.put("full", "x")
            .header("x-amz-acl", "bucket-owner-full-control")
            .expect(200);
        bucket.get("private").expect_error(403, "AccessDenied");
        bucket
            .get("private")
            .flag("acl")
            .expect_error(403, "AccessDenied");
        bucket.copy("private", "copy").expect_error(403, "AccessDenied");
        bucket.head("private").send().assert_bodiless(403);
        assert_eq!(bucket.read("read"), b"x");
        bucket.get("read").flag("acl").expect_error(403, "AccessDenied");
        assert_eq!(bucket.read("full"), b"x");
        let shown = bucket.get("full").flag("acl").expect(200);
        assert_eq!(
            crate::get_bucket_acl::grants(&shown),
            [
                format!("{} FULL_CONTROL", ALICE.id),
                format!("{own} FULL_CONTROL")
            ]
        );
        // But the keys are, to list, to delete and to write over.
        let listed = bucket.list().query("fetch-owner", "true").expect(200);
        assert_eq!(listed.all("ListBucketResult/Contents/Owner/ID"), [ALICE.id; 3]);
        bucket.delete("private").expect(204);
        bucket.put("read", "own").expect(200);
        assert_eq!(bucket.read("read"), b"own");
        hers.get("read").expect_error(403, "AccessDenied");
    }
);

s3_test!(
    to_write_creates_objects_and_changes_ones_own_only,
    largest_body = 200,
    |s3: &S3| {
        let bucket = open_bucket(s3);
        let hers = bucket.acting_for(&ALICE);
        bucket.fill(&["own"]);
        bucket.acting_for(&BOB).put("his", "x").expect(200);
        for key in ["own", "his"] {
            hers.put(key, "other").expect_error(403, "AccessDenied");
            hers.delete(key).expect_error(403, "AccessDenied");
            bucket
                .put(key, "other")
                .anonymous()
                .expect_error(403, "AccessDenied");
            bucket.delete(key).anonymous().expect_error(403, "AccessDenied");
        }
        assert_eq!(bucket.read("own"), b"own");
        hers.put("hers", "1").expect(200);
        hers.put("hers", "2")
            .header("if-none-match", "*")
            .expect_error(412, "PreconditionFailed");
        let etag = hers.put("hers", "3").expect(200).etag();
        hers.put("hers", "4")
            .header("if-match", "\"other\"")
            .expect_error(412, "PreconditionFailed");
        hers.put("hers", "5").header("if-match", &etag).expect(200);
        assert_eq!(hers.read("hers"), b"5");
        hers.delete("hers").expect(204);
        hers.delete("hers").expect(204);
        hers.get("hers").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    to_delete_is_decided_for_each_key,
    largest_body = 500,
    |s3: &S3| {
        let bucket = open_bucket(s3);
        let hers = bucket.acting_for(&ALICE);
        bucket.fill(&["own"]);
        hers.put("hers", "x").expect(200);
        let body = "<Delete><Object><Key>own</Key></Object><Object><Key>hers</Key></Object>\
                <Object><Key>absent</Key></Object></Delete>";
        let delete = |bucket: &Bucket| {
            let request = bucket.request("POST").flag("delete").body(body);
            request.header("x-amz-checksum-crc32", checksum_crc32(body.as_bytes()))
        };
        let result = delete(&hers).expect(200);
        assert_eq!(result.all("DeleteResult/Deleted/Key"), ["hers", "absent"]);
        assert_eq!(result.all("DeleteResult/Error/Key"), ["own"]);
        assert_eq!(result.all("DeleteResult/Error/Code"), ["AccessDenied"]);
        assert_eq!(bucket.read("own"), b"own");
        // An account is told of each key; without a signature the list is not even read.
        bucket.put_acl("private").expect(200);
        let result = delete(&hers).expect(200);
        assert_eq!(result.all("DeleteResult/Error/Code"), ["AccessDenied"; 3]);
        delete(&bucket).anonymous().expect_error(403, "AccessDenied");
    }
);

s3_test!(
    to_copy_needs_the_source_and_the_destination,
    largest_body = 10,
    |s3: &S3| {
        let (from, to) = (s3.bucket(), s3.acting_for(&ALICE).bucket());
        from.fill(&["private"]);
        from.put("public", "x")
            .header("x-amz-acl", "public-read")
            .expect(200);
        let copy = |to: &Bucket, key: &str| {
            to.object("PUT", "copy")
                .header("x-amz-copy-source", format!("{}/{key}", from.name))
        };
        copy(&to, "private").expect_error(403, "AccessDenied");
        copy(&to, "absent").expect_error(403, "AccessDenied");
        copy(&to, "public").expect(200);
        assert_eq!(to.read("copy"), b"x");
        copy(&from.acting_for(&ALICE), "public").expect_error(403, "AccessDenied");
        from.put_acl("public-read").expect(200);
        copy(&to, "absent").expect_error(404, "NoSuchKey");
        to.put_acl("public-read-write").expect(200);
        let error = copy(&to, "public").anonymous().expect_error(403, "AccessDenied");
        assert_eq!(
            error.message,
            "Anonymous users cannot copy objects.  Please authenticate."
        );
        to.delete("copy").expect(204);
        to.request("DELETE").expect(204);
    }
);

s3_test!(to_an_upload_is_whose_it_is, largest_body = 200, |s3: &S3| {
    let bucket = open_bucket(s3);
    let (hers, his) = (bucket.acting_for(&ALICE), bucket.acting_for(&BOB));
    let upload = hers.begin_upload("key");
    let part = hers.upload_part("key", &upload, 1, b"x");
    for other in [&his, &bucket] {
        other
            .part("key", &upload, 2, b"y")
            .expect_error(403, "AccessDenied");
        other
            .complete("key", &upload, std::slice::from_ref(&part))
            .expect_error(403, "AccessDenied");
    }
    his.list_parts("key", &upload).expect_error(403, "AccessDenied");
    his.abort("key", &upload).expect_error(403, "AccessDenied");
    bucket.list_parts("key", &upload).expect(200);
    let listed = his.request("GET").flag("uploads").expect(200);
    assert_eq!(
        listed.all("ListMultipartUploadsResult/Upload/Initiator/ID"),
        [ALICE.id]
    );
    // The key is another's by now.
    his.put("key", "his").expect(200);
    hers.complete("key", &upload, std::slice::from_ref(&part))
        .expect_error(403, "AccessDenied");
    his.delete("key").expect(204);
    hers.complete("key", &upload, std::slice::from_ref(&part))
        .expect(200);
    assert_eq!(hers.read("key"), b"x");
    bucket.get("key").expect_error(403, "AccessDenied");
    let upload = hers.begin_upload("key");
    bucket.abort("key", &upload).expect(204);
    his.list_parts("key", &upload).expect_error(404, "NoSuchUpload");
});

s3_test!(
    to_a_finished_upload_is_whose_it_was,
    largest_body = 200,
    |s3: &S3| {
        let bucket = open_bucket(s3);
        let (hers, his) = (bucket.acting_for(&ALICE), bucket.acting_for(&BOB));
        for (owner, others) in [(&bucket, [&hers, &his]), (&hers, [&his, &bucket])] {
            let upload = owner.begin_upload("key");
            let part = owner.upload_part("key", &upload, 1, b"x");
            let part = std::slice::from_ref(&part);
            let first = owner.complete("key", &upload, part).expect(200);
            for other in others {
                other
                    .complete("key", &upload, part)
                    .expect_error(403, "AccessDenied");
                let any = "<Part><PartNumber>1</PartNumber><ETag>0</ETag></Part>";
                other
                    .complete_of("key", &upload, any)
                    .expect_error(403, "AccessDenied");
            }
            assert_eq!(owner.complete("key", &upload, part).expect(200).body, first.body);
            owner.delete("key").expect(204);
        }
    }
);

s3_test!(
    to_begin_an_upload_over_an_object_is_who_may_write_over_it,
    largest_body = 200,
    |s3: &S3| {
        let bucket = open_bucket(s3);
        let (hers, his) = (bucket.acting_for(&ALICE), bucket.acting_for(&BOB));
        hers.put("key", "x").expect(200);
        hers.begin_upload("key");
        bucket.begin_upload("key");
        his.create_upload("key").expect_error(403, "AccessDenied");
        hers.delete("key").expect(204);
        his.begin_upload("key");
    }
);

s3_test!(
    without_a_signature_writes_for_nobody_in_particular,
    largest_body = 200,
    |s3: &S3| {
        let bucket = open_bucket(s3);
        bucket.put("key", "1").anonymous().expect(200);
        bucket.put("key", "2").anonymous().expect(200);
        bucket.get("key").expect_error(403, "AccessDenied");
        assert_eq!(bucket.get("key").anonymous().expect(200).text(), "2");
        let listed = bucket.list().query("fetch-owner", "true").expect(200);
        assert_eq!(listed.value("ListBucketResult/Contents/Owner/ID"), ANONYMOUS_ID);
        let given = bucket
            .put("given", "x")
            .header("x-amz-acl", "bucket-owner-full-control");
        given.anonymous().expect(200);
        assert_eq!(bucket.read("given"), b"x");
        bucket.delete("key").anonymous().expect(204);
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    without_a_signature_begins_no_upload,
    largest_body = 200,
    |s3: &S3| {
        let bucket = open_bucket(s3);
        let upload = bucket.begin_upload("key");
        let error = bucket.create_upload("key").anonymous();
        let error = error.expect_error(403, "AccessDenied");
        assert_eq!(
            error.message,
            "Anonymous users cannot initiate multipart uploads.  Please authenticate."
        );
        let part = bucket.upload_part("key", &upload, 1, b"x");
        for request in [
            bucket.part("key", &upload, 2, b"y"),
            bucket.complete("key", &upload, &[part]),
            bucket.list_parts("key", &upload),
            bucket.abort("key", &upload),
        ] {
            request.anonymous().expect_error(403, "AccessDenied");
        }
        bucket.list_parts("key", &upload).expect(200);
    }
);

s3_test!(
    without_a_signature_takes_chunks_that_are_not_signed,
    largest_body = 200,
    |s3: &S3| {
        let bucket = open_bucket(s3);
        let put = |mode: &str| {
            let put = bucket
                .put("key", "3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n")
                .anonymous();
            put.header("x-amz-content-sha256", mode)
                .header("content-encoding", "aws-chunked")
                .header("x-amz-decoded-content-length", 3)
        };
        let unsigned = put(UNSIGNED_TRAILER).header("x-amz-trailer", "x-amz-checksum-crc32");
        unsigned.expect(200);
        assert_eq!(bucket.get("key").anonymous().expect(200).text(), "abc");
        put(SIGNED).expect_error(403, "AccessDenied");
        let wrong = bucket
            .put("key", "x")
            .header("x-amz-content-sha256", "0".repeat(64));
        wrong.anonymous().expect_error(400, "XAmzContentSHA256Mismatch");
    }
);

s3_test!(
    without_a_signature_changes_no_headers_of_the_answer,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket
            .put("key", "x")
            .header("x-amz-acl", "public-read")
            .expect(200);
        let request = bucket.get("key").query("response-content-type", "text/html");
        let error = request.clone().anonymous().expect_error(400, "InvalidRequest");
        assert_eq!(
            error.message,
            "Request specific response headers cannot be used for anonymous GET requests."
        );
        assert_eq!(request.expect(200).required("content-type"), "text/html");
    }
);
