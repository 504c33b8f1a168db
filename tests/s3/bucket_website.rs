//! PutBucketWebsite, GetBucketWebsite and DeleteBucketWebsite. What visitors see is in `website.rs`.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketWebsite.html>

use bleepstore_tests::http::{ALICE, Bucket, Request, S3, start_server_with};
use bleepstore_tests::{domain_test, s3_test};

/// An index document, which every website has that shows its pages.
pub(crate) const INDEX: &str = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>";

/// PutBucketWebsite with a configuration of these elements.
pub(crate) fn put(bucket: &Bucket, content: &str) -> Request {
    bucket.request("PUT").flag("website").body(document("", content))
}

fn get(bucket: &Bucket) -> Request {
    bucket.request("GET").flag("website")
}

fn delete(bucket: &Bucket) -> Request {
    bucket.request("DELETE").flag("website")
}

fn document(attributes: &str, content: &str) -> String {
    format!("<WebsiteConfiguration{attributes}>{content}</WebsiteConfiguration>")
}

/// Pages with one rule of these elements.
pub(crate) fn with_rule(rule: &str) -> String {
    format!("{INDEX}<RoutingRules><RoutingRule>{rule}</RoutingRule></RoutingRules>")
}

domain_test!(is_kept_until_it_is_deleted, largest_body = 20_000, |s3: &S3| {
    let bucket = s3.bucket();
    let absent = get(&bucket).expect_error(404, "NoSuchWebsiteConfiguration");
    assert_eq!(
        absent.message,
        "The specified bucket does not have a website configuration"
    );
    assert_eq!(absent.field("BucketName"), bucket.name);
    let rules = "<ErrorDocument><Key>errors/404.html</Key></ErrorDocument><RoutingRules>\
        <RoutingRule><Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>\
        <KeyPrefixEquals>docs/</KeyPrefixEquals></Condition><Redirect><HostName>example.com</HostName>\
        <HttpRedirectCode>307</HttpRedirectCode><Protocol>https</Protocol>\
        <ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith></Redirect></RoutingRule>\
        <RoutingRule><Redirect><ReplaceKeyWith>a&amp;b.html</ReplaceKeyWith></Redirect></RoutingRule></RoutingRules>";
    // More than a bucket's row takes.
    let long = format!("<ReplaceKeyWith>{}</ReplaceKeyWith>", "x".repeat(1_000));
    let long = format!("<RoutingRule><Redirect>{long}</Redirect></RoutingRule>").repeat(10);
    for content in [
        INDEX.to_owned(),
        format!("{INDEX}{rules}"),
        format!("{INDEX}<RoutingRules>{long}</RoutingRules>"),
        "<RedirectAllRequestsTo><HostName>example.com</HostName><Protocol>https</Protocol></RedirectAllRequestsTo>"
            .to_owned(),
    ] {
        assert_eq!(put(&bucket, &content).expect(200).body, b"");
        let attributes = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        let found = get(&bucket).expect(200);
        assert_eq!(found.required("content-type"), "application/xml");
        let found = found.text().split_once('\n').expect("a declaration").1.to_owned();
        assert_eq!(found, document(attributes, &content));
    }
    for _ in 0..2 {
        assert_eq!(delete(&bucket).expect(204).body, b"");
        get(&bucket).expect_error(404, "NoSuchWebsiteConfiguration");
    }
});

domain_test!(
    names_the_argument_that_s3_does_not_take,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        let suffix = |text: &str| format!("<IndexDocument><Suffix>{text}</Suffix></IndexDocument>");
        let elsewhere = "<RedirectAllRequestsTo><HostName>example.com</HostName></RedirectAllRequestsTo>";
        let missing = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
        let malformed = "The IndexDocument Suffix is not well formed";
        let alone = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
        for (content, message, name, value) in [
            (String::new(), missing, "IndexDocument", "null"),
            (suffix(""), malformed, "IndexDocument", ""),
            (suffix("a/index.html"), malformed, "IndexDocument", "a/index.html"),
            (
                format!("{INDEX}{elsewhere}"),
                alone,
                "RedirectAllRequestsTo",
                "not null",
            ),
        ] {
            let error = put(&bucket, &content).expect_error(400, "InvalidArgument");
            assert_eq!(error.message, message);
            assert_eq!(error.field("ArgumentName"), name);
            assert_eq!(error.field("ArgumentValue"), value);
        }
        get(&bucket).expect_error(404, "NoSuchWebsiteConfiguration");
    }
);

