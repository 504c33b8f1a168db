//! What visitors of a bucket see that is a website. The servers of these rules have the website domain
//! `WEBSITE_DOMAIN`.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html>

use bleepstore_tests::domain_test;
use bleepstore_tests::http::{Bucket, Request, Response, S3, WEBSITE_DOMAIN};

use crate::bucket_cors;
use crate::bucket_website::{INDEX, put, with_rule};
use crate::preflight::cors_headers;

/// A bucket that everybody may list, with pages that everybody may read, and `secret`, which nobody else may.
fn website(s3: &S3, content: &str) -> Bucket {
    let bucket = s3.bucket();
    bucket.put_acl("public-read").expect(200);
    for key in ["index.html", "docs/index.html", "docs/a.txt", "404.html"] {
        let page = bucket.put(key, key).header("x-amz-acl", "public-read");
        page.header("content-type", "text/html").expect(200);
    }
    bucket.fill(&["secret"]);
    put(&bucket, content).expect(200);
    bucket
}

fn host(bucket: &Bucket) -> String {
    format!("{}.{WEBSITE_DOMAIN}", bucket.name)
}

/// A request that a visitor sends.
fn visit(s3: &S3, bucket: &Bucket, method: &str, path: &str) -> Request {
    let request = s3.request(method, path).anonymous();
    request.header("host", host(bucket))
}

fn see(s3: &S3, bucket: &Bucket, path: &str) -> Request {
    visit(s3, bucket, "GET", path)
}

/// Where an answer sends a visitor, but for the protocol of the visit.
#[track_caller]
fn sent_to(response: &Response) -> &str {
    assert_eq!(response.body, b"");
    let location = response.required("location");
    let plain = location.strip_prefix("http:");
    plain.or(location.strip_prefix("https:")).unwrap_or(location)
}

/// Checks that an answer is a page that tells of this error.
#[track_caller]
fn assert_told(response: &Response, code: &str) {
    assert_eq!(response.required("content-type"), "text/html; charset=utf-8");
    assert_eq!(response.required("x-amz-error-code"), code);
    let page = response.text();
    let id = response.required("x-amz-request-id");
    for line in [
        format!("<li>Code: {code}</li>"),
        format!("<li>RequestId: {id}</li>"),
    ] {
        assert!(page.contains(&line), "no {line} in {page}");
    }
}

domain_test!(shows_pages_and_index_documents, largest_body = 500, |s3: &S3| {
    let bucket = website(s3, INDEX);
    for (path, body) in [
        ("/", "index.html"),
        ("/index.html", "index.html"),
        ("/docs/", "docs/index.html"),
        ("/docs/a.txt", "docs/a.txt"),
    ] {
        let seen = see(s3, &bucket, path).expect(200);
        assert_eq!(seen.text(), body);
        assert_eq!(seen.required("content-type"), "text/html");
        assert_eq!(seen.etag(), bucket.head(body).expect(200).etag());
        let head = visit(s3, &bucket, "HEAD", path).expect(200);
        assert_eq!(head.body, b"");
        assert_eq!(head.required("content-length"), body.len().to_string());
    }
});

domain_test!(
    looks_at_no_query_and_no_signature,
    largest_body = 500,
    |s3: &S3| {
        let bucket = website(s3, INDEX);
        for parameter in [
            "versionId",
            "acl",
            "uploads",
            "response-content-type",
            "X-Amz-Signature",
        ] {
            let seen = see(s3, &bucket, "/docs/a.txt").query(parameter, "x").expect(200);
            assert_eq!(seen.text(), "docs/a.txt", "{parameter}");
            assert_eq!(seen.required("content-type"), "text/html");
        }
        // The owner is nobody in particular, too.
        let signed = s3.request("GET", "/secret").header("host", host(&bucket));
        assert_told(&signed.expect(403), "AccessDenied");
        let unknown = s3.request("GET", "/").header("host", host(&bucket));
        assert_eq!(
            unknown.keys("AKIAUNKNOWN", "secret").expect(200).text(),
            "index.html"
        );
    }
);

