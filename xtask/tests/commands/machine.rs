//! A machine on which `cargo xtask` finds stand-ins for what it runs, which write down what they are asked for.

use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What each stand-in does first. Nothing but the shell itself: there are no other programs.
const RECORD: &str = "#!/bin/sh\nprintf '%s\\n' \"${0##*/} $*\" >> \"$RECORD\"\n";

/// Terraform. It asks nobody, refuses where a user who is asked says no, and takes no arguments from the environment.
const TERRAFORM: &str = "\
test \"$1\" = version || test -z \"$TF_CLI_ARGS$TF_CLI_ARGS_plan$TF_CLI_ARGS_apply$TF_CLI_ARGS_destroy\" || exit 1
for argument; do
    case \"$argument\" in -out=*) printf 'the plan' > \"${argument#-out=}\" ;; esac
done
case \"$1\" in
    \"$REFUSED\") exit 1 ;;
    show) printf '%s' \"$PLANNED\" ;;
    output) printf '%s' \"$OUTPUTS\" ;;
    state) printf '%s' \"$STATE\" ;;
    console) read -r asked; printf '%s' \"${CONSOLE:-false}\" ;;
esac
";

/// What is protected on the clouds, as a state has it.
const STATE: &str = "\
aws_dynamodb_table.metadata
aws_lb.http[0]
aws_s3_bucket.blobs
azurerm_management_lock.stored[\"blobs\"]
google_cloud_run_v2_service.bleepstore[0]
google_firestore_database.metadata
google_storage_bucket.blobs
";

/// skopeo, which signs in with what gcloud says and with nothing else.
const SKOPEO: &str = "\
case \"$1\" in
    login) printf 'the login' > \"$6\"; read -r token; test \"$token\" = 'of gcloud' ;;
esac
";

/// curl, which takes a package with the token of az and with nothing else, and says that it is published.
const CURL: &str = "\
case \"$*\" in
    --version) exit ;;
    *' POST '*) printf '\"6a-1e\"\\n202' ;;
    *) printf '{\"status\":4}\\n200' ;;
esac
read -r header
test \"$header\" = 'header = \"Authorization: Bearer of az\"'
";

/// cargo. A build makes what the fixture has for a program; the crates are those that there are.
const CARGO: &str = "\
case \"$1\" in
    build)
        for program; do :; done
        PATH=\"$REAL_PATH\"
        mkdir -p \"$CARGO_TARGET_DIR/lean\"
        cp \"$PROGRAM\" \"$CARGO_TARGET_DIR/lean/$program\" ;;
    *) HOME=\"$REAL_HOME\" PATH=\"$REAL_PATH\" exec \"$REAL_CARGO\" \"$@\" ;;
esac
";

/// The head of a 64-bit ELF program for x86_64 with nothing after it.
fn program() -> Vec<u8> {
    let mut program = vec![0; 64];
    program[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    for (at, value) in [(16, 2), (18, 62), (20, 1), (52, 64), (54, 56), (58, 64)] {
        program[at] = value;
    }
    program
}

/// How the command ended.
pub(crate) struct Ended {
    pub(crate) succeeded: bool,
    /// On standard output.
    pub(crate) said: String,
    /// On standard error.
    pub(crate) complained: String,
    /// What was run, with its arguments: a line for each.
    pub(crate) ran: Vec<String>,
}

/// The machine; its folder is removed in the end.
pub(crate) struct Machine {
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
    answer: &'static str,
}

impl Machine {
    /// One with all programs, and the settings and credentials that a cloud needs.
    pub(crate) fn complete(name: &str, cloud: &str) -> Self {
        let mut machine = Self::bare(name);
        for (program, does) in [
            ("terraform", TERRAFORM),
            ("cargo", CARGO),
            ("rustc", "printf 'rustc 1.0'\n"),
            ("python3", ""),
            ("skopeo", SKOPEO),
            ("aws", ""),
            ("gcloud", "printf 'of gcloud'\n"),
            ("az", "printf 'of az\\n'\n"),
            ("curl", CURL),
        ] {
            machine.install(program, does);
        }
        let variables: &[(&'static str, &str)] = match cloud {
            "aws" => &[("AWS_REGION", "eu-central-1"), ("AWS_PROFILE", "test")],
            "gcp" => &[
                ("TF_VAR_project", "example-project"),
                ("TF_VAR_region", "europe-west1"),
                ("GOOGLE_CREDENTIALS", "{}"),
            ],
            _ => &[
                ("TF_VAR_name", "example"),
                ("TF_VAR_location", "westeurope"),
                ("ARM_SUBSCRIPTION_ID", "1"),
                ("ARM_USE_MSI", "true"),
            ],
        };
        for (name, value) in variables {
            machine.set(name, value);
        }
        machine
    }

    /// One without programs, settings and credentials. `name` is that of the test.
    pub(crate) fn bare(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("bleepstore-machine-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::write(folder.join("program"), program()).unwrap();
        fs::write(folder.join("record"), "").unwrap();
        Self {
            folder,
            variables: Vec::new(),
            answer: "",
        }
    }

    /// Puts a program there, which writes itself down and then does this, in the shell's language.
    pub(crate) fn install(&self, name: &str, does: &str) {
        let file = self.folder.join("bin").join(name);
        fs::write(&file, format!("{RECORD}{does}")).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn uninstall(&self, name: &str) {
        fs::remove_file(self.folder.join("bin").join(name)).unwrap();
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.retain(|(set, _)| *set != name);
    }

    /// What is typed.
    pub(crate) fn answer(&mut self, line: &'static str) {
        self.answer = line;
    }

    /// What the command is told to build into.
    pub(crate) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Runs `cargo xtask` there.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Ended {
        let bin = self.folder.join("bin");
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", &bin)
            .env("HOME", &self.folder)
            .env("CARGO", bin.join("cargo"))
            .env("CARGO_TARGET_DIR", self.target())
            .env("RECORD", self.folder.join("record"))
            .env("PROGRAM", self.folder.join("program"))
            .env("OUTPUTS", "{}")
            .env("PLANNED", "{}")
            .env("STATE", STATE)
            .env("REFUSED", "nothing")
            .env("REAL_PATH", env::var_os("PATH").unwrap_or_default())
            .env("REAL_HOME", env::var_os("HOME").unwrap_or_default())
            .env("REAL_CARGO", env!("CARGO"));
        // Where the real cargo has its crates.
        for name in ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            command.envs(env::var_os(name).map(|value| (name, value)));
        }
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(self.answer.as_bytes())
            .unwrap();
        let ended = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let record = fs::read_to_string(self.folder.join("record")).unwrap();
        let target = self.target().display().to_string();
        Ended {
            succeeded: ended.status.success(),
            said: text(&ended.stdout),
            complained: text(&ended.stderr),
            ran: record
                .lines()
                .filter(|line| !line.starts_with("cargo ") && !line.starts_with("rustc "))
                .map(|line| line.replace(&target, "TARGET"))
                .collect(),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} is left behind: {error}", self.folder.display());
        }
    }
}
