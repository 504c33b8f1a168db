//! Tables in Markdown.

use super::aims::{best_peer, grouped, number, verdicts};
use super::{Line, Report, ServerReport};

/// Prints all tables of a run.
pub(crate) fn print(report: &Report) {
    println!("{}", render(report));
}

fn render(report: &Report) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "{} cores of {}, {} MiB of memory, Linux {}; fdatasync of 4 KiB takes {:.2} ms.\n",
        machine.cores, machine.processor, machine.memory_mib, machine.kernel, machine.fdatasync_ms
    );
    if report.quick {
        text += "\nA look (`--quick`): the figures are rough.\n";
    }
    for server in &report.servers {
        text += &format!("\n### {}\n\n{}", server.name, of_one(server));
    }
    if let [own, peers @ ..] = &report.servers[..]
        && !peers.is_empty()
    {
        text += &format!("\n### Side by side\n\n{}", side_by_side(own, peers));
    }
    let verdicts = verdicts(&report.servers);
    if !verdicts.is_empty() {
        text += "\n### Aims\n\n| what | measured | aim | |\n|---|---:|---:|---|\n";
        for verdict in verdicts {
            let met = match verdict.met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "not comparable",
            };
            text += &format!(
                "| {} | {} | {} | {met} |\n",
                verdict.what, verdict.measured, verdict.aim
            );
        }
    }
    text
}

/// All figures of one server.
fn of_one(server: &ServerReport) -> String {
    let mut text = String::new();
    if let Some(starts) = &server.starts {
        text += &format!(
            "Ready {:.1} ms after its start (median of {}; the first, over an empty folder, {:.1} ms). ",
            starts.median_ms, starts.count, starts.first_ms
        );
    }
    if let (Some(idle), Some(peak)) = (server.idle_mib, server.peak_mib) {
        text += &format!("{idle:.1} MiB of memory when idle, {peak:.1} MiB at most.");
    }
    if !text.is_empty() {
        text += "\n\n";
    }
    text += "| | at once | operations | /s | p50 ms | p99 ms | throughput | server CPU µs | generator CPU µs | peak MiB | \
             database calls | blob calls |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    let mut notes = String::new();
    for line in &server.lines {
        if let Some(complaint) = &line.failed {
            text += &format!("| {} | {} | failed |\n", line.title, line.parallel);
            notes += &format!("\n{}, {}: failed: {complaint}\n", line.title, line.connections());
            continue;
        }
        text += &format!("| {} | {} |", line.title, line.parallel);
        for cell in [
            grouped(&line.operations.to_string()),
            number(line.per_second),
            format!("{:.2}", line.p50_ms),
            line.known_p99()
                .map_or_else(String::new, |p99| format!("{p99:.2}")),
            line.throughput(),
            optional(line.server_us),
            number(line.generator_us),
            line.peak_mib
                .map_or_else(String::new, |peak| format!("{peak:.1}")),
            optional(line.database_calls),
            optional(line.blob_calls),
        ] {
            text += &format!(" {cell} |");
        }
        text.push('\n');
        if let Some(note) = &line.note {
            notes += &format!("\n{}, {}: {note}.\n", line.title, line.connections());
        }
    }
    text + &notes
}

/// The rates of all servers, and the processor time that each took for one operation. Marked is what was measured otherwise than
/// the first server was.
fn side_by_side(own: &ServerReport, peers: &[ServerReport]) -> String {
    let all = || std::iter::once(own).chain(peers);
    let mut text = "| | at once |".to_owned();
    all().for_each(|server| text += &format!(" {} |", server.name));
    text += " × best peer |";
    all().for_each(|server| text += &format!(" CPU µs, {} |", server.name));
    text += "\n|---|---:|";
    text += &"---:|".repeat(2 * (1 + peers.len()) + 1);
    text.push('\n');
    let mut notes = String::new();
    for line in &own.lines {
        let same = |server: &ServerReport| server.line(line.row, line.parallel).map(Line::rate);
        text += &format!("| {} | {} |", line.title, line.parallel);
        let mut marked = Vec::new();
        for server in all() {
            let found = server.line(line.row, line.parallel);
            let mut rate = found.map_or_else(String::new, Line::shown_rate);
            if let Some(note) = found.and_then(|found| found.note.as_ref())
                && line.note.as_ref() != Some(note)
            {
                rate += MARK;
                marked.push(server.name);
                let connections = line.connections();
                notes += &format!(
                    "\n{MARK} {}, {}, {connections}: {note}.\n",
                    server.name, line.title
                );
            }
            text += &format!(" {rate} |");
        }
        let times = same(own).zip(best_peer(peers, same));
        let times = times.map(|(own, (best, name))| {
            let mark = if marked.contains(&name) { MARK } else { "" };
            format!("{:.2}{mark}", own / best)
        });
        text += &format!(" {} |", times.unwrap_or_default());
        for server in all() {
            let found = server.line(line.row, line.parallel);
            text += &format!(" {} |", optional(found.and_then(|line| line.server_us)));
        }
        text.push('\n');
    }
    for (name, unit, figure) in PROCESSES {
        text += &format!("| {name} | |");
        for server in all() {
            let found = figure(server).map_or_else(String::new, |found| format!("{found:.1} {unit}"));
            text += &format!(" {found} |");
        }
        text += &" |".repeat(2 + peers.len());
        text.push('\n');
    }
    text + &notes
}

