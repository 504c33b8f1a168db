//! The rows and columns of `docs/compatibility.md`.

use std::path::Path;

/// Deployments, as `tests/src/http/deployment.rs` names them, and their titles. A further deployment is one line.
pub(crate) const COLUMNS: [(&str, &str); 7] = [
    ("sqlite", "local"),
    ("memory", "local, in memory"),
    ("aws_http", "AWS, HTTP"),
    ("aws_lambda", "AWS, Function URL"),
    ("gcp_http1", "Google Cloud, HTTP/1.1"),
    ("gcp_h2c", "Google Cloud, HTTP/2"),
    ("azure_functions", "Azure Functions"),
];

/// An operation or a feature, and the tests that back it.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    /// What is special about it.
    pub(crate) how: &'static str,
    /// The file of its tests, below `tests`.
    pub(crate) file: &'static str,
    /// Its rules in that file; all where none is named.
    pub(crate) rules: &'static [&'static str],
}

impl Row {
    /// The name of the file without folder and ending, which the names of its tests begin with.
    pub(crate) fn module(&self) -> &'static str {
        let stem = Path::new(self.file).file_stem().and_then(|stem| stem.to_str());
        stem.unwrap_or_default()
    }

    pub(crate) fn has(&self, rule: &str) -> bool {
        self.rules.is_empty() || self.rules.contains(&rule)
    }
}

const fn row(what: &'static str, how: &'static str, file: &'static str) -> Row {
    Row {
        what,
        how,
        file,
        rules: &[],
    }
}

/// A row whose tests are some of a file's.
const fn part(
    what: &'static str,
    how: &'static str,
    file: &'static str,
    rules: &'static [&'static str],
) -> Row {
    Row {
        what,
        how,
        file,
        rules,
    }
}

/// A client of other people, which runs against the local server only.
const fn client(what: &'static str, how: &'static str, rules: &'static [&'static str]) -> Row {
    part(what, how, "sdk/test_clients.py", rules)
}

/// The same with versions of objects.
const fn with_versions(what: &'static str, how: &'static str, rules: &'static [&'static str]) -> Row {
    part(what, how, "sdk/test_client_versions.py", rules)
}

/// The tables, each with its title.
pub(crate) const SECTIONS: [(&str, &[Row]); 4] = [
    ("operation", &OPERATIONS),
    ("feature", &FEATURES),
    ("not built, answered by 501", &NOT_BUILT),
    ("client", &CLIENTS),
];

const OPERATIONS: [Row; 39] = [
    row(
        "ListBuckets",
        "`prefix`, `max-buckets`, `continuation-token`, `bucket-region`",
        "s3/list_buckets.rs",
    ),
    row("CreateBucket", "", "s3/create_bucket.rs"),
    row("HeadBucket", "", "s3/head_bucket.rs"),
    row("DeleteBucket", "", "s3/delete_bucket.rs"),
    row("GetBucketLocation", "", "s3/get_bucket_location.rs"),
    row(
        "PutObject",
        "checksums, metadata, system headers, storage class, conditions",
        "s3/put_object.rs",
    ),
    row(
        "PostObject",
        "forms; one that nobody signed too",
        "s3/post_object.rs",
    ),
    row(
        "PostObject, signature and policy",
        "versions 4 and 2; every kind of condition",
        "s3/post_policy.rs",
    ),
    row(
        "PutObject at an offset",
        "`x-amz-write-offset-bytes`: one more extent, no copy",
        "s3/append.rs",
    ),
    row(
        "GetObject",
        "ranges, `partNumber`, `response-*`",
        "s3/get_object.rs",
    ),
    row("HeadObject", "", "s3/head_object.rs"),
    row(
        "GetObjectAttributes",
        "pages of parts, conditions",
        "s3/get_object_attributes.rs",
    ),
    row("DeleteObject", "", "s3/delete_object.rs"),
    row(
        "DeleteObjects",
        "up to 1,000 keys, ETags as conditions",
        "s3/delete_objects.rs",
    ),
    row(
        "CopyObject",
        "any size; bytes move only for another checksum",
        "s3/copy_object.rs",
    ),
    row(
        "RenameObject",
        "one atomic step on every bucket; conditions of both keys",
        "s3/rename_object.rs",
    ),
    row("ListObjects", "", "s3/list_objects.rs"),
    row("ListObjectsV2", "", "s3/list_objects_v2.rs"),
    row("CreateMultipartUpload", "", "s3/create_multipart_upload.rs"),
    row("UploadPart", "", "s3/upload_part.rs"),
    row(
        "UploadPartCopy",
        "ranges, conditions; bytes move only where they must",
        "s3/upload_part_copy.rs",
    ),
    row(
        "CompleteMultipartUpload",
        "no bytes move; replays answer the same",
        "s3/complete_multipart_upload.rs",
    ),
    row("AbortMultipartUpload", "", "s3/abort_multipart_upload.rs"),
    row("ListMultipartUploads", "", "s3/list_multipart_uploads.rs"),
    row("ListParts", "", "s3/list_parts.rs"),
    row("GetBucketAcl", "", "s3/get_bucket_acl.rs"),
    row(
        "PutBucketAcl",
        "canned lists, grants in headers, XML",
        "s3/put_bucket_acl.rs",
    ),
    row(
        "Get-, Put- and DeleteBucketOwnershipControls",
        "all three; whose objects are, and whether lists count",
        "s3/bucket_ownership_controls.rs",
    ),
    row(
        "Get- and PutBucketVersioning, versions of objects",
        "Enabled and Suspended; no MFA delete",
        "s3/versioning.rs",
    ),
    row(
        "ListObjectVersions",
        "prefixes and delimiters of any length",
        "s3/list_object_versions.rs",
    ),
    row("GetObjectAcl", "", "s3/get_object_acl.rs"),
    row(
        "PutObjectAcl",
        "as PutBucketAcl; ETag and time stay",
        "s3/put_object_acl.rs",
    ),
    row(
        "Get-, Put- and DeleteObjectTagging, tags of writes",
        "of versions too; `x-amz-tagging`, its directive and its count",
        "s3/object_tagging.rs",
    ),
    row(
        "Get-, Put- and DeleteBucketTagging",
        "50 tags; in CreateBucket too",
        "s3/bucket_tagging.rs",
    ),
    row(
        "Get-, Put- and DeleteBucketCors",
        "100 rules of up to 64 KiB together",
        "s3/bucket_cors.rs",
    ),
    row(
        "Get-, Put- and DeleteBucketWebsite",
        "50 rules; where `--website-domain` names a domain",
        "s3/bucket_website.rs",
    ),
    row(
        "Get- and PutBucketNotificationConfiguration",
        "100 rules; destinations that the operator has listed",
        "s3/bucket_notification.rs",
    ),
    row(
        "Get-, Put- and DeleteBucketPolicy, GetBucketPolicyStatus",
        "20 KB; accounts, conditions, variables; what each request asks for",
        "s3/bucket_policy.rs",
    ),
    row(
        "Get-, Put- and DeletePublicAccessBlock",
        "the four switches",
        "s3/public_access_block.rs",
    ),
];

