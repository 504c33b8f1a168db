//! `infra/aws` applied to an emulated AWS, S3 served from what was applied, and all of it destroyed again:
//! `applied-aws FOLDER TARGET…`, with a copy of the root that has been initialised, and the arguments of Terraform that name what
//! is protected. `cargo xtask infra-check` makes one.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use bleepstore_tests::emulators::{FunctionUrl, MiniStack, REGION, ServerProgram, binary};
use bleepstore_tests::http::encoding::pattern;
use bleepstore_tests::http::{Endpoint, Front, S3};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The HTTP service is there, in the network that MiniStack has from its start. Alarms are left out: MiniStack forgets most of
/// their settings, so that a second plan would change them.
const VARIABLES: [&str; 3] = [
    "-var=package=package.zip",
    "-var=alarms=false",
    "-var=http_service={\
     image=\"000000000000.dkr.ecr.us-east-1.amazonaws.com/bleepstore:1\",\
     repository_arn=\"arn:aws:ecr:us-east-1:000000000000:repository/bleepstore\",\
     vpc_id=\"vpc-00000001\",\
     public_subnet_ids=[\"subnet-00000001\",\"subnet-00000002\"],\
     task_subnet_ids=[\"subnet-00000001\"],\
     domain_name=\"s3.example.com\",\
     certificate_arn=\"arn:aws:acm:us-east-1:000000000000:certificate/1\"}",
];

/// The resources that let everyone invoke the function.
const OF_THE_URL: [&str; 3] = [
    "aws_lambda_function_url.bleepstore[0]",
    "aws_lambda_permission.call_url[0]",
    "aws_lambda_permission.invoke_by_url[0]",
];

