//! What is shipped for AWS: the zip of the Lambda function, which holds the program alone, under the name that the runtime
//! `provided.al2023` starts; and the same program in a container image, for the HTTP service on Fargate.

use std::path::Path;

use super::archive::{self, Entry};
use super::{Shipped, glibc, image, read, served, write};
use crate::emulators::Place;
use crate::report::Check;
use crate::start;

const PROGRAM: &str = "bootstrap";

pub(super) const SHIPPED: Shipped = Shipped {
    package: "bleepstore-aws",
    program: PROGRAM,
    archive: |arch| format!("bleepstore-aws-{}.zip", arch.name()),
    write: |program, archive, _| zip(program, archive),
    files: archive::files,
    place: Place::Local,
    start: |folder| start::aws::start(&folder.join(PROGRAM)),
};

pub(super) const IMAGE: Shipped = Shipped {
    package: "bleepstore-aws",
    program: PROGRAM,
    archive: |arch| format!("bleepstore-aws-image-{}", arch.name()),
    write: |program, folder, arch| image::of_server(program, PROGRAM, arch, folder),
    files: image::files,
    place: Place::Local,
    start: |root| served::from_image(root, PROGRAM, start::aws::serve),
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
