//! What is noted of visits, and what they ask of the stores.

use std::sync::{Arc, Mutex};

use http::Request;
use serde_json::json;

use super::tests::{SITE, see, send, serving, with_pages};
use crate::body::Body;
use crate::model::{ObjectKey, Permission};
use crate::served::{Client, RequestObserver, ServedRequest};

/// What became of the requests.
#[derive(Default)]
struct Log(Mutex<Vec<ServedRequest>>);

impl RequestObserver for Log {
    fn served(&self, request: &ServedRequest) {
        self.0.lock().unwrap().push(request.clone());
    }
}

#[tokio::test]
async fn a_visit_is_noted_as_a_read_and_a_redirect_is_no_error() {
    let website = json!({"pages": {"index": "index.html", "error": "404.html", "rules": [
        {"condition": {"error": 404, "key_prefix": "old"}, "redirect": {"key": {"whole": ""}}},
    ]}});
    let log = Arc::new(Log::default());
    let service = with_pages(website).await.observed_by(Arc::clone(&log) as _);
    for (method, path) in [
        ("GET", "/absent"),
        ("HEAD", "/docs/"),
        ("GET", "/old"),
        ("PUT", "/x"),
    ] {
        send(&service, method, path, &[("authorization", "AWS AKROOT:x")]).await;
    }
    let noted = log.0.lock().unwrap();
    let noted: Vec<_> = noted
        .iter()
        .map(|request| {
            assert!(request.access_key.is_none());
            let key = request.key.as_ref().map(ObjectKey::as_str);
            (request.operation, key, request.status, request.error)
        })
        .collect();
    let expected = [
        (Some("GetObject"), Some("absent"), 404, Some("NoSuchKey")),
        (Some("HeadObject"), Some("docs/"), 200, None),
        (Some("GetObject"), Some("old"), 301, None),
        (None, None, 405, Some("MethodNotAllowed")),
    ];
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn a_redirect_keeps_the_protocol_of_the_visit_where_that_is_known() {
    let service = serving(
        Some(json!({"elsewhere": {"host": "example.com"}})),
        Permission::Read,
    )
    .await;
    for (encrypted, location) in [
        (Some(true), "https://example.com/a"),
        (Some(false), "http://example.com/a"),
        (None, "//example.com/a"),
    ] {
        let client = Client {
            address: [127, 0, 0, 1].into(),
            proxy: None,
            certain: true,
            encrypted,
        };
        let request = Request::get("/a").header("host", SITE).extension(client);
        let response = service.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["location"], location);
    }
}

#[tokio::test]
async fn a_visit_asks_the_database_for_what_it_may_show_and_no_more() {
    let log = Arc::new(Log::default());
    let website = json!({"pages": {"index": "index.html", "error": "404.html"}});
    let service = with_pages(website).await.observed_by(Arc::clone(&log) as _);
    for path in ["/", "/docs", "/absent", "/absent/"] {
        see(&service, path).await;
    }
    let calls: Vec<_> = log
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.round_trips.database)
        .collect();
    assert_eq!(calls, [2, 3, 4, 3]);
}
