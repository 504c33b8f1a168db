//! The stores that the environment names.

use std::sync::Arc;

use aws_config::SdkConfig;
use bleepstore_core::Ports;
use bleepstore_core::ports::{Clock, Entropy};
use bleepstore_http::{Environment, OsEntropy, SystemClock};

use crate::dynamo::DynamoMetadata;
use crate::s3_blobs::{self, S3Blobs};
use crate::sdk::sdk_config;

/// The names of the stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The DynamoDB table, `BLEEPSTORE_TABLE`.
    pub table: String,
    /// The S3 bucket of the bytes, `BLEEPSTORE_BLOB_BUCKET`.
    pub blob_bucket: String,
}

impl Names {
    /// The names in the environment; one line on what is missing.
    pub fn read(environment: &Environment<'_>) -> Result<Self, String> {
        Ok(Self {
            table: environment.required("BLEEPSTORE_TABLE")?,
            blob_bucket: environment.required("BLEEPSTORE_BLOB_BUCKET")?,
        })
    }
}

/// The region of the stores, which requests are signed for too: `BLEEPSTORE_REGION` or `AWS_REGION`.
pub fn region(environment: &Environment<'_>) -> Result<String, String> {
    match environment.optional("BLEEPSTORE_REGION")? {
        Some(region) => Ok(region),
        None => environment
            .optional("AWS_REGION")?
            .ok_or_else(|| "neither BLEEPSTORE_REGION nor AWS_REGION is set".to_owned()),
    }
}

/// The stores that the environment names, as the deployment uses them. An error is one line for people.
pub async fn connect(environment: &Environment<'_>) -> Result<Ports, String> {
    let names = Names::read(environment)?;
    Ok(with_sdk(&sdk_config(&region(environment)?).await, &names))
}

/// The stores of these names, with this configuration of the SDK.
pub fn with_sdk(sdk: &SdkConfig, names: &Names) -> Ports {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
    let metadata = DynamoMetadata::new(dynamodb, names.table.clone(), clock.clone(), entropy.clone());
    let blobs = S3Blobs::new(s3_blobs::client(sdk), &names.blob_bucket);
    Ports {
        metadata: Arc::new(metadata),
        blobs: Arc::new(blobs),
        clock,
        entropy,
    }
}
