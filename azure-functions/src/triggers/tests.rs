use std::collections::BTreeMap;
use std::sync::Arc;

use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{RootCredential, SigV2};
use bleepstore_core::{Limits, Ports, Settings};
use bleepstore_http::{OsEntropy, SystemClock};
use http_body_util::BodyExt;
use serde::Deserialize;

use super::*;

const TRUSTING: Behind = Behind::FunctionsHost {
    trust_unencoded_url: true,
};
const DOUBTING: Behind = Behind::FunctionsHost {
    trust_unencoded_url: false,
};

/// A request as the host makes it, and what its client had sent.
#[derive(Deserialize)]
struct Recorded {
    /// Nothing where the host asks by itself.
    sent: Option<Sent>,
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: String,
}

#[derive(Deserialize)]
struct Sent {
    target: String,
    host: String,
}

macro_rules! recorded {
    ($name:literal) => {
        serde_json::from_str::<Recorded>(include_str!(concat!("fixtures/", $name, ".json"))).unwrap()
    };
}

impl Recorded {
    fn sent(&self) -> (String, Option<&str>) {
        let sent = self.sent.as_ref().unwrap();
        (sent.target.clone(), Some(sent.host.as_str()))
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.target);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Body::full(self.body.clone())).unwrap()
    }
}

async fn triggers(behind: Behind) -> Triggers {
    let clock = Arc::new(SystemClock);
    let ports = Ports {
        metadata: Arc::new(MemoryMetadata::default()),
        blobs: Arc::new(MemoryBlobs::new(clock.clone())),
        clock,
        entropy: Arc::new(OsEntropy),
    };
    let settings = Settings {
        region: "us-east-1".to_owned(),
        base_domains: Vec::new(),
        website_domains: Vec::new(),
        root: RootCredential::new("AK", "SK"),
        account: Default::default(),
        new_buckets: Default::default(),
        sigv2: SigV2::default(),
        limits: Limits::default(),
    };
    Triggers::new(Service::start(settings, ports).await.unwrap(), behind)
}

async fn restored(recorded: &Recorded, behind: Behind) -> Parts {
    let mut head = recorded.request().into_parts().0;
    triggers(behind).await.restore(&mut head);
    head
}

fn uri_and_host(head: &Parts) -> (String, Option<&str>) {
    let host = head.headers.get(HOST).map(|host| host.to_str().unwrap());
    (head.uri.to_string(), host)
}

#[tokio::test]
async fn host_path_and_query_are_again_as_the_client_sent_them() {
    for recorded in [
        recorded!("plain"),
        recorded!("encoded_slash"),
        recorded!("space_and_plus"),
        recorded!("unicode"),
        recorded!("dot_segments"),
        recorded!("query"),
        recorded!("head"),
    ] {
        let head = restored(&recorded, TRUSTING).await;
        assert_eq!(uri_and_host(&head), recorded.sent(), "{}", recorded.target);
    }
}

#[tokio::test]
async fn a_url_that_is_not_trusted_changes_nothing_but_the_host() {
    let recorded = recorded!("encoded_slash");
    let head = restored(&recorded, DOUBTING).await;
    let (target, host) = recorded.sent();
    assert_ne!(recorded.target, target);
    assert_eq!(uri_and_host(&head), (recorded.target.clone(), host));
}

#[tokio::test]
async fn without_the_host_of_functions_no_header_is_believed() {
    let recorded = recorded!("encoded_slash");
    let head = restored(&recorded, Behind::Nothing).await;
    let (uri, host) = uri_and_host(&head);
    assert_eq!(uri, recorded.target);
    assert_ne!(host, recorded.sent().1);
}

#[tokio::test]
async fn a_header_that_is_there_twice_or_is_no_url_is_not_believed() {
    let wrong: [&[(&str, &str)]; 3] = [
        &[("x-waws-unencoded-url", "/a"), ("x-waws-unencoded-url", "/b")],
        &[("x-waws-unencoded-url", "")],
        &[("x-forwarded-host", "a"), ("x-forwarded-host", "b")],
    ];
    for headers in wrong {
        let mut request = Request::builder()
            .uri("/bucket/key?x=1")
            .header(HOST, "127.0.0.1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut head = request.body(()).unwrap().into_parts().0;
        triggers(TRUSTING).await.restore(&mut head);
        assert_eq!(
            uri_and_host(&head),
            ("/bucket/key?x=1".to_owned(), Some("127.0.0.1")),
            "{headers:?}"
        );
    }
}

async fn answer(request: Request<Body>, behind: Behind) -> (u16, String) {
    let answer = triggers(behind).await.respond(request).await;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_hosts_timer_collects_garbage_and_is_told_so_in_the_hosts_words() {
    let (status, body) = answer(recorded!("timer").request(), TRUSTING).await;
    assert_eq!(status, 200);
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&document["Outputs"], &document["Logs"]),
        (&json!({}), &json!([]))
    );
    assert_eq!(document["ReturnValue"]["round_finished"], true);
    assert_eq!(document["ReturnValue"]["deleted"]["blobs"], 0);
}

#[tokio::test]
async fn the_timer_is_refused_from_outside_and_by_every_other_method() {
    let timer = || recorded!("timer");
    for name in OF_OUTSIDE {
        let mut request = timer().request();
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static("198.51.100.7"));
        let (status, body) = answer(request, TRUSTING).await;
        assert_eq!(status, 400, "{body}");
        assert!(body.contains("<Code>InvalidBucketName</Code>"), "{body}");
    }
    let mut get = timer().request();
    *get.method_mut() = Method::GET;
    assert_eq!(answer(get, TRUSTING).await.0, 400);
    assert_eq!(answer(timer().request(), Behind::Nothing).await.0, 400);
}
