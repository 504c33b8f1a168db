//! Cosmos DB's items, and the blobs of Blob Storage.

use std::sync::{Arc, OnceLock};

use bleepstore_azure::azure_blobs::AzureBlobs;
use bleepstore_azure::cosmos::connect;
use bleepstore_azure::cosmos::schema::{CONTAINER, DATABASE};
use bleepstore_azure::tls::use_ring;
use bleepstore_core::Ports;
use bleepstore_core::ports::Clock;
use bleepstore_http::OsEntropy;
use bleepstore_tests::emulators::{AzureCloud, Azurite, CosmosEmulator, azure_blob_settings};
use serde_json::{Value, json};

use super::{OBJECTS, Opened, Source, Store, environment, runtime, unused};
use crate::fixture::Fixture;
use crate::released::Deployed;

/// The file of the items: one on a line, without the members that the service sets.
const ITEMS: &str = "items.jsonl";

/// The version of Azure's interface that the emulator is spoken to in.
const VERSION: &str = "2020-10-02";

/// A container for rows in the emulator of Microsoft's SDK, and one for bytes in azurite.
pub(crate) struct Cosmos(AzureCloud);

fn bytes() -> &'static Azurite {
    static BYTES: OnceLock<Azurite> = OnceLock::new();
    BYTES.get_or_init(|| Azurite::start().expect("azurite starts"))
}

impl Store for Cosmos {
    const NAME: &'static str = "cosmos";

    async fn open(fixture: &Fixture, clock: Arc<dyn Clock>) -> Opened {
        let emulator = CosmosEmulator::start().unwrap();
        let account = emulator.account();
        let url = items(&account.endpoint);
        for item in fixture.lines(ITEMS) {
            let partition = json!([item["pk"]]).to_string();
            let create = client()
                .post(&url)
                .header("x-ms-documentdb-partitionkey", partition);
            let answer = create.body(item.to_string()).send().await.unwrap();
            assert_eq!(answer.status(), 201, "{item}");
        }
        let container = unused("fixture");
        bytes().create_container(&container).await.unwrap();
        let sas = bytes().sas().unwrap();
        for (name, body) in fixture.tree(OBJECTS) {
            let put = client().put(format!("{}/{container}/{name}?{sas}", bytes().endpoint()));
            let put = put
                .header("x-ms-version", VERSION)
                .header("x-ms-blob-type", "BlockBlob");
            put.body(body).send().await.unwrap().error_for_status().unwrap();
        }
        let settings = azure_blob_settings(bytes().endpoint(), &container).unwrap();
        Opened {
            metadata: Arc::new(connect(&account, clock, Arc::new(OsEntropy)).await.unwrap()),
            blobs: Arc::new(AzureBlobs::new(settings).unwrap()),
            holding: Box::new(emulator),
        }
    }
}

impl Source for Cosmos {
    const PIECES: usize = 6;

    fn start() -> Self {
        let cloud = AzureCloud::start().unwrap();
        runtime().block_on(cloud.provision()).unwrap();
        Self(cloud)
    }

    fn deployed(&self) -> Deployed {
        Deployed {
            variables: self.0.variables().unwrap(),
            server: "bleepstore-azure",
            in_functions: true,
            tool: "bleepstore-admin",
            arguments: vec!["--store".to_owned(), "azure".to_owned()],
        }
    }

    async fn opened_today(&self, work: impl AsyncFnOnce(Ports)) {
        let environment = environment(self.0.variables().unwrap());
        work(bleepstore_azure::stores::connect(&environment).await.unwrap()).await;
    }

    fn keep(&self, fixture: &Fixture) {
        let variables = self.0.variables().unwrap();
        let variable = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.unwrap().1.as_str()
        };
        runtime().block_on(async {
            keep_items(&items(variable("BLEEPSTORE_COSMOS_ENDPOINT")), fixture).await;
            let (endpoint, container) = (
                variable("BLEEPSTORE_BLOB_ENDPOINT"),
                variable("BLEEPSTORE_BLOB_CONTAINER"),
            );
            keep_blobs(
                &format!("{endpoint}/{container}"),
                variable("BLEEPSTORE_BLOB_SAS"),
                fixture,
            )
            .await;
        });
    }
}

fn client() -> reqwest::Client {
    use_ring();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn items(endpoint: &str) -> String {
    format!(
        "{}/dbs/{DATABASE}/colls/{CONTAINER}/docs",
        endpoint.trim_end_matches('/')
    )
}

async fn keep_items(url: &str, fixture: &Fixture) {
    let mut kept = Vec::new();
    let mut continuation: Option<String> = None;
    loop {
        let mut read = client().get(url).header("x-ms-max-item-count", "100");
        if let Some(continuation) = &continuation {
            read = read.header("x-ms-continuation", continuation);
        }
        let answer = read.send().await.unwrap().error_for_status().unwrap();
        let next = answer.headers().get("x-ms-continuation");
        continuation = next.map(|next| next.to_str().unwrap().to_owned());
        let page: Value = answer.json().await.unwrap();
        kept.extend(page["Documents"].as_array().unwrap().iter().cloned());
        if continuation.is_none() {
            break;
        }
    }
    for item in &mut kept {
        // `_etag`, `_rid`, `_self`, `_ts` and `_attachments`.
        item.as_object_mut()
            .unwrap()
            .retain(|name, _| !name.starts_with('_'));
    }
    fixture.keep_lines(ITEMS, &kept);
}

async fn keep_blobs(container: &str, sas: &str, fixture: &Fixture) {
    let get = async |url: String| {
        let answer = client()
            .get(url)
            .header("x-ms-version", VERSION)
            .send()
            .await
            .unwrap();
        answer.error_for_status().unwrap().bytes().await.unwrap()
    };
    let listed = get(format!("{container}?restype=container&comp=list&{sas}")).await;
    let listed = String::from_utf8(listed.to_vec()).unwrap();
    let listed = listed.trim_start_matches('\u{feff}');
    let document = roxmltree::Document::parse(listed).unwrap();
    let blobs = document.descendants().filter(|node| node.has_tag_name("Blob"));
    for blob in blobs {
        let name = blob.children().find(|node| node.has_tag_name("Name")).unwrap();
        let name = name.text().unwrap();
        let bytes = get(format!("{container}/{name}?{sas}")).await;
        fixture.keep_bytes(&format!("{OBJECTS}/{name}"), &bytes);
    }
}
