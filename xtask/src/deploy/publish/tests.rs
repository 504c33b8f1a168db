use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};

use super::*;

/// A deployment service that answers one request after the other with these, and tells what it was asked.
fn answering(answers: Vec<(u16, &'static str)>) -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/publish", listener.local_addr().unwrap());
    let (send, asked) = mpsc::channel();
    thread::spawn(move || {
        for (status, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            send.send(Asked::read(&mut BufReader::new(&stream))).unwrap();
            let head = format!(
                "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            (&stream).write_all((head + body).as_bytes()).unwrap();
        }
    });
    (url, asked)
}

#[derive(Debug)]
struct Asked {
    line: String,
    /// In lower case.
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Asked {
    fn read(stream: &mut impl BufRead) -> Self {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let line = lines.remove(0);
        let headers: Vec<String> = lines.iter().map(|line| line.to_lowercase()).collect();
        let length = headers
            .iter()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).unwrap();
        Self { line, headers, body }
    }
}

const PACKAGE: &[u8] = b"PK\x03\x04\0\r\n a zip";

/// Publishes to this service without sleeping; how it ended, and each wait.
fn published(url: &str) -> (Check, Vec<Duration>) {
    let port = url.trim_end_matches("/api/publish").rsplit(':').next().unwrap();
    let package = std::env::temp_dir().join(format!("bleepstore-publish-{}-{port}.zip", std::process::id()));
    fs::write(&package, PACKAGE).unwrap();
    let mut waits = Vec::new();
    let mut publishing = Publishing {
        url,
        package: &package,
        more: &["--noproxy", "*"],
        token: &|| Ok("a-token".to_owned()),
        wait: &mut |wait| waits.push(wait),
    };
    let ended = publishing.run();
    fs::remove_file(package).unwrap();
    (ended, waits)
}

const TAKEN: (u16, &str) = (202, "\"6a1e-4b\"");
const FORBIDDEN: (u16, &str) = (403, "not authorized");
const UNDER_WAY: (u16, &str) = (200, "{\"status\":1,\"status_text\":\"\"}");
const DONE: (u16, &str) = (200, "{\"status\":4,\"status_text\":\"\"}");

#[test]
fn a_package_is_posted_again_until_its_roles_are_known_and_followed_to_its_end() {
    let (url, asked) = answering(vec![
        FORBIDDEN,
        (503, ""),
        TAKEN,
        (404, "not found"),
        UNDER_WAY,
        (
            200,
            "{\"status\":3,\"status_text\":\"Azure Storage responded with 403 (Forbidden)\"}",
        ),
        TAKEN,
        UNDER_WAY,
        DONE,
    ]);
    let (ended, waits) = published(&url);
    assert_eq!(ended, Ok(()));
    let asked: Vec<Asked> = asked.try_iter().collect();
    let (post, look) = (
        "POST /api/publish HTTP/1.1",
        "GET /api/deployments/6a1e-4b HTTP/1.1",
    );
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(lines, [post, post, post, look, look, look, post, look, look]);
    for asked in &asked {
        assert!(
            asked
                .headers
                .iter()
                .any(|line| line == "authorization: bearer a-token"),
            "{asked:?}"
        );
        let is_post = asked.line == post;
        assert_eq!(asked.body, if is_post { PACKAGE } else { b"" });
        assert_eq!(
            asked
                .headers
                .iter()
                .any(|line| line == "content-type: application/zip"),
            is_post
        );
    }
    // One after each of the three failures, and one between two looks.
    assert_eq!(waits.len(), 6, "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT), "{waits:?}");
}

#[test]
fn so_many_refusals_end_it_and_the_last_one_is_told() {
    let tries = usize::try_from(TRIES).unwrap();
    let (url, asked) = answering(vec![FORBIDDEN; tries]);
    let (ended, waits) = published(&url);
    assert_eq!(
        ended,
        Err(format!(
            "the package is not published after {TRIES} tries: {url} answered 403: not authorized\n\
             What was applied stays. Run this again."
        ))
    );
    assert_eq!((asked.try_iter().count(), waits.len()), (tries, tries - 1));
    assert!(
        waits.iter().sum::<Duration>() < Duration::from_secs(400),
        "{waits:?}"
    );
}

#[test]
fn what_will_be_refused_again_is_not_sent_again() {
    for answers in [
        vec![(415, "not a zip")],
        vec![(202, "\"../../other\"")],
        vec![TAKEN, (200, "{\"status\":6,\"status_text\":\"some of it\"}")],
    ] {
        let times = answers.len();
        let (url, asked) = answering(answers);
        let (ended, _) = published(&url);
        assert!(ended.unwrap_err().starts_with("the package is not published: "));
        assert_eq!(asked.try_iter().count(), times);
    }
}

#[test]
fn a_deployment_that_was_seen_and_is_forgotten_is_over() {
    let (url, asked) = answering(vec![TAKEN, UNDER_WAY, (404, "")]);
    assert_eq!(published(&url), (Ok(()), vec![LOOK]));
    assert_eq!(asked.try_iter().count(), 3);
}

#[test]
fn a_package_whose_end_is_never_told_is_not_posted_again() {
    let looks = usize::try_from(LOOKS).unwrap();
    let (url, asked) = answering([vec![TAKEN], vec![UNDER_WAY; looks]].concat());
    let (ended, waits) = published(&url);
    assert_eq!(
        ended,
        Err(format!(
            "the package is not published: it was taken, and {} told no end, so it may be later. \
             Run this again.",
            url.replace("publish", "deployments/6a1e-4b")
        ))
    );
    assert_eq!((asked.try_iter().count(), waits), (1 + looks, vec![LOOK; looks]));
}

#[test]
fn a_service_that_cannot_be_reached_is_asked_again() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (ended, waits) = published(&format!("http://{free}/api/publish"));
    assert!(ended.unwrap_err().contains("curl"));
    assert_eq!(waits.len(), usize::try_from(TRIES).unwrap() - 1);
}

#[test]
fn nobody_sees_the_token_among_the_arguments() {
    let publishing = Publishing {
        url: "https://example.scm.azurewebsites.net/api/publish",
        package: Path::new("/package.zip"),
        more: &[],
        token: &|| Ok("a-token".to_owned()),
        wait: &mut |_| {},
    };
    let post = publishing.posting();
    assert!(
        post.get_args()
            .all(|argument| !argument.to_string_lossy().contains("token"))
    );
}

#[test]
fn waits_grow_up_to_the_longest_and_differ() {
    for tries in 1..=TRIES {
        let whole = FIRST_WAIT.saturating_mul(1 << (tries - 1)).min(LONGEST_WAIT);
        let waits: Vec<Duration> = (0..20).map(|_| back_off(tries)).collect();
        assert!(
            waits.iter().all(|wait| (whole / 2..=whole).contains(wait)),
            "{waits:?}"
        );
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    }
}
