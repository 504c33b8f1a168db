use std::collections::BTreeMap;

use super::*;
use crate::policy::SUPPLIED_KEYS;

const NOW: i64 = 1_800_000_000_000;

/// A request with everything that a policy may ask a request for.
fn request(operation: Operation) -> Request {
    let mut head = http::Request::builder()
        .uri("/bucket/key?prefix=p%2F&delimiter=/&max-keys=7")
        .header("referer", "http://example.com/page")
        .header("user-agent", "tester")
        .header("if-match", "\"etag\"")
        .header("if-none-match", "*")
        .header("x-amz-copy-source", "/source/a%20key?versionId=null")
        .header("x-amz-object-lock-mode", "COMPLIANCE")
        .header("x-amz-object-lock-legal-hold", "ON")
        .header("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z")
        .header("x-amz-tagging", "colour=blue&Size=1");
    for name in HEADERS {
        head = head.header(name, name.to_uppercase());
    }
    let (mut head, ()) = head.body(()).unwrap().into_parts();
    head.extensions.insert(Client {
        address: "::ffff:192.0.2.9".parse().unwrap(),
        proxy: None,
        certain: true,
        encrypted: Some(true),
    });
    let query = Query::parse(head.uri.query().unwrap()).unwrap();
    Request {
        head: Arc::new(head),
        query: Arc::new(query),
        operation: Some(operation),
        now: Timestamp::from_millis(NOW),
        signed: Some(Signed {
            version: "AWS4-HMAC-SHA256",
            place: "REST-HEADER",
            at: Some(Timestamp::from_millis(NOW - 1_500)),
            payload: Cow::Borrowed("STREAMING"),
        }),
        tags: OnceLock::new(),
    }
}

fn values(request: &Request, key: &str) -> Option<Vec<String>> {
    let values = request.values(key)?;
    Some(values.into_iter().map(Cow::into_owned).collect())
}

#[test]
fn a_request_has_the_keys_that_policies_may_ask_it_for() {
    let write = request(Operation::PutObject);
    let list = request(Operation::ListObjectsV2);
    let expected: BTreeMap<&str, &str> = [
        ("aws:currenttime", "2027-01-15T08:00:00.000Z"),
        ("aws:epochtime", "1800000000"),
        ("aws:referer", "http://example.com/page"),
        ("aws:securetransport", "true"),
        ("aws:sourceip", "192.0.2.9"),
        ("aws:useragent", "tester"),
        ("s3:authtype", "REST-HEADER"),
        ("s3:delimiter", "/"),
        ("s3:if-match", "\"etag\""),
        ("s3:if-none-match", "*"),
        ("s3:max-keys", "7"),
        ("s3:object-lock-legal-hold", "ON"),
        ("s3:object-lock-mode", "COMPLIANCE"),
        ("s3:object-lock-retain-until-date", "2030-01-01T00:00:00Z"),
        ("s3:objectcreationoperation", "true"),
        ("s3:prefix", "p/"),
        ("s3:signatureage", "1500"),
        ("s3:signatureversion", "AWS4-HMAC-SHA256"),
        ("s3:x-amz-content-sha256", "STREAMING"),
        ("s3:x-amz-copy-source", "source/a key"),
    ]
    .into();
    // Whom the request acts for and what it is about says the rest; a creation of a bucket says where. Locks are not
    // built, and no carrier tells its version of TLS.
    let elsewhere = [
        "aws:multifactorauthpresent",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principaltype",
        "aws:resourceaccount",
        "aws:tokenissuetime",
        "aws:userid",
        "aws:username",
        "s3:existingobjecttag/",
        "s3:locationconstraint",
        "s3:object-lock-remaining-retention-days",
        "s3:resourceaccount",
        "s3:tlsversion",
        "s3:versionid",
    ];
    for key in SUPPLIED_KEYS {
        let found = values(&write, key).or_else(|| values(&list, key));
        if let Some(expected) = expected.get(key) {
            assert_eq!(found.unwrap(), [*expected], "{key}");
        } else if let Some(header) = HEADERS.iter().find(|header| is_key_of(key, header)) {
            assert_eq!(found.unwrap(), [header.to_uppercase()], "{key}");
        } else if key.starts_with("s3:requestobjecttag") {
            let named = values(&write, "s3:requestobjecttag/colour");
            assert_eq!(named.unwrap(), ["blue"]);
            assert_eq!(
                values(&write, "s3:requestobjecttag/size"),
                None,
                "keys of tags keep their case"
            );
            assert_eq!(
                values(&write, "s3:requestobjecttagkeys").unwrap(),
                ["colour", "Size"]
            );
        } else {
            assert!(elsewhere.contains(key) && found.is_none(), "{key}");
        }
    }
}