domain_test!(
    answers_conditions_and_ranges_as_s3_does,
    largest_body = 500,
    |s3: &S3| {
        let bucket = website(s3, INDEX);
        let range = see(s3, &bucket, "/").header("range", "bytes=0-4").expect(206);
        assert_eq!(
            (range.text(), range.required("content-range")),
            ("index", "bytes 0-4/10")
        );
        let etag = range.etag();
        let unchanged = see(s3, &bucket, "/").header("if-none-match", &etag).expect(304);
        assert_eq!((unchanged.body.as_slice(), unchanged.etag()), (&b""[..], etag));
        let changed = see(s3, &bucket, "/").header("if-match", "\"0\"").expect(412);
        assert_told(&changed, "PreconditionFailed");
        let beyond = see(s3, &bucket, "/").header("range", "bytes=10-").expect(416);
        assert_told(&beyond, "InvalidRange");
    }
);

domain_test!(
    sends_visitors_of_folders_to_the_slash,
    largest_body = 500,
    |s3: &S3| {
        let bucket = website(s3, INDEX);
        assert_eq!(sent_to(&see(s3, &bucket, "/docs").expect(302)), "/docs/");
        assert_told(&see(s3, &bucket, "/doc").expect(404), "NoSuchKey");
        let hidden = bucket.put("hidden dir/index.html", "x");
        hidden.expect(200);
        assert_told(&see(s3, &bucket, "/hidden%20dir").expect(404), "NoSuchKey");
        let shown = bucket
            .put("a dir/index.html", "x")
            .header("x-amz-acl", "public-read");
        shown.expect(200);
        assert_eq!(sent_to(&see(s3, &bucket, "/a%20dir").expect(302)), "/a%20dir/");
    }
);

domain_test!(
    tells_of_errors_on_a_page_and_in_headers,
    largest_body = 500,
    |s3: &S3| {
        let bucket = website(s3, INDEX);
        let absent = see(s3, &bucket, "/%3Cb%3E").expect(404);
        assert_told(&absent, "NoSuchKey");
        assert_eq!(
            absent.required("x-amz-error-message"),
            "The specified key does not exist."
        );
        assert_eq!(absent.required("x-amz-error-detail-key"), "<b>");
        let page = absent.text();
        assert!(
            page.starts_with("<html>\n<head><title>404 Not Found</title></head>"),
            "{page}"
        );
        assert!(page.contains("<li>Key: &lt;b&gt;</li>"), "{page}");
        let head = visit(s3, &bucket, "HEAD", "/absent").expect(404);
        assert_eq!(
            (head.body.as_slice(), head.required("x-amz-error-code")),
            (&b""[..], "NoSuchKey")
        );
        assert_told(&see(s3, &bucket, "/secret").expect(403), "AccessDenied");
        // Who may not list the bucket does not hear which keys there are.
        bucket.put_acl("private").expect(200);
        assert_told(&see(s3, &bucket, "/absent").expect(403), "AccessDenied");
        assert_eq!(see(s3, &bucket, "/").expect(200).text(), "index.html");
    }
);

domain_test!(
    is_there_only_where_a_bucket_is_one,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        let none = see(s3, &bucket, "/").expect(404);
        assert_told(&none, "NoSuchWebsiteConfiguration");
        assert!(
            none.text()
                .contains(&format!("<li>BucketName: {}</li>", bucket.name))
        );
        let absent = s3.bucket_named(s3.unused_name());
        assert_told(&see(s3, &absent, "/").expect(404), "NoSuchBucket");
        let nobody = s3.request("GET", "/").header("host", WEBSITE_DOMAIN);
        assert_told(&nobody.expect(400), "InvalidBucketName");
    }
);

