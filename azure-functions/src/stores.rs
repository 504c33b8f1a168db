//! The stores of a deployment, wired as its environment says.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::{
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use bleepstore_core::Ports;
use bleepstore_core::ports::{Clock, Entropy};
use bleepstore_http::{Environment, OsEntropy, SystemClock};

use crate::azure_blobs::{AzureBlobSettings, AzureBlobs, BlobIdentity};
use crate::cosmos::{self, Account, Identity};
use crate::tls::use_ring;

/// The account of the metadata, such as `https://account.documents.azure.com/`.
const COSMOS_ENDPOINT: &str = "BLEEPSTORE_COSMOS_ENDPOINT";
/// The account of the bytes, such as `https://account.blob.core.windows.net/`.
const BLOB_ENDPOINT: &str = "BLEEPSTORE_BLOB_ENDPOINT";
/// The container of the bytes.
const BLOB_CONTAINER: &str = "BLEEPSTORE_BLOB_CONTAINER";
/// A key of the account of the metadata, and a shared access signature of that of the bytes, for emulators, which know no
/// identities: both or neither.
const COSMOS_KEY: &str = "BLEEPSTORE_COSMOS_KEY";
const BLOB_SAS: &str = "BLEEPSTORE_BLOB_SAS";

/// The managed identity that the process acts as, where it could be several.
const CLIENT_ID: &str = "AZURE_CLIENT_ID";
/// Set by App Service, Functions and Container Apps, which have managed identities.
const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";

/// Both stores, reached as the variables in `environment` say. An error is one line for people.
pub async fn connect(environment: &Environment<'_>) -> Result<Ports, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let Identities { metadata, blobs } = Identities::of(environment)?;
    let account = Account {
        endpoint: environment.required(COSMOS_ENDPOINT)?,
        identity: metadata,
    };
    let settings = AzureBlobSettings {
        endpoint: environment.required(BLOB_ENDPOINT)?,
        container: environment.required(BLOB_CONTAINER)?,
        identity: blobs,
        clock: clock.clone(),
        entropy: entropy.clone(),
    };
    let blobs = AzureBlobs::new(settings).map_err(|error| format!("{BLOB_ENDPOINT}: {error}"))?;
    let metadata = cosmos::connect(&account, clock.clone(), entropy.clone())
        .await
        .map_err(|error| error.to_string())?;
    Ok(Ports {
        metadata: Arc::new(metadata),
        blobs: Arc::new(blobs),
        clock,
        entropy,
    })
}

/// As whom the stores are asked.
struct Identities {
    metadata: Identity,
    blobs: BlobIdentity,
}

impl Identities {
    fn of(environment: &Environment<'_>) -> Result<Self, String> {
        match (environment.optional(COSMOS_KEY)?, environment.optional(BLOB_SAS)?) {
            (Some(key), Some(sas)) => Ok(Self {
                metadata: Identity::Key(key.into()),
                blobs: BlobIdentity::Sas(sas),
            }),
            (None, None) => {
                let credential = credential(environment)?;
                Ok(Self {
                    metadata: Identity::Token(credential.clone()),
                    blobs: BlobIdentity::Token(credential),
                })
            }
            (Some(_), None) => Err(format!("{COSMOS_KEY} is set and {BLOB_SAS} is not")),
            (None, Some(_)) => Err(format!("{BLOB_SAS} is set and {COSMOS_KEY} is not")),
        }
    }
}

/// Whom Microsoft Entra ID gives tokens to: the managed identity where there is one, and elsewhere whoever is signed in
/// with Azure's command line (`az login`).
pub fn credential(environment: &Environment<'_>) -> Result<Arc<dyn TokenCredential>, String> {
    // Asking for a token is a request over TLS.
    use_ring();
    let client_id = environment.optional(CLIENT_ID)?;
    let made: azure_core::Result<Arc<dyn TokenCredential>> =
        if client_id.is_some() || environment.optional(IDENTITY_ENDPOINT)?.is_some() {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.map(UserAssignedId::ClientId),
                ..ManagedIdentityCredentialOptions::default()
            };
            ManagedIdentityCredential::new(Some(options)).map(|credential| credential as _)
        } else {
            DeveloperToolsCredential::new(None).map(|credential| credential as _)
        };
    made.map_err(|error| format!("no identity can be had: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identities(set: &'static [&str]) -> Result<Identities, String> {
        Identities::of(&Environment::of(|name| {
            set.contains(&name).then(|| "value".to_owned())
        }))
    }

    #[test]
    fn keys_for_emulators_come_together_or_not_at_all() {
        let both = identities(&[COSMOS_KEY, BLOB_SAS]).unwrap();
        assert!(matches!(both.metadata, Identity::Key(_)) && matches!(both.blobs, BlobIdentity::Sas(_)));
        let error = |set| identities(set).err().unwrap();
        assert_eq!(
            error(&[COSMOS_KEY]),
            "BLEEPSTORE_COSMOS_KEY is set and BLEEPSTORE_BLOB_SAS is not"
        );
        assert_eq!(
            error(&[BLOB_SAS]),
            "BLEEPSTORE_BLOB_SAS is set and BLEEPSTORE_COSMOS_KEY is not"
        );
    }

    #[test]
    fn without_keys_both_stores_are_asked_by_tokens() {
        for set in [&[][..], &[CLIENT_ID]] {
            let tokens = identities(set).unwrap();
            assert!(matches!(tokens.metadata, Identity::Token(_)));
            assert!(matches!(tokens.blobs, BlobIdentity::Token(_)));
        }
    }

    #[tokio::test]
    async fn a_missing_setting_is_one_line_that_names_it() {
        const ALL: [&str; 5] = [
            COSMOS_ENDPOINT,
            BLOB_ENDPOINT,
            BLOB_CONTAINER,
            COSMOS_KEY,
            BLOB_SAS,
        ];
        for missing in [COSMOS_ENDPOINT, BLOB_ENDPOINT, BLOB_CONTAINER] {
            let environment = Environment::of(move |name| {
                (ALL.contains(&name) && name != missing).then(|| "value".to_owned())
            });
            let error = connect(&environment).await.err().unwrap();
            assert_eq!(error, format!("{missing} is not set"));
        }
    }
}
