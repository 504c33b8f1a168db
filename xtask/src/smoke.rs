//! A look at whether an endpoint serves, with a stock client: `tests/sdk/smoke.py`.

use std::path::Path;
use std::process::Command;

use crate::report::Check;
use crate::run::{root, succeeds};

/// An endpoint, and who signs what is asked of it.
pub(crate) struct Served<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) region: &'a str,
    pub(crate) access_key: &'a str,
    pub(crate) secret_key: &'a str,
}

impl Served<'_> {
    /// Waits until it answers, for five minutes at most; creates, puts, gets, heads, lists and deletes over it. `python` is one
    /// with `tests/sdk/requirements.txt`.
    pub(crate) fn smoke(&self, python: &Path) -> Check {
        let mut client = Command::new(python);
        client
            .arg(root().join("tests/sdk/smoke.py"))
            .arg(self.endpoint)
            .env("AWS_ACCESS_KEY_ID", self.access_key)
            .env("AWS_SECRET_ACCESS_KEY", self.secret_key)
            .env("AWS_DEFAULT_REGION", self.region)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN");
        succeeds(&mut client)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::process::{Command, Output};
    use std::sync::mpsc::{self, Receiver};
    use std::thread;

    use crate::run::root;

    /// An endpoint that answers one connection after the other with these, an empty one by closing it; what it is asked.
    fn answering(answers: Vec<&'static str>) -> (String, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (send, asked) = mpsc::channel();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                send.send(line).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        (endpoint, asked)
    }

    fn assert_asked(asked: &Receiver<String>, times: usize) {
        let asked: Vec<String> = asked.try_iter().collect();
        assert_eq!(asked, vec!["GET /_bleepstore/health HTTP/1.1\r\n"; times]);
    }

    const WELL: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"status\":\"ok\"}";
    const FORBIDDEN: &str = "HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n{\"Message\":\"Forbidden\"}";
    const STARTING: &str = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n";

    /// Waits, on a clock that goes on by a minute with each look, and without sleeping.
    fn waited(endpoint: &str) -> Output {
        let wait = format!(
            "import itertools, waiting; minutes = itertools.count(0, 60)\n\
             waiting.until_it_answers({endpoint:?}, clock=lambda: next(minutes), sleep=lambda seconds: None)"
        );
        let mut python = Command::new("python3");
        python.current_dir(root().join("tests/sdk")).args(["-c", &wait]);
        python.env("PYTHONDONTWRITEBYTECODE", "1").env("no_proxy", "*");
        python.output().unwrap()
    }

    #[test]
    fn an_endpoint_is_waited_for_until_it_is_well_three_times_in_a_row() {
        let (endpoint, asked) = answering(vec!["", STARTING, WELL, FORBIDDEN, WELL, WELL, WELL]);
        let waited = waited(&endpoint);
        assert!(
            waited.status.success(),
            "{}",
            String::from_utf8_lossy(&waited.stderr)
        );
        assert_asked(&asked, 7);
    }

    #[test]
    fn an_endpoint_is_waited_for_five_minutes_and_its_last_answer_is_told() {
        let (endpoint, asked) = answering(vec![STARTING, STARTING, STARTING, STARTING, FORBIDDEN]);
        let waited = waited(&endpoint);
        assert_eq!(waited.status.code(), Some(1));
        assert_eq!(
            String::from_utf8_lossy(&waited.stderr),
            format!("{endpoint} does not serve after 300 seconds: 403 Forbidden. What was applied stays.\n")
        );
        assert_asked(&asked, 5);
    }
}
