//! BleepStore on an emulated AWS, until Ctrl-C: `cargo xtask emulate aws [--http]`.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use bleepstore_tests::emulators::{Bootstrap, FunctionUrl, MiniStack, REGION, binary};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// The root credential where the environment names none.
const ACCESS_KEY: &str = "emulated-root";
const SECRET_KEY: &str = "emulated-root-secret";

/// How many requests the function answers at a time.
const INSTANCES: usize = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let http = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--http"] => true,
        _ => {
            eprintln!("emulate-aws takes no argument but --http");
            return ExitCode::from(2);
        }
    };
    match run(http) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emulate-aws: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(http: bool) -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = Runtime::new()?;
    // From here on Ctrl-C ends the wait below instead of the process, so that what was started is stopped.
    let stop = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok::<_, std::io::Error>(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    })?;
    let cloud = MiniStack::start()?;
    runtime.block_on(cloud.provision())?;
    let mut variables = cloud.variables();
    let root = Root::from_environment();
    variables.push(("BLEEPSTORE_ACCESS_KEY", root.access_key.clone()));
    variables.push(("BLEEPSTORE_SECRET_KEY", root.secret_key.clone()));
    if http {
        let server = Bootstrap::start(&binary()?, variables)?;
        announce("an HTTP server", server.address(), &root);
        runtime.block_on(stop);
        server.stop()?;
    } else {
        let function = FunctionUrl::start(&binary()?, INSTANCES, variables)?;
        announce("a function behind its URL", function.address(), &root);
        runtime.block_on(stop);
    }
    Ok(())
}

/// The root credential.
struct Root {
    access_key: String,
    secret_key: String,
}

impl Root {
    fn from_environment() -> Self {
        let variable = |name, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
        Self {
            access_key: variable("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY),
            secret_key: variable("BLEEPSTORE_SECRET_KEY", SECRET_KEY),
        }
    }
}

fn announce(what: &str, address: SocketAddr, root: &Root) {
    let Root {
        access_key,
        secret_key,
    } = root;
    println!(
        "BleepStore runs as {what} on an emulated AWS. Ctrl-C ends it, and what is stored is gone then.\n  \
         endpoint    http://{address}\n  region      {REGION}\n  access key  {access_key}\n  \
         secret key  {secret_key}\nTry it:\n  AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY={secret_key} \
         AWS_DEFAULT_REGION={REGION} aws s3 --endpoint-url http://{address} ls"
    );
}
