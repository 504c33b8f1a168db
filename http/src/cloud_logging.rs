//! The log as Cloud Logging reads it: one JSON object on a line, whose special fields become those of the log entry
//! (<https://cloud.google.com/logging/docs/structured-logging>). Requests themselves are logged by Cloud Run, with the
//! same trace.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes events for Cloud Logging. The fields of spans must be formatted as JSON.
pub(crate) struct CloudLogging {
    /// The project that the traces are in.
    pub(crate) project: String,
}

impl<S, N> FormatEvent<S, N> for CloudLogging
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            let extensions = span.extensions();
            let formatted = extensions.get::<FormattedFields<N>>();
            let parsed = formatted.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
            fields.0.extend(parsed.unwrap_or_default());
        }
        event.record(&mut fields);
        let mut entry = fields.0;
        if let Some(Value::String(trace)) = entry.remove("trace_id") {
            let trace = format!("projects/{}/traces/{trace}", self.project);
            entry.insert("logging.googleapis.com/trace".to_owned(), trace.into());
        }
        if let Some(span) = entry.remove("span_id") {
            entry.insert("logging.googleapis.com/spanId".to_owned(), span);
        }
        let metadata = event.metadata();
        entry.insert("severity".to_owned(), severity(*metadata.level()).into());
        entry.insert("target".to_owned(), metadata.target().into());
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        entry.insert("timestamp".to_owned(), time.into());
        writeln!(writer, "{}", Value::Object(entry))
    }
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

/// The fields of an event as JSON.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tracing_subscriber::fmt::format::JsonFields;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written while `act` runs: one object for each line, without its time.
    fn written(act: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .fmt_fields(JsonFields::new())
            .event_format(CloudLogging {
                project: "project".to_owned(),
            })
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, act);
        let bytes = lines.0.lock().unwrap().clone();
        let entries = String::from_utf8(bytes).unwrap();
        let entry = |line: &str| {
            let mut entry: Value = serde_json::from_str(line).unwrap();
            let time = entry.as_object_mut().unwrap().remove("timestamp").unwrap();
            let time = time.as_str().unwrap();
            assert!(
                time.len() > 20 && time.contains('T') && time.ends_with('Z'),
                "{time}"
            );
            entry
        };
        entries.lines().map(entry).collect()
    }

    #[test]
    fn an_event_is_one_line_with_severity_message_and_its_fields() {
        let entries = written(|| {
            tracing::warn!(count = 3, code = "Slow\"Down", source = %"a\nb", yes = true, "it is slow");
            tracing::trace!("so");
        });
        let target = module_path!();
        assert_eq!(
            entries,
            [
                json!({
                    "severity": "WARNING", "message": "it is slow", "target": target,
                    "count": 3, "code": "Slow\"Down", "source": "a\nb", "yes": true,
                }),
                json!({"severity": "DEBUG", "message": "so", "target": target}),
            ]
        );
    }

    #[test]
    fn an_event_within_a_request_carries_its_trace() {
        let entries = written(|| {
            let span = tracing::error_span!(
                "request",
                trace_id = "105445aa7843bc8bf206b12000100000",
                span_id = "01"
            );
            span.in_scope(|| tracing::error!("failed"));
            tracing::error_span!("request").in_scope(|| tracing::info!("denied"));
        });
        assert_eq!(
            entries[0]["logging.googleapis.com/trace"],
            "projects/project/traces/105445aa7843bc8bf206b12000100000"
        );
        assert_eq!(entries[0]["logging.googleapis.com/spanId"], "01");
        assert_eq!(entries[0]["severity"], "ERROR");
        assert_eq!(entries[0].get("trace_id"), None);
        assert_eq!(entries[1].get("logging.googleapis.com/trace"), None);
    }

    #[test]
    fn a_field_cannot_pass_for_one_of_the_entry() {
        let entries = written(|| tracing::error!(severity = "DEFAULT", timestamp = "never", "failed"));
        assert_eq!(entries[0]["severity"], "ERROR");
    }
}
