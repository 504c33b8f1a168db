//! Who we are to Google's services.

use std::fmt;

use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use bleepstore_core::remote::describe;
use google_cloud_auth::credentials::{AccessTokenCredentials, Builder};

use crate::tls::use_ring;

/// What the tokens allow: reading and writing objects, and nothing else of the project.
/// <https://cloud.google.com/storage/docs/oauth-scopes>
pub const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

/// A source of access tokens. Cloning is cheap, and clones share what is cached.
#[derive(Clone)]
pub struct AccessTokens(Source);

#[derive(Clone)]
enum Source {
    Fixed(String),
    Google(AccessTokenCredentials),
}

impl AccessTokens {
    /// Always this token, for emulators: nothing is ever looked up, neither in the environment nor over the network.
    pub fn fixed(token: impl Into<String>) -> Self {
        Self(Source::Fixed(token.into()))
    }

    /// Tokens of the Application Default Credentials: on Cloud Run those of the service's account, from the metadata
    /// server. They are fetched when first asked for, cached, and fetched anew before they expire.
    /// <https://cloud.google.com/docs/authentication/application-default-credentials>
    ///
    /// Needs a Tokio runtime. Fails where a credentials file is named that cannot be used.
    pub fn google() -> StoreResult<Self> {
        use_ring();
        let credentials = Builder::default()
            .with_scopes([SCOPE])
            .build_access_token_credentials();
        let credentials = credentials.map_err(|error| StoreError::internal(describe(&error)))?;
        Ok(Self(Source::Google(credentials)))
    }

    /// Whether the tokens are worth something outside this machine.
    pub(crate) fn are_secret(&self) -> bool {
        matches!(self.0, Source::Google(_))
    }

    /// A token that is valid now.
    pub(crate) async fn token(&self) -> StoreResult<String> {
        match &self.0 {
            Source::Fixed(token) => Ok(token.clone()),
            Source::Google(credentials) => match credentials.access_token().await {
                Ok(token) => Ok(token.token),
                Err(error) => {
                    let kind = if error.is_transient() {
                        StoreErrorKind::Unavailable
                    } else {
                        StoreErrorKind::Internal
                    };
                    Err(StoreError::new(
                        kind,
                        format!("no access token: {}", describe(&error)),
                    ))
                }
            },
        }
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Fixed(_) => "AccessTokens(fixed)",
            Source::Google(_) => "AccessTokens(Google's)",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bleepstore_http::{OsEntropy, SystemClock};
    use google_cloud_auth::credentials::{
        AccessToken, AccessTokenCredentialsProvider, CacheableResource, CredentialsProvider,
    };
    use google_cloud_auth::errors::CredentialsError;
    use http::{Extensions, HeaderMap};

    use super::*;
    use crate::gcs_blobs::{GcsBlobs, GcsSettings, client};

    /// Google's credentials, while there are any.
    #[derive(Debug)]
    struct Pretended(Result<&'static str, bool>);

    impl CredentialsProvider for Pretended {
        async fn headers(&self, _: Extensions) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
            Ok(CacheableResource::NotModified)
        }

        async fn universe_domain(&self) -> Option<String> {
            None
        }
    }

    impl AccessTokenCredentialsProvider for Pretended {
        async fn access_token(&self) -> Result<AccessToken, CredentialsError> {
            match self.0 {
                Ok(token) => Ok(AccessToken {
                    token: token.to_owned(),
                }),
                Err(transient) => Err(CredentialsError::from_msg(transient, "pretended")),
            }
        }
    }

    fn pretended(result: Result<&'static str, bool>) -> AccessTokens {
        AccessTokens(Source::Google(Pretended(result).into()))
    }

    #[tokio::test]
    async fn without_a_token_the_store_is_unavailable_or_set_up_wrongly() {
        assert_eq!(pretended(Ok("secret")).token().await.unwrap(), "secret");
        for (transient, kind) in [
            (true, StoreErrorKind::Unavailable),
            (false, StoreErrorKind::Internal),
        ] {
            let error = pretended(Err(transient)).token().await.unwrap_err();
            assert_eq!(error.kind, kind);
        }
    }

    #[test]
    fn tokens_of_google_go_over_tls_only_and_are_never_printed() {
        let opened = |endpoint: &str, tokens| {
            let settings = GcsSettings {
                http: client().unwrap(),
                endpoint: endpoint.to_owned(),
                bucket: "bucket".to_owned(),
                clock: Arc::new(SystemClock),
                entropy: Arc::new(OsEntropy),
            };
            GcsBlobs::new(settings, tokens).is_ok()
        };
        assert!(opened("https://storage.googleapis.com", pretended(Ok("secret"))));
        assert!(!opened("http://storage.googleapis.com", pretended(Ok("secret"))));
        assert!(opened("http://127.0.0.1:1", AccessTokens::fixed("emulated")));
        let printed = format!("{:?}", pretended(Ok("secret")));
        assert_eq!(printed, "AccessTokens(Google's)");
    }

    #[tokio::test]
    async fn a_fixed_token_is_given_as_it_is_and_never_printed() {
        let tokens = AccessTokens::fixed("emulated");
        assert_eq!(tokens.token().await.unwrap(), "emulated");
        assert!(!tokens.are_secret());
        assert_eq!(format!("{tokens:?}"), "AccessTokens(fixed)");
    }
}
