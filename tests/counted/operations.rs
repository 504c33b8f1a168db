//! The S3 operations whose cost is written down, made one after the other on any deployment.

use std::collections::BTreeMap;
use std::thread;

use bleepstore_tests::billing::CostDocument;
use bleepstore_tests::http::encoding::{content_md5, pattern};
use bleepstore_tests::http::{Bucket, Request, S3, UploadedPart};

/// The shortest part that is not the last.
const PART: usize = 5 << 20;

/// An operation and what it used.
pub(super) struct Row<U> {
    pub(super) operation: &'static str,
    /// Bytes that it takes in or gives out.
    pub(super) bytes: usize,
    /// Calls that are under way at a time.
    pub(super) at_once: usize,
    pub(super) usage: U,
}

impl<U> Row<U> {
    /// How long it keeps its server busy, by the assumptions under a heading, where its calls take `calls` milliseconds
    /// one after the other.
    pub(super) fn milliseconds(&self, calls: f64, document: &CostDocument, assumptions: &str) -> f64 {
        let assumed = |name| document.number(assumptions, name);
        let bytes = self.bytes as f64 / f64::from(1 << 20) * assumed("ms of a MiB of body");
        calls / self.at_once as f64 + bytes + assumed("ms of a request itself")
    }
}

/// A server whose use of its cloud is counted.
struct Counted<U> {
    s3: S3,
    /// What was used since the last look.
    take: Box<dyn Fn() -> U>,
    rows: Vec<Row<U>>,
}

/// Makes every operation on a server with no buckets. `take` says after each what was used since the last look.
pub(super) fn every_operation<U>(s3: S3, take: impl Fn() -> U + 'static) -> Vec<Row<U>> {
    let take = Box::new(take);
    let rows = Vec::new();
    let mut counted = Counted { s3, take, rows };
    let bucket = counted.s3.bucket_named("counted".to_owned());
    buckets(&mut counted, &bucket);
    puts(&mut counted, &bucket);
    reads(&mut counted, &bucket);
    lists(&mut counted, &bucket);
    copies(&mut counted, &bucket);
    uploads(&mut counted, &bucket);
    deletions(&mut counted, &bucket);
    listings(&mut counted);
    versions(&mut counted);
    tags(&mut counted);
    cors(&mut counted);
    policies(&mut counted);
    sessions(&mut counted, &bucket);
    counted.rows
}

impl<U> Counted<U> {
    /// Counts one request that moves no bytes to speak of.
    fn count<T>(&mut self, operation: &'static str, request: impl FnOnce() -> T) -> T {
        self.count_bytes(operation, 0, request)
    }

    /// Counts one request that moves this many bytes.
    fn count_bytes<T>(&mut self, operation: &'static str, bytes: usize, request: impl FnOnce() -> T) -> T {
        (self.take)();
        let answer = request();
        let usage = (self.take)();
        self.rows.push(Row {
            operation,
            bytes,
            at_once: 1,
            usage,
        });
        answer
    }
}

fn buckets<U>(counted: &mut Counted<U>, bucket: &Bucket) {
    counted.count("CreateBucket", || bucket.request("PUT").expect(200));
    counted.count("HeadBucket", || bucket.request("HEAD").expect(200));
    counted.count("GetBucketLocation", || {
        bucket.request("GET").flag("location").expect(200)
    });
    counted.count("GetBucketAcl", || bucket.request("GET").flag("acl").expect(200));
    counted.count("PutBucketAcl", || bucket.put_acl("public-read").expect(200));
    let controls = |method| bucket.request(method).flag("ownershipControls");
    let rule = "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>";
    let put = controls("PUT").body(format!("<OwnershipControls>{rule}</OwnershipControls>"));
    counted.count("PutBucketOwnershipControls", || put.expect(200));
    counted.count("GetBucketOwnershipControls", || controls("GET").expect(200));
    counted.count("DeleteBucketOwnershipControls", || controls("DELETE").expect(204));
    let other = counted.s3.bucket_named("other".to_owned());
    other.request("PUT").expect(200);
    let all = counted.s3.request("GET", "/");
    counted.count("ListBuckets, 2 of them", || all.expect(200));
    counted.count("DeleteBucket, empty", || other.request("DELETE").expect(204));
}

