//! Versions of objects.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html>

use bleepstore_tests::http::{ALICE, Bucket, Request, Response, S3, UploadedPart};
use bleepstore_tests::s3_test;

const STATUS: &str = "VersioningConfiguration/Status";
const MARKER: &str = "x-amz-delete-marker";

pub(crate) fn set(bucket: &Bucket, status: &str) -> Request {
    configure(bucket, &format!("<Status>{status}</Status>"))
}

fn configure(bucket: &Bucket, content: &str) -> Request {
    let body = format!("<VersioningConfiguration>{content}</VersioningConfiguration>");
    bucket.request("PUT").flag("versioning").body(body)
}

fn status(bucket: &Bucket) -> Option<String> {
    let response = bucket.request("GET").flag("versioning").expect(200);
    response.optional(STATUS)
}

/// A bucket that keeps versions.
pub(crate) fn versioned(s3: &S3) -> Bucket {
    let bucket = s3.bucket();
    set(&bucket, "Enabled").expect(200);
    bucket
}

pub(crate) fn version(response: &Response) -> String {
    response.required("x-amz-version-id").to_owned()
}

fn put(bucket: &Bucket, key: &str, body: &str) -> String {
    version(&bucket.put(key, body).expect(200))
}

fn read(bucket: &Bucket, key: &str, version: &str) -> Vec<u8> {
    bucket.get(key).query("versionId", version).expect(200).body
}

/// The versions of a bucket as `key/body or marker` lists them: version ids with `*` at the current ones.
pub(crate) fn listed(bucket: &Bucket) -> Vec<String> {
    let response = bucket.request("GET").flag("versions").expect(200);
    let entry = |path: &str| -> Vec<String> {
        let of = |field: &str| response.all(&format!("ListVersionsResult/{path}/{field}"));
        let ids = of("VersionId").into_iter().zip(of("IsLatest"));
        ids.map(|(id, latest)| if latest == "true" { format!("{id}*") } else { id })
            .collect()
    };
    let mut all = entry("Version");
    all.extend(entry("DeleteMarker"));
    all
}

s3_test!(is_off_until_it_is_configured, largest_body = 200, |s3: &S3| {
    let bucket = s3.bucket();
    assert_eq!(status(&bucket), None);
    let put = bucket.put("key", "body").expect(200);
    assert_eq!(put.header("x-amz-version-id"), None);
    assert_eq!(bucket.get("key").expect(200).header("x-amz-version-id"), None);
    let copied = bucket.copy("key", "copy").expect(200);
    assert_eq!(copied.header("x-amz-version-id"), None);
    assert_eq!(bucket.delete("key").expect(204).header(MARKER), None);
    bucket.delete("copy").query("versionId", "null").expect(204);
    assert_eq!(listed(&bucket), [""; 0]);
    for wanted in ["Enabled", "Suspended", "Suspended", "Enabled"] {
        assert_eq!(set(&bucket, wanted).expect(200).body, b"");
        assert_eq!(status(&bucket).as_deref(), Some(wanted));
    }
    // There is no way back.
    configure(&bucket, "").expect_error(400, "IllegalVersioningConfigurationException");
    set(&bucket, "Disabled").expect_error(400, "MalformedXML");
    assert_eq!(status(&bucket).as_deref(), Some("Enabled"));
    let suspended = s3.bucket();
    set(&suspended, "Suspended").expect(200);
    assert_eq!(status(&suspended).as_deref(), Some("Suspended"));
});

s3_test!(refuses_what_is_no_configuration, largest_body = 200, |s3: &S3| {
    let bucket = s3.bucket();
    for (content, code, http) in [
        ("", "IllegalVersioningConfigurationException", 400),
        ("<Status/>", "IllegalVersioningConfigurationException", 400),
        ("<Status>enabled</Status>", "MalformedXML", 400),
        ("<Status>Enabled</Status><More/>", "MalformedXML", 400),
        (
            "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>",
            "NotImplemented",
            501,
        ),
    ] {
        configure(&bucket, content).expect_error(http, code);
    }
    let empty = bucket.request("PUT").flag("versioning");
    empty.expect_error(400, "MissingRequestBodyError");
    let with_device = set(&bucket, "Enabled").header("x-amz-mfa", "1 2");
    with_device.expect_error(501, "NotImplemented");
    let seen = bucket.acting_for(&ALICE);
    set(&seen, "Enabled").expect_error(403, "AccessDenied");
    let get = seen.request("GET").flag("versioning");
    get.expect_error(403, "AccessDenied");
    assert_eq!(status(&bucket), None);
    // To want no second factor is taken, and not shown.
    let without = "<Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>";
    configure(&bucket, without).expect(200);
    let shown = bucket.request("GET").flag("versioning").expect(200);
    assert_eq!(shown.optional("VersioningConfiguration/MfaDelete"), None);
});

