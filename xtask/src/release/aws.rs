//! The AWS deployment, as a Lambda function up to its first request for an event.

use super::starts::starts;
use super::{Figure, megabytes, milliseconds};
use crate::package::{self, Arch};
use crate::start::aws::{imitation, until_first_poll};

pub(super) fn measure() -> Result<Vec<Figure>, String> {
    let package = package::aws(Arch::X86_64)?;
    let cloud = imitation()?;
    let measured = starts(|| until_first_poll(&package.binary, &cloud))?;
    Ok(vec![
        megabytes("binary", package::size(&package.binary)?, 12.0),
        megabytes("zip", package::size(&package.archive)?, 6.0),
        milliseconds("start to first poll", measured.time, 15.0),
        megabytes("memory at first poll", measured.memory, 20.0),
    ])
}