domain_test!(is_only_read, largest_body = 500, |s3: &S3| {
    let bucket = website(s3, INDEX);
    bucket.put_acl("public-read-write").expect(200);
    for method in ["PUT", "POST", "DELETE", "OPTIONS"] {
        let refused = visit(s3, &bucket, method, "/index.html").expect(405);
        assert_told(&refused, "MethodNotAllowed");
        assert_eq!(refused.required("allow"), "GET, HEAD");
    }
    assert_eq!(bucket.read("index.html"), b"index.html");
});

domain_test!(shows_its_own_page_for_errors, largest_body = 500, |s3: &S3| {
    let own = "<ErrorDocument><Key>404.html</Key></ErrorDocument>";
    let bucket = website(s3, &format!("{INDEX}{own}"));
    for (path, status, code) in [("/absent", 404, "NoSuchKey"), ("/secret", 403, "AccessDenied")] {
        let seen = see(s3, &bucket, path).header("range", "bytes=0-0").expect(status);
        assert_eq!(seen.text(), "404.html");
        assert_eq!(seen.required("content-type"), "text/html");
        assert_eq!(seen.required("x-amz-error-code"), code);
    }
    bucket.delete("404.html").expect(204);
    let seen = see(s3, &bucket, "/secret").expect(403);
    assert_told(&seen, "AccessDenied");
    let (_, second) = seen.text().split_once("<h3>").expect("a second error");
    assert!(
        second.starts_with("An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>")
    );
    assert!(
        second.contains("<li>Code: NoSuchKey</li>") && second.contains("<li>Key: 404.html</li>"),
        "{second}"
    );
});

domain_test!(
    sends_visitors_where_an_object_says,
    largest_body = 500,
    |s3: &S3| {
        let bucket = website(s3, INDEX);
        for (key, location) in [("old", "/docs/?a=b#c"), ("far", "https://example.com/x")] {
            let object = bucket.put(key, "unseen").header("x-amz-acl", "public-read");
            object
                .header("x-amz-website-redirect-location", location)
                .expect(200);
            for method in ["GET", "HEAD"] {
                let seen = visit(s3, &bucket, method, &format!("/{key}")).expect(301);
                assert_eq!(seen.required("location"), location);
                assert_eq!(seen.body, b"");
            }
            assert_eq!(bucket.read(key), b"unseen");
        }
        let hidden = bucket.put("hidden", "unseen");
        hidden.header("x-amz-website-redirect-location", "/").expect(200);
        assert_told(&see(s3, &bucket, "/hidden").expect(403), "AccessDenied");
    }
);

domain_test!(
    sends_visitors_by_the_prefix_of_their_key,
    largest_body = 500,
    |s3: &S3| {
        let bucket = website(
            s3,
            &with_rule(
                "<Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition>\
             <Redirect><ReplaceKeyPrefixWith>docs/</ReplaceKeyPrefixWith></Redirect>",
            ),
        );
        let sent = see(s3, &bucket, "/old/a%20b.txt").expect(301);
        assert_eq!(sent_to(&sent), format!("//{}/docs/a%20b.txt", host(&bucket)));
        assert_eq!(see(s3, &bucket, "/docs/a.txt").expect(200).text(), "docs/a.txt");
    }
);

domain_test!(
    sends_visitors_in_place_of_errors,
    largest_body = 500,
    |s3: &S3| {
        let bucket = website(
            s3,
            &with_rule(
                "<Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition><Redirect>\
             <HostName>archive.example</HostName><HttpRedirectCode>307</HttpRedirectCode><Protocol>https</Protocol>\
             <ReplaceKeyPrefixWith>#!/</ReplaceKeyPrefixWith></Redirect>",
            ),
        );
        let sent = see(s3, &bucket, "/absent/%C3%A9").expect(307);
        assert_eq!(
            sent.required("location"),
            "https://archive.example/#!/absent/%C3%A9"
        );
        assert_told(&see(s3, &bucket, "/secret").expect(403), "AccessDenied");
        assert_eq!(see(s3, &bucket, "/").expect(200).text(), "index.html");
    }
);