const FEATURES: [Row; 22] = [
    row(
        "Signature Version 4 in the header",
        "every `x-amz-*` header must be signed",
        "s3/authorization.rs",
    ),
    row(
        "access of other accounts and without a signature",
        "by ACLs; objects belong to who wrote them (`ObjectWriter`)",
        "s3/access.rs",
    ),
    row(
        "keys with a policy",
        "users of an account, in its buckets and in those of others",
        "s3/keys_with_policies.rs",
    ),
    row(
        "AssumeRole, GetSessionToken",
        "of STS, at the same address; session policies",
        "s3/assume_role.rs",
    ),
    row(
        "GetCallerIdentity",
        "and what all requests to STS have in common",
        "s3/get_caller_identity.rs",
    ),
    row(
        "temporary credentials",
        "in headers, presigned URLs and forms, of both versions",
        "s3/temporary_credentials.rs",
    ),
    row("presigned URLs", "1 s to 7 days", "s3/presigned.rs"),
    row(
        "Signature Version 2",
        "in presigned URLs, in the header where it is on",
        "s3/signature_version_2.rs",
    ),
    row(
        "`aws-chunked` bodies",
        "signed and unsigned, with trailers",
        "s3/streaming_payload.rs",
    ),
    row(
        "checksums of multipart uploads",
        "`COMPOSITE` and `FULL_OBJECT`, combined without reading",
        "s3/multipart_checksums.rs",
    ),
    row(
        "virtual-hosted-style requests",
        "below `--domain`",
        "s3/virtual_hosted.rs",
    ),
    row(
        "websites",
        "below `--website-domain`: index and error documents, rules, redirects",
        "s3/website.rs",
    ),
    row(
        "`x-amz-website-redirect-location`",
        "of objects that are put, copied, uploaded in parts or by a form",
        "s3/website_redirect.rs",
    ),
    row(
        "conditions of reads and deletions",
        "`If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since`",
        "s3/conditions.rs",
    ),
    row(
        "`x-amz-expected-bucket-owner`",
        "and of a copy's source",
        "s3/expected_bucket_owner.rs",
    ),
    row(
        "customer keys (SSE-C), and other headers of what is not built",
        "no read and no write ignores them",
        "s3/customer_keys.rs",
    ),
    row(
        "errors and odd requests",
        "codes, statuses, fields, ids; framing",
        "s3/errors.rs",
    ),
    row(
        "preflight requests",
        "`OPTIONS`, answered by the rules of the bucket",
        "s3/preflight.rs",
    ),
    row(
        "requests of pages of other origins",
        "what browsers are told beside answers and errors",
        "s3/cross_origin.rs",
    ),
    row("health check", "`GET /_bleepstore/health`", "s3/health.rs"),
    part(
        "configuration that is never there",
        "read and deleted as S3 does for a bucket without it",
        "s3/unbuilt.rs",
        &[
            "reading_configuration_that_was_never_set_says_so",
            "a_configuration_with_an_id_that_was_never_given_is_not_there",
            "reading_configuration_that_is_off_shows_it_empty",
            "reading_needs_the_bucket",
            "deleting_configuration_that_is_not_there_succeeds",
        ],
    ),
    row(
        "what a Function URL changes",
        "every answer has its length; empty bodies",
        "s3/function_url.rs",
    ),
];

