//! Bodies in `aws-chunked` encoding, in each payload mode that announces them.

use bleepstore_tests::http::chunked::{self, ChunkSigner, SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER};
use bleepstore_tests::http::encoding::{checksum_crc32, checksum_sha256, etag, pattern};
use bleepstore_tests::http::{Bucket, Request, S3, SignedRequest};
use bleepstore_tests::s3_test;

const CRC32: &str = "x-amz-checksum-crc32";

/// PutObject of a chunked body whose decoded length is `length`.
fn put(bucket: &Bucket, mode: &str, length: usize) -> Request {
    bucket
        .object("PUT", "key")
        .payload_hash(mode)
        .header("content-encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", length)
}

fn put_with_trailer(bucket: &Bucket, mode: &str, length: usize) -> Request {
    put(bucket, mode, length).header("x-amz-trailer", CRC32)
}

/// Signs the request and gives it a body in signed chunks.
fn with_signed_chunks(
    s3: &S3,
    request: Request,
    chunks: &[&[u8]],
    trailer: Option<(&str, &str)>,
) -> SignedRequest {
    let mut request = request.sign();
    request.body = chunked::signed(&mut ChunkSigner::new(&s3.endpoint, &request), chunks, trailer);
    request
}

fn assert_not_stored(bucket: &Bucket) {
    bucket.get("key").expect_error(404, "NoSuchKey");
}

s3_test!(signed_chunks_are_joined, largest_body = 90_000, |s3: &S3| {
    let bucket = s3.bucket();
    let body = pattern(8, 70_000);
    let chunks = [&body[..65_536], &body[65_536..]];
    let request = with_signed_chunks(s3, put(&bucket, SIGNED, body.len()), &chunks, None);
    assert_eq!(request.send().assert_status(200).etag(), etag(&body));
    let object = bucket.get("key").expect(200);
    assert!(object.body == body, "another body came back");
    assert_eq!(object.header("content-encoding"), None);
});

s3_test!(
    signed_chunks_of_an_empty_body_are_taken,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        with_signed_chunks(s3, put(&bucket, SIGNED, 0), &[], None)
            .send()
            .assert_status(200);
        assert_eq!(bucket.read("key"), b"");
    }
);

s3_test!(
    a_wrong_chunk_signature_stores_nothing,
    largest_body = 90_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let body = pattern(9, 70_000);
        let chunks = [&body[..65_536], &body[65_536..]];
        let good = with_signed_chunks(s3, put(&bucket, SIGNED, body.len()), &chunks, None);
        for tampered in [100, 65_700, good.body.len() - 40] {
            let mut request = good.clone();
            request.body[tampered] ^= 1;
            let response = request.send();
            let code = response.value("Error/Code");
            // The last change falls into the signature of the empty chunk and may make it no hex at all.
            assert!(
                code == "SignatureDoesNotMatch" || (tampered > 70_000 && code == "IncompleteBody"),
                "{code}"
            );
            assert_not_stored(&bucket);
        }
    }
);

s3_test!(
    chunks_in_another_order_store_nothing,
    largest_body = 90_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let chunks = [pattern(1, 8_192), pattern(2, 8_192)];
        let mut request = put(&bucket, SIGNED, 16_384).sign();
        let mut signer = ChunkSigner::new(&s3.endpoint, &request);
        let swapped = chunked::signed(&mut signer, &[&chunks[1], &chunks[0]], None);
        let right = chunked::signed(
            &mut ChunkSigner::new(&s3.endpoint, &request),
            &[&chunks[0], &chunks[1]],
            None,
        );
        let chunk = swapped.len().min(right.len()) / 2;
        request.body = [&right[..chunk], &swapped[chunk..]].concat();
        request.expect_error(403, "SignatureDoesNotMatch");
        assert_not_stored(&bucket);
    }
);

s3_test!(a_signed_trailer_is_verified, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    let checksum = checksum_crc32(b"body");
    let request = put_with_trailer(&bucket, SIGNED_TRAILER, 4);
    let request = with_signed_chunks(s3, request, &[b"body"], Some((CRC32, &checksum)));
    let response = request.send().assert_status(200);
    assert_eq!(response.required(CRC32), checksum);
    assert_eq!(bucket.read("key"), b"body");
    let object = bucket
        .head("key")
        .header("x-amz-checksum-mode", "ENABLED")
        .expect(200);
    assert_eq!(object.required(CRC32), checksum);
});

