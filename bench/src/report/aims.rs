//! What was aimed at, and whether it was met.

use super::{Line, ServerReport};
use crate::servers::Kind;

/// What is measured at one number of connections, or of parts in flight.
struct Aim {
    row: &'static str,
    parallel: usize,
    figure: Figure,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Figure {
    /// Processor time of the server for one operation, in microseconds.
    ServerMicros,
    PerSecond,
    MegabytesPerSecond,
    KeysPerSecond,
    /// The median latency, in milliseconds.
    MedianMillis,
    /// Calls to the metadata store for one operation.
    DatabaseCalls,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    /// At least so many times what the best peer does in the same run; of writes, the best one of those whose writes are
    /// durable too.
    TimesBestPeer(f64),
    /// At most the time of so many `fdatasync`s, as they are around the row.
    Fdatasyncs(f64),
    /// At most what another row has at the same number of connections, and what its measurement may be off by.
    SameAs(&'static str, f64),
}

const fn aim(row: &'static str, parallel: usize, figure: Figure, bound: Bound) -> Aim {
    Aim {
        row,
        parallel,
        figure,
        bound,
    }
}

/// How much two measurements of the same may differ on a machine that does other things too.
const NOISE: f64 = 1.1;

#[rustfmt::skip]
const AIMS: [Aim; 35] = [
    aim("put-4k", 1, Figure::ServerMicros, Bound::AtMost(200.0)),
    aim("put-4k", 16, Figure::ServerMicros, Bound::AtMost(200.0)),
    aim("get-4k", 1, Figure::ServerMicros, Bound::AtMost(80.0)),
    aim("get-4k", 16, Figure::ServerMicros, Bound::AtMost(80.0)),
    aim("head-4k", 1, Figure::ServerMicros, Bound::AtMost(80.0)),
    aim("head-4k", 16, Figure::ServerMicros, Bound::AtMost(80.0)),
    aim("list-1000", 1, Figure::ServerMicros, Bound::AtMost(2000.0)),
    aim("list-1000", 16, Figure::ServerMicros, Bound::AtMost(2000.0)),
    aim("put-4k", 1, Figure::MedianMillis, Bound::Fdatasyncs(2.0)),
    aim("put-4k", 16, Figure::PerSecond, Bound::TimesBestPeer(1.5)),
    aim("get-4k", 1, Figure::PerSecond, Bound::TimesBestPeer(1.5)),
    aim("get-4k", 16, Figure::PerSecond, Bound::TimesBestPeer(1.5)),
    aim("head-4k", 1, Figure::PerSecond, Bound::TimesBestPeer(1.5)),
    aim("head-4k", 16, Figure::PerSecond, Bound::TimesBestPeer(1.5)),
    aim("delete-4k", 1, Figure::PerSecond, Bound::TimesBestPeer(1.5)),
    aim("delete-4k", 16, Figure::PerSecond, Bound::TimesBestPeer(1.5)),
    aim("get-1m", 1, Figure::PerSecond, Bound::TimesBestPeer(1.5)),
    aim("get-1m", 16, Figure::PerSecond, Bound::TimesBestPeer(1.5)),
    aim("put-64m", 1, Figure::MegabytesPerSecond, Bound::TimesBestPeer(1.0)),
    aim("put-64m", 16, Figure::MegabytesPerSecond, Bound::TimesBestPeer(1.0)),
    aim("get-64m", 1, Figure::MegabytesPerSecond, Bound::TimesBestPeer(1.0)),
    aim("get-64m", 16, Figure::MegabytesPerSecond, Bound::TimesBestPeer(1.0)),
    aim("multipart-256m", 1, Figure::MegabytesPerSecond, Bound::TimesBestPeer(1.0)),
    aim("multipart-256m", 4, Figure::MegabytesPerSecond, Bound::TimesBestPeer(1.0)),
    aim("list-1000", 1, Figure::PerSecond, Bound::TimesBestPeer(2.0)),
    aim("list-1000", 16, Figure::PerSecond, Bound::TimesBestPeer(2.0)),
    aim("delimiter-100k", 1, Figure::PerSecond, Bound::TimesBestPeer(2.0)),
    aim("delimiter-100k", 16, Figure::PerSecond, Bound::TimesBestPeer(2.0)),
    aim("walk-100k", 1, Figure::KeysPerSecond, Bound::TimesBestPeer(2.0)),
    aim("delimiter-1m", 1, Figure::MedianMillis, Bound::SameAs("delimiter-100k-imported", NOISE)),
    aim("delimiter-1m", 16, Figure::MedianMillis, Bound::SameAs("delimiter-100k-imported", NOISE)),
    aim("delimiter-1m", 1, Figure::DatabaseCalls, Bound::SameAs("delimiter-100k-imported", 1.0)),
    aim("delimiter-1m", 16, Figure::DatabaseCalls, Bound::SameAs("delimiter-100k-imported", 1.0)),
    aim("delimiter-1m", 1, Figure::ServerMicros, Bound::SameAs("delimiter-100k-imported", NOISE)),
    aim("delimiter-1m", 16, Figure::ServerMicros, Bound::SameAs("delimiter-100k-imported", NOISE)),
];

/// What stands where a row has no figures.
const FAILED: &str = "failed";

/// Start-to-ready, in milliseconds.
const READY_MS: f64 = 20.0;
/// Memory before any load.
const IDLE_MIB: f64 = 15.0;
/// Memory through all rows.
const PEAK_MIB: f64 = 64.0;
/// Memory above idle while 8 clients move large objects.
const ABOVE_IDLE_MIB: f64 = 64.0;

/// An aim beside what was measured.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) what: String,
    pub(super) measured: String,
    pub(super) aim: String,
    /// `None` where nothing that it can be compared with was measured.
    pub(super) met: Option<bool>,
}

/// All aims that this run can tell something about: those of its rows and, where there are peers, those beside them. All are
/// aims of BleepStore: where it was not measured there are none.
pub(super) fn verdicts(servers: &[ServerReport]) -> Vec<Verdict> {
    let Some((own, peers)) = servers.split_first() else {
        return Vec::new();
    };
    if own.name != Kind::Bleepstore.name() {
        return Vec::new();
    }
    let mut verdicts: Vec<_> = AIMS.iter().filter_map(|aim| aim.verdict(own, peers)).collect();
    verdicts.extend(of_the_process(own));
    verdicts
}

impl Aim {
    fn verdict(&self, own: &ServerReport, peers: &[ServerReport]) -> Option<Verdict> {
        let line = own.attempt(self.row, self.parallel)?;
        let what = format!("{}, {}: {}", line.title, line.connections(), self.figure.name());
        if line.failed.is_some() {
            return Some(Verdict {
                what,
                measured: FAILED.to_owned(),
                aim: self.unmeasured(),
                met: Some(false),
            });
        }
        let measured = self.figure.of(line)?;
        let (bound, how) = match self.bound {
            Bound::AtMost(bound) => (bound, String::new()),
            Bound::TimesBestPeer(times) => {
                let rate = |peer: &ServerReport| self.figure.of(peer.line(self.row, self.parallel)?);
                let comparable = |peer: &ServerReport| rate(peer).filter(|_| peer.durable || !line.writes);
                let Some((best, name)) = best_peer(peers, comparable) else {
                    let (best, name) = best_peer(peers, rate)?;
                    let how = format!(" ({times} × {name}, whose writes are not durable)");
                    return Some(self.compared(what, measured, best * times, &how, None));
                };
                (best * times, format!(" ({times} × {name})"))
            }
            Bound::Fdatasyncs(times) => {
                let each = line.fdatasync_ms?;
                (
                    each * times,
                    format!(" ({times} fdatasyncs of {} ms)", number(each)),
                )
            }
            Bound::SameAs(row, noise) => {
                let other = own.attempt(row, self.parallel)?;
                if other.failed.is_some() {
                    return Some(Verdict {
                        what,
                        measured: format!("{} {}", number(measured), self.figure.unit()),
                        aim: format!("{}, which failed", self.unmeasured()),
                        met: Some(false),
                    });
                }
                (
                    self.figure.of(other)? * noise,
                    format!(" ({noise} × {})", other.title),
                )
            }
        };
        let met = if self.figure.is_rate() {
            measured >= bound
        } else {
            measured <= bound
        };
        Some(self.compared(what, measured, bound, &how, Some(met)))
    }

