//! The connection to a database.

use firestore::gcloud_sdk::GoogleAuthHeaders;
use firestore::{FirestoreDb, FirestoreDbOptions, FirestoreResult};
use google_cloud_auth::credentials::anonymous;

const SERVICE: &str = "https://firestore.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/datastore";

/// Which database to connect to.
#[derive(Clone, Copy, Debug)]
pub struct Database<'a> {
    /// The project that it is in.
    pub project: &'a str,
    /// Its name in the project, such as `(default)`.
    pub name: &'a str,
    /// The endpoint of an emulator, such as `http://127.0.0.1:8080`, instead of Google's service.
    pub emulator: Option<&'a str>,
}

/// Connects to a database: to Google's with the default credentials of the environment, to an emulator with
/// none, so that no token is looked for. `FIRESTORE_EMULATOR_HOST` is not read.
///
/// A process-wide rustls provider must be installed before.
pub async fn connect(database: Database<'_>) -> FirestoreResult<FirestoreDb> {
    let auth = match database.emulator {
        Some(_) => GoogleAuthHeaders::from(anonymous::Builder::new().build()),
        None => GoogleAuthHeaders::from_adc_with_scopes(vec![SCOPE.to_owned()]).await?,
    };
    let options = FirestoreDbOptions::new(database.project.to_owned())
        .with_database_id(database.name.to_owned())
        .with_firebase_api_url(database.emulator.unwrap_or(SERVICE).to_owned());
    FirestoreDb::with_options_auth(options, auth).await
}