s3_test!(each_write_makes_a_version, largest_body = 200, |s3: &S3| {
    let bucket = versioned(s3);
    let ids: Vec<String> = ["one", "two", "three"]
        .map(|body| put(&bucket, "key", body))
        .to_vec();
    let is_hex = |id: &String| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(ids.iter().all(is_hex), "{ids:?}");
    let over = bucket.put("key", "four").query("versionId", &ids[0]);
    over.expect_error(400, "InvalidArgument");
    let current = bucket.get("key").expect(200);
    assert_eq!(
        (current.body.as_slice(), version(&current)),
        (b"three".as_slice(), ids[2].clone())
    );
    for (id, body) in ids.iter().zip(["one", "two", "three"]) {
        let found = bucket.get("key").query("versionId", id).expect(200);
        assert_eq!(found.body, body.as_bytes());
        assert_eq!(version(&found), *id);
        let head = bucket.head("key").query("versionId", id).expect(200);
        assert_eq!(version(&head), *id);
        assert_eq!(head.required("content-length"), body.len().to_string());
    }
    let newest_first = [format!("{}*", ids[2]), ids[1].clone(), ids[0].clone()];
    assert_eq!(listed(&bucket), newest_first);
    // Listings of objects show one.
    let objects = bucket.list().expect(200);
    assert_eq!(objects.all("ListBucketResult/Contents/Key"), ["key"]);
    assert_eq!(objects.value("ListBucketResult/Contents/Size"), "5");
});

s3_test!(
    what_was_there_before_is_the_null_version,
    largest_body = 200,
    |s3: &S3| {
        let bucket = s3.bucket();
        let before = bucket.put("key", "before").header("x-amz-acl", "public-read");
        before.expect(200);
        set(&bucket, "Enabled").expect(200);
        assert_eq!(version(&bucket.get("key").expect(200)), "null");
        assert_eq!(listed(&bucket), ["null*"]);
        let id = put(&bucket, "key", "after");
        assert_eq!(read(&bucket, "key", "null"), b"before");
        let by_anybody = bucket.get("key").query("versionId", "null").anonymous();
        assert_eq!(by_anybody.expect(200).body, b"before");
        assert_eq!(listed(&bucket), [format!("{id}*"), "null".to_owned()]);
        bucket.delete("key").query("versionId", &id).expect(204);
        assert_eq!(bucket.read("key"), b"before");
        assert_eq!(listed(&bucket), ["null*"]);
    }
);

s3_test!(a_deletion_puts_a_marker, largest_body = 200, |s3: &S3| {
    let bucket = versioned(s3);
    let id = put(&bucket, "key", "body");
    let deleted = bucket.delete("key").expect(204);
    assert_eq!(deleted.header(MARKER), Some("true"));
    let marker = version(&deleted);
    let absent = bucket.get("key").expect_error(404, "NoSuchKey");
    assert_eq!(absent.response.header(MARKER), Some("true"));
    assert_eq!(version(&absent.response), marker);
    let head = bucket.head("key").send().assert_bodiless(404);
    assert_eq!(
        (head.header(MARKER), version(&head)),
        (Some("true"), marker.clone())
    );
    let named = bucket.head("key").query("versionId", &marker);
    let head = named.send().assert_bodiless(405);
    assert_eq!(
        (head.header(MARKER), head.header("allow")),
        (Some("true"), Some("DELETE"))
    );
    assert!(head.header("last-modified").is_some());
    assert_eq!(
        bucket.list().expect(200).all("ListBucketResult/Contents/Key"),
        [""; 0]
    );
    let named = bucket.get("key").query("versionId", &marker);
    let error = named.expect_error(405, "MethodNotAllowed");
    assert_eq!(error.field("ResourceType"), "DeleteMarker");
    assert_eq!(error.field("Method"), "GET");
    assert_eq!(error.response.header("allow"), Some("DELETE"));
    assert_eq!(error.response.header(MARKER), Some("true"));
    assert_eq!(version(&error.response), marker);
    assert!(error.response.header("last-modified").is_some());
    assert_eq!(read(&bucket, "key", &id), b"body");
    // A marker on a marker, and one where nothing ever was.
    let second = version(&bucket.delete("key").expect(204));
    assert_ne!(second, marker);
    let nothing = bucket.delete("never").expect(204);
    assert_eq!(nothing.header(MARKER), Some("true"));
    assert_eq!(
        listed(&bucket),
        [
            id.clone(),
            format!("{second}*"),
            marker.clone(),
            format!("{}*", version(&nothing))
        ]
    );
    // Without its markers the object is back.
    for marker in [second, marker] {
        let gone = bucket.delete("key").query("versionId", &marker).expect(204);
        assert_eq!(gone.header(MARKER), Some("true"));
        assert_eq!(version(&gone), marker);
    }
    assert_eq!(bucket.read("key"), b"body");
});

