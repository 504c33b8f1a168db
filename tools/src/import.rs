//! The subcommand `import`.

use std::io;
use std::path::{Path, PathBuf};

use bleepstore_core::Ports;
use bleepstore_core::ops::{self, ExportStream, Progress, inspect};
use bytes::{Bytes, BytesMut};
use clap::Args;
use futures_util::{StreamExt, stream};
use tokio::fs::{self, File};
use tokio::io::{AsyncRead, AsyncReadExt, stdin};

use crate::failure::{Failure, Result};
use crate::output::print;
use crate::progress::with_progress;

/// How many bytes are read at once.
const PIECE: usize = 1 << 16;

/// Arguments of `import`.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// The export to read; - is standard input
    file: PathBuf,
}

/// Reads an export into the store. A file is read to its end first, so that one that is damaged changes nothing.
pub(crate) async fn import(ports: &Ports, args: &ImportArgs) -> Result<()> {
    let from_standard_input = args.file == Path::new("-");
    let rereadable = !from_standard_input
        && fs::metadata(&args.file)
            .await
            .map_err(|error| cannot_read(&args.file, &error))?
            .is_file();
    if rereadable {
        let progress = Progress::default();
        let inspected = inspect(open(&args.file).await?, &progress);
        let inspected = with_progress("check", &progress, inspected).await;
        inspected.map_err(|error| Failure::new(format!("{error}; nothing was changed")))?;
    }
    let input = if from_standard_input {
        pieces(stdin())
    } else {
        open(&args.file).await?
    };
    let progress = Progress::default();
    let imported = with_progress("import", &progress, ops::import(ports, input, &progress)).await;
    let report = imported.map_err(|error| Failure::new(error.to_string()))?;
    let mut text = format!(
        "imported {}; the epoch is {}\n",
        report.counts, report.store.epoch
    );
    if report.without_secret > 0 {
        text += &format!(
            "{} credentials are not there, since the export has no secret keys: create new ones\n",
            report.without_secret
        );
    }
    print(&text)
}

async fn open(path: &Path) -> Result<ExportStream> {
    let file = File::open(path)
        .await
        .map_err(|error| cannot_read(path, &error))?;
    Ok(pieces(file))
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{} cannot be read: {error}", path.display()))
}

fn pieces(input: impl AsyncRead + Unpin + Send + 'static) -> ExportStream {
    stream::try_unfold(input, |mut input| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = input.read_buf(&mut piece).await?;
        Ok((read > 0).then(|| (Bytes::from(piece), input)))
    })
    .boxed()
}
