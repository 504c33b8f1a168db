//! What the tools print.

use std::io::{self, Write};

use bleepstore_core::ops::Tally;
use serde_json::{Value, json};

use crate::failure::{Failure, Result};

/// Writes to standard output.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new(format!("standard output cannot be written: {error}")))
}

/// Writes a JSON document on one line.
pub fn print_json(document: &Value) -> Result<()> {
    print(&format!("{document}\n"))
}

/// Writes a line to standard error. Nobody is told less for its loss.
pub(crate) fn tell(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}

/// `3 blobs (120 bytes)`.
pub fn tally(tally: &Tally) -> String {
    format!("{} blobs ({} bytes)", tally.blobs, tally.bytes)
}

/// The same for programs.
pub fn tally_json(tally: &Tally) -> Value {
    json!({ "blobs": tally.blobs, "bytes": tally.bytes })
}
