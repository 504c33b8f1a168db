//! The Azure deployment as a custom handler, up to its first answer, on the emulators of the tests: Microsoft's own of Cosmos
//! DB and azurite. They answer in milliseconds, which are part of what is measured.

use super::starts::starts;
use super::{Figure, megabytes, milliseconds};
use crate::package;
use crate::run::{cargo, succeeds};
use crate::start::Server;
use crate::start::azure::{EMULATE, Emulated};

pub(super) fn measure() -> Result<Vec<Figure>, String> {
    let package = package::azure()?;
    // With the whole workspace, whose features are those of the everyday build.
    let emulate = ["build", "--locked", "--workspace", "--bin", EMULATE];
    succeeds(&mut cargo(emulate))?;
    let cloud = Emulated::start(|command| command.arg("--variables"))?;
    let variables = cloud.variables();
    let measured = starts(|| {
        let server = Server::start(&package.binary, "FUNCTIONS_CUSTOMHANDLER_PORT", &variables)?;
        Ok((server.time, server.memory()?))
    })?;
    Ok(vec![
        megabytes("zip", package::size(&package.archive)?, 12.0),
        milliseconds("start to first answer", measured.time, 30.0),
        megabytes("memory when idle", measured.memory, 30.0),
    ])
}