s3_test!(
    a_signed_trailer_with_a_wrong_checksum_stores_nothing,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let request = put_with_trailer(&bucket, SIGNED_TRAILER, 4);
        let wrong = checksum_crc32(b"other");
        with_signed_chunks(s3, request, &[b"body"], Some((CRC32, &wrong))).expect_error(400, "BadDigest");
        assert_not_stored(&bucket);
    }
);

s3_test!(
    a_trailer_with_a_wrong_signature_stores_nothing,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let checksum = checksum_crc32(b"body");
        let request = put_with_trailer(&bucket, SIGNED_TRAILER, 4);
        let mut request = with_signed_chunks(s3, request, &[b"body"], Some((CRC32, &checksum)));
        let last_digit = request.body.len() - 5;
        request.body[last_digit] = if request.body[last_digit] == b'0' {
            b'1'
        } else {
            b'0'
        };
        request.expect_error(403, "SignatureDoesNotMatch");
        assert_not_stored(&bucket);
    }
);

s3_test!(
    an_unsigned_trailer_is_verified,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let checksum = checksum_crc32(b"0123456789");
        let request = put_with_trailer(&bucket, UNSIGNED_TRAILER, 10);
        let request = request.body(chunked::unsigned(&[b"01234", b"56789"], CRC32, &checksum));
        assert_eq!(request.expect(200).required(CRC32), checksum);
        assert_eq!(bucket.read("key"), b"0123456789");
    }
);

s3_test!(
    an_unsigned_trailer_with_a_wrong_checksum_stores_nothing,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let request = put_with_trailer(&bucket, UNSIGNED_TRAILER, 4);
        let request = request.body(chunked::unsigned(&[b"body"], CRC32, &checksum_crc32(b"other")));
        request.expect_error(400, "BadDigest");
        assert_not_stored(&bucket);
    }
);

s3_test!(
    a_trailer_takes_every_algorithm,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        // Of the text "123456789": the check values of the CRC catalogue and the published digests.
        for (name, value) in [
            ("x-amz-checksum-crc32", "y/Q5Jg=="),
            ("x-amz-checksum-crc32c", "4waSgw=="),
            ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
            ("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
            ("x-amz-checksum-sha256", &checksum_sha256(b"123456789")),
        ] {
            let request = put(&bucket, UNSIGNED_TRAILER, 9).header("x-amz-trailer", name);
            let response = request
                .body(chunked::unsigned(&[b"123456789"], name, value))
                .expect(200);
            assert_eq!(response.required(name), value);
        }
    }
);

s3_test!(a_promised_trailer_must_arrive, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    let request = put_with_trailer(&bucket, UNSIGNED_TRAILER, 4).body("4\r\nbody\r\n0\r\n\r\n");
    request.expect_error(400, "MalformedTrailerError");
    assert_not_stored(&bucket);
});

s3_test!(
    a_trailer_that_is_malformed_or_was_not_announced_stores_nothing,
    largest_body = 21_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let checksum = checksum_crc32(b"body");
        for trailers in [
            format!("{CRC32} {checksum}\r\n"),
            format!("{CRC32}:{checksum}\r\n{CRC32}:{checksum}\r\n"),
            format!("{CRC32}:{checksum}\r\nx-amz-checksum-sha1:AAAA\r\n"),
            format!("{CRC32}:{checksum}\r\nx-amz-meta-late:1\r\n"),
            format!("{CRC32}:{}\r\n", "A".repeat(20_000)),
        ] {
            let body = format!("4\r\nbody\r\n0\r\n{trailers}\r\n");
            let request = put_with_trailer(&bucket, UNSIGNED_TRAILER, 4).body(body);
            request.expect_error(400, "MalformedTrailerError");
            assert_not_stored(&bucket);
        }
        let unsigned = with_signed_chunks(s3, put_with_trailer(&bucket, SIGNED_TRAILER, 4), &[b"body"], None);
        unsigned.expect_error(400, "MalformedTrailerError");
        assert_not_stored(&bucket);
    }
);

s3_test!(
    a_trailer_whose_value_is_no_checksum_stores_nothing,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for value in ["", "AAAA", "not base64"] {
            let request = put_with_trailer(&bucket, UNSIGNED_TRAILER, 4);
            let request = request.body(chunked::unsigned(&[b"body"], CRC32, value));
            let error = request.expect_error(400, "InvalidRequest");
            assert_eq!(
                error.message,
                format!("Value for {CRC32} trailing header is invalid.")
            );
            assert_not_stored(&bucket);
        }
    }
);

