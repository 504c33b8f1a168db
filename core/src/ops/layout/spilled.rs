//! Layouts of one page, or of programs that wrote all of them so: JSON, read as a stream.
//!
//! Objects are taken out of the text one at a time, so that a layout of any size takes the memory of one entry.
//! Nothing of it counts before the whole has been checked against its CRC.

use std::ops::ControlFlow;

use bytes::BytesMut;
use futures_util::TryStreamExt;

use super::Listed;
use crate::digest::Crc64nvmeHasher;
use crate::model::SpilledLayout;
use crate::ports::{BlobRead, Ports, StoreError, StoreResult};
use crate::rows::{read_stored, unknown};

/// The largest that any program wrote, in bytes: some 300,000 extents.
const LARGEST: u64 = 64 << 20;

/// The longest text of one entry.
const LONGEST_ENTRY: usize = 4 << 10;

/// The longest name of a list that is looked at.
const LONGEST_NAME: usize = 64;

/// How a part begins, and no extent does.
const PART: &[u8] = b"{\"number\":";

/// Takes an entry, and says whether it needs those after it.
pub(super) type Take<'a> = dyn FnMut(Listed) -> ControlFlow<()> + Send + 'a;

/// Gives the extents and the parts to `take`, in order, until that needs no more. `None` when the blob is gone.
pub(super) async fn read(
    ports: &Ports,
    spilled: &SpilledLayout,
    take: &mut Take<'_>,
) -> StoreResult<Option<()>> {
    let extent = &spilled.extent;
    let corrupt = |what: &str| StoreError::corrupt(format!("the layout in blob {} {what}", extent.blob));
    if extent.length > LARGEST {
        return Err(corrupt("is too large"));
    }
    let BlobRead::Found(mut pieces) = ports.blobs.read(&extent.blob, extent.range()).await? else {
        return Ok(None);
    };
    let mut crc = Crc64nvmeHasher::default();
    let mut entries = Entries::default();
    let mut read = Ok(ControlFlow::Continue(()));
    while let Some(piece) = pieces.try_next().await? {
        crc.update(&piece);
        if let Ok(ControlFlow::Continue(())) = read {
            read = entries.feed(&piece, take);
        }
    }
    if let Ok(ControlFlow::Continue(())) = read {
        read = entries.end().map(|()| ControlFlow::Continue(()));
    }
    // What damaged text says is no reason: whoever reads an entry that makes no sense may take it for a later
    // program's.
    if crc.value() != extent.blob_crc64nvme {
        return Err(corrupt("is damaged"));
    }
    read.map(|_| Some(()))
}

/// Finds the entries in the text of a layout: the objects that are two deep, an array between them and the whole.
#[derive(Default)]
struct Entries {
    /// How many braces are open.
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The entry that is being read.
    entry: BytesMut,
    /// The last text beside the entries, which a colon makes the name of a list.
    name: Vec<u8>,
    /// Whether there was a list of extents.
    has_extents: bool,
}

