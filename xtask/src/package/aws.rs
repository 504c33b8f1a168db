//! The zip of the Lambda function: the program alone, under the name that the runtime `provided.al2023` starts.

use std::path::Path;

use super::archive::{self, Entry};
use super::{Shipped, glibc, read, write};
use crate::emulators::Place;
use crate::release;
use crate::report::Check;

const PROGRAM: &str = "bootstrap";

pub(super) const SHIPPED: Shipped = Shipped {
    package: "bleepstore-aws",
    program: PROGRAM,
    archive: |arch| format!("bleepstore-aws-{}.zip", arch.name()),
    write: zip,
    files: archive::files,
    place: Place::Local,
    start: |folder| release::aws::start(&folder.join(PROGRAM)),
};

fn zip(program: &Path, archive: &Path) -> Check {
    let content = read(program)?;
    glibc::check(&content).map_err(|complaint| format!("{}: {complaint}", program.display()))?;
    let program = Entry {
        name: PROGRAM,
        mode: 0o755,
        content: &content,
    };
    write(archive, &archive::zip(&[program])?)
}
