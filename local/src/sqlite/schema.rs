//! The tables, and how a database of an earlier version becomes one of this version.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use bleepstore_core::model::LaterFormat;
use bleepstore_core::ports::{StoreErrorKind, StoreRecord};
use bleepstore_core::rows::read_stored;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Transaction, TransactionBehavior};

/// How long a connection waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps; the whole store has fewer.
const STATEMENTS: usize = 96;

/// Entry `n` takes a database from schema version `n` to `n + 1`. Entries are never edited, only added.
const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3, VERSION_4];

/// The version of a new database. Later ones come at the first use of what needs them ([`raise`]), so that a program of the
/// release before can go on until then.
const NEW: usize = 1;

/// The version that has a place for the store's record which release 0.1 does not know. That release refuses to open it.
pub(super) const MOVED_RECORD: usize = 2;

/// The version that has a table of versions which are not current.
pub(super) const VERSIONS: usize = 3;

/// The version that has tables of events and of the marks of their keys.
pub(super) const EVENTS: usize = 4;

/// The columns of `objects` and of `versions` after those of their keys.
macro_rules! object_columns {
    () => {
        "    commit_id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    last_modified INTEGER NOT NULL,
    owner_id TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    storage_class TEXT,
    checksum_algorithm TEXT,
    checksum_kind TEXT,
    shared INTEGER NOT NULL,
    body INTEGER,
    detail TEXT NOT NULL,
    manifest TEXT,
"
    };
}

