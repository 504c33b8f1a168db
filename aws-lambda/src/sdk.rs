//! What the clients of both stores share: one pool of connections, one source of credentials.

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// The SDK's configuration. `AWS_ENDPOINT_URL` and its kin are honoured.
///
/// Credentials come from the environment, as Lambda gives them, or from a container's endpoint, as ECS and Fargate
/// do. Nothing else is asked: the instance metadata service answers late or never where there is none.
pub async fn sdk_config(region: &str) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let region = Region::new(region.to_owned());
    let sources = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_http_client(http.clone());
    let container = EcsCredentialsProvider::builder().configure(&sources).build();
    let environment = EnvironmentVariableCredentialsProvider::new();
    let credentials =
        CredentialsProviderChain::first_try("environment", environment).or_else("container", container);
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region)
        .http_client(http)
        .credentials_provider(credentials)
        .load()
        .await
}
