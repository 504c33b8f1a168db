//! The access log: one line for each request, and nothing secret in any line.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bleepstore_tests::http::chunked::{self, ChunkSigner};
use bleepstore_tests::http::{ANONYMOUS_ID, SignedRequest};
use bleepstore_tests::local_server::LocalServer;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const MINUTE: Duration = Duration::from_secs(60);

/// A server that logs at `level`, on a folder of its own.
fn server(folder: &TempDir, level: &str) -> LocalServer {
    LocalServer::start(folder.path(), &[("BLEEPSTORE_LOG", level)]).unwrap()
}

/// The access log of a server that has ended.
fn entries(server: LocalServer) -> Vec<Value> {
    let (well, log) = server.stop().unwrap();
    assert!(well, "{log:?}");
    let entries = log
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries
        .filter(|entry| entry["target"] == "bleepstore::access")
        .collect()
}

/// The fields of each event of the access log.
fn lines(server: LocalServer) -> Vec<Map<String, Value>> {
    let fields = entries(server).into_iter().map(|entry| {
        assert_eq!(entry["level"], "INFO");
        entry["fields"].as_object().unwrap().clone()
    });
    fields.collect()
}

/// Also where the response has a body, with whose end the line is written.
#[test]
fn a_line_names_the_trace_that_its_request_belongs_to() {
    const TRACE: &str = "105445aa7843bc8bf206b12000100000";
    let folder = TempDir::new().unwrap();
    let server = server(&folder, "info");
    let s3 = server.s3();
    let bucket = s3.bucket();
    bucket.put("key", "body").expect(200);
    for request in [bucket.head("key"), bucket.get("key")] {
        let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        request.header("traceparent", traceparent).expect(200);
    }
    let entries = entries(server);
    let traces: Vec<&Value> = entries.iter().map(|entry| &entry["span"]["trace_id"]).collect();
    assert_eq!(traces, [&Value::Null, &Value::Null, &json!(TRACE), &json!(TRACE)]);
}

#[test]
fn each_request_has_one_line_with_what_it_asked_for_and_what_it_cost() {
    let folder = TempDir::new().unwrap();
    let server = server(&folder, "info");
    let s3 = server.s3();
    let bucket = s3.bucket();
    let put = bucket.put("a key\n", vec![b'b'; 20_000]).expect(200);
    let missing = bucket.get("no").expect(404);
    bucket.get("a key\n").expect(200);
    let owner = s3.own_id();
    let health = s3.request("GET", "/_bleepstore/health").anonymous().sign();
    assert_eq!(s3.connect().send(&health).status, 200);

    let lines = lines(server);
    let [_, put_line, missing_line, _, ..] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    let line = |id: &str, operation: &str, key: &str, more: Value| {
        let mut line = json!({
            "message": "request",
            "request_id": id,
            "client": "127.0.0.1",
            "access_key": "AKIATESTROOT",
            "account": owner,
            "operation": operation,
            "bucket": bucket.name,
            "key": key,
            "bytes_in": 0,
            "complete": true,
        });
        line.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        line
    };
    let id = |response: &bleepstore_tests::http::Response| response.required("x-amz-request-id").to_owned();
    let stored = json!({
        "status": 200, "bytes_in": 20_000, "bytes_out": 0,
        "database_round_trips": 2, "blob_round_trips": 1,
    });
    assert_eq!(
        timeless(put_line),
        line(&id(&put), "PutObject", "a key\n", stored)
    );
    let refused = json!({
        "status": 404, "error": "NoSuchKey", "reason": "The specified key does not exist.", "bytes_out": missing.body.len(),
        "database_round_trips": 1, "blob_round_trips": 0,
    });
    assert_eq!(
        timeless(missing_line),
        line(&id(&missing), "GetObject", "no", refused)
    );
}

/// The fields but for the time that the request took, which is there.
fn timeless(line: &Map<String, Value>) -> Value {
    let mut line = line.clone();
    let ms = line.remove("ms").and_then(|ms| ms.as_f64());
    assert!(ms.is_some_and(|ms| ms > 0.0), "{line:?}");
    line.into()
}

#[test]
fn a_form_has_its_key_and_whoever_signed_it() {
    let folder = TempDir::new().unwrap();
    let server = server(&folder, "info");
    let s3 = server.s3();
    let bucket = s3.bucket();
    bucket.form("a key", "x").expect(204);
    bucket
        .form("a key", "x")
        .anonymous()
        .expect_error(403, "AccessDenied");
    bucket
        .form("a key", "x")
        .keys("AKIANOBODY", "x")
        .expect_error(403, "InvalidAccessKeyId");
    let lines = lines(server);
    let form = |at: usize| {
        let line = &lines[at];
        assert_eq!(
            (&line["operation"], &line["key"]),
            (&json!("PostObject"), &json!("a key"))
        );
        assert_eq!(line["bucket"], bucket.name.as_str());
        [line.get("access_key"), line.get("account")].map(|field| field.cloned())
    };
    assert_eq!(form(1)[0], Some(json!("AKIATESTROOT")));
    assert_eq!(form(1)[1], lines[0].get("account").cloned());
    assert_eq!(form(2), [None, Some(json!(ANONYMOUS_ID))]);
    assert_eq!(form(3), [Some(json!("AKIANOBODY")), None]);
}