fn puts<U>(counted: &mut Counted<U>, bucket: &Bucket) {
    let (small, mega) = (pattern(1, 1 << 10), pattern(2, 1 << 20));
    let put = |key: &str, body: &[u8]| bucket.put(key, body);
    counted.count("PutObject, empty", || put("empty", b"").expect(200));
    counted.count("PutObject, 1 KiB", || put("small", &small).expect(200));
    counted.count("PostObject, 1 KiB", || {
        bucket.form("form", small.as_slice()).expect(204)
    });
    bucket.delete("form").expect(204);
    counted.count_bytes("PutObject, 1 MiB", 1 << 20, || put("mega", &mega).expect(200));
    counted.count("PutObject, 1 KiB, over another", || {
        put("small", &small).expect(200)
    });
    counted.count("PutObject, 1 KiB, `If-None-Match: *`", || {
        put("new", &small).header("if-none-match", "*").expect(200)
    });
    counted.count("PutObject, 1 KiB, `If-None-Match: *`, refused", || {
        put("new", &small).header("if-none-match", "*").expect(412)
    });
    let etag = bucket.head("new").expect(200).etag();
    counted.count("PutObject, 1 KiB, `If-Match`", || {
        put("new", &small).header("if-match", etag).expect(200)
    });
    let large = pattern(3, 20 << 20);
    let append = |offset: usize| put("mega", &small).header("x-amz-write-offset-bytes", offset);
    counted.count("PutObject, 1 KiB, appended", || append(1 << 20).expect(200));
    put("mega", &mega).expect(200);
    counted.count_bytes("PutObject, 20 MiB", 20 << 20, || put("large", &large).expect(200));
}

fn reads<U>(counted: &mut Counted<U>, bucket: &Bucket) {
    counted.count("HeadObject", || bucket.head("small").expect(200));
    counted.count("GetObject, 1 KiB", || bucket.get("small").expect(200));
    counted.count_bytes("GetObject, 1 MiB", 1 << 20, || bucket.get("mega").expect(200));
    counted.count("GetObject, a range", || {
        bucket.get("mega").header("range", "bytes=5-9").expect(206)
    });
    let etag = bucket.head("small").expect(200).etag();
    counted.count("GetObject, not modified", || {
        bucket.get("small").header("if-none-match", etag).expect(304)
    });
    counted.count("GetObject, absent", || bucket.get("absent").expect(404));
}

fn lists<U>(counted: &mut Counted<U>, bucket: &Bucket) {
    counted.count("GetObjectAcl", || bucket.get("small").flag("acl").expect(200));
    let put = bucket.object("PUT", "small").flag("acl");
    counted.count("PutObjectAcl", || {
        put.header("x-amz-acl", "public-read").expect(200)
    });
}

fn tags<U>(counted: &mut Counted<U>) {
    let bucket = counted.s3.bucket_named("tagged".to_owned());
    bucket.request("PUT").expect(200);
    let small = pattern(1, 1 << 10);
    let tagged = |key: &str| bucket.put(key, small.clone()).header("x-amz-tagging", "a=1");
    counted.count("PutObject, 1 KiB, with the bucket's first tags", || {
        tagged("key").expect(200)
    });
    counted.count("PutObject, 1 KiB, with tags", || tagged("other").expect(200));
    let document = "<Tagging><TagSet><Tag><Key>b</Key><Value>2</Value></Tag></TagSet></Tagging>";
    let put = bucket.object("PUT", "key").flag("tagging").body(document);
    counted.count("PutObjectTagging", || put.expect(200));
    let get = bucket.get("key").flag("tagging");
    counted.count("GetObjectTagging", || get.expect(200));
    counted.count("GetObject, 1 KiB, with tags", || bucket.get("key").expect(200));
    let delete = bucket.delete("key").flag("tagging");
    counted.count("DeleteObjectTagging", || delete.expect(204));
    let put = bucket.request("PUT").flag("tagging").body(document);
    counted.count("PutBucketTagging", || put.expect(204));
    let get = bucket.request("GET").flag("tagging");
    counted.count("GetBucketTagging", || get.expect(200));
    let delete = bucket.request("DELETE").flag("tagging");
    counted.count("DeleteBucketTagging", || delete.expect(204));
}

