//! The subcommand `export`.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bleepstore_core::Ports;
use bleepstore_core::ops::{self, Counts, LineSink, Progress};
use bytes::Bytes;
use clap::Args;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter, stdout};

use crate::failure::{Failure, Result};
use crate::output::tell;
use crate::progress::with_progress;

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// The file to write, which must not exist; - is standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Include the secret keys of credentials: whoever reads the file can act for their owners
    #[arg(long)]
    secrets: bool,
}

/// Writes all records. A file appears under its name only once it is whole.
pub(crate) async fn export(ports: &Ports, args: &ExportArgs) -> Result<()> {
    let counts = if args.file == Path::new("-") {
        let mut out = Output(BufWriter::new(stdout()));
        let counts = write(ports, args, &mut out).await?;
        out.0
            .flush()
            .await
            .map_err(|error| Failure::new(format!("standard output cannot be written: {error}")))?;
        counts
    } else {
        to_file(ports, args).await?
    };
    tell(&format!("exported {counts}"));
    Ok(())
}

async fn to_file(ports: &Ports, args: &ExportArgs) -> Result<Counts> {
    let failed =
        |error: io::Error| Failure::new(format!("{} cannot be written: {error}", args.file.display()));
    if fs::try_exists(&args.file).await.map_err(failed)? {
        return Err(Failure::new(format!("{} exists already", args.file.display())));
    }
    let draft = Draft::of(&args.file);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let file = options.open(&draft.0).await.map_err(failed)?;
    let mut out = Output(BufWriter::new(file));
    let counts = write(ports, args, &mut out).await?;
    out.0.flush().await.map_err(failed)?;
    out.0.get_ref().sync_all().await.map_err(failed)?;
    fs::rename(&draft.0, &args.file).await.map_err(failed)?;
    let folder = args.file.parent().filter(|folder| *folder != Path::new(""));
    let folder = File::open(folder.unwrap_or(Path::new(".")))
        .await
        .map_err(failed)?;
    folder.sync_all().await.map_err(failed)?;
    Ok(counts)
}

async fn write(ports: &Ports, args: &ExportArgs, out: &mut dyn LineSink) -> Result<Counts> {
    let progress = Progress::default();
    let exported = ops::export(ports, args.secrets, out, &progress);
    let counts = with_progress("export", &progress, exported).await;
    counts.map_err(|error| Failure::new(error.to_string()))
}

struct Output<W>(BufWriter<W>);

#[async_trait]
impl<W: AsyncWrite + Unpin + Send> LineSink for Output<W> {
    async fn write(&mut self, line: Bytes) -> io::Result<()> {
        self.0.write_all(&line).await
    }
}

/// A file that is not whole yet. It goes away with this, unless it was renamed.
struct Draft(PathBuf);

impl Draft {
    fn of(file: &Path) -> Self {
        let mut path = file.as_os_str().to_owned();
        path.push(".partial");
        Self(path.into())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tell(&format!("{} is left over: {error}", self.0.display()));
            }
            _ => {}
        }
    }
}