#[test]
fn parameters_of_listings_are_keys_of_listings_alone() {
    let write = request(Operation::PutObject);
    for key in ["s3:prefix", "s3:delimiter", "s3:max-keys"] {
        assert_eq!(values(&write, key), None, "{key}");
    }
    let read = request(Operation::GetObject);
    assert_eq!(values(&read, "s3:if-none-match"), None);
}

#[test]
fn what_is_not_sure_of_a_client_is_absent() {
    let mut request = request(Operation::GetObject);
    let mut head = Parts::clone(&request.head);
    head.extensions.insert(Client {
        address: "192.0.2.9".parse().unwrap(),
        proxy: None,
        certain: false,
        encrypted: None,
    });
    request.head = Arc::new(head);
    assert_eq!(values(&request, "aws:sourceip"), None);
    assert_eq!(values(&request, "aws:securetransport"), None);
}

#[test]
fn a_header_that_is_sent_twice_is_read_as_operations_read_it() {
    let mut request = request(Operation::PutObject);
    let mut head = Parts::clone(&request.head);
    head.headers.remove("x-amz-acl");
    for value in ["private", "public-read"] {
        head.headers.append("x-amz-acl", value.parse().unwrap());
    }
    head.headers.insert("x-amz-storage-class", "".parse().unwrap());
    request.head = Arc::new(head);
    assert_eq!(values(&request, "s3:x-amz-acl").unwrap(), ["private,public-read"]);
    assert_eq!(values(&request, "s3:x-amz-storage-class"), None);
}

#[test]
fn a_request_asks_for_what_its_headers_say() {
    let all = request(Operation::PutObject);
    for when in [
        When::Always,
        When::IfMatch,
        When::Acl,
        When::Tags,
        When::LegalHold,
        When::Retention,
    ] {
        assert!(all.asks(when), "{when:?}");
    }
    let (head, ()) = http::Request::builder()
        .header("if-match", "*")
        .header("x-amz-tagging", "")
        .header("x-amz-tagging-directive", "REPLACE")
        .body(())
        .unwrap()
        .into_parts();
    let none = Request {
        head: Arc::new(head),
        tags: OnceLock::new(),
        ..all
    };
    let asked = [
        When::IfMatch,
        When::Acl,
        When::Tags,
        When::CopiesTags,
        When::Bypass,
        When::Ownership,
    ];
    for when in asked {
        assert!(!none.asks(when), "{when:?}");
    }
}

#[test]
fn tags_beside_a_copy_that_takes_its_sources_are_none_that_it_gives() {
    let mut copy = request(Operation::CopyObject);
    assert_eq!(values(&copy, "s3:requestobjecttag/colour"), None);
    let mut head = Parts::clone(&copy.head);
    head.headers
        .insert("x-amz-tagging-directive", "REPLACE".parse().unwrap());
    copy.head = Arc::new(head);
    assert_eq!(values(&copy, "s3:requestobjecttag/colour").unwrap(), ["blue"]);
    let read = request(Operation::GetObject);
    assert_eq!(values(&read, "s3:requestobjecttagkeys"), None);
}
