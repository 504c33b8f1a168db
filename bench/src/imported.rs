//! A data folder with a bucket of 1,000,000 keys and one of 100,000, which BleepStore imports from an export that is written
//! here: over HTTP it would take a quarter of an hour.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bleepstore_bench::records::{CREATED, bucket, object};
use bleepstore_bench::signer::hex;
use bleepstore_core::model::{Manifest, StoreId};
use bleepstore_core::ops::{Counts, FORMAT, Header, Record, Trailer, VERSION};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::rows::{IMPORTED, PREFIXES, key_of};
use crate::servers::Installed;

/// The data folder, made where it is missing, was made by another program or with other settings, or is to be made anew.
pub(crate) fn folder(server: &Installed, parent: &Path, anew: bool) -> Result<PathBuf, String> {
    let folder = parent.join("bleepstore-imported");
    let whole = parent.join("bleepstore-imported.whole");
    let origin = origin(server)?;
    if !anew && fs::read_to_string(&whole).is_ok_and(|found| found == origin) {
        return Ok(folder);
    }
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    for path in [&whole, &folder] {
        remove(path).map_err(failed)?;
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    // An import wants a folder that a server made.
    server.start(&folder)?.stop()?;
    let export = parent.join("bleepstore-imported.jsonl");
    eprintln!("writing and importing an export of the large buckets");
    write_export(&export).map_err(|error| format!("{}: {error}", export.display()))?;
    let imported = Command::new(&server.program)
        .env_clear()
        .env("BLEEPSTORE_DATA_DIR", &folder)
        .env("BLEEPSTORE_LOG", "warn")
        .envs(server.settings.iter().map(|(name, value)| (name, value)))
        .arg("import")
        .arg(&export)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    remove(&export).map_err(failed)?;
    match imported {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("bleepstore import ended with {status}")),
        Err(error) => return Err(format!("bleepstore import cannot be run: {error}")),
    }
    fs::write(&whole, origin).map_err(failed)?;
    Ok(folder)
}

/// A checksum of all that decides what is in the folder: the program, its settings and the buckets.
fn origin(server: &Installed) -> Result<String, String> {
    let program =
        fs::read(&server.program).map_err(|error| format!("{}: {error}", server.program.display()))?;
    let rest = serde_json::to_vec(&(&server.settings, IMPORTED, PREFIXES, VERSION));
    let mut hasher = Sha256::new();
    hasher.update(Sha256::digest(&program));
    hasher.update(rest.map_err(|error| error.to_string())?);
    Ok(hex(&hasher.finalize()))
}

/// Removes a file or a folder, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_export(path: &Path) -> io::Result<()> {
    let mut lines = Lines {
        file: BufWriter::new(File::create(path)?),
        hasher: Sha256::new(),
    };
    lines.write(&Record::Header(Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        store: StoreId::from_bytes([1; 16]),
        epoch: 1,
        created: CREATED,
        secrets: false,
        written_by: None,
    }))?;
    let mut counts = Counts::default();
    for (id, (name, keys)) in (2..).zip(IMPORTED) {
        let bucket = bucket(name, id).map_err(io::Error::other)?;
        lines.write(&Record::Bucket(bucket.clone()))?;
        // In the order of the keys.
        for prefix in 0..PREFIXES as u64 {
            for number in (prefix..keys).step_by(PREFIXES) {
                let object =
                    object(&bucket, key_of(number), Manifest::empty(), 0).map_err(io::Error::other)?;
                lines.write(&Record::Object(Box::new(object)))?;
            }
        }
        counts.buckets += 1;
        counts.objects += keys;
    }
    let sha256 = hex(&lines.hasher.clone().finalize());
    lines.write(&Record::Trailer(Trailer { counts, sha256 }))?;
    lines.file.flush()
}

/// Lines, and the checksum of those that were written.
struct Lines {
    file: BufWriter<File>,
    hasher: Sha256,
}

impl Lines {
    fn write(&mut self, record: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.hasher.update(&line);
        self.file.write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::Kind;

    #[test]
    fn another_program_or_another_setting_is_another_origin() {
        let of = |program: &str, settings: &[(&str, &str)]| {
            let settings = settings
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()));
            let installed = Installed {
                kind: Kind::Bleepstore,
                program: Path::new(env!("CARGO_MANIFEST_DIR")).join(program),
                settings: settings.collect(),
            };
            origin(&installed).unwrap()
        };
        let plain = of("Cargo.toml", &[]);
        assert_eq!(plain, of("Cargo.toml", &[]));
        assert_ne!(plain, of("src/lib.rs", &[]));
        assert_ne!(plain, of("Cargo.toml", &[("BLEEPSTORE_METADATA", "jsonl")]));
    }
}
