//! Servers that run inside the test process.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{RootCredential, SigV2};
use bleepstore_core::ops::Destinations;
use bleepstore_core::{Limits, Ports, Service, Settings};
use bleepstore_http::{Options, OsEntropy, SystemClock};
use bleepstore_local::fs_blobs::FsBlobs;
use bleepstore_local::sqlite::SqliteMetadata;
use tokio::net::TcpListener;

use super::account::provide_accounts;
use super::{Endpoint, Front};
use crate::emulators::{
    AzureCloud, FunctionApp, FunctionUrl, FunctionsHost, GoogleCloud, MiniStack, ServerProgram, binary,
};

/// The base domain of virtual-hosted-style requests to the servers that run inside the test process.
pub const DOMAIN: &str = "s3.bleepstore.test";

/// The domain of websites of the same servers.
pub const WEBSITE_DOMAIN: &str = "web.bleepstore.test";

const REGION: &str = "us-east-1";
const ACCESS_KEY: &str = "AKIATESTROOT";
const SECRET_KEY: &str = "a/secret+for/tests/only";
/// What signed for the root before: every deployment takes it still.
pub const PREVIOUS_SECRET_KEY: &str = "the/secret+before/that";

/// Serves from memory.
pub(super) fn in_memory() -> Endpoint {
    start_with_accounts(memory)
}

fn memory() -> Ports {
    Ports {
        metadata: Arc::new(MemoryMetadata::default()),
        blobs: Arc::new(MemoryBlobs::new(Arc::new(SystemClock))),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    }
}

/// Serves from SQLite and files, in a folder beside the test binary that each run empties first.
pub(super) fn on_disk() -> Endpoint {
    start_with_accounts(|| {
        let folder = empty_folder().expect("a folder beside the test binary");
        Ports {
            metadata: Arc::new(
                SqliteMetadata::open(&folder.join("metadata.sqlite")).expect("a new database"),
            ),
            blobs: Arc::new(FsBlobs::open(&folder).expect("a new blob folder")),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
        }
    })
}

/// How many requests a function behind its URL answers at a time.
const INSTANCES: usize = 4;

/// Serves from DynamoDB and S3 as MiniStack has them, by the binary that is deployed.
pub(super) fn on_emulated_aws() -> Endpoint {
    static SERVER: OnceLock<ServerProgram> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let binary = binary("bootstrap").expect("the binary bootstrap");
        let mut variables = variables_on_aws();
        variables.extend(domains());
        ServerProgram::start(&binary, variables).expect("bootstrap starts")
    });
    endpoint(server.address(), Front::Nothing)
}

/// The same by the same binary, as a function behind its URL.
pub(super) fn behind_a_function_url() -> Endpoint {
    static FUNCTION: OnceLock<FunctionUrl> = OnceLock::new();
    let function = FUNCTION.get_or_init(|| {
        let binary = binary("bootstrap").expect("the binary bootstrap");
        FunctionUrl::start(&binary, INSTANCES, variables_on_aws()).expect("the function starts")
    });
    endpoint(function.address(), Front::FunctionUrl)
}

/// The same behind a URL in streaming mode.
pub(super) fn behind_a_streaming_url() -> Endpoint {
    static FUNCTION: OnceLock<FunctionUrl> = OnceLock::new();
    let function = FUNCTION.get_or_init(|| {
        let binary = binary("bootstrap").expect("the binary bootstrap");
        FunctionUrl::start_streaming(&binary, 1, variables_on_aws()).expect("the function starts")
    });
    endpoint(function.address(), Front::FunctionUrl)
}

/// Serves from Firestore and Cloud Storage as their emulators have them, by the binary that is deployed.
pub(super) fn on_emulated_gcp() -> Endpoint {
    static RUNNING: OnceLock<(GoogleCloud, ServerProgram)> = OnceLock::new();
    let (_, server) = RUNNING.get_or_init(|| {
        let cloud = GoogleCloud::start().expect("the emulators start");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(cloud.provision()).expect("a bucket");
        runtime.block_on(async { provide_accounts(&cloud.metadata().await).await });
        let mut variables = cloud.variables();
        variables.extend(root_and_log());
        variables.extend(domains());
        let binary = binary("bleepstore-gcp").expect("the binary bleepstore-gcp");
        let server = ServerProgram::start(&binary, variables).expect("bleepstore-gcp starts");
        (cloud, server)
    });
    endpoint(server.address(), Front::Nothing)
}

/// Serves from Cosmos DB and Blob Storage as their emulators have them, by the binary that is deployed, behind the host of
/// Functions.
pub(super) fn on_emulated_azure() -> Endpoint {
    static RUNNING: OnceLock<(AzureCloud, FunctionApp, FunctionsHost)> = OnceLock::new();
    let (_, _, host) = RUNNING.get_or_init(|| {
        let cloud = AzureCloud::start().expect("the emulators start");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(cloud.provision()).expect("a container");
        runtime.block_on(async {
            let metadata = cloud.metadata().await.expect("the metadata");
            provide_accounts(&metadata).await;
        });
        let mut variables = cloud.variables().expect("variables");
        variables.extend(root_and_log());
        variables.extend(domains());
        let binary = binary("bleepstore-azure").expect("the binary bleepstore-azure");
        let app = FunctionApp::around(&binary).expect("a folder for the app");
        let host = FunctionsHost::start(app.folder(), variables).expect("the host starts the app");
        (cloud, app, host)
    });
    endpoint(host.address(), Front::Nothing)
}