/// Stands at a figure that is explained below the table.
const MARK: &str = "†";

/// A figure of a server as a whole: its name, its unit, and where it is.
type ProcessFigure = (&'static str, &'static str, fn(&ServerReport) -> Option<f64>);

const PROCESSES: [ProcessFigure; 3] = [
    ("start to ready", "ms", |server| {
        server.starts.as_ref().map(|starts| starts.median_ms)
    }),
    ("memory when idle", "MiB", |server| server.idle_mib),
    ("most memory", "MiB", |server| server.peak_mib),
];

fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}

impl Line {
    /// `1 connection`, `4 parts in flight`.
    pub(super) fn connections(&self) -> String {
        let what = if self.row.starts_with("multipart") {
            "part"
        } else {
            "connection"
        };
        let plural = if self.parallel == 1 { "" } else { "s" };
        format!("{} {what}{plural}", self.parallel)
    }

    fn throughput(&self) -> String {
        match (self.megabytes_per_second, self.keys_per_second) {
            (Some(rate), _) => format!("{} MB/s", number(rate)),
            (None, Some(rate)) => format!("{} keys/s", number(rate)),
            (None, None) => String::new(),
        }
    }

    /// What servers are compared by: bytes where objects are large, keys where a bucket is walked, operations otherwise.
    fn rate(&self) -> f64 {
        match self.row {
            "put-1m" | "get-1m" | "put-64m" | "get-64m" | "multipart-256m" | "memory" => {
                self.megabytes_per_second.unwrap_or_default()
            }
            "walk-100k" => self.keys_per_second.unwrap_or_default(),
            _ => self.per_second,
        }
    }

    fn shown_rate(&self) -> String {
        let unit = match self.row {
            "put-1m" | "get-1m" | "put-64m" | "get-64m" | "multipart-256m" | "memory" => "MB/s",
            "walk-100k" => "keys/s",
            _ => "/s",
        };
        format!("{} {unit}", number(self.rate()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &'static str, operations: usize, note: Option<&str>) -> ServerReport {
        ServerReport {
            lines: vec![Line {
                row: "delimiter-100k",
                title: "a page",
                parallel: 1,
                operations,
                per_second: 2.0,
                p99_ms: 7.0,
                note: note.map(str::to_owned),
                ..Line::default()
            }],
            ..ServerReport::new(name, true)
        }
    }

    #[test]
    fn the_99th_percentile_is_blank_where_there_were_fewer_than_100_operations() {
        let shown = |operations| of_one(&server("own", operations, None));
        assert!(shown(99).contains("| a page | 1 | 99 | 2.00 | 0.00 |  |"));
        assert!(shown(1100).contains("| a page | 1 | 1,100 | 2.00 | 0.00 | 7.00 |"));
    }

    #[test]
    fn a_comparison_with_a_peer_that_was_measured_otherwise_is_marked() {
        let peers = [server("peer", 1, Some("over 5 keys"))];
        let text = side_by_side(&server("own", 1, None), &peers);
        assert!(text.contains("| a page | 1 | 2.00 /s | 2.00 /s† | 1.00† |"));
        assert!(text.ends_with("\n† peer, a page, 1 connection: over 5 keys.\n"));
        let text = side_by_side(&server("own", 1, Some("over 5 keys")), &peers);
        assert!(!text.contains(MARK));
    }
}
