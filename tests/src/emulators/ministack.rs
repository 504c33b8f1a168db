//! MiniStack: DynamoDB and S3 on one loopback port.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};
use aws_smithy_http_client::Builder;
use bleepstore_aws::dynamo::DynamoMetadata;
use bleepstore_aws::dynamo::schema::{EXPIRES_AT, PARTITION_KEY, SORT_KEY};
use bleepstore_http::SystemClock;

use super::python::installed;
use super::supervised::Supervised;
use crate::entropy::SeededEntropy;

/// The region that the emulated cloud is in.
pub const REGION: &str = "us-east-1";

/// The table of the metadata.
pub const TABLE: &str = "bleepstore-metadata";

/// The bucket of the bytes.
pub const BLOB_BUCKET: &str = "bleepstore-blobs";

/// What is installed. Another version is another emulator.
const REQUIREMENT: &str = "ministack==1.5.33";

/// Python starts slowly on a machine that is busy compiling.
const START: Duration = Duration::from_secs(120);

/// A running MiniStack with nothing in it. It ends when this is dropped, or with this process.
pub struct MiniStack {
    address: SocketAddr,
    _program: Supervised,
}

impl MiniStack {
    /// Installs MiniStack where it is missing, and starts it on a free port.
    pub fn start() -> io::Result<Self> {
        let program = installed("ministack", REQUIREMENT)?.join("bin/ministack");
        // MiniStack takes no port 0: another process may take this one first, upon which the start fails.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let port = address.port().to_string();
        let variables = [
            ("BIND_HOST", "127.0.0.1"),
            ("IOT_MTLS_ENABLED", "0"),
            ("GATEWAY_PORT", &port),
            ("S3_PERSIST", "0"),
        ];
        let (send, receive) = mpsc::channel();
        let supervised = Supervised::start(&[program.as_os_str()], variables, move |line| {
            let ready = line.map(|line| line.contains("Running on http"));
            if ready != Some(false) {
                // Nobody listens any more once the start is over.
                send.send(ready.is_some()).unwrap_or_default();
            }
        })?;
        match receive.recv_timeout(START) {
            Ok(true) => Ok(Self {
                address,
                _program: supervised,
            }),
            _ => Err(io::Error::other("MiniStack did not start")),
        }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its endpoint, for both services.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a program needs in its environment to use it instead of AWS.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", "emulated".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "emulated".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("BLEEPSTORE_REGION", REGION.to_owned()),
            ("BLEEPSTORE_TABLE", TABLE.to_owned()),
            ("BLEEPSTORE_BLOB_BUCKET", BLOB_BUCKET.to_owned()),
        ]
    }

    /// A client of its S3.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        s3_client(&self.endpoint())
    }

    /// A client of its DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        dynamodb_client(&self.endpoint())
    }

    /// The metadata of a program that has these [`Self::variables`].
    pub fn metadata(&self) -> DynamoMetadata {
        let entropy = Arc::new(SeededEntropy::unpredictable());
        DynamoMetadata::new(self.dynamodb(), TABLE.to_owned(), Arc::new(SystemClock), entropy)
    }

    /// Makes the table and the bucket as `infra/aws` does.
    pub async fn provision(&self) -> Result<(), aws_sdk_s3::error::BoxError> {
        create_table(&self.dynamodb(), TABLE).await?;
        self.s3().create_bucket().bucket(BLOB_BUCKET).send().await?;
        Ok(())
    }
}

/// A client of the DynamoDB of an emulator at `endpoint`.
pub fn dynamodb_client(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_dynamodb::config::Region::new(REGION))
        .credentials_provider(credentials())
        .http_client(Builder::new().build_http())
        .endpoint_url(endpoint);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// A client of the S3 of an emulator at `endpoint`.
pub fn s3_client(endpoint: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_s3::config::Region::new(REGION))
        .credentials_provider(credentials())
        .http_client(Builder::new().build_http())
        .endpoint_url(endpoint)
        .force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

fn credentials() -> Credentials {
    Credentials::from_keys("emulated", "emulated", None)
}

/// A table as the metadata store needs it: two string keys, and expiry by an attribute.
pub async fn create_table(
    client: &aws_sdk_dynamodb::Client,
    name: &str,
) -> Result<(), aws_sdk_s3::error::BoxError> {
    create_lasting_table(client, name).await?;
    let expiry = TimeToLiveSpecification::builder().enabled(true);
    let expiry = expiry.attribute_name(EXPIRES_AT).build()?;
    let update = client.update_time_to_live().table_name(name);
    update.time_to_live_specification(expiry).send().await?;
    Ok(())
}

/// The same table from which nothing expires by itself.
pub async fn create_lasting_table(
    client: &aws_sdk_dynamodb::Client,
    name: &str,
) -> Result<(), aws_sdk_s3::error::BoxError> {
    let mut create = client.create_table().table_name(name);
    for (key, kind) in [(PARTITION_KEY, KeyType::Hash), (SORT_KEY, KeyType::Range)] {
        let attribute = AttributeDefinition::builder().attribute_name(key);
        let element = KeySchemaElement::builder().attribute_name(key);
        create = create
            .attribute_definitions(attribute.attribute_type(ScalarAttributeType::S).build()?)
            .key_schema(element.key_type(kind).build()?);
    }
    create.billing_mode(BillingMode::PayPerRequest).send().await?;
    Ok(())
}
