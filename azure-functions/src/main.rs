//! The binary `bleepstore-azure`: settings in, stores wired to the core, requests served.

mod config;
mod roots;
mod triggers;

use std::process::ExitCode;
use std::sync::Arc;

use bleepstore_azure::{key_vault, stores};
use bleepstore_core::Service;
use bleepstore_http::{
    Environment, Front, LogFormat, Options, ended, serve_until_signal, start_log, start_runtime,
};
use bleepstore_oidc::IssuerTokens;

use crate::config::{Behind, Config};
use crate::triggers::Triggers;

fn main() -> ExitCode {
    ended("bleepstore-azure", run())
}

fn run() -> Result<(), String> {
    start_log(LogFormat::for_standard_error()).map_err(|error| error.to_string())?;
    roots::read_from_one_file();
    start_runtime()?.block_on(start(Environment::of_process()))
}

async fn start(environment: Environment<'static>) -> Result<(), String> {
    let environment =
        key_vault::resolved(environment, || stores::credential(&Environment::of_process())).await?;
    let config = Config::read(&environment)?;
    let ports = stores::connect(&environment).await?;
    let options = environment.options()?;
    let options = Options {
        front: match config.behind {
            Behind::Nothing => options.front,
            Behind::FunctionsHost { .. } => Front::Silent,
        },
        base_domains: config.settings.domains_of_buckets(),
        ..options
    };
    let tokens = Arc::new(IssuerTokens::new(Arc::clone(&ports.clock)));
    let service = Service::start(config.settings, ports)
        .await
        .map_err(|error| format!("the stores cannot be used: {error}"))?
        .with_web_roles(environment.web_roles()?, tokens);
    serve_until_signal(Triggers::new(service, config.behind), &config.listen, options).await
}