domain_test!(names_what_s3_does_not_take, largest_body = 9_000, |s3: &S3| {
    let bucket = s3.bucket();
    put(&bucket, INDEX).expect(200);
    let host = "<Redirect><HostName>h</HostName></Redirect>";
    let protocol = "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected \
                    automatically.";
    for (content, message) in [
        (
            "<RedirectAllRequestsTo><HostName/></RedirectAllRequestsTo>".to_owned(),
            "A host name must be provided to redirect all requests (e.g. \"example.com\").",
        ),
        (
            "<RedirectAllRequestsTo><HostName>h</HostName><Protocol>ftp</Protocol></RedirectAllRequestsTo>"
                .to_owned(),
            protocol,
        ),
        (
            with_rule("<Redirect><Protocol>HTTP</Protocol></Redirect>"),
            protocol,
        ),
        (
            with_rule("<Redirect><HttpRedirectCode>300</HttpRedirectCode></Redirect>"),
            "The provided HTTP redirect code (300) is not valid. Valid codes are 3XX except 300.",
        ),
        (
            with_rule(&format!(
                "<Condition><HttpErrorCodeReturnedEquals>302</HttpErrorCodeReturnedEquals></Condition>{host}"
            )),
            "The provided HTTP error code (302) is not valid. Valid codes are 4XX or 5XX.",
        ),
        (
            with_rule(&format!("<Condition/>{host}")),
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't \
             be present.",
        ),
        (
            with_rule(
                "<Redirect><ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith></Redirect>",
            ),
            "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
        ),
    ] {
        let error = put(&bucket, &content).expect_error(400, "InvalidRequest");
        assert_eq!(error.message, message);
    }
    let rules = |count: usize| {
        let rules = format!("<RoutingRule>{host}</RoutingRule>").repeat(count);
        format!("{INDEX}<RoutingRules>{rules}</RoutingRules>")
    };
    let many = put(&bucket, &rules(51)).expect_error(400, "InvalidRequest");
    assert_eq!(
        many.message,
        "51 routing rules provided, the number of routing rules in a website configuration is limited to 50."
    );
    put(&bucket, &rules(50)).expect(200);
    let found = get(&bucket).expect(200);
    assert_eq!(
        found.all("WebsiteConfiguration/RoutingRules/RoutingRule").len(),
        50
    );
});

domain_test!(is_refused_where_it_is_none, largest_body = 140_000, |s3: &S3| {
    let bucket = s3.bucket();
    for content in [
        "<IndexDocument/>".to_owned(),
        "<RedirectAllRequestsTo/>".to_owned(),
        format!("{INDEX}{INDEX}"),
        format!("{INDEX}<Colour>red</Colour>"),
        format!("{INDEX}<ErrorDocument><Key/></ErrorDocument>"),
        format!("{INDEX}<RoutingRules/>"),
        with_rule(""),
        with_rule("<Redirect/>"),
        with_rule("<Redirect><HttpRedirectCode>soon</HttpRedirectCode></Redirect>"),
    ] {
        put(&bucket, &content).expect_error(400, "MalformedXML");
    }
    let nothing = bucket.request("PUT").flag("website");
    nothing.expect_error(400, "MissingRequestBodyError");
    let long = format!("{INDEX}<!--{}-->", " ".repeat(128 << 10));
    let error = put(&bucket, &long).expect_error(400, "MaxMessageLengthExceeded");
    assert_eq!(error.field("MaxMessageLengthBytes"), "131072");
    get(&bucket).expect_error(404, "NoSuchWebsiteConfiguration");
});

domain_test!(is_for_the_owner_of_the_bucket, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put_acl("public-read-write").expect(200);
    put(&bucket, INDEX).expect(200);
    let seen = bucket.acting_for(&ALICE);
    for request in [get(&seen), put(&seen, INDEX), delete(&seen)] {
        request.expect_error(403, "AccessDenied");
    }
    get(&bucket).anonymous().expect_error(403, "AccessDenied");
    get(&bucket).expect(200);
    let absent = s3.bucket_named(s3.unused_name());
    for request in [get(&absent), put(&absent, INDEX), delete(&absent)] {
        request.expect_error(404, "NoSuchBucket");
    }
});

domain_test!(goes_with_the_bucket, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    bucket.request("PUT").expect(200);
    put(&bucket, INDEX).expect(200);
    bucket.request("DELETE").expect(204);
    bucket.request("PUT").expect(200);
    get(&bucket).expect_error(404, "NoSuchWebsiteConfiguration");
    bucket.request("DELETE").expect(204);
});

s3_test!(is_never_there_where_none_was_put, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    get(&bucket).expect_error(404, "NoSuchWebsiteConfiguration");
    assert_eq!(delete(&bucket).expect(204).body, b"");
});

#[test]
fn is_refused_by_the_name_of_the_setting_where_no_website_has_a_host() {
    let s3 = S3 {
        endpoint: start_server_with(|settings| settings.website_domains.clear()),
    };
    let bucket = s3.bucket();
    let error = put(&bucket, INDEX).expect_error(501, "NotImplemented");
    assert!(
        error.message.contains("PutBucketWebsite") && error.message.contains("--website-domain"),
        "{}",
        error.message
    );
    get(&bucket).expect_error(404, "NoSuchWebsiteConfiguration");
}
