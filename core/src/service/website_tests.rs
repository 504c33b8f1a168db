use futures_util::TryStreamExt;
use http::header::CONTENT_LENGTH;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::config::Settings;
use crate::model::{
    Acl, Bucket, BucketDocuments, BucketId, BucketLayout, BucketName, BucketState, DocumentKind, Grant,
    Grantee, Group, ObjectHeaders, ObjectKey, Permission, RequestedAcl, Revision, StoredDocument, Tags,
    WriteCondition,
};
use crate::ops::{self, Incoming, PutObject, Target};
use crate::service::stand_ins::{settings, stores};

pub(super) const SITE: &str = "site.web.test";

fn granting(permission: Permission) -> Acl {
    let grant = Grant {
        grantee: Grantee::Group(Group::AllUsers),
        permission,
    };
    Acl::new(vec![grant], &Owner::root())
}

/// A service with the bucket `site`, which everybody may write to, and who may list it besides.
pub(in crate::service) async fn serving(website: Option<Value>, permission: Permission) -> Service {
    let (ports, _) = stores();
    let mut bucket = Bucket {
        name: BucketName::new("site").unwrap(),
        id: BucketId::from_bytes([1; 16]),
        owner: Owner::root(),
        acl: granting(permission),
        region: String::new(),
        created: Timestamp::from_millis(0),
        state: BucketState::Active,
        revision: Revision(1),
        layout: BucketLayout::FIRST,
        documents: BucketDocuments::default(),
        versioning: None,
    };
    bucket.set_document(DocumentKind::Website, website.map(StoredDocument::Inline));
    ports.metadata.create_bucket(&bucket).await.unwrap();
    let settings = Settings {
        website_domains: vec!["web.test".to_owned()],
        ..settings()
    };
    Service::start(settings, ports).await.unwrap()
}

/// The same with pages that everybody may read, and `secret`, which nobody may.
pub(super) async fn with_pages(website: Value) -> Service {
    let service = serving(Some(website), Permission::FullControl).await;
    for key in ["index.html", "docs/index.html", "docs/a.txt", "404.html"] {
        put(&service, key, &[("x-amz-acl", "public-read")]).await;
    }
    put_secret(&service).await;
    service
}

async fn put_secret(service: &Service) {
    let headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("6"))]);
    let mode = PayloadMode::Unsigned;
    let declared = DeclaredBody::from_headers(RequestBody::Object, &headers, mode, None).unwrap();
    let body = declared.open(Body::full("secret"), None).unwrap();
    let input = PutObject {
        operation: Operation::PutObject,
        target: Target {
            bucket: BucketName::new("site").unwrap(),
            key: ObjectKey::new("secret").unwrap(),
            version: None,
        },
        headers: ObjectHeaders::default(),
        acl: RequestedAcl::default(),
        tags: Tags::default(),
        body: Incoming {
            stream: body.stream,
            length: Some(body.length),
            digests: body.digests,
        },
        condition: WriteCondition::Any,
    };
    let root = Caller::of(Owner::root());
    ops::put_object(service.context(), &root, input).await.unwrap();
}