s3_test!(
    a_version_goes_for_good_and_the_next_is_current,
    largest_body = 200,
    |s3: &S3| {
        let bucket = versioned(s3);
        let ids: Vec<String> = ["one", "two", "three"]
            .map(|body| put(&bucket, "key", body))
            .to_vec();
        let gone = bucket.delete("key").query("versionId", &ids[1]).expect(204);
        assert_eq!((version(&gone), gone.header(MARKER)), (ids[1].clone(), None));
        assert_eq!(bucket.read("key"), b"three");
        let absent = bucket.get("key").query("versionId", &ids[1]);
        let error = absent.expect_error(404, "NoSuchVersion");
        assert_eq!(
            (error.field("Key"), error.field("VersionId")),
            ("key", ids[1].as_str())
        );
        assert_eq!(error.response.header(MARKER), None);
        bucket.delete("key").query("versionId", &ids[2]).expect(204);
        assert_eq!(bucket.read("key"), b"one");
        assert_eq!(listed(&bucket), [format!("{}*", ids[0])]);
        // Once more, and the last one: the key is gone.
        bucket.delete("key").query("versionId", &ids[2]).expect(204);
        bucket.delete("key").query("versionId", &ids[0]).expect(204);
        let absent = bucket.get("key").expect_error(404, "NoSuchKey");
        assert_eq!(absent.response.header(MARKER), None);
        assert_eq!(listed(&bucket), [""; 0]);
    }
);

s3_test!(ids_that_are_none_are_refused, largest_body = 200, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("key", "body").expect(200);
    for id in ["abc", "NULL", "A.1YIWDKd86a9FOgxGFDQxpqxQ3LHRq9"] {
        for request in [bucket.get("key"), bucket.delete("key")] {
            let error = request
                .query("versionId", id)
                .expect_error(400, "InvalidArgument");
            assert_eq!(error.message, "Invalid version id specified");
            assert_eq!(
                (error.field("ArgumentName"), error.field("ArgumentValue")),
                ("versionId", id)
            );
        }
    }
    let empty = bucket
        .get("key")
        .query("versionId", "")
        .expect_error(400, "InvalidArgument");
    assert_eq!(empty.message, "Version id cannot be the empty string");
    assert_eq!(bucket.read("key"), b"body");
});

