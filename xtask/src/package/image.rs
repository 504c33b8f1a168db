//! A container image as a folder, which needs no daemon to be made
//! (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>). Its bytes depend on nothing but what is in it.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::checksums::sha256;
use super::{Arch, PackedFile, certificates, libraries, read};
use crate::report::Check;

/// How the image is run.
struct Runs<'a> {
    /// The program's path in the image.
    program: &'a str,
    /// The port that it is expected to listen on.
    port: u16,
    arch: Arch,
}

/// Nobody in particular: the number that images without a shell usually run as.
pub(super) const USER: u32 = 65_532;

/// Where servers in containers are told to listen, by Cloud Run unless it is told otherwise itself, and by `infra/aws`
/// and `infra/azure`.
const PORT: u16 = 8080;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Writes the image of a server into a folder: the program under a name in the image's root, and what it needs: the
/// certificates that it trusts, and the C library of this machine, which must be of the architecture.
pub(super) fn of_server(program: &Path, name: &str, arch: Arch, folder: &Path) -> Check {
    let mut files = vec![
        PackedFile {
            path: name.to_owned(),
            mode: 0o755,
            content: read(program)?,
        },
        certificates::trusted(),
    ];
    files.extend(libraries::of(program)?);
    let runs = Runs {
        program: name,
        port: PORT,
        arch,
    };
    write(folder, &files, &runs)
}

/// Writes an image of one layer with these files into a folder that holds nothing else
/// afterwards. Its tag is `latest`.
fn write(folder: &Path, files: &[PackedFile], runs: &Runs<'_>) -> Check {
    write_layout(folder, files, runs).map_err(|error| format!("{}: {error}", folder.display()))
}

fn write_layout(folder: &Path, files: &[PackedFile], runs: &Runs<'_>) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let blobs = Blobs { folder };
    fs::create_dir_all(folder.join("blobs/sha256"))?;
    let archive = archive(files)?;
    let layer = blobs.add(&compressed(&archive)?, LAYER)?;
    let config = json!({
        "architecture": architecture(runs.arch),
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

/// As images name processors.
const fn architecture(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "amd64",
        Arch::Arm64 => "arm64",
    }
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
    format!("sha256:{}", sha256(content))
}

/// The files and their folders, owned by root and from the first second of 1970.
fn archive(files: &[PackedFile]) -> std::io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    let mut folders: Vec<String> = Vec::new();
    for file in files {
        for (end, _) in file.path.match_indices('/') {
            let folder = format!("{}/", &file.path[..end]);
            if !folders.contains(&folder) {
                append(&mut archive, EntryType::Directory, &folder, 0o755, &[])?;
                folders.push(folder);
            }
        }
        append(
            &mut archive,
            EntryType::Regular,
            &file.path,
            file.mode,
            &file.content,
        )?;
    }
    archive.into_inner()
}

fn append(
    archive: &mut Builder<Vec<u8>>,
    kind: EntryType,
    path: &str,
    mode: u32,
    content: &[u8],
) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_path(path)?;
    header.set_mode(mode);
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

/// The digest of the one image in a layout, by which registries know it.
pub(crate) fn image_digest(layout: &Path) -> Result<String, String> {
    let file = layout.join("index.json");
    let index: Value =
        serde_json::from_slice(&read(&file)?).map_err(|error| format!("{}: {error}", file.display()))?;
    let digest = index["manifests"][0]["digest"].as_str();
    digest
        .map(str::to_owned)
        .ok_or_else(|| format!("{} names no image", file.display()))
}

/// The files in the layers of an image.
pub(super) fn files(layout: &Path) -> Result<Vec<PackedFile>, String> {
    listed(layout).map_err(|error| format!("{}: {error}", layout.display()))
}

fn listed(layout: &Path) -> std::io::Result<Vec<PackedFile>> {
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        fs::read(layout.join("blobs").join(digest.replace(':', "/")))
    };
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let manifest: Value = serde_json::from_slice(&blob(&index["manifests"][0])?)?;
    let mut files = Vec::new();
    for layer in manifest["layers"].as_array().into_iter().flatten() {
        let bytes = blob(layer)?;
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        for entry in archive.entries()? {
            let mut entry = entry?;
            if entry.header().entry_type() != EntryType::Regular {
                continue;
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.push(PackedFile {
                path: entry.path()?.to_string_lossy().into_owned(),
                mode: entry.header().mode()?,
                content,
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::package::files_below;

    fn files() -> [PackedFile; 2] {
        [
            PackedFile {
                path: "server".to_owned(),
                mode: 0o755,
                content: b"a program".to_vec(),
            },
            PackedFile {
                path: "lib/deep/libc.so.6".to_owned(),
                mode: 0o644,
                content: b"a library".to_vec(),
            },
        ]
    }

    fn layout(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("bleepstore-image-{name}-{}", std::process::id()));
        let runs = Runs {
            program: "server",
            port: 8080,
            arch: Arch::X86_64,
        };
        write(&folder, &files(), &runs).unwrap();
        folder
    }

    /// Every file below a folder with its content.
    fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = files_below(folder).unwrap().into_iter();
        files
            .map(|file| (file.clone(), fs::read(file).unwrap()))
            .collect()
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
        assert_eq!(
            image_digest(&folder),
            Ok(index["manifests"][0]["digest"].as_str().unwrap().to_owned())
        );
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
    fn the_files_of_an_image_are_those_that_were_packed() {
        let folder = layout("files");
        let listed = super::files(&folder).unwrap();
        let comparable = |files: &[PackedFile]| -> Vec<_> {
            let each = files.iter();
            each.map(|file| (file.path.clone(), file.mode, file.content.clone()))
                .collect()
        };
        assert_eq!(comparable(&listed), comparable(&files()));
        fs::remove_dir_all(folder).unwrap();
    }
}