fn cors<U>(counted: &mut Counted<U>) {
    let bucket = counted.s3.bucket_named("shared".to_owned());
    bucket.request("PUT").expect(200);
    bucket.put("key", pattern(1, 1 << 10)).expect(200);
    let rule = "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>";
    let document = format!("<CORSConfiguration>{rule}</CORSConfiguration>");
    let configure = |method: &str| bucket.request(method).flag("cors");
    let put = configure("PUT").body(document);
    counted.count("PutBucketCors", || put.expect(200));
    let get = configure("GET");
    counted.count("GetBucketCors", || get.expect(200));
    let of_a_page = |request: Request| request.header("origin", "https://app.example");
    let asked = of_a_page(bucket.object("OPTIONS", "key")).header("access-control-request-method", "GET");
    counted.count("a preflight request", || asked.anonymous().expect(200));
    let get = of_a_page(bucket.get("key"));
    counted.count("GetObject, 1 KiB, by a page of another origin", || {
        get.expect(200)
    });
    let delete = configure("DELETE");
    counted.count("DeleteBucketCors", || delete.expect(204));
}

fn policies<U>(counted: &mut Counted<U>) {
    let bucket = counted.s3.bucket_named("decided".to_owned());
    bucket.request("PUT").expect(200);
    bucket.put("key", pattern(1, 1 << 10)).expect(200);
    let statement = |sid: &str| {
        format!(
            r#"{{"Sid":"{sid}","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::decided/*"}}"#
        )
    };
    let put = |statements: &str| {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        bucket.request("PUT").flag("policy").body(policy)
    };
    let short = put(&statement("one"));
    counted.count("PutBucketPolicy", || short.expect(204));
    let get = bucket.request("GET").flag("policy");
    counted.count("GetBucketPolicy", || get.expect(200));
    let get = bucket.get("key").anonymous();
    counted.count("GetObject, 1 KiB, by a policy", || get.expect(200));
    let small = pattern(1, 1 << 10);
    let by_policy = bucket.put("key2", small).anonymous();
    counted.count("PutObject, 1 KiB, by a policy", || by_policy.expect(200));
    // Too long for the bucket's row.
    let long: Vec<String> = (0..50).map(|n| statement(&format!("number{n}"))).collect();
    let long = put(&long.join(","));
    counted.count("PutBucketPolicy, 6 KiB", || long.expect(204));
    let get = || bucket.get("key").anonymous();
    counted.count("GetObject, 1 KiB, the first by a policy of 6 KiB", || {
        get().expect(200)
    });
    counted.count("GetObject, 1 KiB, the next", || get().expect(200));
    let delete = bucket.request("DELETE").flag("policy");
    counted.count("DeleteBucketPolicy", || delete.expect(204));
}

fn sessions<U>(counted: &mut Counted<U>, bucket: &Bucket) {
    bucket.put("temporary", pattern(1, 1 << 10)).expect(200);
    let s3 = S3 {
        endpoint: counted.s3.endpoint.clone(),
    };
    let named = [
        ("RoleArn", "arn:aws:iam::000000000000:role/any"),
        ("RoleSessionName", "counted"),
    ];
    counted.count("AssumeRole, the first of the store", || {
        s3.sts("AssumeRole", &named).expect(200)
    });
    let next = counted.count("AssumeRole", || s3.sts("AssumeRole", &named).expect(200));
    counted.count("GetCallerIdentity", || {
        s3.sts("GetCallerIdentity", &[]).expect(200)
    });
    let inside = bucket.in_session(&next.session("AssumeRole"));
    counted.count("GetObject, 1 KiB, in a session", || {
        inside.get("temporary").expect(200)
    });
}