domain_test!(tries_its_rules_in_their_order, largest_body = 900, |s3: &S3| {
    let rule = |prefix: &str, key: &str| {
        format!(
            "<RoutingRule><Condition><KeyPrefixEquals>{prefix}</KeyPrefixEquals></Condition><Redirect>\
             <ReplaceKeyWith>{key}</ReplaceKeyWith></Redirect></RoutingRule>"
        )
    };
    let rules = [rule("a/b", "1"), rule("a", "2"), rule("a/c", "3")].concat();
    let bucket = website(s3, &format!("{INDEX}<RoutingRules>{rules}</RoutingRules>"));
    for (path, key) in [("/a/b/x", "1"), ("/a/c", "2"), ("/a", "2")] {
        let sent = see(s3, &bucket, path).expect(301);
        assert_eq!(sent_to(&sent), format!("//{}/{key}", host(&bucket)));
    }
});

domain_test!(
    sends_all_visitors_to_another_host,
    largest_body = 500,
    |s3: &S3| {
        let to = |protocol: &str| {
            format!(
                "<RedirectAllRequestsTo><HostName>example.com</HostName>{protocol}</RedirectAllRequestsTo>"
            )
        };
        let bucket = website(s3, &to("<Protocol>https</Protocol>"));
        let sent = see(s3, &bucket, "/docs/a%20b").query("c", "d").expect(301);
        assert_eq!(sent.required("location"), "https://example.com/docs/a%20b");
        put(&bucket, &to("")).expect(200);
        assert_eq!(sent_to(&see(s3, &bucket, "/").expect(301)), "//example.com/");
    }
);

domain_test!(is_decided_on_as_every_read_is, largest_body = 900, |s3: &S3| {
    let bucket = website(s3, INDEX);
    let policy = |effect: &str, key: &str| {
        let name = &bucket.name;
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Principal":"*","Action":"s3:GetObject",
            "Resource":"arn:aws:s3:::{name}/{key}"}}}}"#
        );
        bucket.request("PUT").flag("policy").body(policy).expect(204);
    };
    policy("Allow", "secret");
    assert_eq!(see(s3, &bucket, "/secret").expect(200).text(), "secret");
    policy("Deny", "docs/*");
    assert_told(&see(s3, &bucket, "/docs/").expect(403), "AccessDenied");
    assert_told(&see(s3, &bucket, "/docs").expect(404), "NoSuchKey");
    let block = "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls>\
                 </PublicAccessBlockConfiguration>";
    let blocked = bucket.request("PUT").flag("publicAccessBlock").body(block);
    blocked.expect(200);
    assert_told(&see(s3, &bucket, "/").expect(403), "AccessDenied");
});

domain_test!(
    is_read_by_pages_of_other_origins,
    largest_body = 900,
    |s3: &S3| {
        let bucket = website(s3, INDEX);
        let rule = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://app.example</AllowedOrigin>";
        bucket_cors::put(&bucket, &[rule]).expect(200);
        for (path, status) in [("/", 200), ("/absent", 404), ("/docs", 302)] {
            let seen = see(s3, &bucket, path).header("origin", "https://app.example");
            let seen = seen.expect(status);
            assert_eq!(
                seen.required("access-control-allow-origin"),
                "https://app.example"
            );
        }
        let other = see(s3, &bucket, "/").header("origin", "https://other.example");
        assert_eq!(cors_headers(&other.expect(200)), []);
    }
);

domain_test!(has_no_path_that_is_the_servers, largest_body = 500, |s3: &S3| {
    let bucket = website(s3, INDEX);
    let key = "_bleepstore/health";
    let page = bucket.put(key, "mine").header("x-amz-acl", "public-read");
    page.expect(200);
    assert_eq!(see(s3, &bucket, "/_bleepstore/health").expect(200).text(), "mine");
});
