//! The stores that the environment names.

use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::ports::{Clock, Entropy};
use bleepstore_http::{Environment, OsEntropy, SystemClock};

use crate::firestore::{self, Database, FirestoreMetadata};
use crate::gcs_blobs::{self, GcsBlobs, GcsSettings};
use crate::tls::use_ring;
use crate::tokens::AccessTokens;

/// The database that a project has when nobody named one
/// (<https://cloud.google.com/firestore/docs/manage-databases>).
const DEFAULT_DATABASE: &str = "(default)";

/// The names of the stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The project of the database, `BLEEPSTORE_PROJECT`.
    pub project: String,
    /// The Firestore database, `BLEEPSTORE_FIRESTORE_DATABASE`.
    pub database: String,
    /// The Cloud Storage bucket of the bytes, `BLEEPSTORE_BLOB_BUCKET`.
    pub blob_bucket: String,
    /// Emulators' endpoints in place of Google's services.
    pub emulators: Option<Emulators>,
}

/// Where the emulators are. With them no credentials are looked for, and nothing leaves this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emulators {
    /// Firestore's.
    pub firestore: String,
    /// Cloud Storage's.
    pub storage: String,
}

impl Names {
    /// The names in the environment; one line on what is missing or wrong.
    pub fn read(environment: &Environment<'_>) -> Result<Self, String> {
        let database = environment.optional("BLEEPSTORE_FIRESTORE_DATABASE")?;
        Ok(Self {
            project: environment.required("BLEEPSTORE_PROJECT")?,
            database: database.unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
            blob_bucket: environment.required("BLEEPSTORE_BLOB_BUCKET")?,
            emulators: emulators(environment)?,
        })
    }
}

/// The variables of Google's own clients. One emulator beside the real service of the other would mix two worlds.
fn emulators(environment: &Environment<'_>) -> Result<Option<Emulators>, String> {
    let endpoint = |name| -> Result<Option<String>, String> {
        let host = environment.optional(name)?;
        Ok(host.map(|host| {
            let bare = host.trim_end_matches('/');
            if bare.contains("://") {
                bare.to_owned()
            } else {
                format!("http://{bare}")
            }
        }))
    };
    match (
        endpoint("FIRESTORE_EMULATOR_HOST")?,
        endpoint("STORAGE_EMULATOR_HOST")?,
    ) {
        (Some(firestore), Some(storage)) => Ok(Some(Emulators { firestore, storage })),
        (None, None) => Ok(None),
        (Some(_), None) => Err("FIRESTORE_EMULATOR_HOST is set and STORAGE_EMULATOR_HOST is not".to_owned()),
        (None, Some(_)) => Err("STORAGE_EMULATOR_HOST is set and FIRESTORE_EMULATOR_HOST is not".to_owned()),
    }
}

/// The stores that the environment names, as the deployment uses them. An error is one line for people.
pub async fn connect(environment: &Environment<'_>) -> Result<Ports, String> {
    let http = gcs_blobs::client().map_err(|error| format!("no HTTP client can be made: {error}"))?;
    with_client(&Names::read(environment)?, &http).await
}

/// The stores of these names, with this client of Cloud Storage.
pub async fn with_client(names: &Names, http: &reqwest::Client) -> Result<Ports, String> {
    use_ring();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let emulators = names.emulators.as_ref();
    // Google's are asked for from here on, while the database is connected to.
    let tokens = match emulators {
        Some(_) => Ok(AccessTokens::fixed("emulated")),
        None => AccessTokens::google(),
    };
    let database = Database {
        project: &names.project,
        name: &names.database,
        emulator: emulators.map(|emulators| emulators.firestore.as_str()),
    };
    let database = firestore::connect(database)
        .await
        .map_err(|error| format!("Firestore cannot be used: {error}"))?;
    let metadata = FirestoreMetadata::new(database, clock.clone(), entropy.clone());
    let settings = GcsSettings {
        http: http.clone(),
        endpoint: emulators.map_or_else(
            || gcs_blobs::ENDPOINT.to_owned(),
            |emulators| emulators.storage.clone(),
        ),
        bucket: names.blob_bucket.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
    };
    let blobs = tokens
        .and_then(|tokens| GcsBlobs::new(settings, tokens))
        .map_err(|error| format!("Cloud Storage cannot be used: {error}"))?;
    Ok(Ports {
        metadata: Arc::new(metadata),
        blobs: Arc::new(blobs),
        clock,
        entropy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Emulators>, String> {
        emulators(&Environment::of(|name| {
            let found = variables.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn emulators_come_together_with_or_without_a_scheme() {
        let firestore = ("FIRESTORE_EMULATOR_HOST", "127.0.0.1:8080");
        let storage = ("STORAGE_EMULATOR_HOST", "http://127.0.0.1:4443/");
        let emulators = read(&[firestore, storage]).unwrap();
        let expected = Emulators {
            firestore: "http://127.0.0.1:8080".to_owned(),
            storage: "http://127.0.0.1:4443".to_owned(),
        };
        assert_eq!(emulators, Some(expected));
        assert!(read(&[firestore]).is_err());
        assert!(read(&[storage]).is_err());
    }
}
