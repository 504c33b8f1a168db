use super::*;

fn rule(condition: Option<(Option<&str>, Option<u16>)>, redirect: RoutingRedirect) -> RoutingRule {
    RoutingRule {
        condition: condition.map(|(prefix, error)| RoutingCondition {
            key_prefix: prefix.map(str::to_owned),
            error,
        }),
        redirect,
    }
}

fn to(key: NewKey) -> RoutingRedirect {
    RoutingRedirect {
        key: Some(key),
        ..RoutingRedirect::default()
    }
}

fn to_host(host: &str) -> RoutingRedirect {
    RoutingRedirect {
        host: Some(host.to_owned()),
        ..RoutingRedirect::default()
    }
}

fn whole(key: &str) -> RoutingRedirect {
    to(NewKey::Whole(key.to_owned()))
}

fn prefix(prefix: &str) -> RoutingRedirect {
    to(NewKey::Prefix(prefix.to_owned()))
}

fn parts(rules: Option<Vec<RoutingRule>>) -> WebsiteParts {
    WebsiteParts {
        index: Some("index.html".to_owned()),
        rules,
        ..WebsiteParts::default()
    }
}

fn with(rules: Vec<RoutingRule>) -> WebsiteConfiguration {
    WebsiteConfiguration::new(parts(Some(rules))).unwrap()
}

fn pages(configuration: &WebsiteConfiguration) -> &Pages {
    match configuration {
        WebsiteConfiguration::Pages(pages) => pages,
        WebsiteConfiguration::Elsewhere(_) => panic!("no pages"),
    }
}

fn elsewhere(host: &str, protocol: Option<WebProtocol>) -> WebsiteParts {
    WebsiteParts {
        elsewhere: Some(OtherHost {
            host: host.to_owned(),
            protocol,
        }),
        ..WebsiteParts::default()
    }
}

fn refusal(parts: WebsiteParts) -> (ErrorCode, String) {
    let error = WebsiteConfiguration::new(parts).unwrap_err();
    (error.code, error.message.into_owned())
}

fn refused_rule(rule: RoutingRule) -> (ErrorCode, String) {
    refusal(parts(Some(vec![rule])))
}

#[test]
fn a_folder_has_the_index_document_and_every_other_key_is_itself() {
    let configuration = WebsiteConfiguration::new(parts(None)).unwrap();
    let pages = pages(&configuration);
    for (key, read, below) in [
        ("", "index.html", None),
        ("a", "a", Some("a/index.html")),
        ("a/", "a/index.html", None),
        ("a/b.html", "a/b.html", Some("a/b.html/index.html")),
        ("/", "/index.html", None),
    ] {
        assert_eq!(pages.read_for(key), read);
        assert_eq!(pages.index_below(key).as_deref(), below);
        assert!(configuration.at_once(key).is_ok());
        assert_eq!(pages.instead_of(key, 404), None);
    }
}

#[test]
fn all_visitors_are_sent_to_another_host_with_their_key() {
    let configuration =
        WebsiteConfiguration::new(elsewhere("example.com", Some(WebProtocol::Https))).unwrap();
    for key in ["", "a/b", "index.html"] {
        let expected = Redirection {
            status: 301,
            protocol: Some(WebProtocol::Https),
            host: Some("example.com"),
            written: "",
            rest: key,
        };
        assert_eq!(configuration.at_once(key), Err(expected));
    }
}

#[test]
fn a_rule_replaces_the_key_or_its_prefix_or_neither() {
    for (condition, redirect, key, expected) in [
        (
            Some((Some("docs/"), None)),
            prefix("documents/"),
            "docs/a b",
            ("documents/", "a b"),
        ),
        (
            Some((Some("docs/"), None)),
            prefix(""),
            "docs/docs/a",
            ("", "docs/a"),
        ),
        (
            Some((Some("docs/"), None)),
            whole("gone.html"),
            "docs/a",
            ("gone.html", ""),
        ),
        (
            Some((Some("docs/"), None)),
            to_host("h"),
            "docs/a",
            ("", "docs/a"),
        ),
        (None, prefix("new/"), "a", ("new/", "a")),
        (None, whole("x"), "", ("x", "")),
    ] {
        let configuration = with(vec![rule(condition, redirect)]);
        let found = configuration.at_once(key).unwrap_err();
        assert_eq!(
            (found.written, found.rest, found.status),
            (expected.0, expected.1, 301)
        );
    }
}

#[test]
fn the_first_rule_that_fits_decides() {
    let found = |configuration: &WebsiteConfiguration, key: &str| {
        configuration
            .at_once(key)
            .err()
            .map(|sent| sent.written.to_owned())
    };
    let configuration = with(vec![
        rule(Some((Some("a/b"), None)), whole("1")),
        rule(Some((Some("a/"), Some(404))), whole("2")),
        rule(Some((Some("a"), None)), whole("3")),
    ]);
    assert_eq!(found(&configuration, "a/b/c").as_deref(), Some("1"));
    assert_eq!(found(&configuration, "a/c").as_deref(), Some("3"));
    assert_eq!(found(&configuration, "b"), None);
}

