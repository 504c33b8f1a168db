//! What an apply makes is not known everywhere at once: roles above all, and Google's services that were just switched
//! on.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::report::Check;

/// How many seconds are waited at most before each further attempt: eight minutes in all.
const WAITS: [u64; 5] = [20, 40, 80, 160, 180];

/// What clouds answer until they know. Any other failure ends a deployment.
const SIGNS: [&str; 9] = [
    // AWS
    "cannot be assumed by Lambda",
    "must allow AWS EventBridge Scheduler to assume the role",
    "ECS was unable to assume the role",
    // Google Cloud
    "Permission denied on secret",
    "SERVICE_DISABLED",
    "has not been used in project",
    // Azure
    "ForbiddenByRbac",
    "AuthorizationPermissionMismatch",
    "PrincipalNotFound",
];

/// A program that failed.
#[derive(Debug)]
pub(super) struct Failed {
    complaint: String,
    /// What it printed on standard error.
    said: String,
}

impl From<String> for Failed {
    fn from(complaint: String) -> Self {
        let said = String::new();
        Self { complaint, said }
    }
}

/// Runs a program with its output shown.
pub(super) fn told(command: &mut Command) -> Result<(), Failed> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("{name} cannot be run: {error}");
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(failed)?;
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line);
            eprint!("{text}");
            said.push_str(&text);
            line.clear();
        }
    }
    match child.wait().map_err(failed)? {
        status if status.success() => Ok(()),
        status => Err(Failed {
            complaint: format!("{name} ended with {status}"),
            said,
        }),
    }
}

/// Tries until it succeeds, fails for another reason than a race, or no wait is left. `again` is false the first time.
pub(super) fn outlasted(
    mut attempt: impl FnMut(bool) -> Result<(), Failed>,
    mut sleep: impl FnMut(Duration),
) -> Check {
    let mut ended = attempt(false);
    for most in WAITS {
        let Err(failed) = &ended else { return Ok(()) };
        let Some(sign) = race(&failed.said) else { break };
        let wait = jittered(Duration::from_secs(most));
        println!(
            "\n“{sign}”: what was just made is not known everywhere yet. Again in {} seconds.",
            wait.as_secs()
        );
        sleep(wait);
        ended = attempt(true);
    }
    ended.map_err(|failed| match race(&failed.said) {
        None => failed.complaint,
        Some(sign) => format!(
            "{}\nAfter {} attempts it is still “{sign}”. Run the same command again later: it goes on where this one ended.",
            failed.complaint,
            WAITS.len() + 1
        ),
    })
}

fn race(said: &str) -> Option<&'static str> {
    // Terraform wraps its errors, and draws a line beside them.
    let words = said.split_whitespace().filter(|word| *word != "│");
    let said = words.collect::<Vec<_>>().join(" ");
    SIGNS.into_iter().find(|sign| said.contains(sign))
}

/// Half of this at least, and how much more is left to chance.
pub(super) fn jittered(most: Duration) -> Duration {
    let chance = RandomState::new().hash_one(most) % 1_000;
    let parts = u32::try_from(chance).unwrap_or_default() + 1_000;
    most * parts / 2_000
}

/// What a plan, as `terraform show -json` has it, would change.
pub(super) fn changes(plan: &Value) -> BTreeSet<String> {
    let changes = plan["resource_changes"].as_array().into_iter().flatten();
    changes
        .filter(|change| change["change"]["actions"] != serde_json::json!(["no-op"]))
        .filter(|change| change["change"]["actions"] != serde_json::json!(["read"]))
        .map(|change| format!("{} {}", change["address"], change["change"]["actions"]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(said: &str) -> Failed {
        Failed {
            complaint: "terraform ended".to_owned(),
            said: said.to_owned(),
        }
    }

    /// How it ended, how many attempts were made, and what was waited.
    fn outlast(mut answers: Vec<Result<(), Failed>>) -> (Check, usize, Vec<Duration>) {
        let (mut attempts, mut waited) = (0, Vec::new());
        let ended = outlasted(
            |again| {
                assert_eq!(again, attempts > 0);
                attempts += 1;
                answers.remove(0)
            },
            |wait| waited.push(wait),
        );
        (ended, attempts, waited)
    }

    #[test]
    fn a_role_that_is_not_known_yet_is_waited_for() {
        let wrapped = "╷\n│ Error: Permission denied on\n│ secret: projects/1/secrets/x\n╵\n";
        let (ended, attempts, waited) = outlast(vec![Err(failed(wrapped)), Err(failed(wrapped)), Ok(())]);
        assert_eq!((ended, attempts), (Ok(()), 3));
        assert!((10..=20).contains(&waited[0].as_secs()), "{waited:?}");
        assert!((20..=40).contains(&waited[1].as_secs()), "{waited:?}");
    }

    #[test]
    fn another_failure_is_not_tried_again() {
        let (ended, attempts, _) = outlast(vec![Err(failed("Error: quota exceeded"))]);
        assert_eq!((ended, attempts), (Err("terraform ended".to_owned()), 1));
    }

    #[test]
    fn waiting_comes_to_an_end() {
        let answers = (0..=WAITS.len()).map(|_| Err(failed("ForbiddenByRbac")));
        let (ended, attempts, waited) = outlast(answers.collect());
        assert!(ended.unwrap_err().contains("Run the same command again later"));
        assert_eq!(attempts, WAITS.len() + 1);
        assert!(waited.iter().sum::<Duration>() <= Duration::from_secs(480));
    }

    #[test]
    fn what_a_program_says_of_its_failure_is_kept() {
        let ended = told(Command::new("sh").args(["-c", "echo ForbiddenByRbac >&2; exit 3"]));
        let failed = ended.unwrap_err();
        assert_eq!(race(&failed.said), Some("ForbiddenByRbac"));
        assert!(
            failed.complaint.starts_with("sh ended with"),
            "{}",
            failed.complaint
        );
    }

    #[test]
    fn what_stays_and_what_is_only_read_is_no_change() {
        let of = |address: &str, action: &str| serde_json::json!({ "address": address, "change": { "actions": [action] } });
        let plan = serde_json::json!({ "resource_changes": [of("a", "no-op"), of("b", "create"), of("data.c", "read")] });
        assert_eq!(changes(&plan), BTreeSet::from(["\"b\" [\"create\"]".to_owned()]));
    }
}
