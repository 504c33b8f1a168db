//! The binary `bootstrap`: settings in, stores wired to the core, requests served.

mod config;
mod lambda;
mod root_secret;
mod sdk;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use aws_config::SdkConfig;
use bleepstore_aws::dynamo::DynamoMetadata;
use bleepstore_aws::s3_blobs::{self, S3Blobs};
use bleepstore_core::ports::{Clock, Entropy};
use bleepstore_core::{Ports, Service};
use bleepstore_http::{
    Environment, LogFormat, Options, OsEntropy, SystemClock, serve_until_signal, start_log,
};
use tokio::runtime;

use crate::config::{Config, Front};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Where even standard error is gone, the exit code still tells.
            drop(writeln!(io::stderr(), "bootstrap: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    start_log(LogFormat::for_standard_error()).map_err(|error| error.to_string())?;
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    runtime.block_on(start(Environment::of_process()))
}

/// Everything is made before the first event, so that Lambda counts it as the start and no request waits for it.
async fn start(environment: Environment<'static>) -> Result<(), String> {
    let sdk = sdk::sdk_config(&config::region(&environment)?).await;
    let environment = root_secret::resolved(environment, &sdk).await?;
    let config = Config::read(&environment)?;
    let ports = ports(&config, &sdk);
    let options = Options {
        base_domains: config.settings.base_domains.clone(),
        ..Options::default()
    };
    let service = Service::start(config.settings, ports)
        .await
        .map_err(|error| format!("the stores cannot be used: {error}"))?;
    match config.front {
        Front::Lambda => lambda::serve(service, options.base_domains).await,
        Front::Http(listen) => serve_until_signal(service, &listen, options).await,
    }
}

fn ports(config: &Config, sdk: &SdkConfig) -> Ports {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
    let metadata = DynamoMetadata::new(dynamodb, config.table.clone(), clock.clone(), entropy.clone());
    let blobs = S3Blobs::new(s3_blobs::client(sdk), &config.blob_bucket);
    Ports {
        metadata: Arc::new(metadata),
        blobs: Arc::new(blobs),
        clock,
        entropy,
    }
}