#[test]
fn a_rule_about_an_error_is_about_that_status_only_and_no_other_is_about_errors() {
    let configuration = with(vec![
        rule(Some((Some("a/"), Some(404))), whole("1")),
        rule(Some((None, Some(404))), whole("2")),
        rule(Some((None, Some(403))), whole("3")),
        rule(Some((Some("never"), None)), whole("4")),
    ]);
    assert!(configuration.at_once("a/b").is_ok());
    let found = |key: &str, status| {
        let sent = pages(&configuration).instead_of(key, status);
        sent.map(|sent| sent.written.to_owned())
    };
    assert_eq!(found("a/b", 404).as_deref(), Some("1"));
    assert_eq!(found("b", 404).as_deref(), Some("2"));
    assert_eq!(found("a/b", 403).as_deref(), Some("3"));
    assert_eq!(found("never", 500), None);
}

#[test]
fn a_rule_says_status_protocol_and_host() {
    let redirect = RoutingRedirect {
        host: Some("example.com".to_owned()),
        status: Some(307),
        protocol: Some(WebProtocol::Http),
        key: None,
    };
    let configuration = with(vec![rule(None, redirect)]);
    let expected = Redirection {
        status: 307,
        protocol: Some(WebProtocol::Http),
        host: Some("example.com"),
        written: "",
        rest: "k",
    };
    assert_eq!(configuration.at_once("k"), Err(expected));
}

#[test]
fn another_host_excludes_all_else_and_has_a_name() {
    let both = WebsiteParts {
        index: Some("index.html".to_owned()),
        ..elsewhere("example.com", None)
    };
    let error = WebsiteConfiguration::new(both).unwrap_err();
    assert_eq!(
        error.message,
        "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."
    );
    let fields = [
        ("ArgumentName", "RedirectAllRequestsTo".to_owned()),
        ("ArgumentValue", "not null".to_owned()),
    ];
    assert_eq!(error.fields, fields);
    let (code, message) = refusal(elsewhere("", None));
    assert_eq!(code, ErrorCode::InvalidRequest);
    assert!(message.starts_with("A host name must be provided"), "{message}");
    assert_eq!(
        refusal(elsewhere(&"h".repeat(1_025), None)).0,
        ErrorCode::InvalidRequest
    );
}

#[test]
fn pages_have_an_index_document_whose_name_has_no_slash() {
    for (index, value) in [
        (None, "null"),
        (Some(""), ""),
        (Some("a/b"), "a/b"),
        (Some("/"), "/"),
    ] {
        let parts = WebsiteParts {
            index: index.map(str::to_owned),
            ..WebsiteParts::default()
        };
        let error = WebsiteConfiguration::new(parts).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument, "{index:?}");
        assert_eq!(error.fields[0].1, "IndexDocument");
        assert_eq!(error.fields[1].1, value);
    }
}

#[test]
fn rules_are_1_to_50_and_each_says_something_that_s3_takes() {
    let good = rule(None, whole("x"));
    assert!(WebsiteConfiguration::new(parts(Some(vec![good.clone(); 50]))).is_ok());
    let (code, message) = refusal(parts(Some(vec![good; 51])));
    assert_eq!(code, ErrorCode::InvalidRequest);
    assert!(message.starts_with("51 routing rules provided"), "{message}");
    assert_eq!(refusal(parts(Some(Vec::new()))).0, ErrorCode::MalformedXML);
    let empty = rule(None, RoutingRedirect::default());
    assert_eq!(refused_rule(empty).0, ErrorCode::MalformedXML);
    let (code, message) = refused_rule(rule(Some((None, None)), whole("x")));
    assert_eq!(code, ErrorCode::InvalidRequest);
    assert!(message.starts_with("Condition cannot be empty."), "{message}");
    for status in [200, 300, 306, 314, 400] {
        let redirect = RoutingRedirect {
            status: Some(status),
            ..RoutingRedirect::default()
        };
        let expected = format!(
            "The provided HTTP redirect code ({status}) is not valid. Valid codes are 3XX except 300."
        );
        assert_eq!(
            refused_rule(rule(None, redirect)),
            (ErrorCode::InvalidRequest, expected)
        );
    }
    for status in [200, 302, 399, 600] {
        let expected =
            format!("The provided HTTP error code ({status}) is not valid. Valid codes are 4XX or 5XX.");
        let found = refused_rule(rule(Some((None, Some(status))), whole("x")));
        assert_eq!(found, (ErrorCode::InvalidRequest, expected));
    }
    let long = "x".repeat(1_025);
    for rule in [
        rule(Some((Some(&long), None)), whole("x")),
        rule(None, whole(&long)),
        rule(None, prefix(&long)),
        rule(None, to_host(&long)),
    ] {
        assert_eq!(refused_rule(rule).0, ErrorCode::InvalidRequest);
    }
}

#[test]
fn a_configuration_is_stored_with_what_it_says_and_no_more() {
    for (configuration, text) in [
        (
            WebsiteConfiguration::new(elsewhere("h", None)).unwrap(),
            r#"{"elsewhere":{"host":"h"}}"#,
        ),
        (
            with(vec![rule(Some((None, Some(404))), prefix("a"))]),
            concat!(
                r#"{"pages":{"index":"index.html","rules":[{"condition":{"error":404},"#,
                r#""redirect":{"key":{"prefix":"a"}}}]}}"#
            ),
        ),
    ] {
        assert_eq!(serde_json::to_string(&configuration).unwrap(), text);
        assert_eq!(
            serde_json::from_str::<WebsiteConfiguration>(text).unwrap(),
            configuration
        );
    }
    let unknown = r#"{"pages":{"index":"i","colour":1}}"#;
    assert!(serde_json::from_str::<WebsiteConfiguration>(unknown).is_err());
}
