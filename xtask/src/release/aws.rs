//! The AWS deployment as a Lambda function, up to its first request for an event.

mod loopback;

use self::loopback::Loopback;
use super::started::{PATIENCE, Started, starts};
use super::{Figure, megabytes, milliseconds};
use crate::package::{self, Arch};

pub(super) fn measure() -> Result<Vec<Figure>, String> {
    let package = package::aws(Arch::X86_64)?;
    let cloud = Loopback::start().map_err(|error| format!("loopback: {error}"))?;
    let address = cloud.address();
    let endpoint = format!("http://{address}");
    let variables = [
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "bleepstore"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "loopback"),
        ("AWS_SECRET_ACCESS_KEY", "loopback"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("BLEEPSTORE_TABLE", "metadata"),
        ("BLEEPSTORE_BLOB_BUCKET", "blobs"),
        ("BLEEPSTORE_ACCESS_KEY", "root"),
        ("BLEEPSTORE_SECRET_KEY", "root-secret"),
        ("BLEEPSTORE_LOG", "warn"),
    ];
    let measured = starts(|| {
        let function = Started::new(&package.binary, variables)?;
        let polled = cloud
            .first_poll(PATIENCE)
            .ok_or("it asked for no event: is something on its standard error?")?;
        Ok((function.until(polled), function.memory()?))
    })?;
    Ok(vec![
        megabytes("binary", package::size(&package.binary)?, 12.0),
        megabytes("zip", package::size(&package.archive)?, 5.0),
        milliseconds("start to first poll", measured.time, 15.0),
        megabytes("memory at first poll", measured.memory, 20.0),
    ])
}
