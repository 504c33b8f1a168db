//! The trace that a front end puts a request into.

use http::HeaderMap;

/// A request's place in a distributed trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// 32 hex digits in lower case.
    pub(crate) trace_id: String,
    /// The caller's span: 16 hex digits in lower case.
    pub(crate) span_id: String,
}

impl TraceContext {
    /// What `traceparent` says, or else Google's older header. A header that is not well-formed says nothing.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name)?.to_str().ok();
        let standard = text("traceparent").and_then(Self::from_traceparent);
        standard.or_else(|| text("x-cloud-trace-context").and_then(Self::from_google))
    }

    /// `{version}-{trace}-{span}-{flags}` (<https://www.w3.org/TR/trace-context/#traceparent-header>). Later versions may
    /// add fields.
    fn from_traceparent(text: &str) -> Option<Self> {
        let mut fields = text.trim().split('-');
        let version = fields.next()?;
        let (trace_id, span_id, flags) = (fields.next()?, fields.next()?, fields.next()?);
        let known = is_hex(version, 2) && is_hex(flags, 2) && version != "ff";
        if !known || (version == "00" && fields.next().is_some()) {
            return None;
        }
        Self::new(trace_id, span_id.to_owned())
    }

    /// `{trace}/{span in decimal};o={options}` (<https://cloud.google.com/trace/docs/trace-context>).
    fn from_google(text: &str) -> Option<Self> {
        let (trace_id, rest) = text.trim().split_once('/')?;
        let span = rest.split_once(';').map_or(rest, |(span, _)| span);
        let span: u64 = span.parse().ok()?;
        Self::new(trace_id, format!("{span:016x}"))
    }

    fn new(trace_id: &str, span_id: String) -> Option<Self> {
        let is_zero = |id: &str| id.bytes().all(|digit| digit == b'0');
        let valid = is_hex(trace_id, 32) && is_hex(&span_id, 16) && !is_zero(trace_id) && !is_zero(&span_id);
        valid.then(|| Self {
            trace_id: trace_id.to_ascii_lowercase(),
            span_id: span_id.to_ascii_lowercase(),
        })
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "105445aa7843bc8bf206b12000100000";

    fn of(headers: &[(&'static str, &str)]) -> Option<(String, String)> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        TraceContext::of(&map).map(|context| (context.trace_id, context.span_id))
    }

    #[test]
    fn both_headers_are_read_and_the_standard_one_goes_first() {
        let expected = |span: &str| Some((TRACE.to_owned(), span.to_owned()));
        let standard = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let google = format!("{TRACE}/1;o=1");
        assert_eq!(of(&[("traceparent", &standard)]), expected("00f067aa0ba902b7"));
        assert_eq!(
            of(&[("x-cloud-trace-context", &google)]),
            expected("0000000000000001")
        );
        let both = [
            ("x-cloud-trace-context", google.as_str()),
            ("traceparent", &standard),
        ];
        assert_eq!(of(&both), expected("00f067aa0ba902b7"));
        let largest = format!("{}/18446744073709551615", TRACE.to_uppercase());
        assert_eq!(
            of(&[("x-cloud-trace-context", &largest)]),
            expected("ffffffffffffffff")
        );
        let wrong_standard = [("traceparent", "00-x"), ("x-cloud-trace-context", &google)];
        assert_eq!(of(&wrong_standard), expected("0000000000000001"));
    }

    #[test]
    fn what_is_not_well_formed_is_no_trace() {
        for wrong in [
            "",
            "00",
            "00-105445aa7843bc8bf206b12000100000-00f067aa0ba902b7",
            "00-105445aa7843bc8bf206b12000100000-00f067aa0ba902b7-01-more",
            "ff-105445aa7843bc8bf206b12000100000-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-105445aa7843bc8bf206b12000100000-0000000000000000-01",
            "00-105445aa7843bc8bf206b1200010000g-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(&[("traceparent", wrong)]), None, "{wrong}");
        }
        for wrong in [
            "",
            TRACE,
            "105445aa7843bc8bf206b12000100000/",
            "105445aa7843bc8bf206b12000100000/x",
            "x/1",
        ] {
            assert_eq!(of(&[("x-cloud-trace-context", wrong)]), None, "{wrong}");
        }
    }
}