#[test]
fn a_response_that_its_client_leaves_is_logged_with_the_bytes_that_were_taken() {
    let folder = TempDir::new().unwrap();
    let server = server(&folder, "info");
    let bucket = server.s3().bucket();
    // More than the sockets between the two hold.
    let length = 48 << 20;
    bucket.put("large", vec![b'l'; length]).expect(200);
    let request = bucket.get("large").sign();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(&request.head(server.address())).unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    drop(stream);
    let lines = lines(server);
    let line = lines.last().unwrap();
    assert_eq!((&line["status"], &line["complete"]), (&json!(200), &json!(false)));
    assert_eq!(line["operation"], "GetObject");
    let taken = line["bytes_out"].as_u64().unwrap();
    assert!(taken > 0 && taken < length as u64, "{taken}");
}

#[test]
fn a_line_says_who_asked_and_why_it_was_refused() {
    let folder = TempDir::new().unwrap();
    let proxies = [("BLEEPSTORE_TRUSTED_PROXIES", "127.0.0.0/8")];
    let server = LocalServer::start(folder.path(), &proxies).unwrap();
    let bucket = server.s3().bucket();
    let owner = server.s3().own_id();
    let of_another = bucket
        .get("key")
        .header("x-amz-expected-bucket-owner", "1".repeat(12));
    for (request, status) in [
        (of_another, 403),
        (bucket.get("key").anonymous(), 403),
        (bucket.get("key").keys("AKIATESTROOT", "wrong"), 403),
        (bucket.get("key").keys("AKIAUNKNOWN", "wrong"), 403),
    ] {
        request
            .header("x-forwarded-for", "203.0.113.1, 192.0.2.9")
            .expect(status);
    }
    let lines = lines(server);
    let refused = &lines[lines.len() - 4..];
    for line in refused {
        assert_eq!(
            (&line["client"], &line["proxy"]),
            (&json!("192.0.2.9"), &json!("127.0.0.1"))
        );
    }
    let who = |line: &Map<String, Value>| {
        let field = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
        (field("access_key"), field("account"), field("error").unwrap())
    };
    let text = |text: &str| Some(text.to_owned());
    let expected = [
        (text("AKIATESTROOT"), Some(owner), "AccessDenied"),
        (None, text(ANONYMOUS_ID), "AccessDenied"),
        (text("AKIATESTROOT"), None, "SignatureDoesNotMatch"),
        (text("AKIAUNKNOWN"), None, "InvalidAccessKeyId"),
    ];
    for (line, (access_key, account, error)) in refused.iter().zip(expected) {
        assert_eq!(who(line), (access_key, account, error.to_owned()));
        assert!(line["reason"].as_str().unwrap().len() > 10, "{line:?}");
    }
}

#[test]
fn a_filter_turns_the_access_log_off_and_leaves_the_rest() {
    let folder = TempDir::new().unwrap();
    let server = server(&folder, "info,bleepstore::access=off");
    server.s3().bucket();
    let (_, log) = server.stop().unwrap();
    assert!(log.iter().any(|line| line.contains("stopped")));
    assert!(!log.iter().any(|line| line.contains("CreateBucket")), "{log:?}");
}

#[test]
fn the_line_of_a_session_names_whom_it_acts_for() {
    let folder = TempDir::new().unwrap();
    let server = server(&folder, "info");
    let s3 = server.s3();
    let session = s3.session(None);
    s3.in_session(&session).request("GET", "/").expect(200);
    let log = lines(server);
    let [_, begun, listed] = log.as_slice() else {
        panic!("{log:?}");
    };
    assert_eq!(begun["operation"], "AssumeRole");
    assert_eq!(
        (&begun["access_key"], &begun["session_begun"]),
        (&json!("AKIATESTROOT"), &json!(session.access_key))
    );
    assert_eq!(begun.get("session_of"), None);
    assert_eq!(
        (&listed["access_key"], &listed["session_of"]),
        (&json!(session.access_key), &json!("AKIATESTROOT"))
    );
}

/// The values in a request that nobody but its sender and the server may read.
fn secrets(request: &SignedRequest) -> Vec<String> {
    let after = |text: &str, name: &str| {
        let (_, rest) = text.split_once(name)?;
        let value: String = rest
            .chars()
            .take_while(|c| !matches!(c, '&' | ',' | ' '))
            .collect();
        (value.len() > 8).then_some(value)
    };
    let authorization = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let in_header = authorization.and_then(|(_, value)| after(value, "Signature="));
    let in_query = after(&request.target, "X-Amz-Signature=");
    in_header.into_iter().chain(in_query).collect()
}

