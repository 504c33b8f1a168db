//! Why a log cannot be used.

use std::io;

use bleepstore_core::model::LaterFormat;

/// Why a log cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later version of BleepStore wrote it.
    #[error(transparent)]
    TooNew(#[from] LaterFormat),
    /// A later version of BleepStore wrote a line of it.
    #[error("line {line}: {reason}")]
    UnknownLine {
        /// The line, counted from 1.
        line: u64,
        /// Which release to use.
        reason: String,
    },
    /// Its first line is not that of a log.
    #[error("the file does not start as a log of bleepstore does: {0}")]
    Foreign(String),
    /// A line that was durable is not what was written.
    #[error("line {line} is damaged: {reason}; nothing was changed")]
    Corrupt {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refuses something.
    #[error("{what}: {source}")]
    Io {
        /// What did not work.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl OpenError {
    pub(super) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}