fn copies<U>(counted: &mut Counted<U>, bucket: &Bucket) {
    counted.count("CopyObject, the source's first", || {
        bucket.copy("mega", "copy").expect(200)
    });
    counted.count("CopyObject, the source's next", || {
        bucket.copy("mega", "another copy").expect(200)
    });
    counted.count("PutObject, 1 KiB, over a copy", || {
        bucket.put("copy", pattern(1, 1 << 10)).expect(200)
    });
    let rename = |from: &'static str, to: &str| {
        let request = bucket.object("PUT", to).flag("renameObject");
        request.header("x-amz-rename-source", from)
    };
    let renamed = rename("copy", "renamed");
    counted.count("RenameObject", || renamed.expect(200));
    let over = rename("renamed", "new");
    counted.count("RenameObject, over another", || over.expect(200));
}

fn uploads<U>(counted: &mut Counted<U>, bucket: &Bucket) {
    let body = pattern(4, PART);
    let part = |upload: &str, number: u32| bucket.upload_part("parts", upload, number, &body);
    let upload = counted.count("CreateMultipartUpload", || bucket.begin_upload("parts"));
    let first = counted.count_bytes("UploadPart, 5 MiB", PART, || part(&upload, 1));
    let parts = [first, part(&upload, 2)];
    counted.count("ListParts, 2 of them", || {
        bucket.list_parts("parts", &upload).expect(200)
    });
    counted.count("ListMultipartUploads, 1 of them", || {
        bucket.request("GET").flag("uploads").expect(200)
    });
    counted.count("CompleteMultipartUpload, 2 parts", || {
        bucket.complete("parts", &upload, &parts).expect(200)
    });
    counted.count_bytes("GetObject, 10 MiB of 2 parts", 2 * PART, || {
        bucket.get("parts").expect(200)
    });

    bucket.put("source", body.clone()).expect(200);
    let upload = bucket.begin_upload("copied");
    let copy = |number: u32| {
        let request = bucket.part("copied", &upload, number, "");
        let source = format!("{}/source", bucket.name);
        let copied = request.header("x-amz-copy-source", source).expect(200);
        let etag = copied.value("CopyPartResult/ETag");
        UploadedPart { number, etag }
    };
    let mut parts = vec![
        counted.count("UploadPartCopy, the source's first", || copy(1)),
        counted.count("UploadPartCopy, the source's next", || copy(2)),
    ];
    parts.extend((3..=100).map(copy));
    counted.count("CompleteMultipartUpload, 100 parts", || {
        bucket.complete("copied", &upload, &parts).expect(200)
    });
    let upload = bucket.begin_upload("aborted");
    bucket.upload_part("aborted", &upload, 1, b"short");
    counted.count("AbortMultipartUpload, 1 part", || {
        bucket.abort("aborted", &upload).expect(204)
    });
}

fn deletions<U>(counted: &mut Counted<U>, bucket: &Bucket) {
    counted.count("DeleteObject", || bucket.delete("small").expect(204));
    counted.count("DeleteObject, absent", || bucket.delete("small").expect(204));
    counted.count("DeleteObject, of 2 parts", || bucket.delete("parts").expect(204));
    counted.count("DeleteObject, a copy or its source", || {
        bucket.delete("mega").expect(204)
    });
    let keys: Vec<String> = (0..100).map(|number| format!("key-{number:03}")).collect();
    fill(bucket, &keys);
    let listed: String = keys
        .iter()
        .map(|key| format!("<Object><Key>{key}</Key></Object>"))
        .collect();
    let document = format!("<Delete>{listed}</Delete>");
    let delete = bucket.request("POST").flag("delete");
    let delete = delete.header("content-md5", content_md5(document.as_bytes()));
    counted.count("DeleteObjects, 100 keys", || delete.body(document).expect(200));
    // As many as the operation deletes at a time.
    counted.rows.last_mut().expect("the row just counted").at_once = 16;
}

/// Two buckets: what lies in the others is not seen, and not paid for.
fn listings<U>(counted: &mut Counted<U>) {
    let bucket = counted.s3.bucket_named("listed".to_owned());
    bucket.request("PUT").expect(200);
    counted.count("ListObjectsV2, nothing", || bucket.list().expect(200));
    let keys: Vec<String> = (0..1000)
        .map(|number| format!("folder-{}/key-{number:04}", number % 10))
        .collect();
    fill(&bucket, &keys);
    counted.count("ListObjectsV2, 1,000 keys", || {
        let page = bucket.list().expect(200);
        assert_eq!(page.all("ListBucketResult/Contents/Key").len(), 1000);
    });
    counted.count("ListObjects, 1,000 keys", || bucket.request("GET").expect(200));
    counted.count("ListObjectsV2, 10 common prefixes of 1,000 keys", || {
        let page = bucket.list().query("delimiter", "/").expect(200);
        assert_eq!(page.all("ListBucketResult/CommonPrefixes/Prefix").len(), 10);
    });
}

