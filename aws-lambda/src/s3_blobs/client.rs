//! How the client waits and tries again.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, ResponseChecksumValidation};

/// A healthy S3 accepts connections within milliseconds.
const CONNECT: Duration = Duration::from_secs(2);

/// From the start of a request, with a part of a body, to the first byte of its answer.
const ATTEMPT: Duration = Duration::from_secs(30);

/// All attempts together: shorter than what S3 clients wait for an answer.
const OPERATION: Duration = Duration::from_secs(50);

/// A client for [`S3Blobs`](super::S3Blobs). Every call of the store may be repeated, so the SDK does: a blob's name
/// is never used for other bytes, and deleting is idempotent. Streams of downloads are not bounded as a whole; the
/// SDK ends those that stall.
pub fn client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(ATTEMPT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let config = Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard())
        // Ranges carry no checksum, and the core checks whole blobs by its own.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // An endpoint of one's own has no host name per bucket.
        .force_path_style(config.endpoint_url().is_some())
        .build();
    Client::from_conf(config)
}
