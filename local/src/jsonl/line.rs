//! One line of the log: a JSON object whose first field is the CRC of the rest.
//!
//! ```text
//! {"crc":"b1d5781111d84f7b","format":"bleepstore-metadata","version":1}
//! {"crc":"f04b83ab3f4a0a5e","synced":70,"changes":[{"bucket_gone":"pictures"}]}
//! ```

use bleepstore_core::digest::crc64nvme;
use bleepstore_core::memory::Change;
use bleepstore_core::model::Release;
use bleepstore_core::ports::StoreErrorKind;
use bleepstore_core::rows::unreadable;
use serde::{Deserialize, Serialize};

/// The latest version of the format that this program reads, and the one that it writes.
pub(super) const VERSION: u32 = 1;

/// What the first line calls the file.
pub(super) const FORMAT: &str = "bleepstore-metadata";

/// What stands before and after the 16 hex digits of the CRC-64/NVME of the rest of the line, from the comma to the
/// last brace.
const OPENING: &[u8] = b"{\"crc\":\"";
const DIGITS: usize = 16;
const CLOSING: u8 = b'"';

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    /// [`FORMAT`].
    pub(super) format: String,
    /// The version of everything after this line.
    pub(super) version: u32,
    /// The program that began the log. Release 0.1 does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) written_by: Option<Release>,
}

impl Header {
    /// That of a log that this program writes.
    pub(super) fn current() -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            written_by: Some(Release::CURRENT),
        }
    }
}

/// Every other line: what one call of the port changed, in one step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// How many bytes of the file were durable when this line was written.
    pub(super) synced: u64,
    /// What changed; nothing in a line that only says how much is durable.
    pub(super) changes: Vec<Change>,
}

#[derive(Serialize)]
struct NewRecord<'a> {
    synced: u64,
    changes: &'a [Change],
}

/// Writes the first line.
pub(super) fn write_header(lines: &mut Vec<u8>) -> serde_json::Result<()> {
    write(lines, &Header::current())
}

/// Writes the line of these changes after `lines`.
pub(super) fn write_record(lines: &mut Vec<u8>, synced: u64, changes: &[Change]) -> serde_json::Result<()> {
    write(lines, &NewRecord { synced, changes })
}

fn write(lines: &mut Vec<u8>, value: &impl Serialize) -> serde_json::Result<()> {
    lines.extend_from_slice(OPENING);
    let digits = lines.len();
    lines.extend_from_slice(&[b'0'; DIGITS]);
    lines.push(CLOSING);
    let rest = lines.len();
    serde_json::to_writer(&mut *lines, value)?;
    // Its opening brace: the object has begun already.
    lines[rest] = b',';
    let crc = hex(crc64nvme(&lines[rest..]));
    lines[digits..digits + DIGITS].copy_from_slice(&crc);
    lines.push(b'\n');
    Ok(())
}

fn hex(crc: u64) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    for (at, digit) in digits.iter_mut().enumerate() {
        let nibble = (crc >> (60 - 4 * at) & 0xf) as usize;
        *digit = b"0123456789abcdef"[nibble];
    }
    digits
}

/// Why a line cannot be used.
#[derive(Debug)]
pub(super) enum BadLine {
    /// It is not what was written: cut off, or damaged.
    Damaged(&'static str),
    /// It is what was written, but nothing that this program knows.
    Unknown(String),
    /// It is what a later program writes.
    TooNew(String),
}

/// Reads a line other than the first.
pub(super) fn read_record(line: &mut [u8]) -> Result<Record, BadLine> {
    let json = checked(line)?;
    serde_json::from_slice(json).map_err(|error| {
        if serde_json::from_slice::<Header>(json).is_ok() {
            return BadLine::Unknown("it is a second header".to_owned());
        }
        match unreadable(json, &error) {
            later if later.kind == StoreErrorKind::TooNew => BadLine::TooNew(later.to_string()),
            _ => BadLine::Unknown(format!("it is no record: {error}")),
        }
    })
}

/// Reads the first line.
pub(super) fn read_header(line: &mut [u8]) -> Result<Header, BadLine> {
    let json = checked(line)?;
    serde_json::from_slice(json).map_err(|error| BadLine::Unknown(format!("it is no header: {error}")))
}

/// The JSON of a whole line without its CRC, which is checked. Overwrites a byte of the line.
fn checked(line: &mut [u8]) -> Result<&[u8], BadLine> {
    let Some((b'\n', text)) = line.split_last_mut() else {
        return Err(BadLine::Damaged("it is cut off"));
    };
    let form = BadLine::Damaged("it does not start with its CRC");
    let Some((opening, text)) = text.split_at_mut_checked(OPENING.len()) else {
        return Err(form);
    };
    let Some((digits, text)) = text.split_at_mut_checked(DIGITS) else {
        return Err(form);
    };
    let Some((&mut CLOSING, rest)) = text.split_first_mut() else {
        return Err(form);
    };
    if opening != OPENING || rest.first() != Some(&b',') {
        return Err(form);
    }
    if *digits != hex(crc64nvme(rest)) {
        return Err(BadLine::Damaged("its CRC is another"));
    }
    rest[0] = b'{';
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whose_crc_covers_all_of_it() {
        let mut line = Vec::new();
        write_record(&mut line, 70, &[Change::CredentialGone("a\nb".to_owned())]).unwrap();
        let text = String::from_utf8(line.clone()).unwrap();
        assert!(
            text.ends_with("\",\"synced\":70,\"changes\":[{\"credential_gone\":\"a\\nb\"}]}\n"),
            "{text}"
        );
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["crc"].as_str().unwrap().len(), 16);
        let record = read_record(&mut line.clone()).unwrap();
        assert_eq!(record.synced, 70);
        assert_eq!(record.changes, [Change::CredentialGone("a\nb".to_owned())]);
        for at in 0..line.len() {
            let mut damaged = line.clone();
            damaged[at] ^= 1;
            assert!(
                matches!(read_record(&mut damaged), Err(BadLine::Damaged(_))),
                "byte {at}"
            );
            let cut = read_record(&mut line[..at].to_vec());
            assert!(matches!(cut, Err(BadLine::Damaged(_))), "{at} bytes");
        }
    }
}