s3_test!(
    while_suspended_writes_make_the_null_version,
    largest_body = 200,
    |s3: &S3| {
        let bucket = versioned(s3);
        let id = put(&bucket, "key", "kept");
        set(&bucket, "Suspended").expect(200);
        let put = |body: &str| {
            let response = bucket.put("key", body).expect(200);
            assert_eq!(response.header("x-amz-version-id"), None);
        };
        for body in ["one", "two"] {
            put(body);
            assert_eq!(version(&bucket.get("key").expect(200)), "null");
            assert_eq!(read(&bucket, "key", "null"), body.as_bytes());
            assert_eq!(listed(&bucket), ["null*".to_owned(), id.clone()]);
        }
        // The null version that is not current goes too.
        set(&bucket, "Enabled").expect(200);
        let newest = version(&bucket.put("key", "newest").expect(200));
        assert_eq!(
            listed(&bucket),
            [format!("{newest}*"), "null".to_owned(), id.clone()]
        );
        set(&bucket, "Suspended").expect(200);
        put("three");
        assert_eq!(listed(&bucket), ["null*".to_owned(), newest.clone(), id.clone()]);
        // A deletion makes a marker of that name, which takes the place of the version.
        let deleted = bucket.delete("key").expect(204);
        assert_eq!(
            (version(&deleted).as_str(), deleted.header(MARKER)),
            ("null", Some("true"))
        );
        assert_eq!(listed(&bucket), [newest.clone(), id.clone(), "null*".to_owned()]);
        bucket
            .get("key")
            .query("versionId", "null")
            .expect_error(405, "MethodNotAllowed");
        bucket.delete("key").expect(204);
        let removed = bucket.delete("key").query("versionId", "null").expect(204);
        assert_eq!(removed.header(MARKER), Some("true"));
        assert_eq!(bucket.read("key"), b"newest");
        assert_eq!(read(&bucket, "key", &id), b"kept");
        // Where there is no version of that name the deletion removes nothing.
        let deleted = bucket.delete("key").expect(204);
        assert_eq!(version(&deleted), "null");
        assert_eq!(listed(&bucket), [newest.clone(), id.clone(), "null*".to_owned()]);
        bucket.delete("key").query("versionId", &newest).expect(204);
        assert_eq!(listed(&bucket), [id, "null*".to_owned()]);
    }
);

s3_test!(
    conditions_are_decided_on_what_is_current,
    largest_body = 200,
    |s3: &S3| {
        let bucket = versioned(s3);
        let put = |condition: (&str, &str)| bucket.put("key", "body").header(condition.0, condition.1);
        let etag = put(("if-none-match", "*")).expect(200).etag();
        put(("if-none-match", "*")).expect_error(412, "PreconditionFailed");
        put(("if-match", &etag)).expect(200);
        let refused = bucket.delete("key").header("if-match", "\"0123\"");
        refused.expect_error(412, "PreconditionFailed");
        bucket.delete("key").header("if-match", &etag).expect(204);
        // A marker counts as nothing.
        put(("if-match", &etag)).expect_error(404, "NoSuchKey");
        bucket
            .delete("key")
            .header("if-match", "*")
            .expect_error(404, "NoSuchKey");
        put(("if-none-match", "*")).expect(200);
        let id = version(&bucket.get("key").expect(200));
        let both = bucket
            .delete("key")
            .query("versionId", &id)
            .header("if-match", &etag);
        both.expect_error(501, "NotImplemented");
        assert_eq!(listed(&bucket).len(), 4);
    }
);

s3_test!(
    copies_name_the_version_that_they_took,
    largest_body = 200,
    |s3: &S3| {
        let bucket = versioned(s3);
        let (one, two) = (put(&bucket, "key", "one"), put(&bucket, "key", "two"));
        let source = |version: &str| format!("/{}/key?versionId={version}", bucket.name);
        let copy = |to: &str, source: String| bucket.object("PUT", to).header("x-amz-copy-source", source);
        let current = bucket.copy("key", "copy").expect(200);
        assert_eq!(current.required("x-amz-copy-source-version-id"), two);
        assert_eq!(read(&bucket, "copy", &version(&current)), b"two");
        let older = copy("copy", source(&one)).expect(200);
        assert_eq!(older.required("x-amz-copy-source-version-id"), one);
        assert_eq!(bucket.read("copy"), b"one");
        // Onto itself it is brought back.
        bucket.copy("key", "key").expect_error(400, "InvalidRequest");
        let back = version(&copy("key", source(&one)).expect(200));
        assert_eq!(bucket.read("key"), b"one");
        assert_eq!(
            listed(&bucket)[2..],
            [format!("{back}*"), two.clone(), one.clone()]
        );
        let marker = version(&bucket.delete("key").expect(204));
        let absent = bucket.copy("key", "copy").expect_error(404, "NoSuchKey");
        assert_eq!(absent.response.header(MARKER), Some("true"));
        copy("copy", source(&marker)).expect_error(400, "InvalidRequest");
        let gone = "0".repeat(32);
        copy("copy", source(&gone)).expect_error(404, "NoSuchVersion");
        // Of the null version nothing is named.
        set(&bucket, "Suspended").expect(200);
        bucket.put("key", "null").expect(200);
        let of_null = bucket.copy("key", "copy").expect(200);
        assert_eq!(of_null.header("x-amz-copy-source-version-id"), None);
        assert_eq!(version(&of_null), "null");
    }
);