async fn put(service: &Service, key: &str, headers: &[(&str, &str)]) {
    let mut request = Request::put(format!("/site/{key}")).header("content-length", key.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = service
        .call(request.body(Body::full(key.to_owned())).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::OK, "{key}");
}

pub(super) struct Seen {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) async fn send(service: &Service, method: &str, path: &str, headers: &[(&str, &str)]) -> Seen {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", SITE);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, body) = service
        .call(request.body(Body::empty()).unwrap())
        .await
        .into_parts();
    let pieces: Vec<bytes::Bytes> = body.into_stream().try_collect().await.unwrap();
    Seen {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(pieces.concat()).unwrap(),
    }
}

pub(super) async fn see(service: &Service, path: &str) -> Seen {
    send(service, "GET", path, &[]).await
}

fn pages() -> Value {
    json!({"pages": {"index": "index.html"}})
}

#[tokio::test]
async fn pages_and_index_documents_are_shown() {
    let service = with_pages(pages()).await;
    for (path, body) in [
        ("/", "index.html"),
        ("/index.html", "index.html"),
        ("/docs/", "docs/index.html"),
        ("/docs/a.txt?versionId=x&uploads&acl", "docs/a.txt"),
    ] {
        let seen = see(&service, path).await;
        assert_eq!((seen.status, seen.body.as_str()), (200, body), "{path}");
        let head = send(&service, "HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), body.len().to_string());
        assert_eq!(head.header("etag"), seen.header("etag"));
    }
    let range = send(&service, "GET", "/", &[("range", "bytes=0-4")]).await;
    assert_eq!((range.status, range.body.as_str()), (206, "index"));
    let etag = range.header("etag").to_owned();
    let unchanged = send(&service, "GET", "/", &[("if-none-match", &etag)]).await;
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    assert_eq!(unchanged.header("x-amz-error-code"), "");
    let signed = send(&service, "GET", "/secret", &[("authorization", "AWS AKROOT:x")]).await;
    assert_eq!(
        (signed.status, signed.header("x-amz-error-code")),
        (403, "AccessDenied")
    );
}

#[tokio::test]
async fn a_folder_without_its_slash_is_shown_the_way() {
    let service = with_pages(pages()).await;
    let seen = see(&service, "/docs").await;
    assert_eq!((seen.status, seen.header("location")), (302, "/docs/"));
    assert_eq!(see(&service, "/doc").await.status, 404);
    put(
        &service,
        "/other.example/index.html",
        &[("x-amz-acl", "public-read")],
    )
    .await;
    let seen = see(&service, "//other.example").await;
    assert_eq!(
        (seen.status, seen.header("location")),
        (302, "/%2Fother.example/")
    );
    assert_eq!(see(&service, "/%2Fother.example/").await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_told_on_a_page_and_in_headers() {
    let service = with_pages(pages()).await;
    let seen = see(&service, "/a%3Cb%3E").await;
    assert_eq!(seen.status, 404);
    assert_eq!(seen.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(seen.header("x-amz-error-code"), "NoSuchKey");
    assert_eq!(seen.header("x-amz-error-detail-key"), "a<b>");
    assert!(seen.body.contains("<li>Key: a&lt;b&gt;</li>"), "{}", seen.body);
    let id = seen.header("x-amz-request-id");
    assert!(seen.body.contains(&format!("<li>RequestId: {id}</li>")));
    // Who may not list the bucket does not hear of it.
    let closed = serving(Some(pages()), Permission::Write).await;
    let seen = see(&closed, "/absent").await;
    assert_eq!(
        (seen.status, seen.header("x-amz-error-code")),
        (403, "AccessDenied")
    );
}

#[tokio::test]
async fn no_website_no_bucket_and_no_name_of_one_are_told_on_pages() {
    let service = serving(None, Permission::FullControl).await;
    for (host, status, code) in [
        (SITE, 404, "NoSuchWebsiteConfiguration"),
        ("other.web.test:80", 404, "NoSuchBucket"),
        ("a_.web.test", 400, "InvalidBucketName"),
        ("web.test", 400, "InvalidBucketName"),
    ] {
        let seen = send(&service, "GET", "/", &[("host", host)]).await;
        assert_eq!(
            (seen.status, seen.header("x-amz-error-code")),
            (status, code),
            "{host}"
        );
        assert!(seen.body.starts_with("<html>"), "{host}: {}", seen.body);
    }
}

#[tokio::test]
async fn visitors_only_read() {
    let service = with_pages(pages()).await;
    for method in ["PUT", "POST", "DELETE", "OPTIONS", "PATCH"] {
        let seen = send(&service, method, "/index.html", &[]).await;
        assert_eq!(
            (seen.status, seen.header("allow")),
            (405, "GET, HEAD"),
            "{method}"
        );
        assert!(
            seen.body.contains(&format!("<li>Method: {method}</li>")),
            "{}",
            seen.body
        );
    }
}

#[tokio::test]
async fn the_page_for_errors_has_the_status_of_the_error() {
    let service = with_pages(json!({"pages": {"index": "index.html", "error": "404.html"}})).await;
    for (path, status, code) in [("/absent", 404, "NoSuchKey"), ("/secret", 403, "AccessDenied")] {
        let seen = send(
            &service,
            "GET",
            path,
            &[("range", "bytes=1-2"), ("if-none-match", "*")],
        )
        .await;
        assert_eq!((seen.status, seen.body.as_str()), (status, "404.html"), "{path}");
        assert_eq!(seen.header("x-amz-error-code"), code);
    }
    let lost = with_pages(json!({"pages": {"index": "index.html", "error": "lost.html"}})).await;
    let seen = see(&lost, "/secret").await;
    assert_eq!(seen.status, 403);
    let (first, second) = seen.body.split_once("<h3>").unwrap();
    assert!(first.contains("<li>Code: AccessDenied</li>"), "{first}");
    assert!(second.contains("<li>Code: NoSuchKey</li>") && second.contains("<li>Key: lost.html</li>"));
}

#[tokio::test]
async fn an_object_that_says_so_sends_visitors_elsewhere() {
    let service = with_pages(json!({"pages": {"index": "index.html", "error": "err"}})).await;
    for (key, location) in [
        ("old", "/new?a=b#c"),
        ("far", "https://example.com/x"),
        ("err", "/sorry"),
    ] {
        let headers = [
            ("x-amz-acl", "public-read"),
            ("x-amz-website-redirect-location", location),
        ];
        put(&service, key, &headers).await;
        for method in ["GET", "HEAD"] {
            let seen = send(&service, method, &format!("/{key}"), &[("if-none-match", "*")]).await;
            assert_eq!((seen.status, seen.header("location")), (301, location));
            assert_eq!(seen.body, "");
        }
    }
    // What no header can carry is encoded, as in rules.
    let spaced = [
        ("x-amz-acl", "public-read"),
        ("x-amz-website-redirect-location", "/a b"),
    ];
    put(&service, "spaced", &spaced).await;
    assert_eq!(see(&service, "/spaced").await.header("location"), "/a%20b");
    let seen = see(&service, "/absent").await;
    assert_eq!((seen.status, seen.header("location")), (301, "/sorry"));
    // By S3's own interface it is an object as others are.
    let seen = send(&service, "GET", "/site/old", &[("host", "s3.test")]).await;
    assert_eq!((seen.status, seen.body.as_str()), (200, "old"));
    assert_eq!(seen.header("x-amz-website-redirect-location"), "/new?a=b#c");
}

#[tokio::test]
async fn rules_send_visitors_before_and_in_place_of_errors() {
    let service = with_pages(json!({"pages": {"index": "index.html", "rules": [
        {"condition": {"key_prefix": "old/"}, "redirect": {"key": {"prefix": "docs/"}}},
        {"condition": {"error": 404}, "redirect":
            {"host": "archive.example", "protocol": "https", "status": 307, "key": {"prefix": "#!/"}}},
        {"condition": {"error": 403}, "redirect": {"key": {"whole": "index.html"}, "status": 303}},
    ]}}))
    .await;
    for (path, status, location) in [
        ("/old/a%20b.txt", 301, "//site.web.test/docs/a%20b.txt"),
        ("/absent/%C3%A9", 307, "https://archive.example/#!/absent/%C3%A9"),
        ("/secret", 303, "//site.web.test/index.html"),
        ("/docs", 302, "/docs/"),
    ] {
        let seen = see(&service, path).await;
        assert_eq!(
            (seen.status, seen.header("location")),
            (status, location),
            "{path}"
        );
    }
    assert_eq!(see(&service, "/docs/a.txt").await.status, 200);
}

#[tokio::test]
async fn all_visitors_are_sent_to_another_host() {
    let service = serving(
        Some(json!({"elsewhere": {"host": "example.com", "protocol": "https"}})),
        Permission::Read,
    )
    .await;
    for (path, location) in [
        ("/", "https://example.com/"),
        ("/a/b%20c?d", "https://example.com/a/b%20c"),
    ] {
        let seen = see(&service, path).await;
        assert_eq!((seen.status, seen.header("location")), (301, location));
    }
}

#[tokio::test]
async fn what_the_owner_wrote_breaks_no_header() {
    let service = with_pages(json!({"pages": {"index": "index.html", "rules": [
        {"redirect": {"host": "a b\r\nc", "key": {"whole": "x\r\nset-cookie: é"}}},
    ]}}))
    .await;
    let seen = see(&service, "/").await;
    assert_eq!(
        seen.header("location"),
        "//a%20b%0D%0Ac/x%0D%0Aset-cookie:%20%C3%A9"
    );
}
