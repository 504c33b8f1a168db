//! `cargo xtask verify-cloud`: the questions of docs/verify-on-a-real-cloud.md, which `xtask/verify_cloud` asks.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::report::{Tally, counted, missing};
use crate::run::root;
use crate::{python, sdk};

const TESTS: &str = "tests/verify_cloud";

/// Asks the questions. Credentials stay in the environment.
pub(crate) fn verify_cloud(arguments: &[String]) -> ExitCode {
    // What only prints needs no clients, and so no network to install them.
    let only_prints = |argument: &String| matches!(argument.as_str(), "--list" | "--help" | "-h");
    let python = if arguments.iter().any(only_prints) {
        Ok(PathBuf::from("python3"))
    } else {
        python::environment("venv", "tests/sdk/requirements.txt")
    };
    let complaint = match python {
        // In the place of this process: Ctrl-C is for the script alone, which then removes what it made.
        Ok(python) => format!("{}: {}", python.display(), script(&python, arguments).exec()),
        Err(complaint) => complaint,
    };
    eprintln!("xtask: {complaint}");
    ExitCode::FAILURE
}

fn script(python: &Path, arguments: &[String]) -> Command {
    let mut script = Command::new(python);
    script
        .arg(root().join("xtask/verify_cloud"))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    script
}

/// Tests the script against the local server, alone and with fronts before it that change what they pass on.
pub(crate) fn check(python: &Result<PathBuf, String>, strict: bool) -> Tally {
    match python {
        Ok(python) => {
            sdk::against_the_local_server(python, TESTS).unwrap_or_else(|complaint| counted(Err(complaint)))
        }
        Err(reason) => missing(TESTS, reason, strict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::output;

    #[test]
    fn the_questions_are_listed_without_any_client_and_each_has_its_check_or_is_asked_by_hand() {
        let arguments = ["azure", "--list"].map(str::to_owned);
        let listed = output(&mut script(Path::new("python3"), &arguments)).unwrap();
        let lines: Vec<&str> = listed.lines().collect();
        assert!(
            lines.contains(&"head-length (aws, gcp, azure): Which length does HEAD tell?"),
            "{listed}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("glibc (azure, by hand): ")),
            "{listed}"
        );
        assert!(!lines.iter().any(|line| line.starts_with("sigterm ")), "{listed}");
    }
}
