//! The binary `bleepstore-gcp`: settings in, stores wired to the core, requests served.

mod config;
mod routes;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::ports::Clock;
use bleepstore_core::{Limits, Service};
use bleepstore_gcp::oidc::{Verifier, keys_at};
use bleepstore_gcp::tls::use_ring;
use bleepstore_gcp::{gcs_blobs, stores};
use bleepstore_http::{
    Environment, Front, LogFormat, Options, SystemClock, ended, serve_until_signal, start_log, start_runtime,
};
use bleepstore_oidc::IssuerTokens;

use crate::config::{Config, HTTP1_LIMITS, Schedule};
use crate::routes::Routes;

/// How long requests in flight are waited for: Cloud Run ends the process 10 s after it asked it to stop
/// (<https://cloud.google.com/run/docs/container-contract#instance-shutdown>).
const SHUTDOWN: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    ended("bleepstore-gcp", run())
}

fn run() -> Result<(), String> {
    let config = Config::read(&Environment::of_process())?;
    let format = if config.on_cloud_run {
        LogFormat::GoogleCloud {
            project: config.stores.project.clone(),
        }
    } else {
        LogFormat::for_standard_error()
    };
    start_log(format).map_err(|error| error.to_string())?;
    use_ring();
    start_runtime()?.block_on(start(config))
}

async fn start(config: Config) -> Result<(), String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let http = gcs_blobs::client().map_err(|error| format!("no HTTP client can be made: {error}"))?;
    let ports = stores::with_client(&config.stores, &http).await?;
    let environment = Environment::of_process();
    let options = environment.options()?;
    let options = Options {
        base_domains: config.settings.domains_of_buckets(),
        h2c: true,
        shutdown: SHUTDOWN,
        front: match config.on_cloud_run {
            true => Front::Naming,
            false => options.front,
        },
        ..options
    };
    let limits = config.on_cloud_run.then_some(Limits {
        request_time: config.settings.limits.request_time,
        ..HTTP1_LIMITS
    });
    let tokens = Arc::new(IssuerTokens::new(Arc::clone(&ports.clock)));
    let service = Service::start(config.settings, ports)
        .await
        .map_err(|error| format!("the stores cannot be used: {error}"))?
        .with_web_roles(environment.web_roles()?, tokens);
    let schedule = config
        .schedule
        .map(|Schedule { caller, keys_url }| Verifier::new(caller, keys_at(keys_url), clock));
    let routes = Routes::new(service, limits, schedule);
    serve_until_signal(routes, &config.listen, options).await
}
