//! Settings: flags with environment twins, the same names in every deployment.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use bleepstore_core::config;
use bleepstore_core::model::{AccountId, NewBuckets, SigV2};
use bleepstore_http::TrustedProxies;
use bleepstore_local::stores::Records;
use bleepstore_tools::{Tool, arguments, duration};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::Result;

/// An S3-compatible object store in one binary.
#[derive(Debug, Parser)]
#[command(name = "bleepstore", version, args_conflicts_with_subcommands = true)]
#[command(
    after_help = "The root credentials come from BLEEPSTORE_ACCESS_KEY and BLEEPSTORE_SECRET_KEY, or are \
    generated on the first start and kept in the data folder. BLEEPSTORE_LOG filters the log (error, warn, info, \
    debug, trace, or target=level)."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve S3 (the default)
    Serve(ServeArgs),
    /// Read everything that is stored and check it, and give checksums to files of release 0.1; exit code 1 where
    /// something is damaged
    Scrub(ScrubArgs),
    /// What an operator does to the data.
    #[command(flatten)]
    Tool(Tool<StoreArgs>),
}

/// Settings of `serve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen, as host:port; port 0 takes a free one
    #[arg(
        long,
        env = "BLEEPSTORE_LISTEN",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9000"
    )]
    #[arg(value_parser = listen)]
    pub(crate) listen: String,
    /// Which store to serve.
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The region that clients sign for
    #[arg(long, env = "BLEEPSTORE_REGION", default_value = "us-east-1", value_parser = config::region)]
    pub(crate) region: String,
    /// Base domains of virtual-hosted-style requests, comma-separated
    #[arg(long, env = "BLEEPSTORE_DOMAIN", value_name = "DOMAIN,…", default_value = "", value_parser = domains)]
    pub(crate) domain: Domains,
    /// Domains below which each bucket that is a website has a host, comma-separated; none overlaps a base domain
    #[arg(long, env = "BLEEPSTORE_WEBSITE_DOMAIN", value_name = "DOMAIN,…", default_value = "", value_parser = domains)]
    pub(crate) website_domain: Domains,
    /// Which requests may be signed with Signature Version 2: all, presigned URLs, or none
    #[arg(long, env = "BLEEPSTORE_SIGV2", value_name = "on|presigned|off", default_value = "presigned", value_parser = str::parse::<SigV2>)]
    pub(crate) sigv2: SigV2,
    /// The id by which policies name the account of the root credential
    #[arg(long, env = "BLEEPSTORE_ACCOUNT_ID", value_name = "12 DIGITS", default_value = "000000000000", value_parser = str::parse::<AccountId>)]
    pub(crate) account_id: AccountId,
    /// A file of roles for those who have a token of an OpenID Connect issuer, or the JSON itself
    #[arg(long, env = "BLEEPSTORE_OIDC", value_name = "FILE")]
    pub(crate) oidc: Option<String>,
    /// What a new bucket has: open (lists and policies may let everybody in) or private (AWS's default since 2023)
    #[arg(long, env = "BLEEPSTORE_NEW_BUCKETS", value_name = "open|private", default_value = "open", value_parser = str::parse::<NewBuckets>)]
    pub(crate) new_buckets: NewBuckets,
    /// A destination of events, such as orders=redis://127.0.0.1:6379/?stream=orders; may be given several times.
    /// BLEEPSTORE_NOTIFY_ORDERS names one too, and BLEEPSTORE_NOTIFY_ORDERS__PASSWORD or __SECRET what stays secret
    #[arg(long, value_name = "NAME=URL")]
    pub(crate) notify: Vec<String>,
    /// After how long an event is given up that a destination does not take
    #[arg(long, env = "BLEEPSTORE_NOTIFY_GIVE_UP", value_name = "INTERVAL", default_value = "7d", value_parser = give_up)]
    pub(crate) notify_give_up: Duration,
    /// Whether webhooks may be at addresses that are not of the Internet, such as 127.0.0.1, and without TLS
    #[arg(
        long,
        env = "BLEEPSTORE_NOTIFY_PRIVATE_ADDRESSES",
        value_name = "on|off",
        default_value = "off"
    )]
    pub(crate) notify_private_addresses: Switch,
    /// How often garbage is collected beside requests, such as 30m, 6h or 1d, or off
    #[arg(long, env = "BLEEPSTORE_GC_EVERY", value_name = "INTERVAL", default_value = "6h", value_parser = interval)]
    pub(crate) gc_every: Interval,
    /// How many bytes of what is stored are checked in a second beside requests; 0 checks nothing
    #[arg(
        long,
        env = "BLEEPSTORE_SCRUB_BYTES_PER_SECOND",
        value_name = "BYTES",
        default_value_t = 4 << 20
    )]
    pub(crate) scrub_bytes_per_second: u64,
    /// How many connections one client may have, by its address; half of all unless set
    #[arg(long, env = "BLEEPSTORE_CONNECTIONS_PER_CLIENT", value_name = "NUMBER")]
    pub(crate) connections_per_client: Option<NonZeroUsize>,
    /// Proxies whose X-Forwarded-For the access log believes: addresses and ranges, comma-separated
    #[arg(
        long,
        env = "BLEEPSTORE_TRUSTED_PROXIES",
        value_name = "CIDR,…",
        default_value = ""
    )]
    pub(crate) trusted_proxies: TrustedProxies,
    /// Whether GET /_bleepstore/metrics shows counts to whoever can reach the server
    #[arg(long, env = "BLEEPSTORE_METRICS", value_name = "on|off", default_value = "on")]
    pub(crate) metrics: Switch,
}