s3_test!(
    bytes_that_versions_share_stay,
    largest_body = 100_000,
    |s3: &S3| {
        let bucket = versioned(s3);
        let (large, other) = (vec![b'l'; 100_000], vec![b'o'; 90_000]);
        let one = version(&bucket.put("key", large.clone()).expect(200));
        bucket.copy("key", "copy").expect(200);
        let two = version(&bucket.put("key", other.clone()).expect(200));
        bucket.delete("key").query("versionId", &one).expect(204);
        assert_eq!(bucket.read("copy"), large);
        assert_eq!(bucket.read("key"), other);
        let source = format!("/{}/copy", bucket.name);
        let back = bucket
            .object("PUT", "key")
            .header("x-amz-copy-source", source)
            .expect(200);
        bucket.delete("key").query("versionId", &two).expect(204);
        bucket
            .delete("copy")
            .query("versionId", version(&bucket.get("copy").expect(200)))
            .expect(204);
        assert_eq!(read(&bucket, "key", &version(&back)), large);
        bucket.get("copy").expect_error(404, "NoSuchKey");
    }
);

s3_test!(uploads_become_versions, largest_body = 100_000, |s3: &S3| {
    let bucket = versioned(s3);
    let before = put(&bucket, "key", "before");
    let upload = bucket.begin_upload("key");
    let part = bucket.upload_part("key", &upload, 1, b"uploaded");
    let parts = [part];
    let completed = bucket.complete("key", &upload, &parts).expect(200);
    let id = version(&completed);
    put(&bucket, "key", "after");
    // A replay names the version that the upload became, whatever is current.
    let replayed = bucket.complete("key", &upload, &parts).expect(200);
    assert_eq!(version(&replayed), id);
    assert_eq!(read(&bucket, "key", &id), b"uploaded");
    assert_eq!(read(&bucket, "key", &before), b"before");
    bucket.delete("key").query("versionId", &id).expect(204);
    assert_eq!(version(&bucket.complete("key", &upload, &parts).expect(200)), id);
    bucket
        .get("key")
        .query("versionId", &id)
        .expect_error(404, "NoSuchVersion");
    // A part that is copied names the version that it took.
    let upload = bucket.begin_upload("copy");
    let current = version(&bucket.get("key").expect(200));
    let copy = |upload: &str, query: &str| {
        let source = format!("/{}/key{query}", bucket.name);
        let part = bucket.part("copy", upload, 1, "");
        part.header("x-amz-copy-source", source)
    };
    let taken = copy(&upload, "").expect(200);
    assert_eq!(taken.required("x-amz-copy-source-version-id"), current);
    let taken = copy(&upload, &format!("?versionId={before}")).expect(200);
    assert_eq!(taken.required("x-amz-copy-source-version-id"), before);
    let (number, etag) = (1, taken.value("CopyPartResult/ETag"));
    let parts = [UploadedPart { number, etag }];
    let completed = bucket.complete("copy", &upload, &parts).expect(200);
    assert_eq!(read(&bucket, "copy", &version(&completed)), b"before");
    let upload = bucket.begin_upload("copy");
    let marker = version(&bucket.delete("key").expect(204));
    copy(&upload, "").expect_error(404, "NoSuchKey");
    copy(&upload, &format!("?versionId={marker}")).expect_error(400, "InvalidRequest");
    set(&bucket, "Suspended").expect(200);
    let upload = bucket.begin_upload("key");
    let part = bucket.upload_part("key", &upload, 1, b"null");
    let completed = bucket.complete("key", &upload, &[part]).expect(200);
    assert_eq!(completed.header("x-amz-version-id"), None);
    assert_eq!(version(&bucket.get("key").expect(200)), "null");
});

