//! Firestore's documents, and the objects of Cloud Storage.

use std::sync::{Arc, OnceLock};

use bleepstore_core::Ports;
use bleepstore_core::ports::Clock;
use bleepstore_gcp::firestore::schema::COLLECTIONS;
use bleepstore_gcp::gcs_blobs::{GcsBlobs, client};
use bleepstore_gcp::tokens::AccessTokens;
use bleepstore_tests::emulators::{
    FakeGcs, FirestoreEmulator, GoogleCloud, firestore_store, gcs_settings, unused_project,
};
use bleepstore_tests::http::encoding::percent;
use serde_json::{Value, json};

use super::{OBJECTS, Opened, Source, Store, environment, runtime, unused};
use crate::fixture::Fixture;
use crate::released::Deployed;

/// The file of the documents: one on a line, its path and its fields, typed as Firestore's own JSON types them.
const DOCUMENTS: &str = "documents.jsonl";

/// How many documents one commit writes.
const AT_ONCE: usize = 100;

/// A database and a bucket on Google's emulator and fake-gcs-server.
pub(crate) struct Firestore(GoogleCloud);

fn storage() -> &'static FakeGcs {
    static STORAGE: OnceLock<FakeGcs> = OnceLock::new();
    STORAGE.get_or_init(|| FakeGcs::start().expect("fake-gcs-server starts"))
}

impl Store for Firestore {
    const NAME: &'static str = "firestore";

    async fn open(fixture: &Fixture, clock: Arc<dyn Clock>) -> Opened {
        let (project, bucket) = (unused_project(), unused("fixture"));
        let endpoint = FirestoreEmulator::shared().endpoint();
        let database = database(&endpoint, &project);
        for documents in fixture.lines(DOCUMENTS).chunks(AT_ONCE) {
            let writes: Vec<Value> = documents
                .iter()
                .map(|document| write(&project, document))
                .collect();
            post(&format!("{database}:commit"), &json!({ "writes": writes })).await;
        }
        storage().create_bucket(&bucket).await.unwrap();
        for (name, bytes) in fixture.tree(OBJECTS) {
            let base = storage().endpoint();
            let url = format!(
                "{base}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={}",
                percent(&name)
            );
            let sent = client().unwrap().post(url).body(bytes).send().await;
            sent.unwrap().error_for_status().unwrap();
        }
        let settings = gcs_settings(storage().endpoint(), &bucket).unwrap();
        Opened {
            metadata: Arc::new(firestore_store(&endpoint, &project, clock).await),
            blobs: Arc::new(GcsBlobs::new(settings, AccessTokens::fixed("emulated")).unwrap()),
            holding: Box::new(()),
        }
    }
}

impl Source for Firestore {
    const PIECES: usize = 200;

    fn start() -> Self {
        let cloud = GoogleCloud::start().unwrap();
        runtime().block_on(cloud.provision()).unwrap();
        Self(cloud)
    }

    fn deployed(&self) -> Deployed {
        Deployed {
            variables: self.0.variables(),
            server: "bleepstore-gcp",
            in_functions: false,
            tool: "bleepstore-admin",
            arguments: vec!["--store".to_owned(), "gcp".to_owned()],
        }
    }

    async fn opened_today(&self, work: impl AsyncFnOnce(Ports)) {
        let environment = environment(self.0.variables());
        work(bleepstore_gcp::stores::connect(&environment).await.unwrap()).await;
    }

    fn keep(&self, fixture: &Fixture) {
        let variables = self.0.variables();
        let variable = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.unwrap().1.as_str()
        };
        let firestore = format!("http://{}", variable("FIRESTORE_EMULATOR_HOST"));
        runtime().block_on(async {
            keep_documents(&firestore, variable("BLEEPSTORE_PROJECT"), fixture).await;
            let (storage, bucket) = (
                variable("STORAGE_EMULATOR_HOST"),
                variable("BLEEPSTORE_BLOB_BUCKET"),
            );
            keep_objects(&format!("{storage}/storage/v1/b/{bucket}/o"), fixture).await;
        });
    }
}

fn database(endpoint: &str, project: &str) -> String {
    format!("{endpoint}/v1/{}", documents(project))
}

/// What the name of every document starts with, without the slash.
fn documents(project: &str) -> String {
    format!("projects/{project}/databases/(default)/documents")
}

fn write(project: &str, document: &Value) -> Value {
    let name = format!("{}/{}", documents(project), crate::text(document, "path"));
    json!({ "update": { "name": name, "fields": document["fields"] } })
}

async fn post(url: &str, body: &Value) -> Value {
    // The emulator takes this token for the owner's, whom no rule stops.
    let request = client().unwrap().post(url).bearer_auth("owner").json(body);
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

async fn keep_documents(endpoint: &str, project: &str, fixture: &Fixture) {
    let database = database(endpoint, project);
    let mut kept = Vec::new();
    for collection in COLLECTIONS {
        let query = json!({ "structuredQuery": { "from": [{ "collectionId": collection, "allDescendants": true }] } });
        let answers = post(&format!("{database}:runQuery"), &query).await;
        let found = answers
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|answer| answer.get("document"));
        kept.extend(found.map(|document| {
            let name = crate::text(document, "name")
                .strip_prefix(&documents(project))
                .unwrap();
            json!({ "path": name.trim_start_matches('/'), "fields": document["fields"] })
        }));
    }
    fixture.keep_lines(DOCUMENTS, &kept);
}

async fn keep_objects(bucket: &str, fixture: &Fixture) {
    let get = async |url: String| {
        let answer = client().unwrap().get(url).send().await.unwrap();
        answer.error_for_status().unwrap().bytes().await.unwrap()
    };
    let listed: Value = serde_json::from_slice(&get(bucket.to_owned()).await).unwrap();
    assert_eq!(listed.get("nextPageToken"), None);
    for object in listed["items"].as_array().unwrap() {
        let name = crate::text(object, "name");
        let bytes = get(format!("{bucket}/{}?alt=media", percent(name))).await;
        fixture.keep_bytes(&format!("{OBJECTS}/{name}"), &bytes);
    }
}
