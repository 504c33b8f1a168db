//! The Google Cloud deployment as the server that a container runs, up to its first answer.

use super::starts::starts;
use super::{Figure, megabytes, milliseconds};
use crate::package::{self, Arch};
use crate::start::gcp::{imitations, until_healthy};

pub(super) fn measure() -> Result<Vec<Figure>, String> {
    let package = package::gcp(Arch::X86_64)?;
    let cloud = imitations()?;
    let measured = starts(|| {
        let server = until_healthy(&package.binary, cloud)?;
        Ok((server.time, server.memory()?))
    })?;
    Ok(vec![
        megabytes("image", package::size(&package.archive)?, 30.0),
        milliseconds("start to first answer", measured.time, 30.0),
        megabytes("memory when idle", measured.memory, 30.0),
    ])
}
