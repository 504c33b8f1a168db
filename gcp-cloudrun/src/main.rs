//! The binary `bleepstore-gcp`: settings in, stores wired to the core, requests served.

mod config;
mod front;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::ports::{Clock, Entropy};
use bleepstore_core::{Ports, Service};
use bleepstore_gcp::firestore::{self, Database, FirestoreMetadata};
use bleepstore_gcp::gcs_blobs::{self, GcsBlobs, GcsSettings};
use bleepstore_gcp::oidc::Verifier;
use bleepstore_gcp::oidc::keys::KeysAtUrl;
use bleepstore_gcp::tls::use_ring;
use bleepstore_gcp::tokens::AccessTokens;
use bleepstore_http::{
    Environment, LogFormat, Options, OsEntropy, SystemClock, serve_until_signal, start_log,
};
use tokio::runtime;

use crate::config::{Config, HTTP1_LIMITS, Schedule};
use crate::front::Front;

/// How long requests in flight are waited for: Cloud Run ends the process 10 s after it asked it to stop
/// (<https://cloud.google.com/run/docs/container-contract#instance-shutdown>).
const SHUTDOWN: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Where even standard error is gone, the exit code still tells.
            drop(writeln!(io::stderr(), "bleepstore-gcp: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let config = Config::read(&Environment::of_process())?;
    let format = if config.on_cloud_run {
        LogFormat::GoogleCloud {
            project: config.project.clone(),
        }
    } else {
        LogFormat::for_standard_error()
    };
    start_log(format).map_err(|error| error.to_string())?;
    use_ring();
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    runtime.block_on(start(config))
}

async fn start(config: Config) -> Result<(), String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let http = gcs_blobs::client().map_err(|error| format!("no HTTP client can be made: {error}"))?;
    let ports = ports(&config, &clock, &http).await?;
    let options = Options {
        base_domains: config.settings.base_domains.clone(),
        h2c: true,
        shutdown: SHUTDOWN,
        ..Options::default()
    };
    let service = Service::start(config.settings, ports)
        .await
        .map_err(|error| format!("the stores cannot be used: {error}"))?;
    let limits = config.on_cloud_run.then_some(HTTP1_LIMITS);
    let schedule = config
        .schedule
        .map(|Schedule { caller, keys_url }| Verifier::new(caller, KeysAtUrl::new(http, keys_url), clock));
    let front = Front::new(service, limits, schedule);
    serve_until_signal(front, &config.listen, options).await
}

async fn ports(config: &Config, clock: &Arc<dyn Clock>, http: &reqwest::Client) -> Result<Ports, String> {
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let emulators = config.emulators.as_ref();
    // Google's are asked for from here on, while the database is connected to.
    let tokens = match emulators {
        Some(_) => Ok(AccessTokens::fixed("emulated")),
        None => AccessTokens::google(),
    };
    let database = Database {
        project: &config.project,
        name: &config.database,
        emulator: emulators.map(|emulators| emulators.firestore.as_str()),
    };
    let database = firestore::connect(database)
        .await
        .map_err(|error| format!("Firestore cannot be used: {error}"))?;
    let metadata = FirestoreMetadata::new(database, clock.clone(), entropy.clone());
    let settings = GcsSettings {
        http: http.clone(),
        endpoint: emulators.map_or_else(
            || gcs_blobs::ENDPOINT.to_owned(),
            |emulators| emulators.storage.clone(),
        ),
        bucket: config.blob_bucket.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
    };
    let blobs = tokens
        .and_then(|tokens| GcsBlobs::new(settings, tokens))
        .map_err(|error| format!("Cloud Storage cannot be used: {error}"))?;
    Ok(Ports {
        metadata: Arc::new(metadata),
        blobs: Arc::new(blobs),
        clock: clock.clone(),
        entropy,
    })
}
