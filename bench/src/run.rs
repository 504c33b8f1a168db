//! Server after server, row after row.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::crowds;
use crate::imported;
use crate::machine::Machine;
use crate::report::{Line, Report, ServerReport, Starts, mebibytes, milliseconds, print};
use crate::rows::{self, Row, Store};
use crate::servers::{Installed, Kind, Server};
use crate::stage::{Effort, Stage};

/// How often a server is started to see how long that takes.
const STARTS: usize = 11;

/// How long all these starts may take together.
const STARTS_TIME: Duration = Duration::from_secs(30);

/// How long a server is left alone before its memory counts as idle.
const IDLE: Duration = Duration::from_secs(2);

/// Measures what was asked for, prints it and writes it. Fails where something could not be measured, or was answered wrongly by
/// what was to be measured; a peer's wrong answer is only reported.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let rows = rows::selected(&arguments.only)?;
    fs::create_dir_all(&arguments.folder)
        .map_err(|error| format!("{}: {error}", arguments.folder.display()))?;
    let folder = fs::canonicalize(&arguments.folder).map_err(|error| error.to_string())?;
    if arguments.crowds {
        let servers = arguments.servers();
        let program = servers.first().ok_or("crowds need the program bleepstore")?;
        return crowds::run(program, &folder);
    }
    let named = !arguments.only.is_empty();
    let bench = Bench {
        // A look leaves out what takes minutes to prepare.
        rows: rows
            .into_iter()
            .filter(|row| named || row.store == Store::Fresh || arguments.effort() == Effort::Full)
            .collect(),
        arguments,
        folder: &folder,
    };
    let mut report = Report {
        machine: Machine::look(&folder)?,
        quick: arguments.effort() == Effort::Quick,
        servers: Vec::new(),
    };
    let endpoint = arguments.endpoint()?;
    for installed in &arguments.servers() {
        report.servers.push(bench.server(installed)?);
    }
    if let Some((endpoint, process)) = endpoint {
        eprintln!("== endpoint");
        let stage = Stage::new(endpoint, arguments.effort(), process, None);
        let mut server = ServerReport::new("endpoint", false);
        bench.measure(&stage, Store::Fresh, &mut server)?;
        report.servers.push(server);
    }
    if report.servers.is_empty() {
        return Err("nothing to measure: name an endpoint or a server".to_owned());
    }
    print(&report);
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let failed = report
        .servers
        .first()
        .into_iter()
        .flat_map(|server| &server.lines);
    match failed.filter(|line| line.failed.is_some()).count() {
        0 => Ok(()),
        count => Err(format!("{count} rows failed")),
    }
}

struct Bench<'a> {
    arguments: &'a Arguments,
    rows: Vec<&'static Row>,
    folder: &'a Path,
}

impl Bench<'_> {
    /// All rows of a server, over a fresh folder and, where there are such rows, over that of imported buckets.
    fn server(&self, installed: &Installed) -> Result<ServerReport, String> {
        let name = installed.kind.name();
        eprintln!("== {name}");
        let failed = |complaint: String| format!("{name}: {complaint}");
        let folder = self.folder.join(installed.kind.folder());
        imported::remove(&folder)
            .and_then(|()| fs::create_dir_all(&folder))
            .map_err(|error| failed(error.to_string()))?;
        let mut report = ServerReport::new(name, installed.kind.is_durable());
        let server = self.starts(installed, &folder, &mut report).map_err(failed)?;
        self.load(server, Store::Fresh, &mut report).map_err(failed)?;
        imported::remove(&folder).map_err(|error| failed(error.to_string()))?;
        if installed.kind == Kind::Bleepstore && self.rows.iter().any(|row| row.store == Store::Imported) {
            let folder = imported::folder(installed, self.folder, self.arguments.reseed).map_err(failed)?;
            let server = installed.start(&folder).map_err(failed)?;
            self.load(server, Store::Imported, &mut report).map_err(failed)?;
        }
        Ok(report)
    }

    /// Starts a server several times; the last one runs.
    fn starts(
        &self,
        installed: &Installed,
        folder: &Path,
        report: &mut ServerReport,
    ) -> Result<Server, String> {
        let begun = Instant::now();
        let mut server = installed.start(folder)?;
        let first = server.ready;
        server.wait_until_writable("bleepstore-bench")?;
        let mut later = Vec::new();
        while later.len() < STARTS && (later.is_empty() || begun.elapsed() < STARTS_TIME) {
            server.stop()?;
            server = installed.start(folder)?;
            later.push(server.ready);
        }
        later.sort_unstable();
        report.starts = Some(Starts {
            count: later.len(),
            first_ms: milliseconds(first),
            median_ms: milliseconds(later[later.len() / 2]),
        });
        server.wait_until_writable("bleepstore-bench")?;
        thread::sleep(IDLE);
        report.idle_mib = Some(mebibytes(server.process().memory()?));
        Ok(server)
    }

    fn load(&self, server: Server, store: Store, report: &mut ServerReport) -> Result<(), String> {
        let stage = Stage::new(
            server.endpoint.clone(),
            self.arguments.effort(),
            Some(server.process()),
            Some(self.folder.to_owned()),
        );
        self.measure(&stage, store, report)?;
        server.stop()
    }

    /// All rows over this store.
    fn measure(&self, stage: &Stage, store: Store, report: &mut ServerReport) -> Result<(), String> {
        for row in self.rows.iter().filter(|row| row.store == store) {
            for parallel in row.connections(&self.arguments.connections) {
                let line = match (row.run)(stage, parallel) {
                    Ok(taken) => Line::of(row, parallel, &taken),
                    Err(complaint) => Line::failed(row, parallel, complaint),
                };
                eprintln!("{}", line.glance());
                report.lines.push(line);
            }
        }
        let peak = mebibytes(stage.peak()?);
        report.peak_mib = Some(report.peak_mib.unwrap_or_default().max(peak)).filter(|peak| *peak > 0.0);
        Ok(())
    }
}
