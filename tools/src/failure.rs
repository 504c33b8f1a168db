//! Why a process ends without having done its work.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use bleepstore_http::LogError;

/// One line for standard error, and the exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

/// The result of a step.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// The environment or the data stands in the way, or a check found something. Exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// An argument or a setting is wrong. Exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 2,
        }
    }

    /// The exit code of a program that has ended, after a line on standard error where it failed.
    pub fn ended(program: &str, done: Result<()>) -> ExitCode {
        let Err(Self { message, code }) = done else {
            return ExitCode::SUCCESS;
        };
        // Where even standard error is gone, the exit code still tells.
        drop(writeln!(io::stderr(), "{program}: {message}"));
        ExitCode::from(code)
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