impl Entries {
    fn feed(&mut self, piece: &[u8], take: &mut Take<'_>) -> StoreResult<ControlFlow<()>> {
        let mut from = 0;
        for (at, byte) in piece.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ if self.depth == 1 && self.name.len() < LONGEST_NAME => self.name.push(*byte),
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => {
                    self.in_string = true;
                    if self.depth == 1 {
                        self.name.clear();
                    }
                }
                b':' if self.depth == 1 => self.begin_list()?,
                b'{' => {
                    self.depth += 1;
                    if self.depth == 2 {
                        from = at;
                    }
                }
                b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 1 {
                        self.keep(&piece[from..=at])?;
                        if take(self.listed()?).is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                        self.entry.clear();
                        from = at + 1;
                    }
                }
                _ => {}
            }
        }
        if self.depth >= 2 {
            self.keep(&piece[from..])?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn begin_list(&mut self) -> StoreResult<()> {
        match self.name.as_slice() {
            b"extents" => self.has_extents = true,
            b"parts" => {}
            other => {
                let field = format!("unknown field `{}`", String::from_utf8_lossy(other));
                return Err(unknown(&field));
            }
        }
        Ok(())
    }

    /// An error where the text ended within the layout, or is none.
    fn end(&self) -> StoreResult<()> {
        if self.depth == 0 && self.has_extents {
            return Ok(());
        }
        Err(StoreError::corrupt("what should be a layout is none"))
    }

    fn listed(&self) -> StoreResult<Listed> {
        if self.entry.starts_with(PART) {
            read_stored(&self.entry).map(Listed::Part)
        } else {
            read_stored(&self.entry).map(Listed::Extent)
        }
    }

    fn keep(&mut self, text: &[u8]) -> StoreResult<()> {
        if self.entry.len() + text.len() > LONGEST_ENTRY {
            return Err(StoreError::corrupt("an entry of a layout is too long"));
        }
        self.entry.extend_from_slice(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ports::StoreErrorKind;

    #[test]
    fn entries_are_the_same_whatever_the_pieces() {
        let extent = json!({"blob": {"bucket": "0".repeat(32), "blob": "1".repeat(32)}, "offset": 0, "length": 3,
            "blob_length": 3, "blob_crc64nvme": 7});
        let part = json!({"number": 1, "length": 3, "checksum":
            {"algorithm": "SHA256", "kind": "COMPOSITE", "value": "{\"}\\"}});
        let text = json!({"extents": [extent, extent], "parts": [part]}).to_string();
        // The members of an object in the order in which programs write them.
        let text = text.replace(
            &part.to_string(),
            r#"{"number":1,"length":3,"checksum":{"algorithm":"SHA256","kind":"COMPOSITE","value":"{\"}\\"}}"#,
        );
        for size in 1..text.len() {
            let (mut extents, mut parts) = (0, Vec::new());
            let mut take = |listed| {
                match listed {
                    Listed::Extent(extent) => extents += extent.length,
                    Listed::Part(part) => parts.push(part),
                }
                ControlFlow::Continue(())
            };
            let mut entries = Entries::default();
            for piece in text.as_bytes().chunks(size) {
                assert!(entries.feed(piece, &mut take).unwrap().is_continue());
            }
            assert_eq!((extents, parts.len()), (6, 1), "{size}");
            assert_eq!(parts[0].checksum.as_ref().unwrap().value, "{\"}\\");
        }
    }

    #[test]
    fn text_that_is_no_layout_or_says_more_than_is_known_is_refused() {
        let fed = |text: &str| {
            let mut entries = Entries::default();
            let mut take = |_| ControlFlow::Continue(());
            assert!(entries.feed(text.as_bytes(), &mut take)?.is_continue());
            entries.end()
        };
        assert!(fed(r#"{"extents":[]}"#).is_ok());
        assert!(fed(r#"{"extents":[],"parts":[]}"#).is_ok());
        for none in ["", "{}", "[]", r#"{"parts":[]}"#, r#"{"extents":["#, "extents:"] {
            assert_eq!(fed(none).unwrap_err().kind, StoreErrorKind::Corrupt, "{none}");
        }
        for later in [
            r#"{"extents":[],"more":[1]}"#,
            r#"{"version":2,"extents":[]}"#,
            r#"{"extents":[{"blob":{"bucket":"","blob":""},"sealed":true}]}"#,
        ] {
            let error = fed(later).unwrap_err();
            assert!(error.kind != StoreErrorKind::Unavailable, "{later}");
        }
        assert_eq!(
            fed(r#"{"extents":[],"more":[1]}"#).unwrap_err().kind,
            StoreErrorKind::TooNew
        );
    }

    #[test]
    fn an_entry_that_does_not_end_is_given_up() {
        let mut entries = Entries::default();
        let text = format!("{{\"extents\":[{{\"blob\":\"{}", "x".repeat(10_000));
        assert!(
            entries
                .feed(text.as_bytes(), &mut |_| ControlFlow::Continue(()))
                .is_err()
        );
    }
}
