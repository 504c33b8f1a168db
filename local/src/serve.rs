//! The subcommand `serve`.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::config::check_domains;
use bleepstore_core::model::RootCredential;
use bleepstore_core::ops::WebRoles;
use bleepstore_core::{Limits, Ports, Service, Settings};
use bleepstore_http::Options;
use bleepstore_local::data_dir::DataDir;
use bleepstore_local::events::{Observed, deliver_in_background};
use bleepstore_local::fs_blobs::Pace;
use bleepstore_local::garbage::collect_on_schedule;
use bleepstore_local::metrics::Metrics;
use bleepstore_local::scrub::scrub_in_background;
use bleepstore_local::stores::Stores;
use bleepstore_local::trust;
use bleepstore_oidc::IssuerTokens;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::banner::banner;
use crate::config::{Interval, ServeArgs, Switch};
use crate::credentials::{self, Credentials};
use crate::destinations::destinations;
use crate::failure::{Failure, Result};
use crate::routes::Routes;

/// More connections than this are not held, however many files may be open.
const MOST_CONNECTIONS: usize = 8192;

/// How often expired rows are removed, and how many in one step.
const PURGE_EVERY: Duration = Duration::from_secs(60 * 60);
const PURGE_BATCH: usize = 1_000;

/// Serves until a signal comes. `open` makes the stores.
///
/// The port is taken before anything is written, so that a second start by mistake leaves no trace.
pub(crate) async fn serve(args: ServeArgs) -> Result<()> {
    check_domains(&args.domain.0, &args.website_domain.0)
        .map_err(|error| Failure::usage(format!("--website-domain: {error}")))?;
    let given = credentials::from_environment()?;
    let previous_secret_key = credentials::previous_secret_key()?;
    let roles = web_roles(args.oidc.as_deref())?;
    let sinks = destinations(&args)?;
    let listener = bind(&args.listen).await?;
    let address = listener
        .local_addr()
        .map_err(|error| cannot_listen(&args.listen, &error))?;
    let mut signals = Signals::new()?;

    let records = args.store.metadata.records();
    let folder = records.map(|_| DataDir::open(&args.store.data_dir)).transpose()?;
    // Before credentials are generated: a folder whose database is refused stays as it is.
    let stores = match (&folder, records) {
        (Some(folder), Some(records)) => Stores::in_folder(folder, records)?,
        _ => Stores::in_memory(),
    };
    let credentials = credentials::establish(given, folder.as_ref())?;

    let settings = Settings {
        region: args.region.clone(),
        base_domains: args.domain.0.clone(),
        website_domains: args.website_domain.0.clone(),
        root: RootCredential {
            previous_secret_key,
            ..credentials.root.clone()
        },
        account: args.account_id.clone(),
        new_buckets: args.new_buckets,
        sigv2: args.sigv2,
        limits: Limits::default(),
    };
    let max_connections = connections_that_fit();
    let per_client = args.connections_per_client.map(NonZeroUsize::get);
    let options = Options {
        base_domains: settings.domains_of_buckets(),
        max_connections,
        max_connections_per_client: Some(per_client.unwrap_or(max_connections.div_ceil(2))),
        trusted_proxies: args.trusted_proxies.clone(),
        ..Options::default()
    };
    let service = Service::start(settings, stores.ports.clone())
        .await
        .map_err(|error| Failure::new(format!("the stores cannot be used: {error}")))?;
    let tokens = Arc::new(IssuerTokens::new(Arc::clone(&stores.ports.clock)));
    let service = service.with_web_roles(roles, tokens);
    announce(address, &args.region, folder.as_ref(), &credentials);

    let purge = tokio::spawn(purge_hourly(stores.ports.clone()));
    let metrics = match args.metrics {
        Switch::On => Some(Arc::new(Metrics::new(stores.group_sizes()))),
        Switch::Off => None,
    };
    let collection = match args.gc_every {
        Interval::Every(every) => {
            let metrics = metrics.clone();
            let observe = move |run: &_| {
                if let Some(metrics) = &metrics {
                    metrics.collected(run);
                }
            };
            let schedule = collect_on_schedule(stores.ports.clone(), every, observe);
            Some(tokio::spawn(schedule))
        }
        Interval::Off => None,
    };
    let scrubbing = scrubbing(&args, &stores, metrics.clone());
    let observe = {
        let metrics = metrics.clone();
        move |name: &_, observed: Observed<'_>| {
            if let Some(metrics) = &metrics {
                metrics.events(name, observed);
            }
        }
    };
    let (listed, deliveries) = deliver_in_background(sinks, &stores.ports, args.notify_give_up, observe);
    let service = service.with_destinations(listed);
    let routes = Arc::new(Routes::new(service, metrics));
    let cut_off = bleepstore_http::serve(listener, routes, options, async move {
        signals.next().await;
        tracing::info!("stopping");
        tokio::spawn(async move {
            signals.next().await;
            process::exit(1);
        });
    })
    .await;
    if cut_off > 0 {
        tracing::warn!(cut_off, "some connections did not finish in time");
    }
    purge.abort();
    let tasks = [collection, scrubbing].into_iter().flatten();
    for task in tasks.chain(deliveries) {
        task.abort();
    }
    stores.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// The roles for those who bring a token of somebody else, in a file that nobody else may have written.
