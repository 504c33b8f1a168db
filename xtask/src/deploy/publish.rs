//! How the package of a function app gets to Azure: One Deploy, the one way that a flex consumption plan has
//! (<https://learn.microsoft.com/azure/azure-functions/functions-deployment-technologies#one-deploy>).
//!
//! The package is posted to the site's deployment service, which stores it as the identity of the app, and is asked
//! what became of it. Both sides sign in by Microsoft Entra ID, and new roles take minutes to be known everywhere:
//! until then either is refused.

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::is_there;
use super::races::jittered;
use crate::report::Check;
use crate::run::output;

/// How often a package is posted at most: together these wait six minutes at most.
const TRIES: u32 = 10;
/// The wait after the first try; each one after it is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often the deployment service is asked about one package, and the wait between two times.
const LOOKS: u32 = 200;
const LOOK: Duration = Duration::from_secs(3);

/// What one request may take: the service answers once it has the package.
const REQUEST_SECONDS: &str = "600";

/// Whether what publishing needs beside `az` is there, and someone is signed in.
pub(super) fn is_ready() -> Check {
    is_there(
        Command::new("curl").arg("--version"),
        "curl, which publishes the package,",
    )?;
    token().map(drop)
}

/// Publishes the package as whoever is signed in.
pub(super) fn publish(url: &str, package: &Path) -> Check {
    let mut publishing = Publishing {
        url,
        package,
        more: &[],
        token: &token,
        wait: &mut thread::sleep,
    };
    publishing.run()
}

/// A token for Azure's management, which the deployment service takes too.
fn token() -> Result<String, String> {
    let mut az = Command::new("az");
    az.args([
        "account",
        "get-access-token",
        "--query",
        "accessToken",
        "--output",
        "tsv",
    ]);
    if let Ok(subscription) = env::var("ARM_SUBSCRIPTION_ID") {
        az.args(["--subscription", &subscription]);
    }
    let token = output(&mut az).map_err(|error| format!("{error}\nSign in with az login."))?;
    Ok(token.trim().to_owned())
}

struct Publishing<'a> {
    /// Where the package is posted to: `https://{site of the deployment service}/api/publish`.
    url: &'a str,
    package: &'a Path,
    /// Further arguments of curl.
    more: &'a [&'a str],
    token: &'a dyn Fn() -> Result<String, String>,
    wait: &'a mut dyn FnMut(Duration),
}

/// Why a package is not published.
enum Refusal {
    /// For now: a role that is not known yet, a service that starts, a deployment that is under way.
    ForNow(String),
    ForGood(String),
}

use Refusal::{ForGood, ForNow};

struct Answer {
    status: u16,
    body: String,
}

