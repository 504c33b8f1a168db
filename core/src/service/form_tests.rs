use std::net::{IpAddr, Ipv4Addr};

use http::Request;
use http::header::{CONTENT_LENGTH, LOCATION};

use crate::body::Body;
use crate::model::Permission;
use crate::served::Client;
use crate::service::website::tests::serving;

/// Where an object is that was put by a form of a client that came so.
async fn location(encrypted: Option<bool>) -> String {
    let service = serving(None, Permission::Write).await;
    let form = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na b\r\n--b\r\nContent-Disposition: \
                form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--b--\r\n";
    let request = Request::post("/site")
        .header("host", "store.example")
        .header("content-type", "multipart/form-data; boundary=b")
        .header(CONTENT_LENGTH, form.len())
        .extension(Client {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            proxy: None,
            certain: true,
            encrypted,
        });
    let response = service.call(request.body(Body::full(form)).unwrap()).await;
    assert_eq!(response.status(), 204);
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_object_is_where_the_client_came_by_tls_if_it_did() {
    assert_eq!(location(Some(true)).await, "https://store.example/site/a%20b");
    for plain in [Some(false), None] {
        assert_eq!(location(plain).await, "http://store.example/site/a%20b");
    }
}