/// Arguments of `scrub`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ScrubArgs {
    /// What to scrub.
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How often something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interval {
    /// Never.
    Off,
    /// Each time this has passed.
    Every(Duration),
}

/// Settings that say where the data is.
#[derive(Clone, Debug, Args)]
pub(crate) struct StoreArgs {
    /// The folder of the data; it is created where it is missing
    #[arg(
        long,
        env = "BLEEPSTORE_DATA_DIR",
        value_name = "FOLDER",
        default_value = "./bleepstore-data"
    )]
    pub(crate) data_dir: PathBuf,
    /// Where records are kept
    #[arg(
        long,
        env = "BLEEPSTORE_METADATA",
        value_name = "STORE",
        default_value = "sqlite"
    )]
    pub(crate) metadata: Metadata,
}

/// A kind of metadata store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metadata {
    /// SQLite in the data folder, and files for the bytes.
    Sqlite,
    /// A log of JSON lines in the data folder, read into memory, and files for the bytes.
    Jsonl,
    /// Nothing is kept, neither records nor bytes; no folder is touched.
    Memory,
}

impl Metadata {
    /// How a data folder keeps these records; `None` where nothing is kept.
    pub(crate) const fn records(self) -> Option<Records> {
        match self {
            Self::Sqlite => Some(Records::Sqlite),
            Self::Jsonl => Some(Records::Jsonl),
            Self::Memory => None,
        }
    }
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Base domains, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Domains(pub(crate) Vec<String>);

impl Cli {
    /// The command that the arguments ask for. Help and version print themselves and end the process.
    pub(crate) fn command() -> Result<Command> {
        let cli: Self = arguments()?;
        Ok(cli.command.unwrap_or(Command::Serve(cli.serve)))
    }
}

fn listen(text: &str) -> std::result::Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err("expected host:port, such as 127.0.0.1:9000".to_owned()),
    }
}

fn interval(text: &str) -> std::result::Result<Interval, String> {
    match (text, duration(text)) {
        ("off", _) => Ok(Interval::Off),
        (_, Ok(Duration::ZERO)) | (_, Err(_)) => {
            Err("expected a number that is not 0 and s, m, h or d, such as 6h, or off".to_owned())
        }
        (_, Ok(every)) => Ok(Interval::Every(every)),
    }
}

fn give_up(text: &str) -> std::result::Result<Duration, String> {
    match duration(text) {
        Ok(Duration::ZERO) | Err(_) => {
            Err("expected a number that is not 0 and s, m, h or d, such as 7d".to_owned())
        }
        Ok(give_up) => Ok(give_up),
    }
}

fn domains(text: &str) -> std::result::Result<Domains, String> {
    config::base_domains(text).map(Domains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_serve_are_those_of_no_subcommand() {
        let bare = Cli::try_parse_from(["bleepstore", "--region", "eu-west-1"]).unwrap();
        assert_eq!(bare.serve.region, "eu-west-1");
        let named = Cli::try_parse_from(["bleepstore", "serve", "--region", "eu-west-1"]).unwrap();
        let Some(Command::Serve(serve)) = named.command else {
            panic!("no subcommand");
        };
        assert_eq!(serve.region, "eu-west-1");
    }

    #[test]
    fn an_interval_is_a_duration_or_off() {
        assert_eq!(interval("6h"), Ok(Interval::Every(Duration::from_secs(21_600))));
        assert_eq!(interval("off"), Ok(Interval::Off));
        assert!(interval("0s").is_err() && interval("never").is_err());
    }

    #[test]
    fn listening_needs_a_host_and_a_port() {
        assert!(listen("[::1]:0").is_ok() && listen("localhost:65535").is_ok());
        assert!(listen("9000").is_err() && listen(":9000").is_err() && listen("h:65536").is_err());
    }
}
