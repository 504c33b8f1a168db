//! Folders of apps: what is refused of them, and one that is started.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::FunctionsHost;
use super::super::app::App;

/// A handler that tells what it was started with, and answers a timer with what was posted.
const HANDLER: &str = r#"#!/usr/bin/env python3
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        names = ["BLEEPSTORE_REGION", "FUNCTIONS_WORKER_RUNTIME"]
        self.answer([self.path, os.getcwd(), sys.argv[1:], [os.environ[name] for name in names]])

    def do_POST(self):
        posted = b""
        while length := int(self.rfile.readline(), 16):
            posted += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        if "fail" in sys.argv:
            self.send_error(500)
        else:
            name = json.loads(posted)["Metadata"]["sys"]["MethodName"]
            self.answer({"Outputs": {}, "Logs": [name, self.path], "ReturnValue": None})

HTTPServer(("127.0.0.1", int(os.environ["FUNCTIONS_CUSTOMHANDLER_PORT"])), Handler).serve_forever()
"#;

struct Folder {
    host: Value,
    s3: Value,
    timer: Value,
}

impl Folder {
    /// What the host takes.
    fn good() -> Self {
        Self {
            host: json!({
                "version": "2.0",
                "extensions": {"http": {"routePrefix": ""}},
                "customHandler": {
                    "description": {"defaultExecutablePath": "handler", "arguments": ["one"]},
                    "enableProxyingHttpRequest": true,
                },
            }),
            s3: json!({"bindings": [
                {"type": "httpTrigger", "direction": "in", "name": "request", "authLevel": "anonymous", "route": "{*path}"},
                {"type": "http", "direction": "out", "name": "$return"},
            ]}),
            timer: json!({"bindings": [
                {"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "0 */15 * * * *"},
            ]}),
        }
    }

    fn changed(change: impl FnOnce(&mut Self)) -> Self {
        let mut folder = Self::good();
        change(&mut folder);
        folder
    }

    fn written(&self) -> TempDir {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        write("host.json", &self.host.to_string());
        write("s3/function.json", &self.s3.to_string());
        write("gc/function.json", &self.timer.to_string());
        write("handler", HANDLER);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path().join("handler"), executable).unwrap();
        folder
    }
}

fn read(folder: &Path) -> Result<App, String> {
    let settings = [("SCHEDULE".to_owned(), "0 0 * * * *".to_owned())];
    App::read(folder, &settings).map_err(|error| error.to_string())
}

fn refusal(change: impl FnOnce(&mut Folder)) -> String {
    read(Folder::changed(change).written().path()).unwrap_err()
}

#[test]
fn a_folder_is_read() {
    let folder = Folder::good().written();
    let app = read(folder.path()).unwrap();
    assert_eq!((app.timer.as_str(), app.timer_binding.as_str()), ("gc", "timer"));
    assert_eq!((app.prefix.as_str(), app.arguments), ("", vec!["one".to_owned()]));
    assert_eq!(app.start_within.as_secs(), 30);
    assert!(app.executable.ends_with("handler"));
}

#[test]
fn what_the_host_has_by_default_is_read_so() {
    let changed = Folder::changed(|folder| {
        folder.host["extensions"].take();
        folder.host["customHandler"]["initializationTimeout"] = "00:01:05".into();
        folder.timer["bindings"][0]["schedule"] = "%SCHEDULE%".into();
    });
    let app = read(changed.written().path()).unwrap();
    assert_eq!((app.prefix.as_str(), app.start_within.as_secs()), ("api", 65));
}