/// An archive with nothing in it: the emulator opens it, and never runs the function.
const EMPTY_ZIP: &[u8; 22] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("applied-aws takes the folder of the root");
        return ExitCode::from(2);
    };
    match run(&folder, &arguments.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("applied-aws: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path, protected: &[String]) -> Outcome<()> {
    fs::write(folder.join("package.zip"), EMPTY_ZIP)?;
    let root = Root {
        folder,
        cloud: MiniStack::start()?,
    };
    root.terraform(&["apply", "-auto-approve"], &VARIABLES)?;
    root.serve(&root.outputs()?)?;
    // Its exit code is 2 where anything would change.
    root.terraform(&["plan", "-detailed-exitcode"], &VARIABLES)?;
    root.without_url()?;
    root.destroy(protected)?;
    println!(
        "infra/aws was applied to MiniStack with its HTTP service, served S3, had nothing to change, lost its URL, was protected, \
         and was destroyed"
    );
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

    fn outputs(&self) -> Outcome<BTreeMap<String, Value>> {
        Ok(serde_json::from_slice(
            &self.terraform(&["output", "-json"], &[])?,
        )?)
    }

    /// The addresses of all that Terraform made.
    fn resources(&self) -> Outcome<Vec<String>> {
        let list = String::from_utf8(self.terraform(&["state", "list"], &[])?)?;
        Ok(list.lines().map(str::to_owned).collect())
    }

    /// Takes the function's URL away from what is there, and with it who may invoke the function.
    fn without_url(&self) -> Outcome<()> {
        let of_the_url = |resources: Vec<String>| -> Vec<String> {
            let of_the_url = |resource: &String| OF_THE_URL.contains(&resource.as_str());
            resources.into_iter().filter(of_the_url).collect()
        };
        assert_eq!(of_the_url(self.resources()?), OF_THE_URL);
        let policy = self.policy()?;
        assert_eq!(
            policy.matches("\\\"Sid\\\"").count(),
            2,
            "the provider has added to what is in the state: {policy}"
        );
        let variables = [&VARIABLES[..], &["-var=function_url=false"]].concat();
        self.terraform(&["apply", "-auto-approve"], &variables)?;
        assert_eq!(of_the_url(self.resources()?), [""; 0]);
        let policy = self.policy()?;
        assert!(
            !policy.contains("Sid"),
            "something public is left behind: {policy}"
        );
        assert_eq!(
            self.outputs()?["endpoint"]["value"],
            "https://s3.example.com",
            "clients are sent to the HTTP service"
        );
        Ok(())
    }

    /// Who may invoke the function, as Lambda says it.
    fn policy(&self) -> Outcome<String> {
        let mut connection = TcpStream::connect(self.cloud.address())?;
        let request = "GET /2015-03-31/functions/bleepstore/policy HTTP/1.1\r\nhost: lambda.us-east-1.amazonaws.com\r\n\
            connection: close\r\n\r\n";
        connection.write_all(request.as_bytes())?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// As `cargo xtask destroy` does: takes the protection off these targets, and then everything down. Before that the table,
    /// which all depends on, cannot be deleted.
    fn destroy(&self, protected: &[String]) -> Outcome<()> {
        let table = [&VARIABLES[..], &["-target=aws_dynamodb_table.metadata"]].concat();
        let refused = self.terraform(&["destroy", "-auto-approve"], &table);
        let refusal = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refusal.contains("protected against deletion"), "{refusal}");
        let unprotected = [&VARIABLES[..], &["-var=deletion_protection=false"]].concat();
        let targets = protected.iter().map(String::as_str);
        let variables: Vec<&str> = unprotected.iter().copied().chain(targets).collect();
        self.terraform(&["apply", "-auto-approve"], &variables)?;
        self.terraform(&["destroy", "-auto-approve"], &unprotected)?;
        let left = self.resources()?;
        if !left.is_empty() {
            return Err(format!("destroy left behind:\n{}", left.join("\n")).into());
        }
        Ok(())
    }

    /// Starts the program as Lambda would, with the environment that Terraform gives the function, and as Fargate would, with
    /// that of the task.
    fn serve(&self, outputs: &BTreeMap<String, Value>) -> Outcome<()> {
        let secret_key = self.parameter(
            outputs["secret_key_parameter"]["value"]
                .as_str()
                .unwrap_or_default(),
        )?;
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
                secret_key: secret_key.clone(),
                session_token: None,
                front: Front::Nothing,
            },
        };
        if text("region") != REGION {
            return Err(format!("the output names the region {}", text("region")).into());
        }
        let of_function = outputs
            .get("environment")
            .and_then(|output| output["value"].as_object())
            .ok_or("the root has no output named environment")?;
        let of_function = of_function.iter().map(|(name, value)| (name.as_str(), value));
        let function = FunctionUrl::start(&binary("bootstrap")?, 2, self.environment(of_function))?;
        smoke(&client(function.address()));
        drop(function);
        let container = self.container()?;
        let of_task = container["environment"].as_array().into_iter().flatten();
        let of_task = of_task.map(|entry| (entry["name"].as_str().unwrap_or_default(), &entry["value"]));
        // Fargate reads the parameter and hands its value over.
        assert_eq!(container["secrets"][0]["name"], "BLEEPSTORE_SECRET_KEY");
        let value = Value::from(secret_key.as_str());
        let secret = ("BLEEPSTORE_SECRET_KEY", &value);
        let variables = self.environment(of_task.chain([secret]));
        let server = ServerProgram::start(&binary("bootstrap")?, variables)?;
        smoke(&client(server.address()));
        server.stop()?;
        Ok(())
    }

    /// What Parameter Store has under this name. Terraform does not know it.
    fn parameter(&self, name: &str) -> Outcome<String> {
        let address = self.cloud.address();
        let asked = json!({ "Name": name, "WithDecryption": true }).to_string();
        let mut stream = TcpStream::connect(address)?;
        // The emulator checks no signature, and finds the service by its scope.
        write!(
            stream,
            "POST / HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/x-amz-json-1.1\r\n\
             x-amz-target: AmazonSSM.GetParameter\r\ncontent-length: {}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/ssm/aws4_request, SignedHeaders=host, Signature=0\r\n\
             \r\n{asked}",
            asked.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer
            .split_once("\r\n\r\n")
            .ok_or("the emulator answered no HTTP")?;
        let parameter: Value = serde_json::from_str(body)?;
        let value = parameter["Parameter"]["Value"].as_str();
        Ok(value
            .ok_or_else(|| format!("there is no parameter {name}: {body}"))?
            .to_owned())
    }

    /// The container of the task that was applied.
    fn container(&self) -> Outcome<Value> {
        let state: Value = serde_json::from_slice(&self.terraform(&["show", "-json"], &[])?)?;
        let resources = state["values"]["root_module"]["resources"].as_array();
        let mut resources = resources.into_iter().flatten();
        let task = resources.find(|resource| resource["type"] == "aws_ecs_task_definition");
        let task = task.ok_or("there is no task")?;
        let containers = task["values"]["container_definitions"].as_str();
        let mut containers: Value = serde_json::from_str(containers.unwrap_or_default())?;
        Ok(containers[0].take())
    }

    /// The variables that were applied, and from the emulator only what AWS gives every program: credentials. Where the
    /// emulator is takes the place of AWS's own addresses.
    fn environment<'a>(
        &self,
        applied: impl Iterator<Item = (&'a str, &'a Value)>,
    ) -> Vec<(&'static str, String)> {
        let of_aws = self.cloud.variables().into_iter();
        let of_aws = of_aws.filter(|(name, _)| name.starts_with("AWS_"));
        let applied = applied.map(|(name, value)| {
            let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
            (name, value.as_str().unwrap_or_default().to_owned())
        });
        of_aws.chain(applied).collect()
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
