//! Why the process ends without having done its work.

use std::fmt;
use std::process::ExitCode;

use bleepstore_http::LogError;

/// One line for standard error, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

/// The result of a step of the start.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// The environment or the data stands in the way. Exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// A setting is wrong. Exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 2,
        }
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Filter(_) => Self::usage(error.to_string()),
            LogError::Start(_) => Self::new(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