    /// What was measured beside its bound, and `how` that came about.
    fn compared(&self, what: String, measured: f64, bound: f64, how: &str, met: Option<bool>) -> Verdict {
        let unit = self.figure.unit();
        Verdict {
            what,
            measured: format!("{} {unit}", number(measured)),
            aim: format!("{} {} {unit}{how}", self.figure.relation(), number(bound)),
            met,
        }
    }

    /// The aim where what it is relative to was not measured.
    fn unmeasured(&self) -> String {
        let bound = match self.bound {
            Bound::AtMost(bound) => format!("{} {}", number(bound), self.figure.unit()),
            Bound::TimesBestPeer(times) => format!("{times} × the best peer"),
            Bound::Fdatasyncs(times) => format!("{times} fdatasyncs"),
            Bound::SameAs(row, noise) => format!("{noise} × `{row}`"),
        };
        format!("{} {bound}", self.figure.relation())
    }
}

/// The highest figure of the peers, and whose it is.
pub(super) fn best_peer(
    peers: &[ServerReport],
    figure: impl Fn(&ServerReport) -> Option<f64>,
) -> Option<(f64, &'static str)> {
    let figures = peers.iter().filter_map(|peer| Some((figure(peer)?, peer.name)));
    figures.max_by(|one, other| one.0.total_cmp(&other.0))
}

/// What is aimed at for the server as a whole.
fn of_the_process(own: &ServerReport) -> Vec<Verdict> {
    let at_most = |what: &str, measured: Option<f64>, bound: f64, unit: &str| {
        measured.map(|measured| Verdict {
            what: what.to_owned(),
            measured: format!("{} {unit}", number(measured)),
            aim: format!("≤ {} {unit}", number(bound)),
            met: Some(measured <= bound),
        })
    };
    let starts = own.starts.as_ref().map(|starts| starts.median_ms);
    let memory = own.attempt("memory", 8);
    let failed = memory.is_some_and(|line| line.failed.is_some());
    let memory = memory.and_then(|line| line.peak_mib);
    let above_idle = memory.zip(own.idle_mib).map(|(peak, idle)| peak - idle);
    let above_idle_aim = "memory above idle while 8 clients move large objects";
    let verdicts = [
        at_most("from start to ready", starts, READY_MS, "ms"),
        at_most("memory when idle", own.idle_mib, IDLE_MIB, "MiB"),
        at_most("most memory through all rows", own.peak_mib, PEAK_MIB, "MiB"),
        at_most(above_idle_aim, above_idle, ABOVE_IDLE_MIB, "MiB"),
        failed.then(|| Verdict {
            what: above_idle_aim.to_owned(),
            measured: FAILED.to_owned(),
            aim: format!("≤ {} MiB", number(ABOVE_IDLE_MIB)),
            met: Some(false),
        }),
    ];
    verdicts.into_iter().flatten().collect()
}

impl Figure {
    fn of(self, line: &Line) -> Option<f64> {
        match self {
            Self::ServerMicros => line.server_us,
            Self::PerSecond => Some(line.per_second),
            Self::MegabytesPerSecond => line.megabytes_per_second,
            Self::KeysPerSecond => line.keys_per_second,
            Self::MedianMillis => Some(line.p50_ms),
            Self::DatabaseCalls => line.database_calls,
        }
    }

