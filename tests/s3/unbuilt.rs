//! What BleepStore does not have: reading it answers as Amazon does for a bucket without it, writing it is
//! refused by name.

use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

s3_test!(
    reading_configuration_that_was_never_set_says_so,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for (subresource, code) in [
            ("policy", "NoSuchBucketPolicy"),
            ("lifecycle", "NoSuchLifecycleConfiguration"),
            ("website", "NoSuchWebsiteConfiguration"),
            ("replication", "ReplicationConfigurationNotFoundError"),
            ("object-lock", "ObjectLockConfigurationNotFoundError"),
            ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        ] {
            let error = bucket.request("GET").flag(subresource).expect_error(404, code);
            assert_eq!(error.field("BucketName"), bucket.name, "{subresource}");
        }
    }
);

s3_test!(
    a_configuration_with_an_id_that_was_never_given_is_not_there,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for subresource in ["analytics", "intelligent-tiering", "inventory", "metrics"] {
            for method in ["GET", "DELETE"] {
                let request = bucket.request(method).flag(subresource).query("id", "1");
                request.expect_error(404, "NoSuchConfiguration");
            }
        }
    }
);

s3_test!(
    reading_configuration_that_is_off_shows_it_empty,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for (subresource, root) in [
            ("logging", "BucketLoggingStatus"),
            ("accelerate", "AccelerateConfiguration"),
        ] {
            let response = bucket.request("GET").flag(subresource).expect(200);
            assert_eq!(response.all(root).len(), 1, "{subresource}");
            assert_eq!(response.optional(&format!("{root}/Status")), None);
        }
        let payment = bucket.request("GET").flag("requestPayment").expect(200);
        assert_eq!(payment.value("RequestPaymentConfiguration/Payer"), "BucketOwner");
    }
);

s3_test!(reading_needs_the_bucket, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    for subresource in ["website", "lifecycle"] {
        bucket
            .request("GET")
            .flag(subresource)
            .expect_error(404, "NoSuchBucket");
    }
});

s3_test!(
    writing_configuration_is_refused_by_name,
    largest_body = 100,
    |s3: &S3| {
        let bucket = s3.bucket();
        for (subresource, feature) in [
            ("lifecycle", "lifecycle"),
            ("replication", "replication"),
            ("encryption", "encryption"),
            ("logging", "logging"),
            ("object-lock", "lock"),
            ("accelerate", "accelerat"),
            ("requestPayment", "payment"),
        ] {
            let request = bucket.request("PUT").flag(subresource).body("<Configuration/>");
            let error = request.expect_error(501, "NotImplemented");
            assert!(
                error.message.to_lowercase().contains(feature),
                "{subresource}: {}",
                error.message
            );
        }
        bucket.request("HEAD").expect(200);
    }
);

s3_test!(
    writing_to_an_objects_subresource_never_overwrites_the_object,
    largest_body = 100,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        for subresource in ["retention", "legal-hold", "unknown-subresource"] {
            let status = bucket.put("key", "<x/>").flag(subresource).send().status;
            if subresource != "unknown-subresource" {
                assert_eq!(status, 501, "{subresource}");
                assert_eq!(bucket.read("key"), b"key", "{subresource}");
            }
        }
    }
);

s3_test!(
    features_in_headers_are_refused_by_name,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        for (header, value, feature) in [
            ("x-amz-server-side-encryption", "aws:kms", "kms"),
            (
                "x-amz-server-side-encryption-customer-algorithm",
                "AES256",
                "customer",
            ),
            ("x-amz-object-lock-mode", "GOVERNANCE", "lock"),
            ("x-amz-object-lock-legal-hold", "ON", "lock"),
            ("x-amz-object-lock-event-hold", "ON", "lock"),
            ("x-amz-object-lock-event-hold-duration-days", "1", "lock"),
            ("x-amz-rename-source", "other", "rename"),
        ] {
            let error = bucket
                .put("key", "x")
                .header(header, value)
                .expect_error(501, "NotImplemented");
            assert!(
                error.message.to_lowercase().contains(feature),
                "{header}: {}",
                error.message
            );
        }
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    a_bucket_with_object_lock_is_refused_by_name,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket_named(s3.unused_name());
        let request = bucket
            .request("PUT")
            .header("x-amz-bucket-object-lock-enabled", "true");
        let error = request.expect_error(501, "NotImplemented");
        assert!(error.message.to_lowercase().contains("lock"), "{}", error.message);
        bucket.request("HEAD").expect(404);
    }
);

s3_test!(
    deleting_configuration_that_is_not_there_succeeds,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for subresource in [
            "policy",
            "lifecycle",
            "website",
            "replication",
            "encryption",
            "publicAccessBlock",
        ] {
            let deleted = bucket.request("DELETE").flag(subresource).expect(204);
            assert_eq!(deleted.body, b"", "{subresource}");
        }
        bucket.request("HEAD").expect(200);
    }
);

s3_test!(
    other_operations_are_refused_by_name,
    largest_body = 100,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let annotation = |method: &str| bucket.object(method, "key").flag("annotation");
        for (request, operation) in [
            (bucket.object("POST", "key").flag("restore"), "RestoreObject"),
            (
                bucket
                    .object("POST", "key")
                    .flag("select")
                    .query("select-type", 2),
                "SelectObjectContent",
            ),
            (
                annotation("PUT").query("annotationName", "a"),
                "PutObjectAnnotation",
            ),
            (
                annotation("GET").query("annotationName", "a"),
                "GetObjectAnnotation",
            ),
            (annotation("GET"), "ListObjectAnnotations"),
            (
                annotation("DELETE").query("annotationName", "a"),
                "DeleteObjectAnnotation",
            ),
        ] {
            let error = request.expect_error(501, "NotImplemented");
            assert!(error.message.contains(operation), "{}", error.message);
        }
    }
);