/// The last ones: they raise the store's format.
fn versions<U>(counted: &mut Counted<U>) {
    let bucket = counted.s3.bucket_named("versions".to_owned());
    let (key, small) = ("key", pattern(1, 1 << 10));
    let configure = |status: &str| {
        let document =
            format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
        bucket.request("PUT").flag("versioning").body(document)
    };
    let put = || {
        let put = bucket.put(key, small.clone()).expect(200);
        put.header("x-amz-version-id").unwrap_or_default().to_owned()
    };
    let of = |method: &str, version: &str| bucket.object(method, key).query("versionId", version);
    bucket.request("PUT").expect(200);
    let first = configure("Suspended");
    counted.count("PutBucketVersioning, the store's first", || first.expect(200));
    let next = configure("Enabled");
    counted.count("PutBucketVersioning", || next.expect(200));
    let get = bucket.request("GET").flag("versioning");
    counted.count("GetBucketVersioning", || get.expect(200));
    let first = counted.count("PutObject, 1 KiB, the key's first version", put);
    let next = counted.count("PutObject, 1 KiB, the key's next version", put);
    counted.count("GetObject, 1 KiB, the current version by its id", || {
        of("GET", &next).expect(200)
    });
    counted.count("GetObject, 1 KiB, an older version", || {
        of("GET", &first).expect(200)
    });
    counted.count("DeleteObject, which makes a marker", || {
        bucket.delete(key).expect(204)
    });
    counted.count("DeleteObject, an older version", || {
        of("DELETE", &first).expect(204)
    });
    let marker = bucket.head(key).expect(404);
    let marker = of("DELETE", marker.header("x-amz-version-id").unwrap_or_default());
    counted.count("DeleteObject, the current version", || marker.expect(204));
    let many: Vec<String> = (0..100).map(|_| put()).collect();
    let listed: String = many
        .iter()
        .rev()
        .map(|version| format!("<Object><Key>{key}</Key><VersionId>{version}</VersionId></Object>"))
        .collect();
    let document = format!("<Delete>{listed}</Delete>");
    let delete = bucket.request("POST").flag("delete");
    let delete = delete.header("content-md5", content_md5(document.as_bytes()));
    counted.count("DeleteObjects, 100 versions of one key", || {
        delete.body(document).expect(200)
    });
    // As many blobs as an edit frees at a time.
    counted.rows.last_mut().expect("the row just counted").at_once = 16;
    let keys: Vec<String> = (0..500).map(|number| format!("listed-{number:03}")).collect();
    fill(&bucket, &keys);
    fill(&bucket, &keys);
    let list = || {
        let request = bucket.request("GET").flag("versions");
        request.query("prefix", "listed-").expect(200)
    };
    counted.count("ListObjectVersions, 2 versions of 500 keys", || {
        let page = list();
        assert_eq!(page.all("ListVersionsResult/Version/Key").len(), 1_000);
    });
    // As many keys as the operation reads at a time.
    counted.rows.last_mut().expect("the row just counted").at_once = 16;
}

/// Stores an object of 1 KiB under each key.
fn fill(bucket: &Bucket, keys: &[String]) {
    let body = &pattern(1, 1 << 10);
    thread::scope(|scope| {
        for keys in keys.chunks(keys.len().div_ceil(4)) {
            scope.spawn(move || {
                for key in keys {
                    bucket.put(key, body.clone()).expect(200);
                }
            });
        }
    });
}

/// Operations by name, with their number where it is not one.
pub(super) fn calls<N: ToString>(calls: &BTreeMap<N, usize>) -> String {
    let each = calls.iter().map(|(name, count)| match count {
        1 => name.to_string(),
        _ => format!("{count} {}", name.to_string()),
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() {
        "none".to_owned()
    } else {
        each.join(", ")
    }
}