/// What is refused with 501 and its name.
const NOT_BUILT: [Row; 4] = [
    part(
        "configuration of buckets",
        "lifecycle, replication, encryption, object lock, …",
        "s3/unbuilt.rs",
        &[
            "writing_configuration_is_refused_by_name",
            "a_bucket_with_object_lock_is_refused_by_name",
        ],
    ),
    part(
        "retention and legal hold of objects",
        "never overwrite the object",
        "s3/unbuilt.rs",
        &["writing_to_an_objects_subresource_never_overwrites_the_object"],
    ),
    part(
        "features in headers",
        "SSE-KMS, SSE-C, object lock",
        "s3/unbuilt.rs",
        &["features_in_headers_are_refused_by_name"],
    ),
    part(
        "other operations",
        "RestoreObject, SelectObjectContent, …",
        "s3/unbuilt.rs",
        &["other_operations_are_refused_by_name"],
    ),
];

const CLIENTS: [Row; 26] = [
    row("boto3", "", "sdk/test_boto3.py"),
    row(
        "boto3, with versions",
        "pages, collections, waiters",
        "sdk/test_boto3_versions.py",
    ),
    row(
        "boto3 and aws-cli 1, with temporary credentials",
        "STS, session policies, presigned URLs, forms, profiles with roles",
        "sdk/test_boto3_sts.py",
    ),
    row(
        "boto3, with tokens of OpenID Connect",
        "`--oidc`; RS256 and ES256, by a call, variables, a profile",
        "sdk/test_web_identity.py",
    ),
    row("aws-cli 1", "", "sdk/test_aws_cli.py"),
    row(
        "aws-cli 1, with versions",
        "pages, removal",
        "sdk/test_aws_cli_versions.py",
    ),
    row(
        "boto3 and aws-cli 1, with websites",
        "`--website-domain`; pages, errors, redirects, rules",
        "sdk/test_websites.py",
    ),
    row("AWS SDK for Rust", "", "sdk/rust.rs"),
    row(
        "AWS SDK for JavaScript 3",
        "parts, presigned URLs, conditions, tags, versions",
        "sdk/test_javascript.py",
    ),
    client("rclone", "sync, check, move, purge", &["test_rclone"]),
    with_versions(
        "rclone, with versions",
        "`--s3-versions`, `--s3-version-at`, `cleanup-hidden`",
        &["test_rclone_with_versions"],
    ),
    client("restic", "backup, check, restore, prune", &["test_restic"]),
    with_versions(
        "restic, with versions",
        "prune, and what it pruned brought back",
        &["test_restic_with_versions"],
    ),
    client("s5cmd", "sync, move, delete", &["test_s5cmd"]),
    with_versions(
        "s5cmd, with versions",
        "`--all-versions`, `--version-id`",
        &["test_s5cmd_with_versions"],
    ),
    client("s3cmd", "sync, modify, delete", &["test_s3cmd"]),
    client(
        "minio for Python",
        "parts, compose, presigned URLs, appends, tags, versions",
        &["test_minio"],
    ),
    client("pyarrow", "streams, Parquet, folders", &["test_pyarrow"]),
    client(
        "obstore",
        "parts, ranges, conditions, listings",
        &["test_obstore"],
    ),
    row(
        "object_store for Rust",
        "its own integration tests; races, signed URLs, versions, tags",
        "sdk/object_store.rs",
    ),
    row(
        "PyIceberg",
        "credentials that a REST catalogue vends for each table; a role",
        "sdk/test_iceberg.py",
    ),
    client(
        "OpenDAL for Python",
        "parts, conditions, listings, appends, signed URLs",
        &["test_opendal"],
    ),
    with_versions(
        "OpenDAL for Python, with versions",
        "",
        &["test_opendal_with_versions"],
    ),
    with_versions(
        "object_store over OpenDAL, for Rust",
        "OpenDAL's own tests of `object_store_opendal`",
        &["test_object_store_opendal"],
    ),
    row(
        "Chromium",
        "forms that send a file, `fetch` by CORS, a website",
        "sdk/test_browser.py",
    ),
    row(
        "Terraform with hashicorp/aws 5.100.0",
        "buckets, versions, lists, tags, objects; nothing to change afterwards",
        "sdk/test_terraform.py",
    ),
];