s3_test!(lists_of_a_version_are_its_own, largest_body = 200, |s3: &S3| {
    let bucket = versioned(s3);
    let (one, two) = (put(&bucket, "key", "one"), put(&bucket, "key", "two"));
    let acl = |method: &str, version: &str| {
        bucket
            .object(method, "key")
            .flag("acl")
            .query("versionId", version)
    };
    let written = acl("PUT", &one).header("x-amz-acl", "public-read").expect(200);
    assert_eq!(version(&written), one);
    let grants = |version: &str| {
        acl("GET", version)
            .expect(200)
            .all("AccessControlPolicy/AccessControlList/Grant")
            .len()
    };
    assert_eq!((grants(&one), grants(&two)), (2, 1));
    assert_eq!(listed(&bucket), [format!("{two}*"), one.clone()]);
    // Without an id it is that of the current one.
    let current = |method: &str| bucket.object(method, "key").flag("acl");
    let shown = current("GET").expect(200);
    assert_eq!(version(&shown), two);
    assert_eq!(shown.all("AccessControlPolicy/AccessControlList/Grant").len(), 1);
    let authenticated = current("PUT").header("x-amz-acl", "authenticated-read");
    assert_eq!(version(&authenticated.expect(200)), two);
    assert_eq!((grants(&one), grants(&two)), (2, 2));
    assert_eq!(
        bucket
            .get("key")
            .query("versionId", &one)
            .anonymous()
            .expect(200)
            .body,
        b"one"
    );
    bucket.get("key").anonymous().expect_error(403, "AccessDenied");
    // It goes along when the version becomes current.
    bucket.delete("key").query("versionId", &two).expect(204);
    assert_eq!(bucket.get("key").anonymous().expect(200).body, b"one");
    let marker = version(&bucket.delete("key").expect(204));
    acl("GET", &marker).expect_error(405, "MethodNotAllowed");
    bucket
        .object("GET", "key")
        .flag("acl")
        .expect_error(404, "NoSuchKey");
    let put = bucket
        .object("PUT", "key")
        .flag("acl")
        .header("x-amz-acl", "private");
    let error = put.expect_error(405, "MethodNotAllowed");
    assert_eq!(
        (error.field("Method"), error.response.header(MARKER)),
        ("PUT", None)
    );
});

s3_test!(
    attributes_are_of_the_version_that_is_named,
    largest_body = 200,
    |s3: &S3| {
        let bucket = versioned(s3);
        let (one, two) = (put(&bucket, "key", "one"), put(&bucket, "key", "three"));
        for (id, size) in [(&one, "3"), (&two, "5")] {
            let request = bucket
                .object("GET", "key")
                .flag("attributes")
                .query("versionId", id);
            let found = request
                .header("x-amz-object-attributes", "ObjectSize")
                .expect(200);
            assert_eq!(found.value("GetObjectAttributesResponse/ObjectSize"), size);
            assert_eq!(version(&found), *id);
        }
        let marker = version(&bucket.delete("key").expect(204));
        let attributes = bucket.object("GET", "key").flag("attributes");
        let attributes = attributes.header("x-amz-object-attributes", "ObjectSize");
        let absent = attributes.clone().expect_error(404, "NoSuchKey");
        assert_eq!(absent.response.header(MARKER), Some("true"));
        let named = attributes.query("versionId", &marker);
        named.expect_error(405, "MethodNotAllowed");
    }
);

s3_test!(
    deletions_of_several_versions_answer_for_each,
    largest_body = 2_000,
    |s3: &S3| {
        let bucket = versioned(s3);
        let (one, two) = (put(&bucket, "key", "one"), put(&bucket, "key", "two"));
        put(&bucket, "other", "other");
        let marker = version(&bucket.delete("gone").expect(204));
        let object = |key: &str, version: &str| {
            let version = match version {
                "" => String::new(),
                version => format!("<VersionId>{version}</VersionId>"),
            };
            format!("<Object><Key>{key}</Key>{version}</Object>")
        };
        let objects = [
            object("key", &two),
            object("key", &one),
            object("other", ""),
            object("gone", &marker),
            object("key", "abc"),
            object("never", &"0".repeat(32)),
        ];
        let document = format!("<Delete>{}</Delete>", objects.concat());
        let request = || crate::delete_objects::delete(&bucket, &document);
        let with_device = request().header("x-amz-mfa", "1 2");
        with_device.expect_error(501, "NotImplemented");
        let response = request().expect(200);
        let deleted = |field: &str| response.all(&format!("DeleteResult/Deleted/{field}"));
        assert_eq!(deleted("Key"), ["key", "key", "other", "gone", "never"]);
        assert_eq!(deleted("VersionId"), [two, one, marker.clone(), "0".repeat(32)]);
        assert_eq!(deleted("DeleteMarker"), ["true", "true"]);
        assert_eq!(deleted("DeleteMarkerVersionId")[1], marker);
        assert_eq!(response.value("DeleteResult/Error/Code"), "NoSuchVersion");
        assert_eq!(response.value("DeleteResult/Error/VersionId"), "abc");
        bucket.get("key").expect_error(404, "NoSuchKey");
        assert_eq!(listed(&bucket).len(), 2);
    }
);

