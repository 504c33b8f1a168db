//! Keys with a policy, as the binary `bleepstore` makes, shows and changes them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bleepstore_tests::emulators::ServerProgram;
use bleepstore_tests::http::{Endpoint, Request, S3};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{self, Ran, Variables};

/// A data folder.
struct Folder(TempDir);

impl Folder {
    /// One with the buckets `mine` and `others`.
    fn with_buckets() -> Self {
        let folder = Self(TempDir::new().unwrap());
        let (server, endpoint) = folder.serve();
        for path in ["/mine", "/others"] {
            Request::new(&endpoint, "PUT", path).expect(200);
        }
        assert!(server.stop().unwrap());
        folder
    }

    fn variables(&self) -> Variables {
        vec![("BLEEPSTORE_DATA_DIR", self.0.path().to_str().unwrap().to_owned())]
    }

    /// A server that has read no key yet.
    fn serve(&self) -> (ServerProgram, Endpoint) {
        program::serve("bleepstore", self.variables())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let arguments = ["credentials"].iter().chain(arguments).copied();
        program::run("bleepstore", &self.variables(), &arguments.collect::<Vec<_>>())
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{}", ran.error);
        ran.out
    }

    /// The one line of a run that failed, without the program's name.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> (String, i32) {
        let ran = self.run(arguments);
        assert_eq!(ran.error.lines().count(), 1, "{}", ran.error);
        let line = ran.error.trim_end().strip_prefix("bleepstore: ").unwrap();
        (line.to_owned(), ran.code)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let file = self.0.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document[name].as_str().unwrap()
}

/// What a server answers to the one who has the key: for a put, a get and a deletion in `mine` below `in/`, a put in
/// `mine` beside it, and ListBuckets.
fn statuses(folder: &Folder, made: &Value) -> [u16; 5] {
    let (server, endpoint) = folder.serve();
    let statuses = [
        ("PUT", "/mine/in/key"),
        ("GET", "/mine/in/key"),
        ("DELETE", "/mine/in/key"),
        ("PUT", "/mine/key"),
        ("GET", "/"),
    ]
    .map(|(method, path)| {
        let request = Request::new(&endpoint, method, path);
        let request = request.keys(text(made, "access_key"), text(made, "secret_key"));
        request.send().status
    });
    assert!(server.stop().unwrap());
    statuses
}

#[test]
fn a_key_may_do_what_its_policy_says_and_what_it_is_set_to_later() {
    let folder = Folder::with_buckets();
    let create = [
        "create", "--owner", "root", "--bucket", "mine", "--prefix", "in/", "--json",
    ];
    let made: Value = serde_json::from_str(&folder.done(&create)).unwrap();
    let key = text(&made, "access_key");
    assert_eq!(made["user"], made["access_key"]);
    assert_eq!(statuses(&folder, &made), [200, 200, 204, 403, 403]);

    folder.done(&["set-policy", key, "--read-only"]);
    assert_eq!(statuses(&folder, &made), [403, 404, 403, 403, 200]);

    folder.done(&["set-policy", key, "--none"]);
    assert_eq!(statuses(&folder, &made), [200, 200, 204, 200, 200]);

    let policy = r#"{"Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::mine/in/*"}
    ]}"#;
    folder.done(&["set-policy", key, "--policy", &folder.file("policy", policy)]);
    assert_eq!(statuses(&folder, &made), [403, 404, 204, 200, 200]);
    let shown: Value = serde_json::from_str(&folder.done(&["show", key, "--json"])).unwrap();
    assert_eq!(shown["policy"], policy);
}

#[test]
fn a_key_is_shown_and_listed_with_its_user_and_its_end_but_never_its_secret() {
    let folder = Folder(TempDir::new().unwrap());
    let (server, _) = folder.serve();
    let create = ["create", "--display-name", "Zoë", "--read-only", "--user", "app"];
    let create = [&create[..], &["--expires", "2999-01-01T01:00:00+01:00", "--json"]].concat();
    let made: Value = serde_json::from_str(&folder.done(&create)).unwrap();
    let (key, secret) = (text(&made, "access_key"), text(&made, "secret_key"));
    let end = "2999-01-01T00:00:00.000Z";
    assert_eq!((&made["user"], &made["expires"]), (&json!("app"), &json!(end)));

    let shown: Value = serde_json::from_str(&folder.done(&["show", key, "--json"])).unwrap();
    let id = text(&shown, "account_id");
    assert!(
        id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()),
        "{id}"
    );
    assert_eq!(shown["arn"], format!("arn:aws:iam::{id}:user/app"));
    assert_eq!(
        (&shown["user"], &shown["expires"]),
        (&made["user"], &made["expires"])
    );
    let policy: Value = serde_json::from_str(text(&shown, "policy")).unwrap();
    assert_eq!(policy["Statement"][0]["Resource"], "*");

    let line = folder.done(&["list"]);
    assert!(
        line.ends_with(&format!("  Zoë  user app  expires {end}\n")),
        "{line}"
    );
    let listed: Value = serde_json::from_str(&folder.done(&["list", "--json"])).unwrap();
    assert_eq!(
        (&listed[0]["user"], &listed[0]["expires"]),
        (&made["user"], &made["expires"])
    );
    for arguments in [
        &["show", key][..],
        &["show", key, "--json"],
        &["list"],
        &["list", "--json"],
    ] {
        assert!(!folder.done(arguments).contains(secret));
    }
    assert!(server.stop().unwrap());
}