/// What the binary needs to use a cloud that all servers of this process share.
fn variables_on_aws() -> Vec<(&'static str, String)> {
    static CLOUD: OnceLock<MiniStack> = OnceLock::new();
    let cloud = CLOUD.get_or_init(|| {
        let cloud = MiniStack::start().expect("MiniStack starts");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(cloud.provision()).expect("a table and a bucket");
        runtime.block_on(provide_accounts(&cloud.metadata()));
        cloud
    });
    let mut variables = cloud.variables();
    variables.extend(root_and_log());
    variables
}

fn root_and_log() -> [(&'static str, String); 4] {
    [
        ("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY.to_owned()),
        ("BLEEPSTORE_SECRET_KEY", SECRET_KEY.to_owned()),
        ("BLEEPSTORE_SECRET_KEY_PREVIOUS", PREVIOUS_SECRET_KEY.to_owned()),
        ("BLEEPSTORE_LOG", "error".to_owned()),
    ]
}

/// The domains of a server that may have more hosts than one.
fn domains() -> [(&'static str, String); 2] {
    [
        ("BLEEPSTORE_DOMAIN", DOMAIN.to_owned()),
        ("BLEEPSTORE_WEBSITE_DOMAIN", WEBSITE_DOMAIN.to_owned()),
    ]
}

/// The settings of a server that knows the root credential and no domain.
pub fn settings() -> Settings {
    Settings {
        region: REGION.to_owned(),
        base_domains: Vec::new(),
        website_domains: Vec::new(),
        root: RootCredential {
            previous_secret_key: Some(PREVIOUS_SECRET_KEY.to_owned()),
            ..RootCredential::new(ACCESS_KEY, SECRET_KEY)
        },
        account: Default::default(),
        new_buckets: Default::default(),
        sigv2: SigV2::default(),
        limits: Limits::default(),
    }
}

/// Where a server of [`settings`] is.
pub fn endpoint(address: SocketAddr, front: Front) -> Endpoint {
    Endpoint {
        address,
        region: REGION.to_owned(),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        session_token: None,
        front,
    }
}

fn empty_folder() -> io::Result<PathBuf> {
    let folder = std::env::current_exe()?.with_extension("data");
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => std::fs::create_dir(&folder)?,
    }
    Ok(folder)
}

/// Serves these stores on a port of the system's choice, on a thread of its own that ends with the process.
pub fn start_server(ports: impl FnOnce() -> Ports + Send + 'static) -> Endpoint {
    start(ports, false, Destinations::default(), |_| ())
}

/// The same from memory, with what `change` makes of the settings.
pub fn start_server_with(change: impl FnOnce(&mut Settings) + Send + 'static) -> Endpoint {
    start(memory, false, Destinations::default(), change)
}

/// The same from memory, whose buckets may notify these. What waits for them is not delivered.
pub fn start_server_notifying(destinations: Destinations) -> Endpoint {
    start(memory, false, destinations, |_| ())
}

/// The same, with the accounts beside the store's owner.
fn start_with_accounts(ports: impl FnOnce() -> Ports + Send + 'static) -> Endpoint {
    start(ports, true, Destinations::default(), |_| ())
}

fn start(
    ports: impl FnOnce() -> Ports + Send + 'static,
    with_accounts: bool,
    destinations: Destinations,
    change: impl FnOnce(&mut Settings) + Send + 'static,
) -> Endpoint {
    let mut settings = Settings {
        base_domains: vec![DOMAIN.to_owned()],
        website_domains: vec![WEBSITE_DOMAIN.to_owned()],
        ..settings()
    };
    change(&mut settings);
    let region = settings.region.clone();
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let ports = ports();
        if with_accounts {
            runtime.block_on(provide_accounts(ports.metadata.as_ref()));
        }
        runtime.block_on(serve(settings, ports, destinations, send));
    });
    Endpoint {
        region,
        ..endpoint(receive.recv().expect("the server starts"), Front::Nothing)
    }
}

async fn serve(
    settings: Settings,
    ports: Ports,
    destinations: Destinations,
    address: mpsc::Sender<SocketAddr>,
) {
    let service = Service::start(settings, ports)
        .await
        .expect("stores that can be used")
        .with_destinations(destinations);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    address.send(listener.local_addr().unwrap()).unwrap();
    bleepstore_http::serve(
        listener,
        Arc::new(service),
        Options {
            base_domains: vec![DOMAIN.to_owned(), WEBSITE_DOMAIN.to_owned()],
            ..Options::default()
        },
        std::future::pending(),
    )
    .await;
}