#[test]
fn no_secret_key_signature_token_or_customer_key_is_in_any_line_at_any_level() {
    const TOKEN: &str = "IQoJb3JpZ2luX2VjSESSIONTOKEN";
    const CUSTOMER_KEY: &str = "bm9ib2R5LWxvZ3MtdGhpcy1rZXktZXZlci1pLWhvcGU=";
    const CUSTOMER_KEY_MD5: &str = "c3NlLWMta2V5LW1kNQ==";
    const WEB_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJub2JvZHkifQ";
    const BODY: &str = "confidential-body";
    let folder = TempDir::new().unwrap();
    let server = server(&folder, "trace");
    let bucket = server.s3().bucket();
    let sse_c = |request: bleepstore_tests::http::Request| {
        request
            .header("x-amz-server-side-encryption-customer-algorithm", "AES256")
            .header("x-amz-server-side-encryption-customer-key", CUSTOMER_KEY)
            .header("x-amz-server-side-encryption-customer-key-md5", CUSTOMER_KEY_MD5)
    };
    let mut requests = vec![
        bucket.put("key", BODY).sign(),
        bucket.put("key", BODY).presigned(MINUTE).sign(),
        bucket.get("key").presigned(MINUTE).sign(),
        bucket.get("key").presigned(MINUTE).signed_ago(2 * MINUTE).sign(),
        bucket
            .get("key")
            .keys("AKIATESTROOT", "another/secret+key")
            .sign(),
        bucket
            .get("key")
            .keys("AKIAUNKNOWN", "another/secret+key")
            .presigned(MINUTE)
            .sign(),
        bucket.get("key").region("eu-west-1").sign(),
        bucket.get("key").header("x-amz-security-token", TOKEN).sign(),
        bucket
            .get("key")
            .query("X-Amz-Security-Token", TOKEN)
            .presigned(MINUTE)
            .sign(),
        sse_c(bucket.put("key", BODY)).sign(),
        sse_c(bucket.get("key")).sign(),
        sse_c(bucket.put("key", BODY)).presigned(MINUTE).sign(),
        bucket
            .copy("key", "copy")
            .header(
                "x-amz-copy-source-server-side-encryption-customer-key",
                CUSTOMER_KEY,
            )
            .sign(),
        bucket
            .get("key")
            .query("Signature", "c2lnbmF0dXJlLW9mLXZlcnNpb24tMg")
            .anonymous()
            .sign(),
    ];
    let mut mangled = bucket.get("key").sign();
    let broken = mangled
        .header("authorization")
        .replace("SignedHeaders", "SomeHeaders");
    mangled.set_header("authorization", &broken);
    requests.push(mangled);
    let mut streamed = bucket
        .object("PUT", "key")
        .payload_hash(chunked::SIGNED)
        .header("x-amz-decoded-content-length", BODY.len())
        .sign();
    let mut signer = ChunkSigner::new(&server.s3().endpoint, &streamed);
    streamed.body = chunked::signed(&mut signer, &[BODY.as_bytes()], None);
    requests.push(streamed);
    let session = server.s3().session(None);
    requests.push(bucket.in_session(&session).get("key").sign());
    requests.push(bucket.in_session(&session).get("key").presigned(MINUTE).sign());
    let of_another = format!("{WEB_TOKEN}.{}", "x".repeat(20_000));
    for token in [WEB_TOKEN, of_another.as_str()] {
        let role = ("RoleArn", "arn:aws:iam::000000000000:role/any");
        let named = [role, ("RoleSessionName", "me"), ("WebIdentityToken", token)];
        let request = server.s3().sts("AssumeRoleWithWebIdentity", &named);
        requests.push(request.anonymous().sign());
    }
    let mut hidden: Vec<String> = requests.iter().flat_map(secrets).collect();
    hidden.extend([session.secret_key, session.token]);
    assert!(hidden.len() > 10, "{hidden:?}");
    hidden.extend(
        [
            TOKEN,
            WEB_TOKEN,
            CUSTOMER_KEY,
            CUSTOMER_KEY_MD5,
            BODY,
            "a/secret+for/tests/only",
            "another/secret+key",
            "c2lnbmF0dXJlLW9mLXZlcnNpb24tMg",
            "-signature=",
            "Signature=",
        ]
        .map(str::to_owned),
    );
    for request in &requests {
        request.send();
    }
    let (_, log) = server.stop().unwrap();
    let count = log
        .iter()
        .filter(|line| line.contains("bleepstore::access"))
        .count();
    // One made the bucket, and two the session.
    assert_eq!(count, requests.len() + 3, "each request is in the log");
    for line in &log {
        for secret in &hidden {
            assert!(!line.contains(secret.as_str()), "{secret} is in the log: {line}");
        }
    }
}