#[test]
fn the_roots_account_id_is_shown_only_where_it_is_said() {
    let folder = Folder::with_buckets();
    let made = folder.done(&["create", "--owner", "root", "--expires", "30d", "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["user"], Value::Null);
    assert!(made["expires"].is_string());
    let show = ["show", text(&made, "access_key"), "--json"];
    let shown: Value = serde_json::from_str(&folder.done(&show)).unwrap();
    assert_eq!(
        (&shown["account_id"], &shown["arn"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(shown["policy"], Value::Null);
    let said = [&show[..], &["--account-id", "123456789012"]].concat();
    let shown: Value = serde_json::from_str(&folder.done(&said)).unwrap();
    assert_eq!(shown["arn"], "arn:aws:iam::123456789012:root");
}

#[test]
fn what_is_wrong_with_a_policy_is_one_line_and_nothing_is_stored() {
    let folder = Folder::with_buckets();
    let bad = folder.file("bad", "{\"Statement\":\n{\"Effect\": \"Allow\"}}");
    let create = ["create", "--display-name", "Zoë"];
    for (arguments, expected) in [
        (vec!["--policy", bad.as_str()], bad.as_str()),
        (vec!["--policy", "/absent"], "the policy /absent cannot be read"),
        (
            vec!["--user", "app"],
            "--user needs a policy: --policy, --read-only or --bucket",
        ),
        (
            vec!["--user", "a b", "--read-only"],
            "invalid value 'a b' for '--user <NAME>'",
        ),
        (
            vec!["--expires", "1s", "--read-only", "--policy", "f"],
            "the argument '--",
        ),
        (
            vec!["--prefix", "p"],
            "the following required arguments were not provided",
        ),
        (
            vec!["--expires", "2001-01-01T00:00:00Z"],
            "--expires is a time that has passed",
        ),
        (vec!["--expires", "0s"], "--expires is a time that has passed"),
        (
            vec!["--expires", "soon"],
            "invalid value 'soon' for '--expires <TIME>'",
        ),
    ] {
        let (line, code) = folder.refused(&[&create[..], &arguments].concat());
        assert!(line.starts_with(expected), "{line}");
        assert_eq!(code, 2, "{line}");
    }
    assert_eq!(folder.done(&["list"]), "");
    let needed = "one of --policy, --read-only, --bucket and --none is needed".to_owned();
    assert_eq!(folder.refused(&["set-policy", "AK"]), (needed, 2));
    let unknown = ("there is no access key AK".to_owned(), 1);
    assert_eq!(folder.refused(&["set-policy", "AK", "--none"]), unknown);
    assert_eq!(folder.refused(&["show", "AK"]), unknown);
}

#[test]
fn sessions_outlive_a_restart_and_end_all_at_once_when_asked_to() {
    let folder = Folder::with_buckets();
    let none = folder.done(&["end-sessions"]);
    assert_eq!(none, "no session ever began in this store\n");
    let (server, endpoint) = folder.serve();
    let session = S3 { endpoint }.session(None);
    assert!(server.stop().unwrap());
    let list = |expected: u16| {
        let (server, endpoint) = folder.serve();
        let s3 = S3 { endpoint };
        let answer = s3.in_session(&session).request("GET", "/").expect(expected);
        // Its key stays.
        s3.request("GET", "/").expect(200);
        assert!(server.stop().unwrap());
        answer
    };
    list(200);
    let ended = folder.done(&["end-sessions"]);
    assert!(ended.starts_with("all sessions are ended"), "{ended}");
    list(400).into_error(400, "InvalidToken");
}

#[test]
fn a_session_that_the_secret_key_before_began_ends_with_it() {
    let folder = Folder::with_buckets();
    let mut variables = folder.variables();
    variables.push((
        "BLEEPSTORE_SECRET_KEY_PREVIOUS",
        "the/secret+key+before".to_owned(),
    ));
    let (server, endpoint) = program::serve("bleepstore", variables);
    let with_previous = Endpoint {
        secret_key: "the/secret+key+before".to_owned(),
        ..endpoint.clone()
    };
    let [before, now] = [with_previous, endpoint].map(|endpoint| S3 { endpoint }.session(None));
    assert!(server.stop().unwrap());
    let (server, endpoint) = folder.serve();
    let s3 = S3 { endpoint };
    s3.in_session(&now).request("GET", "/").expect(200);
    s3.in_session(&before)
        .request("GET", "/")
        .expect_error(400, "InvalidToken");
    assert!(server.stop().unwrap());
}

#[test]
fn roles_for_tokens_of_others_are_read_at_the_start_and_a_wrong_one_is_one_line() {
    let folder = Folder::with_buckets();
    let start = |oidc: &str| {
        let mut variables = folder.variables();
        variables.push(("BLEEPSTORE_OIDC", oidc.to_owned()));
        variables.push(("BLEEPSTORE_LISTEN", "127.0.0.1:0".to_owned()));
        let ran = program::run("bleepstore", &variables, &["serve"]);
        assert_eq!((ran.code, ran.error.lines().count()), (2, 1), "{}", ran.error);
        ran.error
    };
    let wrong = start(r#"[{"role": "ci"}]"#);
    assert!(wrong.contains("--oidc: role ci: missing field"), "{wrong}");
    let file = folder.file("roles.json", "[");
    assert!(start(&file).contains("roles.json"), "{file}");
    // What others may write is not believed.
    fs::write(&file, "[]").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o622)).unwrap();
    let mut variables = folder.variables();
    variables.push(("BLEEPSTORE_OIDC", file));
    let ran = program::run("bleepstore", &variables, &["serve"]);
    assert!(
        ran.code == 2 && ran.error.contains("--oidc: ") && ran.error.contains("can be changed by others"),
        "{}",
        ran.error
    );
}