s3_test!(
    a_small_signed_chunk_may_only_be_the_last,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let (small, large) = (pattern(1, 8_191), pattern(2, 8_192));
        let request = put(&bucket, SIGNED, 16_383);
        let error = with_signed_chunks(s3, request, &[&small, &large], None)
            .expect_error(403, "InvalidChunkSizeError");
        assert_eq!(error.field("BadChunkSize"), "8191");
        assert_not_stored(&bucket);
        let request = put(&bucket, SIGNED, 16_383);
        with_signed_chunks(s3, request, &[&large, &small], None)
            .send()
            .assert_status(200);
    }
);

s3_test!(
    a_body_shorter_than_its_decoded_length_stores_nothing,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let checksum = checksum_crc32(b"body");
        let unsigned = put_with_trailer(&bucket, UNSIGNED_TRAILER, 5);
        unsigned
            .body(chunked::unsigned(&[b"body"], CRC32, &checksum))
            .expect_error(400, "IncompleteBody");
        let signed = with_signed_chunks(s3, put(&bucket, SIGNED, 5), &[b"body"], None);
        signed.expect_error(400, "IncompleteBody");
        assert_not_stored(&bucket);
    }
);

s3_test!(
    a_body_longer_than_its_decoded_length_stores_nothing,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let checksum = checksum_crc32(b"body");
        let unsigned = put_with_trailer(&bucket, UNSIGNED_TRAILER, 3);
        unsigned
            .body(chunked::unsigned(&[b"body"], CRC32, &checksum))
            .expect_error(400, "IncompleteBody");
        let signed = with_signed_chunks(s3, put(&bucket, SIGNED, 3), &[b"body"], None);
        signed.expect_error(400, "IncompleteBody");
        assert_not_stored(&bucket);
    }
);

s3_test!(
    a_body_without_its_last_chunk_stores_nothing,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let request = put(&bucket, UNSIGNED_TRAILER, 4).body("4\r\nbody\r\n");
        request.expect_error(400, "IncompleteBody");
        let request = put(&bucket, UNSIGNED_TRAILER, 9).body("4\r\nbody\r\n0\r\n\r\n");
        let error = request.expect_error(400, "IncompleteBody");
        assert_eq!(error.field("NumberBytesExpected"), "9");
        assert_eq!(error.field("NumberBytesProvided"), "4");
        assert_not_stored(&bucket);
    }
);

s3_test!(
    a_body_that_is_not_chunked_stores_nothing,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for body in [
            "no chunks at all",
            "-4\r\nbody\r\n0\r\n\r\n",
            "ffffffffffffffffff\r\nbody",
            "4\nbody\n0\n\n",
        ] {
            let response = put(&bucket, UNSIGNED_TRAILER, 4).body(body).send();
            assert_eq!(response.status, 400, "{body:?}");
            assert_not_stored(&bucket);
        }
    }
);

s3_test!(the_decoded_length_is_needed, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    let request = bucket
        .object("PUT", "key")
        .payload_hash(UNSIGNED_TRAILER)
        .header("x-amz-trailer", CRC32);
    let request = request.body(chunked::unsigned(&[b"body"], CRC32, &checksum_crc32(b"body")));
    request.clone().expect_error(411, "MissingContentLength");
    for value in ["four", "-4", "4.0"] {
        let request = request.clone().header("x-amz-decoded-content-length", value);
        request.expect_error(411, "MissingContentLength");
    }
    assert_not_stored(&bucket);
});

s3_test!(
    other_content_encodings_are_kept,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for (sent, kept) in [
            ("aws-chunked,br", "br"),
            ("br, aws-chunked", "br"),
            ("aws-chunked", ""),
        ] {
            let request = bucket
                .object("PUT", "key")
                .payload_hash(UNSIGNED_TRAILER)
                .header("content-encoding", sent)
                .header("x-amz-decoded-content-length", 4)
                .header("x-amz-trailer", CRC32)
                .body(chunked::unsigned(&[b"body"], CRC32, &checksum_crc32(b"body")));
            request.expect(200);
            let object = bucket.head("key").expect(200);
            assert_eq!(
                object.header("content-encoding").unwrap_or_default(),
                kept,
                "{sent}"
            );
        }
    }
);

s3_test!(parts_may_be_chunked, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    let request = bucket
        .part(
            "key",
            &upload,
            1,
            chunked::unsigned(&[b"body"], CRC32, &checksum_crc32(b"body")),
        )
        .payload_hash(UNSIGNED_TRAILER)
        .header("x-amz-decoded-content-length", 4)
        .header("x-amz-trailer", CRC32);
    assert_eq!(request.expect(200).etag(), etag(b"body"));
});