    /// Whether more of it is better.
    const fn is_rate(self) -> bool {
        matches!(
            self,
            Self::PerSecond | Self::MegabytesPerSecond | Self::KeysPerSecond
        )
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ServerMicros => "server CPU for each",
            Self::PerSecond | Self::MegabytesPerSecond | Self::KeysPerSecond => "rate",
            Self::MedianMillis => "p50",
            Self::DatabaseCalls => "range reads for each",
        }
    }

    const fn relation(self) -> &'static str {
        if self.is_rate() { "≥" } else { "≤" }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::ServerMicros => "µs",
            Self::PerSecond => "/s",
            Self::MegabytesPerSecond => "MB/s",
            Self::KeysPerSecond => "keys/s",
            Self::MedianMillis => "ms",
            Self::DatabaseCalls => "calls",
        }
    }
}

/// A figure with as many digits as say something.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => grouped(&format!("{value:.0}")),
    }
}

/// Digits in groups of three.
pub(super) fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::selected;

    fn server(name: &'static str, row: &'static str, parallel: usize, per_second: f64) -> ServerReport {
        ServerReport {
            lines: vec![Line {
                row,
                title: "a row",
                parallel,
                per_second,
                ..Line::default()
            }],
            ..ServerReport::new(name, true)
        }
    }

    fn rate(parallel: usize) -> Aim {
        aim("get-4k", parallel, Figure::PerSecond, Bound::TimesBestPeer(1.5))
    }

    #[test]
    fn an_aim_beside_peers_is_measured_against_the_best_of_them() {
        let peers = [
            server("slow", "get-4k", 1, 50.0),
            server("fast", "get-4k", 1, 100.0),
        ];
        let met = |own: f64| rate(1).verdict(&server("own", "get-4k", 1, own), &peers);
        let verdict = met(150.0).unwrap();
        assert_eq!(verdict.met, Some(true));
        assert_eq!(verdict.aim, "≥ 150 /s (1.5 × fast)");
        assert_eq!(met(149.0).unwrap().met, Some(false));
    }

    /// A server with one row.
    fn with_row(name: &'static str, durable: bool, writes: bool, per_second: f64) -> ServerReport {
        let mut server = server(name, "get-4k", 1, per_second);
        server.durable = durable;
        server.lines[0].writes = writes;
        server
    }

    #[test]
    fn an_aim_of_writes_is_decided_by_durable_peers_alone() {
        let own = with_row("own", true, true, 100.0);
        let fast = with_row("cached", false, true, 1000.0);
        let slow = with_row("synced", true, true, 50.0);
        let verdict = rate(1).verdict(&own, &[fast, slow]).unwrap();
        assert_eq!(
            (verdict.aim.as_str(), verdict.met),
            ("≥ 75.0 /s (1.5 × synced)", Some(true))
        );
    }

    #[test]
    fn an_aim_of_writes_is_left_open_where_no_peer_is_durable() {
        let peers = [with_row("cached", false, true, 1000.0)];
        for own in [100.0, 10_000.0] {
            let verdict = rate(1)
                .verdict(&with_row("own", true, true, own), &peers)
                .unwrap();
            assert_eq!(
                (verdict.aim.as_str(), verdict.met),
                ("≥ 1,500 /s (1.5 × cached, whose writes are not durable)", None)
            );
        }
    }

    #[test]
    fn an_aim_of_reads_is_decided_by_all_peers() {
        let peers = [
            with_row("cached", false, false, 1000.0),
            with_row("synced", true, false, 50.0),
        ];
        let verdict = rate(1)
            .verdict(&with_row("own", true, false, 100.0), &peers)
            .unwrap();
        assert_eq!(
            (verdict.aim.as_str(), verdict.met),
            ("≥ 1,500 /s (1.5 × cached)", Some(false))
        );
    }

    #[test]
    fn aims_of_rows_that_put_delete_or_upload_are_aims_of_writes() {
        let writes: Vec<_> = selected(&[])
            .unwrap()
            .into_iter()
            .filter(|row| row.writes)
            .map(|row| row.name)
            .collect();
        assert_eq!(
            writes,
            [
                "put-4k",
                "delete-4k",
                "put-1m",
                "put-64m",
                "multipart-256m",
                "put-version-4k",
                "memory"
            ]
        );
    }

    #[test]
    fn without_peers_or_without_the_row_nothing_is_said() {
        let own = server("own", "get-4k", 1, 100.0);
        assert!(rate(1).verdict(&own, &[]).is_none());
        assert!(
            rate(16)
                .verdict(&own, &[server("p", "get-4k", 16, 1.0)])
                .is_none()
        );
    }

    #[test]
    fn a_row_that_failed_has_missed_its_aim_also_without_peers() {
        let mut own = server("BleepStore", "get-4k", 1, 0.0);
        own.lines[0].failed = Some("a wrong length".to_owned());
        let verdict = rate(1).verdict(&own, &[]).unwrap();
        assert_eq!(
            (verdict.measured.as_str(), verdict.aim.as_str(), verdict.met),
            ("failed", "≥ 1.5 × the best peer", Some(false))
        );
        own.lines[0].row = "memory";
        own.lines[0].parallel = 8;
        let verdicts = of_the_process(&own);
        assert_eq!(verdicts.len(), 1);
        assert_eq!(verdicts[0].met, Some(false));
    }

    #[test]
    fn an_aim_beside_a_row_that_failed_is_missed() {
        let mut own = server("BleepStore", "delimiter-1m", 1, 1.0);
        let reference = server("BleepStore", "delimiter-100k-imported", 1, 1.0)
            .lines
            .remove(0);
        own.lines.push(Line {
            failed: Some("no answer".to_owned()),
            ..reference
        });
        let aim = aim(
            "delimiter-1m",
            1,
            Figure::MedianMillis,
            Bound::SameAs("delimiter-100k-imported", NOISE),
        );
        let verdict = aim.verdict(&own, &[]).unwrap();
        assert_eq!(verdict.aim, "≤ 1.1 × `delimiter-100k-imported`, which failed");
        assert_eq!(verdict.met, Some(false));
    }

    #[test]
    fn only_bleepstore_has_aims() {
        let of = |name| verdicts(&[server(name, "get-4k", 1, 1.0), server("s3s-fs", "get-4k", 1, 1.0)]).len();
        assert_eq!((of("BleepStore"), of("endpoint")), (1, 0));
    }

    #[test]
    fn every_aim_is_of_a_row_that_is_measured() {
        for aim in &AIMS {
            let rows = selected(&[aim.row.to_owned()]).unwrap();
            let connections = rows[0].connections(&[1, 16]);
            assert!(
                connections.contains(&aim.parallel),
                "{} {}",
                aim.row,
                aim.parallel
            );
        }
    }

    #[test]
    fn numbers_have_the_digits_that_say_something() {
        let numbers = [0.0123, 9.994, 99.94, 1234.5, 123_456.7];
        assert_eq!(numbers.map(number), ["0.01", "9.99", "99.9", "1,234", "123,457"]);
    }
}
