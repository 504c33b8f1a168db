//! Why a transfer did not come to its end.

use std::io;

use super::{Counts, FORMAT};
use crate::model::{LaterFormat, StoreId};
use crate::ports::StoreError;

/// Why an export, an import or a migration failed. What was written so far stays, and the store that was written to
/// is not active: the same import, begun again, goes on.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The store that is read from failed.
    #[error("the store that is read failed: {0}")]
    Source(#[source] StoreError),
    /// The store that is written to failed.
    #[error("the store that is written failed: {0}")]
    Target(#[source] StoreError),
    /// The export cannot be written.
    #[error("the export cannot be written: {0}")]
    Output(#[source] io::Error),
    /// The export cannot be read.
    #[error("the export cannot be read: {0}")]
    Input(#[source] io::Error),
    /// A line of the export is not what it should be.
    #[error("line {number}: {problem}")]
    Line {
        /// Counted from 1.
        number: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The first line is of something else.
    #[error("this is not an export: its first line does not say {FORMAT:?}")]
    NotAnExport,
    /// A later version wrote it.
    #[error(transparent)]
    TooNew(#[from] LaterFormat),
    /// The store that is read was never used, or an import into it is not finished.
    #[error("the store that is read has no record of itself, or an import into it is not finished")]
    SourceNotActive,
    /// The store that is read began to hold what the export's first line does not announce.
    #[error("the format of the store that is read rose meanwhile: export it again")]
    Rose,
    /// The store that is written to holds something.
    #[error("the metadata store is not empty: an import needs one that holds no buckets and no credentials")]
    NotEmpty,
    /// Another import into the store was begun and is not finished.
    #[error("an import of another store ({store}, epoch {epoch}) into this one is not finished")]
    OtherImport {
        /// The store that it is an import of.
        store: StoreId,
        /// That store's epoch.
        epoch: u64,
    },
    /// The blob store belongs to another store.
    #[error(
        "the blob store holds blobs and belongs to store {found}, not to {wanted}, which the records are of"
    )]
    ForeignBlobs {
        /// Whose it is.
        found: StoreId,
        /// Whose records are imported.
        wanted: StoreId,
    },
    /// The store that is written to holds something else under a name of the export.
    #[error("{0} is in the store already, and is another one: the import was not begun by this export")]
    Differs(String),
    /// The store that is written to holds more than what was written.
    #[error("the store holds {found} now, and not {wanted}: something else was written to it")]
    Extra {
        /// What it holds.
        found: Box<Counts>,
        /// What was written.
        wanted: Box<Counts>,
    },
    /// Blobs that records name did not arrive.
    #[error(
        "{0} blobs that the records name are not whole in the new store; writes went on while it was copied"
    )]
    Incomplete(usize),
}

impl TransferError {
    pub(super) fn line(number: u64, problem: impl Into<String>) -> Self {
        Self::Line {
            number,
            problem: problem.into(),
        }
    }
}
