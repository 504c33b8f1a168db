//! Over TLS, on loopback.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::TrustedIssuer;
use bleepstore_core::ports::{IdentityTokens, TokenRefusal};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::issuer::{Key, claims, clock, token, with};
use crate::{Client, IssuerTokens, KeysUnavailable, Published, Trust};

const CERTIFICATE: &str = include_str!("../fixtures/host.pem");
const OTHER_CERTIFICATE: &str = include_str!("../fixtures/other_host.pem");

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../fixtures/host_key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// The path that a request is for.
async fn asked(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.strip_prefix("GET ")?.split(' ').next()?;
    Some(path.to_owned())
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn answer_at(path: &str, host: &str) -> String {
    let keys = json!({"keys": [Key::issuers().published("first")]}).to_string();
    let discovery = |issuer: &str| json!({"issuer": issuer, "jwks_uri": format!("{host}/keys")}).to_string();
    match path {
        "/.well-known/openid-configuration" => answer("200 OK", "", &discovery(host)),
        "/keys" => answer("200 OK", "cache-control: public, max-age=600\r\n", &keys),
        "/redirect" => answer("302 Found", "location: /keys\r\n", &keys),
        "/partial" => answer("206 Partial Content", "", &keys),
        "/longest" => answer("200 OK", "", &"x".repeat(64 * 1024)),
        "/too-long" => answer("200 OK", "", &"x".repeat(64 * 1024 + 1)),
        "/endless" => format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1024 * 1024)),
        "/cut-off" => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_owned(),
        _ => answer("404 Not Found", "", ""),
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, host: String) -> Option<()> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    let path = asked(&mut stream).await?;
    let answer = answer_at(&path, &host);
    // A client may leave before the end of an answer that is too long.
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

/// A host that speaks TLS; its URL.
async fn host() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("https://{}", listener.local_addr().unwrap());
    let url = host.clone();
    let acceptor = acceptor();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, acceptor.clone(), host.clone()));
        }
    });
    url
}

fn client(certificate: &str) -> Client {
    Client::https(Trust::Only(certificate.as_bytes().to_vec()))
}

async fn read(path: &str) -> Result<Published, KeysUnavailable> {
    client(CERTIFICATE).get(&(host().await + path)).await
}

fn issuer(url: &str, keys: Option<String>, certificate: &str) -> TrustedIssuer {
    TrustedIssuer {
        url: url.to_owned(),
        keys,
        certificates: Some(certificate.to_owned()),
    }
}

#[tokio::test]
async fn a_token_is_checked_with_keys_that_are_discovered_or_known() {
    let host = host().await;
    let token = token(&with("iss", host.as_str()));
    let tokens = IssuerTokens::new(clock());
    for keys in [None, Some(format!("{host}/keys"))] {
        let issuer = issuer(&host, keys, CERTIFICATE);
        let identity = tokens.verify(&issuer, &token).await.unwrap();
        assert_eq!(identity.subject, claims()["sub"].as_str().unwrap());
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_trusted_or_has_no_tls_gives_no_keys() {
    let host = host().await;
    let plain = host.replace("https", "http");
    let tokens = IssuerTokens::new(clock());
    for issuer in [
        issuer(&host, None, OTHER_CERTIFICATE),
        issuer(&host, None, "no certificate"),
        issuer(&host, Some(format!("{plain}/keys")), CERTIFICATE),
        issuer(&host, Some(format!("{host}/redirect")), CERTIFICATE),
        issuer(&plain, None, CERTIFICATE),
    ] {
        let token = token(&with("iss", issuer.url.as_str()));
        let refusal = tokens.verify(&issuer, &token).await.unwrap_err();
        assert!(
            matches!(refusal, TokenRefusal::Unavailable(_)),
            "{issuer:?}: {refusal}"
        );
    }
}

#[tokio::test]
async fn an_answer_says_how_long_it_may_be_kept() {
    assert_eq!(read("/keys").await.unwrap().max_age, Duration::from_secs(600));
    let longest = read("/longest").await.unwrap();
    assert_eq!(
        (longest.document.len(), longest.max_age),
        (64 * 1024, Duration::ZERO)
    );
}

#[tokio::test]
async fn an_answer_that_is_not_a_whole_document_is_refused() {
    for (path, reason) in [
        ("/redirect", "302 Found"),
        ("/partial", "206 Partial Content"),
        ("/nowhere", "404 Not Found"),
        ("/too-long", "too long"),
        ("/endless", "too long"),
        ("/cut-off", "end of file"),
    ] {
        let refusal = read(path).await.unwrap_err();
        assert!(refusal.0.contains(reason), "{path}: {refusal}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_known_is_not_asked() {
    let url = host().await + "/keys";
    let refusal = client(OTHER_CERTIFICATE).get(&url).await.unwrap_err();
    assert!(refusal.0.contains("certificate"), "{refusal}");
    let system = Client::https(Trust::System).get(&url).await;
    assert!(system.is_err());
}

#[tokio::test]
async fn a_url_without_tls_is_refused_unless_it_is_the_operators() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    for url in [url.as_str(), "keys", "/keys", ""] {
        assert!(client(CERTIFICATE).get(url).await.is_err(), "{url}");
    }
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let path = asked(&mut stream).await.unwrap();
        stream.write_all(answer_at(&path, "").as_bytes()).await.unwrap();
    });
    let client = Client::https_or_http(Trust::Only(CERTIFICATE.as_bytes().to_vec()));
    assert!(client.get(&url).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/keys", listener.local_addr().unwrap());
    let refusal = client(CERTIFICATE).get(&url).await.unwrap_err();
    assert!(refusal.0.contains("in time"), "{refusal}");
}
