//! What is shipped for Azure: the zip of a function app, which holds `host.json`, a folder for each trigger, and the
//! program that `host.json` names; and the same program in a container image, for the HTTP service on Container Apps.

use std::path::Path;

use serde_json::Value;

use super::archive::{self, Entry};
use super::{Shipped, glibc, image, read, served, write};
use crate::emulators::Place;
use crate::http;
use crate::report::Check;
use crate::run::root;
use crate::start::Server;
use crate::start::azure::Emulated;

pub(super) const SHIPPED: Shipped = Shipped {
    package: "bleepstore-azure",
    program: PROGRAM,
    archive: |_| "bleepstore-azure.zip".to_owned(),
    write: |program, archive, _| {
        let content = read(program)?;
        glibc::check(&content).map_err(|complaint| format!("{}: {complaint}", program.display()))?;
        write(archive, &zip(&content)?)
    },
    files: archive::files,
    place: Place::Azure,
    start,
};

pub(super) const IMAGE: Shipped = Shipped {
    package: "bleepstore-azure",
    program: PROGRAM,
    archive: |_| "bleepstore-azure-image".to_owned(),
    write: |program, folder, arch| image::of_server(program, PROGRAM, arch, folder),
    files: image::files,
    place: Place::Azure,
    start: |root| {
        let cloud = Emulated::start(|command| command.arg("--variables"))?;
        served::from_image(root, PROGRAM, |script| {
            Server::start(script, "PORT", &cloud.variables())
        })
    },
};

/// The package's folder in the tree, which holds all but the program.
const FOLDER: &str = "azure-functions";

/// The program.
const PROGRAM: &str = "bleepstore-azure";

/// What the host of Functions reads, in the order of the zip.
const DESCRIPTIONS: [&str; 3] = ["host.json", "bleepstore_gc/function.json", "s3/function.json"];

/// The zip with this program in it.
fn zip(program: &[u8]) -> Result<Vec<u8>, String> {
    let folder = root().join(FOLDER);
    let descriptions = DESCRIPTIONS
        .iter()
        .map(|name| read(&folder.join(name)))
        .collect::<Result<Vec<_>, _>>()?;
    check(&descriptions[0])?;
    let files = DESCRIPTIONS.iter().zip(&descriptions);
    let mut entries: Vec<Entry<'_>> = files
        .map(|(name, content)| Entry {
            name,
            mode: 0o644,
            content,
        })
        .collect();
    entries.push(Entry {
        name: PROGRAM,
        mode: 0o755,
        content: program,
    });
    archive::zip(&entries)
}

/// Refuses a `host.json` that starts another program than the one beside it.
fn check(host: &[u8]) -> Result<(), String> {
    let host: Value = serde_json::from_slice(host).map_err(|error| format!("host.json: {error}"))?;
    match host["customHandler"]["description"]["defaultExecutablePath"].as_str() {
        Some(PROGRAM) => Ok(()),
        other => Err(format!("host.json starts {other:?} and not {PROGRAM}")),
    }
}

/// Starts the app behind the host of Functions as the tests have it, which reads its folder as the real one does.
fn start(folder: &Path) -> Check {
    let app = Emulated::with_app(folder)?;
    let health =
        http::get(&app.address, http::HEALTH).map_err(|error| format!("{}: {error}", app.address))?;
    if !http::is_healthy(&health) {
        return Err(format!("the app in the zip is not well: {health}"));
    }
    served::refuses_strangers(&app.address)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Cursor, Read};

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn the_zip_has_the_program_that_its_host_json_starts_and_both_triggers() {
        let bytes = zip(b"a program").unwrap();
        let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
        let mut file = |name: &str| {
            let mut file = archive.by_name(name).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.unix_mode().unwrap() & 0o777, content)
        };
        assert_eq!(file(PROGRAM), (0o755, b"a program".to_vec()));
        let (mode, host) = file("host.json");
        assert_eq!(mode, 0o644);
        check(&host).unwrap();
        for (folder, kind) in [("s3", "httpTrigger"), ("bleepstore_gc", "timerTrigger")] {
            let function: Value =
                serde_json::from_slice(&file(&format!("{folder}/function.json")).1).unwrap();
            assert_eq!(function["bindings"][0]["type"], kind);
        }
        assert_eq!(archive.len(), 4);
        assert_eq!(zip(b"a program").unwrap(), bytes);
    }

    #[test]
    fn another_program_than_the_one_beside_it_is_refused() {
        let host = br#"{"customHandler":{"description":{"defaultExecutablePath":"handler"}}}"#;
        assert_eq!(
            check(host).unwrap_err(),
            "host.json starts Some(\"handler\") and not bleepstore-azure"
        );
        assert!(check(b"{}").is_err() && check(b"").is_err());
    }
}