#[test]
fn what_the_host_would_not_accept_is_refused() {
    for (refusal, text) in [
        (
            refusal(|of| of.host["version"] = "1.0".into()),
            "version is not 2.0",
        ),
        (
            refusal(|of| drop(of.host["customHandler"].take())),
            "no description",
        ),
        (
            refusal(|of| of.host["customHandler"]["enableProxyingHttpRequest"] = false.into()),
            "would not be proxied",
        ),
        (
            refusal(|of| of.host["customHandler"]["description"]["defaultExecutablePath"] = "absent".into()),
            "absent: No such file",
        ),
        (
            refusal(|of| {
                of.host["customHandler"]["description"]["defaultExecutablePath"] = "host.json".into()
            }),
            "is not executable",
        ),
        (
            refusal(|of| drop(of.s3["bindings"][1].take())),
            "a binding without name",
        ),
        (
            refusal(|of| of.s3["bindings"][1]["type"] = "queue".into()),
            "not one output of type http",
        ),
        (
            refusal(|of| {
                let output = of.s3["bindings"][1].clone();
                of.s3["bindings"].as_array_mut().unwrap().push(output);
            }),
            "not one output of type http",
        ),
        (
            refusal(|of| of.s3["bindings"][0]["authLevel"] = "function".into()),
            "would need a key",
        ),
        (
            refusal(|of| of.s3["bindings"][0]["route"] = "{path}".into()),
            "does not take every path",
        ),
        (
            refusal(|of| {
                of.s3["bindings"][0]["methods"] = json!(["GET", "PUT", "post", "delete", "options"])
            }),
            "the method head is not taken",
        ),
        (
            refusal(|of| of.timer["bindings"][0]["schedule"] = "%ABSENT%".into()),
            "is no schedule",
        ),
        (
            refusal(|of| of.timer["bindings"][0]["schedule"] = "hourly".into()),
            "is no schedule",
        ),
        (
            refusal(|of| of.timer["bindings"][0]["type"] = "queueTrigger".into()),
            "not one function with a timerTrigger",
        ),
    ] {
        assert!(refusal.contains(text), "{refusal:?} has no {text:?}");
    }
    let folder = Folder::good().written();
    std::fs::rename(folder.path().join("gc"), folder.path().join("1gc")).unwrap();
    assert!(read(folder.path()).unwrap_err().contains("not a function's name"));
}

#[test]
fn an_app_is_started_in_its_folder_reached_fired_and_stopped() {
    let folder = Folder::good().written();
    let host = FunctionsHost::start(folder.path(), vec![("BLEEPSTORE_REGION", "eu-north-1")]).unwrap();
    let mut client = crate::http::Connection::open(host.address(), crate::http::Front::Nothing);
    client.write(b"GET /b/a%2Fb HTTP/1.1\r\nhost: h\r\n\r\n");
    let told: Value = serde_json::from_slice(&client.read_response("GET").body).unwrap();
    let here = folder.path().canonicalize().unwrap();
    let expected = json!(["/b/a/b", here, ["one"], ["eu-north-1", "custom"]]);
    assert_eq!(told, expected);
    let fired = host.fire_timer().unwrap();
    assert_eq!((fired.status.as_u16(), &fired.failure), (200, &None));
    let answer: Value = serde_json::from_slice(&fired.body).unwrap();
    assert_eq!(answer["Logs"], json!(["gc", "/gc"]));
    let handler = host.handler();
    host.stop().unwrap();
    assert!(std::net::TcpStream::connect(handler).is_err());
}

#[test]
fn an_answer_to_the_timer_that_the_host_counts_as_a_failure_says_why() {
    let folder = Folder::changed(|folder| {
        folder.host["customHandler"]["description"]["arguments"] = json!(["fail"]);
    });
    let folder = folder.written();
    let host = FunctionsHost::start(folder.path(), vec![("BLEEPSTORE_REGION", "a")]).unwrap();
    let fired = host.fire_timer().unwrap();
    assert_eq!(fired.status.as_u16(), 500);
    assert_eq!(fired.failure.unwrap(), "the status is 500 Internal Server Error");
}

#[test]
fn a_handler_that_ends_at_once_is_told() {
    let folder = Folder::good().written();
    // Without the setting that it reads when it is asked, it would start; without a port it does not.
    std::fs::write(folder.path().join("handler"), "#!/bin/sh\nexit 3\n").unwrap();
    let settings: Vec<(&str, &str)> = Vec::new();
    let Err(error) = FunctionsHost::start(folder.path(), settings) else {
        panic!("it started");
    };
    assert!(error.to_string().contains("ended before it listened"), "{error}");
}