/// Keys are BLOBs, so that they sort by their UTF-8 bytes. Columns that a listing shows come first;
/// `detail` and `manifest` hold the rest as JSON, after them, so that a listing need not read the
/// overflow pages of a long row. The bodies of small objects are apart for the same reason.
const VERSION_1: &str = concat!(
    "
CREATE TABLE buckets (
    name BLOB NOT NULL PRIMARY KEY,
    id BLOB NOT NULL,
    owner TEXT NOT NULL,
    revision INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE objects (
    bucket BLOB NOT NULL,
    key BLOB NOT NULL,
",
    object_columns!(),
    "    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE bodies (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE uploads (
    id BLOB NOT NULL PRIMARY KEY,
    bucket BLOB NOT NULL,
    key BLOB NOT NULL,
    completing BLOB,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX uploads_by_key ON uploads (bucket, key, id);

CREATE TABLE parts (
    upload BLOB NOT NULL,
    number INTEGER NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipts (
    upload BLOB NOT NULL PRIMARY KEY,
    bucket BLOB NOT NULL,
    key BLOB NOT NULL,
    expires INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_by_expiry ON receipts (expires);

CREATE TABLE retired (
    commit_id BLOB NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL,
    manifest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX retired_by_expiry ON retired (expires);

CREATE TABLE credentials (
    access_key BLOB NOT NULL PRIMARY KEY,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    detail TEXT NOT NULL
) STRICT;
"
);

const VERSION_2: &str = "
CREATE TABLE moved_store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    detail TEXT NOT NULL
) STRICT;
";

/// The columns of `objects`, and the place of the version among those of its key.
const VERSION_3: &str = concat!(
    "
CREATE TABLE versions (
    bucket BLOB NOT NULL,
    key BLOB NOT NULL,
    sequence INTEGER NOT NULL,
",
    object_columns!(),
    "    PRIMARY KEY (bucket, key, sequence)
) STRICT, WITHOUT ROWID;
"
);

/// Events are in the order in which a queue is read.
const VERSION_4: &str = "
CREATE TABLE events (
    destination TEXT NOT NULL,
    dead INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    id BLOB NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (destination, dead, sequence, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_marks (
    bucket BLOB NOT NULL,
    key BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_marks_by_expiry ON event_marks (expires);
";

/// Why a database cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later version of BleepStore wrote it.
    #[error("{0}")]
    TooNew(String),
    /// It is a SQLite database of something else.
    #[error("the file is an SQLite database, but not one of bleepstore")]
    Foreign,
    /// The filesystem cannot do write-ahead logging, which needs shared memory and locks.
    #[error("write-ahead logging does not work on this filesystem (the journal mode stays {0:?})")]
    NoWriteAheadLog(String),
    /// The file cannot be created.
    #[error("cannot create the database: {0}")]
    Create(#[source] std::io::Error),
    /// A thread for the database cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// SQLite cannot open it.
    #[error("cannot open the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// The connection that writes, on a database of this version's schema. Creates the database where there is none.
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let is_new = create_private(path)?;
    // On a connection that cannot write, so that a refusal changes nothing.
    let checked = match is_new {
        true => Ok(()),
        false => open_reader(path)
            .map_err(OpenError::from)
            .and_then(|db| refuse_unknown(&db)),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    match checked {
        // The process that made the database was killed before that had a write-ahead log. To take back what it had
        // begun is a write, which SQLite makes before the first read.
        Err(OpenError::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
            refuse_unknown(&db)?;
        }
        checked => checked?,
    }
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::NoWriteAheadLog(mode));
    }
    // fullfsync matters on macOS only, where a plain fsync does not reach the disk.
    db.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -8192;",
    )?;
    migrate(&db)?;
    Ok(db)
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Otherwise every range read is planned anew for the keys that it is given.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.execute_batch("PRAGMA cache_size = -2048")?;
    Ok(db)
}

/// Creates an empty file that only its owner can read, since credentials are kept in it; SQLite gives its
/// other files the same mode. Returns whether the file is new.
fn create_private(path: &Path) -> Result<bool, OpenError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(OpenError::Create(error)),
    }
}

fn refuse_unknown(db: &Connection) -> Result<(), OpenError> {
    let found = version(db)?;
    let known = MIGRATIONS.len();
    let record = record_beyond(db, found);
    if found > known as i64 {
        // The record says who wrote it, wherever a later program left it where it was.
        let written_by = record.and_then(|record| record.get("written_by")?.as_str()?.parse().ok());
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        let refused = LaterFormat::refuse("the database", found, known as u32, written_by);
        return refused.map_err(|later| OpenError::TooNew(later.to_string()));
    }
    if let Some(record) = record
        && let Err(error) = read_stored::<StoreRecord>(record.to_string())
        && error.kind == StoreErrorKind::TooNew
    {
        return Err(OpenError::TooNew(error.to_string()));
    }
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if found < 0 || (found == 0 && tables > 0) {
        return Err(OpenError::Foreign);
    }
    Ok(())
}

/// The store's record in a database that has a place for it which release 0.1 does not know; none that cannot be read.
fn record_beyond(db: &Connection, version: i64) -> Option<serde_json::Value> {
    if version < MOVED_RECORD as i64 {
        return None;
    }
    let read = |row: &Row<'_>| row.get::<_, String>(0);
    let record = db.query_row("SELECT detail FROM moved_store", [], read).ok()?;
    serde_json::from_str(&record).ok()
}

fn version(db: &Connection) -> Result<i64, rusqlite::Error> {
    // Kept prepared: some changes ask for it each time.
    db.prepare_cached("PRAGMA user_version")?
        .query_row([], |row| row.get(0))
}

/// Takes the database to the version of a new one, in one transaction.
fn migrate(db: &Connection) -> Result<(), OpenError> {
    if version(db)? >= NEW as i64 {
        return Ok(());
    }
    // Immediate: one that turns from reading to writing is refused, and not made to wait, where another process has written.
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    raise(db, NEW)?;
    transaction.commit()?;
    Ok(())
}

/// Takes the database to schema version `to` within the transaction that is under way, if it is not there yet.
pub(super) fn raise(db: &Connection, to: usize) -> Result<(), rusqlite::Error> {
    let found = usize::try_from(version(db)?).unwrap_or(0);
    for (step, script) in MIGRATIONS.iter().enumerate().take(to).skip(found) {
        db.execute_batch(script)?;
        db.pragma_update(None, "user_version", step as i64 + 1)?;
    }
    Ok(())
}

/// Whether the database is at schema version `at` or beyond.
pub(super) fn has_reached(db: &Connection, at: usize) -> Result<bool, rusqlite::Error> {
    Ok(version(db)? >= at as i64)
}
