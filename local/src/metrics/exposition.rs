//! Prometheus's text format (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).

use std::fmt::Display;

use super::Histogram;

/// How many of a histogram's units make one of the metric's.
pub(super) const MICROSECONDS: f64 = 1_000_000.0;
pub(super) const ONES: f64 = 1.0;

/// What a family of samples is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A label's name and its value, which has nothing in it that would have to be escaped.
type Label<'a> = (&'a str, &'a str);

/// A text that is written family by family.
#[derive(Default)]
pub(super) struct Exposition {
    text: String,
    family: &'static str,
}

impl Exposition {
    /// Begins a family; the samples that follow are its.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.family = name;
        self.text
            .push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// Writes a sample, whose name is the family's with `suffix`.
    pub(super) fn sample(&mut self, suffix: &str, labels: &[Label<'_>], value: impl Display) {
        let pairs: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        let labels = match pairs.as_slice() {
            [] => String::new(),
            pairs => format!("{{{}}}", pairs.join(",")),
        };
        self.text
            .push_str(&format!("{}{suffix}{labels} {value}\n", self.family));
    }

    /// Writes the samples of a histogram, of whose units `scale` make one.
    pub(super) fn histogram(&mut self, labels: &[Label<'_>], histogram: &Histogram, scale: f64) {
        for (bound, count) in histogram.cumulative() {
            let bound = (bound as f64 / scale).to_string();
            self.sample("_bucket", &[labels, &[("le", &bound)]].concat(), count);
        }
        // The same number twice, although more is counted meanwhile.
        let count = histogram.count();
        self.sample("_bucket", &[labels, &[("le", "+Inf")]].concat(), count);
        self.sample("_sum", labels, histogram.sum() as f64 / scale);
        self.sample("_count", labels, count);
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}
