//! A function app as it is deployed, around a program that cargo built.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The folder that holds all of the app but the program.
const DESCRIPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../azure-functions");

/// What the host of Functions reads, beside the program.
const FILES: [&str; 3] = ["host.json", "s3/function.json", "bleepstore_gc/function.json"];

/// A folder with the app in it, gone when this is dropped.
pub struct FunctionApp {
    folder: PathBuf,
}

impl FunctionApp {
    /// The app around this program.
    pub fn around(program: &Path) -> io::Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bleepstore-function-app-{}-{number}", process::id());
        let app = Self {
            folder: env::temp_dir().join(name),
        };
        fs::create_dir(&app.folder)?;
        for file in FILES {
            let target = app.folder.join(file);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::copy(Path::new(DESCRIPTIONS).join(file), target)?;
        }
        let name = program
            .file_name()
            .ok_or_else(|| io::Error::other("a program has a name"))?;
        symlink(program, app.folder.join(name))?;
        Ok(app)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for FunctionApp {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} is left behind: {error}", self.folder.display());
        }
    }
}
