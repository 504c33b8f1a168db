//! The log of a process, on standard error.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cloud_logging::CloudLogging;

/// Which events are written: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), and `target=level` for modules that
/// differ, with commas between. Without it, or empty: `info`.
pub const LOG_VARIABLE: &str = "BLEEPSTORE_LOG";

/// How an event is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object on a line, with the field names of `tracing-subscriber`.
    Json,
    /// One JSON object on a line, as Cloud Logging takes it, with the trace of the request that an event belongs to.
    GoogleCloud {
        /// The project that the traces are in.
        project: String,
    },
}

impl LogFormat {
    /// Text where a person reads it on a terminal, JSON elsewhere.
    pub fn for_standard_error() -> Self {
        if io::stderr().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// Why there is no log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The variable says something else than a filter.
    #[error("{LOG_VARIABLE} is not a filter: {0}")]
    Filter(String),
    /// The process has a log already.
    #[error("the log cannot be started: {0}")]
    Start(String),
}

/// Starts the process's log with the filter that [`LOG_VARIABLE`] names.
pub fn start_log(format: LogFormat) -> Result<(), LogError> {
    let text = env::var_os(LOG_VARIABLE).map(|text| text.to_string_lossy().into_owned());
    let events = layer().with_writer(io::stderr);
    let events = match format {
        LogFormat::Text => events.boxed(),
        LogFormat::Json => events.json().with_span_list(false).boxed(),
        LogFormat::GoogleCloud { project } => events
            .fmt_fields(JsonFields::new())
            .event_format(CloudLogging { project })
            .boxed(),
    };
    let started = registry().with(events).with(filter(text.as_deref())?).try_init();
    started.map_err(|error| LogError::Start(error.to_string()))
}

// Not `EnvFilter`, whose regular expressions would add 4% to a function's zip.
fn filter(text: Option<&str>) -> Result<Targets, LogError> {
    match text {
        None | Some("") => Ok(Targets::new().with_default(LevelFilter::INFO)),
        Some(text) => text
            .parse()
            .map_err(|error: ParseError| LogError::Filter(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_filter_the_level_is_info_and_a_wrong_one_is_an_error_that_names_the_variable() {
        for unset in [None, Some("")] {
            assert_eq!(filter(unset).unwrap().to_string(), "info");
        }
        let given = filter(Some("warn,hyper=error")).unwrap().to_string();
        assert!(given.contains("warn") && given.contains("hyper=error"), "{given}");
        let error = filter(Some("bleepstore=loud")).unwrap_err().to_string();
        assert!(error.starts_with("BLEEPSTORE_LOG is not a filter: "), "{error}");
    }
}
