//! What is measured, and where.

use std::path::PathBuf;

use clap::Parser;

use crate::process::Watched;
use crate::servers::{Installed, Kind};
use crate::stage::Effort;
use bleepstore_bench::endpoint::Endpoint;

/// Measures BleepStore and its peers, or another S3 endpoint.
#[derive(Debug, Parser)]
#[command(name = "bleepstore-bench")]
pub(crate) struct Arguments {
    /// In place of the rows, what an object of 10,000 parts, open uploads and buckets by the ten thousand, and a
    /// million versions cost BleepStore
    #[arg(long)]
    pub(crate) crowds: bool,
    /// About a second for each row: for a look, not for figures that are kept
    #[arg(long)]
    quick: bool,
    /// Only these rows, comma-separated
    #[arg(long, value_name = "ROW,…", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Numbers of connections
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,16")]
    pub(crate) connections: Vec<usize>,
    /// Write what was measured as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Measure this endpoint, http://HOST:PORT, after the servers that are started, if any
    #[arg(long, value_name = "URL", requires_all = ["access_key", "secret_key"])]
    endpoint: Option<String>,
    /// Access key for --endpoint
    #[arg(long, value_name = "KEY")]
    access_key: Option<String>,
    /// Secret key for --endpoint
    #[arg(long, value_name = "KEY")]
    secret_key: Option<String>,
    /// Region of --endpoint
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Process of --endpoint on this machine, whose processor time and memory are measured
    #[arg(long, requires = "endpoint")]
    pub(crate) pid: Option<u32>,
    /// A setting of the BleepStore that is started, such as BLEEPSTORE_METADATA=jsonl; may be given again
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Import the large buckets anew: after a change of how records are kept
    #[arg(long)]
    pub(crate) reseed: bool,
    /// A folder for the servers' data, on the disk that is to be measured
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    pub(crate) folder: PathBuf,
    /// The program bleepstore
    #[arg(long, value_name = "FILE")]
    bleepstore: Option<PathBuf>,
    /// The program s3s-fs, a peer
    #[arg(long, value_name = "FILE")]
    s3s_fs: Option<PathBuf>,
    /// The program weed of SeaweedFS, a peer
    #[arg(long, value_name = "FILE")]
    seaweedfs: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn effort(&self) -> Effort {
        if self.quick { Effort::Quick } else { Effort::Full }
    }

    /// The endpoint that is measured after the servers, and its process.
    pub(crate) fn endpoint(&self) -> Result<Option<(Endpoint, Option<Watched>)>, String> {
        let (Some(url), Some(access_key), Some(secret_key)) =
            (&self.endpoint, &self.access_key, &self.secret_key)
        else {
            return Ok(None);
        };
        let (address, host) = Endpoint::parse_url(url)?;
        let endpoint = Endpoint {
            address,
            host,
            region: self.region.clone(),
            access_key: access_key.clone(),
            secret_key: secret_key.clone(),
        };
        Ok(Some((endpoint, self.pid.map(Watched))))
    }

    /// The servers that are started, in the order in which they are measured.
    pub(crate) fn servers(&self) -> Vec<Installed> {
        let programs = [
            (Kind::Bleepstore, &self.bleepstore),
            (Kind::S3sFs, &self.s3s_fs),
            (Kind::Seaweedfs, &self.seaweedfs),
        ];
        let installed = programs.into_iter().filter_map(|(kind, program)| {
            Some(Installed {
                kind,
                program: program.clone()?,
                settings: match kind {
                    Kind::Bleepstore => self.settings.clone(),
                    Kind::S3sFs | Kind::Seaweedfs => Vec::new(),
                },
            })
        });
        installed.collect()
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is not of the form NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