impl Publishing<'_> {
    fn run(&mut self) -> Check {
        let mut tries = 1;
        loop {
            let reason = match self.once() {
                Ok(()) => return Ok(()),
                Err(ForGood(reason)) => return Err(format!("the package is not published: {reason}")),
                Err(ForNow(reason)) if tries == TRIES => {
                    return Err(format!(
                        "the package is not published after {TRIES} tries: {reason}\nWhat was applied stays. Run this again."
                    ));
                }
                Err(ForNow(reason)) => reason,
            };
            println!("The package is not published yet ({reason}). Once more.");
            (self.wait)(back_off(tries));
            tries += 1;
        }
    }

    fn once(&mut self) -> Result<(), Refusal> {
        let token = (self.token)().map_err(ForGood)?;
        let answer = sent(&mut self.posting(), &token).map_err(ForNow)?;
        let said = || format!("{} answered {}: {}", self.url, answer.status, answer.body.trim());
        match answer.status {
            200 | 202 => {}
            401 | 403 | 404 | 408 | 409 | 429 | 500.. => return Err(ForNow(said())),
            _ => return Err(ForGood(said())),
        }
        let id = answer.body.trim().trim_matches('"').to_owned();
        if id.is_empty() || !id.chars().all(|char| char.is_ascii_alphanumeric() || char == '-') {
            return Err(ForGood(said()));
        }
        self.ended(&id, &token)
    }

    /// Waits for the end of a deployment.
    fn ended(&mut self, id: &str, token: &str) -> Result<(), Refusal> {
        let service = self.url.trim_end_matches("publish");
        let url = format!("{service}deployments/{id}");
        let mut was_seen = false;
        for _ in 0..LOOKS {
            if let Ok(answer) = sent(&mut self.curl(&url), token) {
                match (answer.status, serde_json::from_str::<Value>(&answer.body)) {
                    (200 | 202, Ok(told)) => match end(&told) {
                        Some(end) => return end,
                        None => was_seen = true,
                    },
                    // The service forgets a deployment that is over when it is started anew. Whether the program serves
                    // is seen next.
                    (404, _) if was_seen => return Ok(()),
                    _ => {}
                }
            }
            (self.wait)(LOOK);
        }
        // It may be under way still: what is posted again would end it.
        Err(ForGood(format!(
            "it was taken, and {url} told no end, so it may be later. Run this again."
        )))
    }

    fn posting(&self) -> Command {
        let mut curl = self.curl(self.url);
        curl.args(["--request", "POST", "--header", "Content-Type: application/zip"])
            // Sent at once: some proxies do not answer it.
            .args(["--header", "Expect:", "--data-binary"])
            .arg(format!("@{}", self.package.display()));
        curl
    }

    /// Answers the body, and the status in a line of its own.
    fn curl(&self, url: &str) -> Command {
        let mut curl = Command::new("curl");
        curl.args([
            "--disable",
            "--silent",
            "--show-error",
            "--max-time",
            REQUEST_SECONDS,
        ])
        .args(["--write-out", "\\n%{http_code}", "--config", "-"])
        .args(self.more)
        .arg(url);
        curl
    }
}

/// What a deployment's number says, where it is over.
/// <https://github.com/projectkudu/kudu/blob/master/Kudu.Contracts/Deployment/DeployStatus.cs> has -1 to 6.
fn end(told: &Value) -> Option<Result<(), Refusal>> {
    let said = |what: &str| {
        format!(
            "the deployment {what}: {}",
            told["status_text"].as_str().unwrap_or_default()
        )
    };
    match told["status"].as_i64()? {
        0..=2 => None,
        4 => Some(Ok(())),
        // The package could not be stored, mostly: the app's identity has its role, and the storage does not know it
        // yet.
        3 => Some(Err(ForNow(said("failed")))),
        -1 | 5 => Some(Err(ForNow(said("was ended by another one")))),
        _ => Some(Err(ForGood(said("ended otherwise")))),
    }
}

/// What was answered to a call of curl, which is told the token where nobody else sees it.
fn sent(curl: &mut Command, token: &str) -> Result<Answer, String> {
    let failed = |error: std::io::Error| format!("curl: {error}");
    curl.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = curl.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        writeln!(stdin, "header = \"Authorization: Bearer {token}\"").map_err(failed)?;
    }
    let ended = child.wait_with_output().map_err(failed)?;
    if !ended.status.success() {
        return Err(String::from_utf8_lossy(&ended.stderr).trim().to_owned());
    }
    let printed = String::from_utf8_lossy(&ended.stdout);
    let (body, status) = printed.rsplit_once('\n').unwrap_or_default();
    Ok(Answer {
        status: status
            .parse()
            .map_err(|_| format!("curl told no status: {printed}"))?,
        body: body.to_owned(),
    })
}

/// How long to wait after so many tries.
fn back_off(tries: u32) -> Duration {
    let whole = FIRST_WAIT
        .saturating_mul(1 << (tries - 1).min(8))
        .min(LONGEST_WAIT);
    jittered(whole)
}

#[cfg(test)]
mod tests;
