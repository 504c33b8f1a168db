//! azurite: Microsoft's emulator of Blob Storage, on a loopback port, in memory.
//!
//! What it leaves out: it lists from the beginning whatever name a listing is to start from, never drops blocks that
//! were not committed, and dates blobs in whole seconds.

use std::ffi::OsStr;
use std::io;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bleepstore_azure::azure_blobs::{AzureBlobSettings, BlobIdentity};
use bleepstore_azure::tls::use_ring;
use bleepstore_core::ports::{StoreError, StoreResult};
use bleepstore_http::{OsEntropy, SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use sha2::Sha256;

use super::install::{installed_once, run};
use super::supervised::Supervised;

/// What is installed from npm. 3.37 needs Node 22.
const REQUIREMENT: &str = "azurite@3.35.0";

/// The account that every emulator has, and its key, which are no secrets:
/// <https://learn.microsoft.com/azure/storage/common/storage-connect-azurite>.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The version of Azure's interface whose rules the signature follows.
const SIGNED_VERSION: &str = "2020-10-02";

/// Node starts slowly on a machine that is busy compiling.
const START: Duration = Duration::from_secs(120);

/// A running azurite with nothing in it. It ends when this is dropped, or with this process.
pub struct Azurite {
    address: String,
    _program: Supervised,
}

impl Azurite {
    /// Installs azurite where it is missing, and starts its Blob Storage on a free port.
    pub fn start() -> io::Result<Self> {
        let folder = installed_once("azurite", REQUIREMENT, |folder| {
            let npm = [
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
            ];
            let mut install = Command::new("npm");
            run(install.args(npm).arg(folder).arg(REQUIREMENT)).map(drop)
        })?;
        let program = folder.join("node_modules/.bin/azurite-blob");
        let arguments = [
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            "0",
            "--inMemoryPersistence",
            "--silent",
            "--disableTelemetry",
            "--disableProductStyleUrl",
            // The SDK speaks a later version than azurite knows.
            "--skipApiVersionCheck",
        ];
        let program = [&[program.as_os_str()], &arguments.map(OsStr::new)[..]].concat();
        let (send, receive) = mpsc::channel();
        let none: [(&str, &str); 0] = [];
        let supervised = Supervised::start(&program, none, move |line| {
            let address = line.map(|line| line.split_once("successfully listens on "));
            match address {
                // Nobody listens any more once the start is over.
                None => send.send(None).unwrap_or_default(),
                Some(Some((_, address))) => send.send(Some(address.to_owned())).unwrap_or_default(),
                Some(None) => {}
            }
        })?;
        match receive.recv_timeout(START) {
            Ok(Some(address)) => Ok(Self {
                address,
                _program: supervised,
            }),
            _ => Err(io::Error::other("azurite did not start")),
        }
    }

    /// The endpoint of its account.
    pub fn endpoint(&self) -> String {
        format!("{}/{ACCOUNT}", self.address)
    }

    /// A shared access signature with which everything may be done.
    pub fn sas(&self) -> StoreResult<String> {
        account_sas()
    }

    /// Makes a container.
    pub async fn create_container(&self, name: &str) -> StoreResult<()> {
        let sas = self.sas()?;
        let url = format!("{}/{name}?restype=container&{sas}", self.endpoint());
        use_ring();
        let client = reqwest::Client::builder().no_proxy().build();
        let request = client.map_err(StoreError::internal)?.put(url);
        let request = request
            .header("content-length", 0)
            .header("x-ms-version", SIGNED_VERSION);
        let answered = request.send().await.and_then(|answer| answer.error_for_status());
        answered.map(drop).map_err(StoreError::internal)
    }
}

/// Settings of a store in a container at `endpoint`.
pub fn azure_blob_settings(endpoint: String, container: &str) -> StoreResult<AzureBlobSettings> {
    Ok(AzureBlobSettings {
        endpoint,
        container: container.to_owned(),
        identity: BlobIdentity::Sas(account_sas()?),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    })
}

/// An account's shared access signature, for blobs, at every level, without an end that matters:
/// <https://learn.microsoft.com/rest/api/storageservices/create-account-sas>.
fn account_sas() -> StoreResult<String> {
    let (permissions, services, levels) = ("rwdlac", "b", "sco");
    let (start, expiry, addresses, protocols) = ("", "2099-12-31T00:00:00Z", "", "https,http");
    let signed = [
        ACCOUNT,
        permissions,
        services,
        levels,
        start,
        expiry,
        addresses,
        protocols,
        SIGNED_VERSION,
    ];
    let key = STANDARD.decode(KEY).map_err(StoreError::internal)?;
    let mut signature = Hmac::<Sha256>::new_from_slice(&key).map_err(StoreError::internal)?;
    signature.update(format!("{}\n", signed.join("\n")).as_bytes());
    let signature = STANDARD.encode(signature.finalize().into_bytes());
    let mut url = Url::parse("http://localhost").map_err(StoreError::internal)?;
    url.query_pairs_mut()
        .append_pair("sv", SIGNED_VERSION)
        .append_pair("ss", services)
        .append_pair("srt", levels)
        .append_pair("sp", permissions)
        .append_pair("se", expiry)
        .append_pair("spr", protocols)
        .append_pair("sig", &signature);
    Ok(url.query().unwrap_or_default().to_owned())
}