s3_test!(
    a_version_that_is_named_twice_goes_once,
    largest_body = 2_000,
    |s3: &S3| {
        let bucket = versioned(s3);
        let written: Vec<String> = (0..4)
            .map(|number| put(&bucket, "key", &number.to_string()))
            .collect();
        // It begins as the id of the version does, and is none.
        let similar = format!("{}{}", &written[1][..16], "0".repeat(16));
        let objects: String = [&written[1], &written[1], &similar]
            .iter()
            .map(|version| format!("<Object><Key>key</Key><VersionId>{version}</VersionId></Object>"))
            .collect();
        let document = format!("<Delete>{objects}</Delete>");
        let response = crate::delete_objects::delete(&bucket, &document).expect(200);
        let deleted = response.all("DeleteResult/Deleted/VersionId");
        assert_eq!(
            deleted,
            [written[1].as_str(), written[1].as_str(), similar.as_str()]
        );
        let left = [format!("{}*", written[3]), written[2].clone(), written[0].clone()];
        assert_eq!(listed(&bucket), left);
    }
);

s3_test!(
    a_bucket_with_versions_is_not_empty,
    largest_body = 200,
    |s3: &S3| {
        let bucket = versioned(s3);
        let id = put(&bucket, "key", "body");
        let marker = version(&bucket.delete("key").expect(204));
        let error = bucket.request("DELETE").expect_error(409, "BucketNotEmpty");
        assert!(
            error
                .message
                .ends_with("You must delete all versions in the bucket."),
            "{}",
            error.message
        );
        bucket.delete("key").query("versionId", &id).expect(204);
        bucket.request("DELETE").expect_error(409, "BucketNotEmpty");
        bucket.delete("key").query("versionId", &marker).expect(204);
        bucket.request("DELETE").expect(204);
    }
);

s3_test!(
    others_add_versions_and_remove_none,
    largest_body = 200,
    |s3: &S3| {
        let bucket = versioned(s3);
        bucket.put_acl("public-read-write").expect(200);
        let theirs = bucket.acting_for(&ALICE);
        let id = put(&theirs, "key", "theirs");
        theirs
            .delete("key")
            .query("versionId", &id)
            .expect_error(403, "AccessDenied");
        let marker = version(&theirs.delete("key").expect(204));
        let removal = theirs.delete("key").query("versionId", &marker);
        removal.expect_error(403, "AccessDenied");
        theirs.put("key", "again").expect(200);
        // Each version belongs to whoever made it.
        put(&bucket, "key", "mine");
        let versions = bucket.request("GET").flag("versions").expect(200);
        let owners = versions.all("ListVersionsResult/Version/Owner/ID");
        assert_eq!(owners[1..], [ALICE.id, ALICE.id]);
        assert_ne!(owners[0], ALICE.id);
        put(&bucket, "mine", "mine");
        theirs.put("mine", "theirs").expect_error(403, "AccessDenied");
        theirs.delete("mine").expect_error(403, "AccessDenied");
        assert_eq!(listed(&bucket).len(), 5);
    }
);

s3_test!(a_rename_is_refused_by_name, largest_body = 200, |s3: &S3| {
    let bucket = versioned(s3);
    put(&bucket, "key", "body");
    let rename = bucket
        .object("PUT", "new")
        .flag("renameObject")
        .header("x-amz-rename-source", "key");
    let error = rename.expect_error(501, "NotImplemented");
    assert!(error.message.contains("versions"), "{}", error.message);
    assert_eq!(bucket.read("key"), b"body");
});
