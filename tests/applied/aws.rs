//! `infra/aws` applied to an emulated AWS, S3 served from what was applied, and all of it destroyed again:
//! `applied-aws FOLDER`, with a copy of the root that has been initialised. `cargo xtask infra-check` makes one.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use bleepstore_tests::emulators::{FunctionUrl, MiniStack, REGION, ServerProgram, binary};
use bleepstore_tests::http::encoding::pattern;
use bleepstore_tests::http::{Endpoint, Front, S3};
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Alarms are left out: MiniStack forgets most of their settings, so that a second plan would change them.
const VARIABLES: [&str; 3] = [
    "-var=package=package.zip",
    "-var=deletion_protection=false",
    "-var=alarms=false",
];

/// An archive with nothing in it: the emulator opens it, and never runs the function.
const EMPTY_ZIP: &[u8; 22] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("applied-aws takes the folder of the root");
        return ExitCode::from(2);
    };
    match run(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("applied-aws: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Outcome<()> {
    fs::write(folder.join("package.zip"), EMPTY_ZIP)?;
    let root = Root {
        folder,
        cloud: MiniStack::start()?,
    };
    root.terraform(&["apply", "-auto-approve"], &VARIABLES)?;
    let outputs: BTreeMap<String, Value> =
        serde_json::from_slice(&root.terraform(&["output", "-json"], &[])?)?;
    root.serve(&outputs)?;
    // Its exit code is 2 where anything would change.
    root.terraform(&["plan", "-detailed-exitcode"], &VARIABLES)?;
    root.terraform(&["destroy", "-auto-approve"], &VARIABLES)?;
    let left = String::from_utf8(root.terraform(&["state", "list"], &[])?)?;
    if !left.trim().is_empty() {
        return Err(format!("destroy left behind:\n{left}").into());
    }
    println!("infra/aws was applied to MiniStack, served S3, had nothing to change, and was destroyed");
    Ok(())
}

/// The root and the cloud that it is applied to.
struct Root<'a> {
    folder: &'a Path,
    cloud: MiniStack,
}

impl Root<'_> {
    /// What Terraform prints on standard output; an error with all that it said otherwise.
    fn terraform(&self, command: &[&str], variables: &[&str]) -> Outcome<Vec<u8>> {
        let mut terraform = Command::new("terraform");
        terraform.current_dir(self.folder).args(command).args(variables);
        if !variables.is_empty() {
            terraform.args(["-input=false", "-no-color"]);
        }
        let ended = terraform.envs(self.cloud.variables()).output()?;
        if ended.status.success() {
            return Ok(ended.stdout);
        }
        let said = [ended.stdout, ended.stderr].concat();
        Err(format!(
            "terraform {}: {}\n{}",
            command.join(" "),
            ended.status,
            String::from_utf8_lossy(&said)
        )
        .into())
    }

    /// Starts the program as Lambda would, with the environment that Terraform gives the function, and as a server.
    fn serve(&self, outputs: &BTreeMap<String, Value>) -> Outcome<()> {
        let variables = self.environment(outputs)?;
        let text = |name: &str| {
            outputs
                .get(name)
                .and_then(|output| output["value"].as_str())
                .unwrap_or_default()
        };
        let client = |address: SocketAddr| S3 {
            endpoint: Endpoint {
                address,
                region: text("region").to_owned(),
                access_key: text("access_key").to_owned(),
                secret_key: text("secret_key").to_owned(),
                front: Front::Nothing,
            },
        };
        if text("region") != REGION {
            return Err(format!("the output names the region {}", text("region")).into());
        }
        let function = FunctionUrl::start(&binary("bootstrap")?, 2, variables.clone())?;
        smoke(&client(function.address()));
        drop(function);
        let server = ServerProgram::start(&binary("bootstrap")?, variables)?;
        smoke(&client(server.address()));
        server.stop()?;
        Ok(())
    }

    /// The function's variables, and from the emulator only what Lambda gives every function: credentials. Where the
    /// emulator is takes the place of AWS's own addresses.
    fn environment(&self, outputs: &BTreeMap<String, Value>) -> Outcome<Vec<(&'static str, String)>> {
        let applied = outputs
            .get("environment")
            .and_then(|output| output["value"].as_object());
        let applied = applied.ok_or("the root has no output named environment")?;
        let mut variables: Vec<(&'static str, String)> = self
            .cloud
            .variables()
            .into_iter()
            .filter(|(name, _)| name.starts_with("AWS_"))
            .collect();
        for (name, value) in applied {
            let name: &'static str = Box::leak(name.clone().into_boxed_str());
            variables.push((name, value.as_str().unwrap_or_default().to_owned()));
        }
        Ok(variables)
    }
}

/// Panics where S3 does not answer as it should.
fn smoke(s3: &S3) {
    let bucket = s3.bucket();
    let body = pattern(1, 1_000_001);
    bucket.put("a/key", body.clone()).expect(200);
    assert!(bucket.read("a/key") == body, "the object comes back");
    bucket.head("a/key").expect(200);
    assert_eq!(
        bucket.list().expect(200).all("ListBucketResult/Contents/Key"),
        ["a/key"]
    );
    bucket.delete("a/key").expect(204);
    bucket.request("DELETE").expect(204);
}
