//! Reading a log from its start.

use std::io::{BufRead, BufReader, Read};

use bleepstore_core::memory::Rows;
use bleepstore_core::model::LaterFormat;

use super::error::OpenError;
use super::line::{BadLine, FORMAT, VERSION, read_header, read_record};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// What a log holds.
#[derive(Debug)]
pub(super) struct Replayed {
    /// The rows that its lines make.
    pub(super) rows: Rows,
    /// Bytes of the lines that count.
    pub(super) length: u64,
    /// Bytes after them: what a write that was never acknowledged left.
    pub(super) torn: u64,
    /// How many changes the lines make.
    pub(super) changes: u64,
    /// Whether the last line says that all before it is durable.
    pub(super) sealed: bool,
}

/// A line that is not what was written.
struct Damage {
    line: u64,
    offset: u64,
    reason: &'static str,
}

/// Reads a whole log.
///
/// Writes are synced one after another, so a crash can leave only the last one unfinished, but may leave any part of
/// it. Each line says how much of the file was durable when it was written. So a damaged line belongs to the
/// unfinished write, unless a later line says that it was durable: then it was damaged afterwards.
pub(super) fn replay(log: impl Read) -> Result<Replayed, OpenError> {
    let mut log = BufReader::with_capacity(BUFFER, log);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        let read = log.read_until(b'\n', line);
        read.map(|length| length as u64)
            .map_err(OpenError::io("the log cannot be read"))
    };
    let mut replayed = Replayed {
        rows: Rows::default(),
        length: next(&mut line)?,
        torn: 0,
        changes: 0,
        sealed: true,
    };
    check_header(&mut line)?;
    let mut damage: Option<Damage> = None;
    for number in 2.. {
        let length = next(&mut line)?;
        if length == 0 {
            break;
        }
        let offset = replayed.length;
        match (&damage, read_record(&mut line)) {
            (None, Ok(record)) => {
                replayed.sealed = record.changes.is_empty();
                replayed.changes += record.changes.len() as u64;
                for change in record.changes {
                    replayed.rows.apply(change);
                }
                replayed.length += length;
            }
            (None, Err(BadLine::Damaged(reason))) => {
                replayed.torn += length;
                damage = Some(Damage {
                    line: number,
                    offset,
                    reason,
                });
            }
            (Some(damage), Ok(record)) if record.synced > damage.offset => {
                return Err(OpenError::Corrupt {
                    line: damage.line,
                    reason: damage.reason.to_owned(),
                });
            }
            (_, Err(BadLine::Unknown(reason))) => {
                return Err(OpenError::Corrupt { line: number, reason });
            }
            (_, Err(BadLine::TooNew(reason))) => {
                return Err(OpenError::UnknownLine { line: number, reason });
            }
            (Some(_), _) => replayed.torn += length,
        }
    }
    Ok(replayed)
}

fn check_header(line: &mut [u8]) -> Result<(), OpenError> {
    let header = read_header(line).map_err(|bad| {
        OpenError::Foreign(match bad {
            BadLine::Damaged(reason) => reason.to_owned(),
            BadLine::Unknown(reason) | BadLine::TooNew(reason) => reason,
        })
    })?;
    if header.format != FORMAT {
        return Err(OpenError::Foreign(format!(
            "it says that it is {:?}",
            header.format
        )));
    }
    LaterFormat::refuse("the log", header.version, VERSION, header.written_by)?;
    Ok(())
}
