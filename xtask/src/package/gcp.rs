//! The container image of the Google Cloud deployment.

use super::{Shipped, image, served};
use crate::emulators::Place;
use crate::start;

const PROGRAM: &str = "bleepstore-gcp";

pub(super) const SHIPPED: Shipped = Shipped {
    package: "bleepstore-gcp",
    program: PROGRAM,
    archive: |_| "bleepstore-gcp".to_owned(),
    write: |program, folder, arch| image::of_server(program, PROGRAM, arch, folder),
    files: image::files,
    place: Place::Local,
    start: |root| served::from_image(root, PROGRAM, start::gcp::start),
};
