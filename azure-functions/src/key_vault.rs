//! The root credential's secret keys, where Key Vault keeps them.
//!
//! One call for each secret key when the process starts, through the pipeline that the SDKs of both stores use.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{ClientOptions, Context, Method, Pipeline, Request, Url};
use bleepstore_http::Environment;
use serde::Deserialize;

/// What follows the name of a secret key's variable in that of the variable with its URL, such as
/// `https://vault.vault.azure.net/secrets/root-secret-key`, with `/` and a version for one that is not the latest.
const URL: &str = "_URL";

/// <https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret>
const API_VERSION: &str = "7.4";

/// All tries for one secret. Both are read at once: the host of Functions gives a program 30 seconds to listen.
const WHOLE: Duration = Duration::from_secs(20);

/// The environment with the secret keys in it, wherever they are. `credential` is asked for only where Key Vault is.
pub async fn resolved(
    environment: Environment<'static>,
    credential: impl Fn() -> Result<Arc<dyn TokenCredential>, String>,
) -> Result<Environment<'static>, String> {
    let read = async |url: &str| {
        let secret = Secret::at(url)?;
        let read = tokio::time::timeout(WHOLE, secret.read(credential()?, ClientOptions::default()));
        let value = read.await.unwrap_or_else(|_| {
            let seconds = WHOLE.as_secs();
            Err(format!("Key Vault did not answer within {seconds} seconds"))
        });
        value.map_err(|error| format!("the secret {url} cannot be read: {error}"))
    };
    environment.with_secret_keys(URL, read).await
}

/// A secret in a vault.
struct Secret {
    url: Url,
    /// Whom a token must be for: the vaults of the cloud that the vault is in.
    scope: String,
}

impl Secret {
    fn at(url: &str) -> Result<Self, String> {
        let wrong = || format!("this is not the URL of a secret in Key Vault: {url}");
        let mut parsed = Url::parse(url).map_err(|_| wrong())?;
        let names_a_secret = parsed.scheme() == "https" && parsed.path().starts_with("/secrets/");
        let vaults = parsed.host_str().and_then(|host| host.split_once('.'));
        let (true, Some((_, vaults))) = (names_a_secret, vaults) else {
            return Err(wrong());
        };
        let scope = format!("https://{vaults}/.default");
        parsed.query_pairs_mut().append_pair("api-version", API_VERSION);
        Ok(Self { url: parsed, scope })
    }

    async fn read(
        self,
        credential: Arc<dyn TokenCredential>,
        options: ClientOptions,
    ) -> Result<String, String> {
        let authorized = BearerTokenAuthorizationPolicy::new(credential, [self.scope]);
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            options,
            Vec::new(),
            vec![Arc::new(authorized)],
            None,
        );
        let mut request = Request::new(self.url, Method::Get);
        let answer = pipeline
            .send(&Context::default(), &mut request, None)
            .await
            .map_err(|error| error.to_string())?;
        // Not with the error of the parser, which may quote what it read.
        let answer: Answer =
            serde_json::from_slice(answer.into_body().as_ref()).map_err(|_| "the answer has no value")?;
        Ok(answer.value)
    }
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use azure_core::credentials::{AccessToken, TokenRequestOptions};
    use azure_core::http::headers::{AUTHORIZATION, Headers};
    use azure_core::http::{AsyncRawResponse, HttpClient, StatusCode, Transport};
    use azure_core::time::OffsetDateTime;

    use bleepstore_http::SECRET_KEY;

    use super::*;

    const SECRET: &str = "https://store.vault.azure.net/secrets/root-secret-key";

    #[derive(Debug)]
    struct Token(Mutex<Vec<String>>);

    #[async_trait]
    impl TokenCredential for Token {
        async fn get_token(
            &self,
            scopes: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            self.0
                .lock()
                .unwrap()
                .extend(scopes.iter().map(|&scope| scope.to_owned()));
            let later = OffsetDateTime::now_utc() + Duration::from_secs(3600);
            Ok(AccessToken::new("token", later))
        }
    }

    /// Answers every request with this, and keeps what was asked.
    #[derive(Debug)]
    struct Vault {
        status: StatusCode,
        body: &'static str,
        asked: Mutex<Vec<(String, String)>>,
    }

    #[async_trait]
    impl HttpClient for Vault {
        async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
            let authorization = request.headers().get_optional_str(&AUTHORIZATION).unwrap_or("");
            let asked = (request.url().to_string(), authorization.to_owned());
            self.asked.lock().unwrap().push(asked);
            let body = self.body.as_bytes().to_vec();
            Ok(AsyncRawResponse::from_bytes(self.status, Headers::new(), body))
        }
    }

    async fn read(vault: &Arc<Vault>, token: &Arc<Token>) -> Result<String, String> {
        let options = ClientOptions {
            transport: Some(Transport::new(vault.clone())),
            ..ClientOptions::default()
        };
        Secret::at(SECRET).unwrap().read(token.clone(), options).await
    }

    fn answering(status: StatusCode, body: &'static str) -> (Arc<Vault>, Arc<Token>) {
        let vault = Vault {
            status,
            body,
            asked: Mutex::default(),
        };
        (Arc::new(vault), Arc::new(Token(Mutex::default())))
    }

    #[tokio::test]
    async fn the_latest_value_is_asked_for_with_a_token_for_vaults() {
        let (vault, token) = answering(StatusCode::Ok, r#"{"value":"s3cret","id":"https://store"}"#);
        assert_eq!(read(&vault, &token).await.unwrap(), "s3cret");
        let asked = vault.asked.lock().unwrap().clone();
        let expected = (format!("{SECRET}?api-version=7.4"), "Bearer token".to_owned());
        assert_eq!(asked, [expected]);
        assert_eq!(*token.0.lock().unwrap(), ["https://vault.azure.net/.default"]);
    }

    #[tokio::test]
    async fn a_refusal_and_an_answer_without_a_value_are_errors_that_quote_nothing() {
        let (vault, token) = answering(StatusCode::Forbidden, r#"{"error":{"code":"Forbidden"}}"#);
        let error = read(&vault, &token).await.unwrap_err();
        assert!(error.contains("403") || error.contains("Forbidden"), "{error}");
        let (vault, token) = answering(StatusCode::Ok, r#"{"value":["s3cret"]}"#);
        assert_eq!(read(&vault, &token).await.unwrap_err(), "the answer has no value");
    }

    #[test]
    fn what_is_no_secret_of_a_vault_is_refused() {
        for url in [
            "",
            "root-secret-key",
            "http://store.vault.azure.net/secrets/a",
            "https://store.vault.azure.net/keys/a",
            "https://localhost/secrets/a",
        ] {
            let error = Secret::at(url).err().unwrap();
            assert_eq!(
                error,
                format!("this is not the URL of a secret in Key Vault: {url}")
            );
        }
    }

    #[tokio::test]
    async fn a_secret_key_in_the_environment_needs_no_vault_and_both_are_one_too_many() {
        let none = || Err("nobody is to be asked".to_owned());
        let given = Environment::of(|name| (name == SECRET_KEY).then(|| "given".to_owned()));
        let environment = resolved(given, none).await.unwrap();
        assert_eq!(environment.required(SECRET_KEY).unwrap(), "given");
        let both = Environment::of(|_| Some(SECRET.to_owned()));
        let error = resolved(both, none).await.err().unwrap();
        assert_eq!(
            error,
            "BLEEPSTORE_SECRET_KEY and BLEEPSTORE_SECRET_KEY_URL are both set"
        );
    }
}