fn web_roles(given: Option<&str>) -> Result<WebRoles> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(WebRoles::default());
    };
    let wrong = |error: &dyn Display| Failure::usage(format!("--oidc: {error}"));
    let roles = bleepstore_http::web_roles(given).map_err(|error| wrong(&error))?;
    if !bleepstore_http::is_json(given) {
        trust::check_file(Path::new(given)).map_err(|error| wrong(&error))?;
    }
    Ok(roles)
}

/// Checks what is stored beside requests, where that is a folder and is asked for.
fn scrubbing(args: &ServeArgs, stores: &Stores, metrics: Option<Arc<Metrics>>) -> Option<JoinHandle<()>> {
    let blobs = stores.files()?;
    let pace = Pace {
        clock: Arc::clone(&stores.ports.clock),
        bytes_per_second: Some(NonZeroU64::new(args.scrub_bytes_per_second)?),
    };
    let counted = metrics.clone();
    let found = move |_: &_| {
        if let Some(metrics) = &metrics {
            metrics.found_damaged();
        }
    };
    let ended = move |round: &_| {
        if let Some(metrics) = &counted {
            metrics.scrubbed(round);
        }
    };
    let task = scrub_in_background(stores.ports.clone(), blobs, pace, found, ended);
    Some(tokio::spawn(task))
}

/// Raises the number of files that the process may open as far as it may, and leaves half of them to requests.
fn connections_that_fit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let half = files.map_or(usize::MAX, |files| {
        usize::try_from(files / 2).unwrap_or(usize::MAX)
    });
    half.clamp(1, MOST_CONNECTIONS)
}

/// Removes rows that have expired: receipts of uploads and retired manifests. Garbage collection does so too, but
/// may never be run.
async fn purge_hourly(ports: Ports) {
    loop {
        ports.clock.sleep(PURGE_EVERY).await;
        loop {
            match ports.metadata.purge_expired(ports.clock.now(), PURGE_BATCH).await {
                Ok(PURGE_BATCH) => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "expired rows were not removed");
                    break;
                }
            }
        }
    }
}

async fn bind(listen: &str) -> Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .map_err(|error| cannot_listen(listen, &error))
}

fn cannot_listen(listen: &str, error: &io::Error) -> Failure {
    Failure::new(match error.kind() {
        io::ErrorKind::AddrInUse => format!("{listen} is taken by another process; --listen names another"),
        _ => format!("cannot listen on {listen}: {error}"),
    })
}

fn announce(address: SocketAddr, region: &str, folder: Option<&DataDir>, credentials: &Credentials) {
    let mut out = io::stdout().lock();
    let text = banner(
        address,
        region,
        folder.map(DataDir::path),
        credentials,
        out.is_terminal(),
    );
    // A server whose output nobody reads still serves.
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(%error, "standard output cannot be written");
    }
    tracing::info!(%address, "listening");
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let failed = |error| Failure::new(format!("signals cannot be received: {error}"));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
