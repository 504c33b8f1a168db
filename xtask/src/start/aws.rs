//! The AWS deployment: as a Lambda function up to its first request for an event, and as a server up to its first answer.

mod loopback;

use std::path::Path;
use std::time::Duration;

use self::loopback::Loopback;
use super::program::{PATIENCE, Server, Started};
use crate::report::Check;

/// Starts a program as a function, which must ask for an event.
pub(crate) fn start(program: &Path) -> Check {
    until_first_poll(program, &imitation()?).map(drop)
}

/// Starts a program as a server, which must become well. It ends when this is dropped.
pub(crate) fn serve(program: &Path) -> Result<Server, String> {
    let endpoint = format!("http://{}", imitation()?.address());
    Server::start(program, "PORT", &settings(&endpoint))
}

/// What a program is told, whichever way it runs.
fn settings(endpoint: &str) -> [(&str, &str); 9] {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "loopback"),
        ("AWS_SECRET_ACCESS_KEY", "loopback"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("BLEEPSTORE_TABLE", "metadata"),
        ("BLEEPSTORE_BLOB_BUCKET", "blobs"),
        ("BLEEPSTORE_ACCESS_KEY", "root"),
        ("BLEEPSTORE_SECRET_KEY", "root-secret"),
        ("BLEEPSTORE_LOG", "warn"),
    ]
}

/// An imitation of AWS, which answers until this process ends.
pub(crate) fn imitation() -> Result<Loopback, String> {
    Loopback::start().map_err(|error| format!("loopback: {error}"))
}

/// How long a program took from its start to its first request for an event, and the memory that it had in use then.
pub(crate) fn until_first_poll(program: &Path, cloud: &Loopback) -> Result<(Duration, u64), String> {
    let address = cloud.address();
    let endpoint = format!("http://{address}");
    let of_lambda = [
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "bleepstore"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ];
    let function = Started::new(program, of_lambda.into_iter().chain(settings(&endpoint)))?;
    let polled = cloud
        .first_poll(PATIENCE)
        .ok_or("it asked for no event: is something on its standard error?")?;
    Ok((function.until(polled), function.memory()?))
}
