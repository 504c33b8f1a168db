//! Everything that a metadata store keeps, as a stream of records: written out, read in, or moved to other stores.
//!
//! Buckets, objects with their layouts and inline bodies, open uploads with their parts, and credentials travel.
//! Receipts of uploads that have ended, retired manifests and the cursor of gc stay behind: nothing that was
//! acknowledged is lost without them.

mod error;
mod export;
mod import;
mod lines;
mod migrate;
mod placing;
mod prune;
mod reader;
mod record;
mod walk;

pub use error::TransferError;
pub use export::{LineSink, export};
pub use import::{ImportReport, import, inspect};
pub use lines::{ExportStream, MAX_LINE};
pub use migrate::{MigrateOptions, MigrateReport, migrate};
pub use record::{Counts, ExportedCredential, FORMAT, Header, Record, Trailer, VERSION};
