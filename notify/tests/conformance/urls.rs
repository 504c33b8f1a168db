//! URLs that are no destinations.

use bleepstore_notify::Options;

use crate::suite::{self, PASSWORD, SECRET};

#[test]
fn wrong_urls_are_refused_at_once_and_without_their_secrets() {
    for (wrong, part) in [
        ("s3cret-w0rd", "no URL"),
        ("ftp://u:s3cret-w0rd@h/x", "scheme"),
        ("sqs://u:s3cret-w0rd@h/x", "scheme"),
        ("redis://u:s3cret-w0rd@h", "stream"),
        ("redis://u:s3cret-w0rd@h?stream=", "stream"),
        ("redis://u:s3cret-w0rd@h?stream=a&list=b", "either"),
        ("redis://u:s3cret-w0rd@h?stream=a&maxlen=s3cret-w0rd", "maxlen"),
        ("redis://u:s3cret-w0rd@h?list=a&maxlen=1", "maxlen"),
        ("redis://u:s3cret-w0rd@h/s3cret-w0rd?list=a", "database"),
        ("redis://u:s3cret-w0rd@h/-1?list=a", "database"),
        ("redis://h?stream=a&s3cret-w0rd=b", "not known"),
        ("redis://a,b?stream=a", "more than one host"),
        ("amqp://u:s3cret-w0rd@h", "exchange"),
        ("amqp://u:s3cret-w0rd@h/v/w?routing_key=q", "path"),
        ("amqp://u:s3cret-w0rd@h?queue=q", "not known"),
        ("kafka://h", "topic"),
        ("kafka://h/", "topic"),
        ("kafka://h/a%20b", "topic"),
        ("kafka://u:s3cret-w0rd@h/t", "sasl"),
        ("kafka://h/t?sasl=plain", "user"),
        ("kafka://u:s3cret-w0rd@h/t?sasl=gssapi", "sasl"),
        ("nats://u:s3cret-w0rd@h", "subject"),
        ("nats://u:s3cret-w0rd@h/a.*", "subject"),
        ("nats://u:s3cret-w0rd@h/a..b", "subject"),
        ("https://u:s3cret-w0rd@example.com/", "user"),
        ("https://s3cret-w0rd@example.com/", "user"),
        ("https:///", "host"),
    ] {
        let error = suite::made(wrong, &suite::options())
            .err()
            .unwrap_or_else(|| panic!("{wrong}"));
        assert!(
            error.to_string().starts_with("the destination a-name: "),
            "{error}"
        );
        assert!(error.what.contains(part), "{wrong}: {error}");
        assert!(!error.to_string().contains(PASSWORD), "{error}");
    }
    let long = format!("amqp://h?exchange={}", "x".repeat(256));
    assert!(suite::made(&long, &suite::options()).is_err());
}

#[test]
fn places_have_no_secrets() {
    for (url, place) in [
        (
            "redis://u:s3cret-w0rd@Host/?stream=ev",
            "redis://host:6379/?stream=ev",
        ),
        (
            "rediss://:s3cret-w0rd@[::1]:1/2?list=l",
            "rediss://[::1]:1/2?list=l",
        ),
        (
            "amqp://u:s3cret-w0rd@h/?routing_key=q",
            "amqp://h:5672/?exchange=&routing_key=q",
        ),
        (
            "amqps://u:s3cret-w0rd@h/v?exchange=e",
            "amqps://h:5671/v?exchange=e&routing_key=",
        ),
        ("kafka://u:s3cret-w0rd@a,b:1/t?sasl=plain", "kafka://a:9092,b:1/t"),
        ("nats://s3cret-w0rd@h/a.b", "nats://h:4222/a.b"),
        ("tls://u:s3cret-w0rd@h/a.b", "tls://h:4222/a.b"),
        (
            "https://example.com/s3cret-w0rd?s3cret-w0rd",
            "https://example.com:443/",
        ),
    ] {
        assert_eq!(suite::sink(url).place(), place);
    }
}

#[test]
fn a_webhook_needs_a_secret_and_an_address_of_the_internet() {
    let plain = |url: &str, options: &Options| suite::made(url, options).err().map(|error| error.what);
    let of_the_internet = Options {
        private_addresses: false,
        ..suite::options()
    };
    assert_eq!(plain("https://example.com/", &of_the_internet), None);
    assert_eq!(plain("https://1.1.1.1", &of_the_internet), None);
    for url in [
        "https://127.0.0.1/",
        "https://[::1]:8080/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/",
    ] {
        assert!(plain(url, &of_the_internet).unwrap().contains("private"), "{url}");
        assert_eq!(plain(url, &suite::options()), None);
    }
    assert!(
        plain("http://example.com/", &of_the_internet)
            .unwrap()
            .contains("TLS")
    );
    for secret in [
        None,
        Some("whsec_"),
        Some("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        Some("whsec_s3cret-w0rd"),
    ] {
        let options = Options {
            webhook_secret: secret.map(str::to_owned),
            ..suite::options()
        };
        let error = plain("https://example.com/", &options).unwrap();
        assert!(error.contains("secret") && !error.contains(PASSWORD), "{error}");
    }
    let shown = format!(
        "{:?}",
        Options {
            password: Some(PASSWORD.to_owned()),
            ..suite::options()
        }
    );
    assert!(!shown.contains(PASSWORD) && !shown.contains(SECRET), "{shown}");
}
