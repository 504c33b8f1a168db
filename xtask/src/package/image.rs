//! A container image as a folder, which needs no daemon to be made
//! (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>). Its bytes depend on nothing but what is in it.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::report::Check;

/// A file in the image.
pub(crate) struct ImageFile {
    /// Its path from the image's root, without a slash before it.
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
}

/// How the image is run.
pub(crate) struct Runs<'a> {
    /// The program's path in the image.
    pub(crate) program: &'a str,
    /// The port that it is expected to listen on.
    pub(crate) port: u16,
}

/// Nobody in particular: the number that images without a shell usually run as.
pub(crate) const USER: u32 = 65_532;

/// Cloud Run's processors, as images name them.
const ARCHITECTURE: &str = "amd64";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Writes an image of one layer with these files, all of them executable, into a folder that holds nothing else
/// afterwards. Its tag is `latest`.
pub(crate) fn write(folder: &Path, files: &[ImageFile], runs: &Runs<'_>) -> Check {
    write_layout(folder, files, runs).map_err(|error| format!("{}: {error}", folder.display()))
}

fn write_layout(folder: &Path, files: &[ImageFile], runs: &Runs<'_>) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let blobs = Blobs { folder };
    fs::create_dir_all(folder.join("blobs/sha256"))?;
    let archive = archive(files)?;
    let layer = blobs.add(&compressed(&archive)?, LAYER)?;
    let config = json!({
        "architecture": ARCHITECTURE,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "WorkingDir": "/",
            "Entrypoint": [format!("/{}", runs.program)],
            "ExposedPorts": { format!("{}/tcp", runs.port): {} },
        },
        "rootfs": { "type": "layers", "diff_ids": [digest(&archive)] },
    });
    let config = blobs.add(config.to_string().as_bytes(), CONFIG)?;
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
    let mut manifest = blobs.add(manifest.to_string().as_bytes(), MANIFEST)?;
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest] });
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(
        folder.join("oci-layout"),
        json!({ "imageLayoutVersion": "1.0.0" }).to_string(),
    )
}

/// The blobs of a layout, each under its digest.
struct Blobs<'a> {
    folder: &'a Path,
}

impl Blobs<'_> {
    /// Adds a blob; its descriptor.
    fn add(&self, content: &[u8], media_type: &str) -> std::io::Result<Value> {
        let digest = digest(content);
        fs::write(self.folder.join("blobs").join(digest.replace(':', "/")), content)?;
        Ok(json!({ "mediaType": media_type, "digest": digest, "size": content.len() }))
    }
}

fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// The files and their folders, owned by root and from the first second of 1970.
fn archive(files: &[ImageFile]) -> std::io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    let mut folders: Vec<String> = Vec::new();
    for file in files {
        for (end, _) in file.path.match_indices('/') {
            let folder = format!("{}/", &file.path[..end]);
            if !folders.contains(&folder) {
                append(&mut archive, EntryType::Directory, &folder, &[])?;
                folders.push(folder);
            }
        }
        append(&mut archive, EntryType::Regular, &file.path, &file.content)?;
    }
    archive.into_inner()
}

fn append(
    archive: &mut Builder<Vec<u8>>,
    kind: EntryType,
    path: &str,
    content: &[u8],
) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_path(path)?;
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    header.set_cksum();
    archive.append(&header, content)
}

fn compressed(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(content)?;
    gzip.finish()
}

/// Unpacks the layers of an image into a folder, as what runs it does.
pub(crate) fn unpack(layout: &Path, folder: &Path) -> Check {
    let failed = |error: std::io::Error| format!("{}: {error}", layout.display());
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"]
            .as_str()
            .unwrap_or_default()
            .replace(':', "/");
        fs::read(layout.join("blobs").join(digest)).map_err(failed)
    };
    let parsed = |bytes: Vec<u8>| -> Result<Value, String> {
        serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", layout.display()))
    };
    let index = parsed(fs::read(layout.join("index.json")).map_err(failed)?)?;
    let manifest = parsed(blob(&index["manifests"][0])?)?;
    for layer in manifest["layers"].as_array().into_iter().flatten() {
        let bytes = blob(layer)?;
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        archive.unpack(folder).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    fn files() -> [ImageFile; 2] {
        [
            ImageFile {
                path: "server".to_owned(),
                content: b"a program".to_vec(),
            },
            ImageFile {
                path: "lib/deep/libc.so.6".to_owned(),
                content: b"a library".to_vec(),
            },
        ]
    }

    fn layout(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("bleepstore-image-{name}-{}", std::process::id()));
        let runs = Runs {
            program: "server",
            port: 8080,
        };
        write(&folder, &files(), &runs).unwrap();
        folder
    }

    /// Every file below a folder with its content.
    fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(content(&path));
            } else {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
        found
    }

    #[test]
    fn the_same_files_make_the_same_bytes_twice() {
        let folder = layout("twice");
        let first = content(&folder);
        assert_eq!(layout("twice"), folder);
        assert_eq!(content(&folder), first);
        assert_eq!(first.len(), 5);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn every_blob_is_named_by_its_digest_and_every_descriptor_tells_its_size() {
        let folder = layout("digests");
        for (path, bytes) in content(&folder.join("blobs/sha256")) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert_eq!(digest(&bytes), format!("sha256:{name}"));
        }
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let blob = |descriptor: &Value| {
            let bytes = fs::read(
                folder
                    .join("blobs")
                    .join(descriptor["digest"].as_str().unwrap().replace(':', "/")),
            );
            let bytes = bytes.unwrap();
            assert_eq!(descriptor["size"], bytes.len());
            bytes
        };
        let index = json(&fs::read(folder.join("index.json")).unwrap());
        let manifest = json(&blob(&index["manifests"][0]));
        let config = json(&blob(&manifest["config"]));
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], json!(["/server"]));
        assert_eq!(
            (config["architecture"].as_str(), config["os"].as_str()),
            (Some("amd64"), Some("linux"))
        );
        let layer = blob(&manifest["layers"][0]);
        let mut archive = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(layer.as_slice()), &mut archive).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], digest(&archive));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed_and_can_be_run() {
        let folder = layout("unpacked");
        let root = folder.join("root");
        unpack(&folder, &root).unwrap();
        assert_eq!(fs::read(root.join("server")).unwrap(), b"a program");
        assert_eq!(fs::read(root.join("lib/deep/libc.so.6")).unwrap(), b"a library");
        let mode = fs::metadata(root.join("server")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        fs::remove_dir_all(folder).unwrap();
    }
}
