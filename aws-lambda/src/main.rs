//! The binary `bootstrap`: settings in, stores wired to the core, requests served.

mod config;
mod lambda;
mod root_secret;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_aws::sdk::sdk_config;
use bleepstore_aws::stores;
use bleepstore_core::Service;
use bleepstore_http::{Environment, LogFormat, Options, ended, serve_until_signal, start_log, start_runtime};
use bleepstore_oidc::IssuerTokens;

use crate::config::{Config, Front};

/// How long the HTTP server keeps an idle connection: longer than the load balancer in front of it does, which otherwise sends
/// a request on a connection that is being closed, and answers 502 for it.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#connection-idle-timeout>
const KEEP_ALIVE: Duration = Duration::from_secs(330);

fn main() -> ExitCode {
    ended("bootstrap", run())
}

fn run() -> Result<(), String> {
    start_log(LogFormat::for_standard_error()).map_err(|error| error.to_string())?;
    start_runtime()?.block_on(start(Environment::of_process()))
}

/// Everything is made before the first event, so that Lambda counts it as the start and no request waits for it.
async fn start(environment: Environment<'static>) -> Result<(), String> {
    let sdk = sdk_config(&stores::region(&environment)?).await;
    let environment = root_secret::resolved(environment, &sdk).await?;
    let config = Config::read(&environment)?;
    let ports = stores::with_sdk(&sdk, &config.stores);
    let options = Options {
        header_read: KEEP_ALIVE,
        base_domains: config.settings.domains_of_buckets(),
        ..environment.options()?
    };
    let tokens = Arc::new(IssuerTokens::new(Arc::clone(&ports.clock)));
    let service = Service::start(config.settings, ports)
        .await
        .map_err(|error| format!("the stores cannot be used: {error}"))?
        .with_web_roles(environment.web_roles()?, tokens);
    match config.front {
        Front::Lambda(mode) => lambda::serve(service, options.base_domains, mode).await,
        Front::Http(listen) => serve_until_signal(service, &listen, options).await,
    }
}
