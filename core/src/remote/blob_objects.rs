//! What blob stores share that keep each blob as an object of a cloud's object store: the objects' names, and bodies
//! in parts.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, join};

use crate::model::BlobRef;
use crate::ports::{BodyStream, OwnerRecord, StoreError, StoreResult, WriteError};
use crate::rows::read_stored;

/// What the name of every blob's object starts with.
pub const BLOB_OBJECTS: &str = "blobs/";

/// The name of the owner record's object: outside [`BLOB_OBJECTS`], so that no scan takes it for a blob.
pub const OWNER_OBJECT: &str = "owner.json";

/// The longest owner record that is read, in bytes.
pub const OWNER_LIMIT: u64 = 4096;

/// The name of a blob's object. Names order as blobs do: both ids are hex of one length.
pub fn blob_object(blob: &BlobRef) -> String {
    format!("{BLOB_OBJECTS}{blob}")
}

/// The blob whose object has this name.
pub fn parse_blob_object(name: &str) -> Option<BlobRef> {
    let (bucket, blob) = name.strip_prefix(BLOB_OBJECTS)?.split_once('/')?;
    Some(BlobRef {
        bucket: bucket.parse().ok()?,
        blob: blob.parse().ok()?,
    })
}

/// What the owner record's object holds.
pub fn owner_object(owner: &OwnerRecord) -> StoreResult<Bytes> {
    let text = serde_json::to_vec(owner).map_err(StoreError::internal)?;
    Ok(text.into())
}

/// The owner record that the object holds.
pub fn parse_owner_object(bytes: &[u8]) -> StoreResult<OwnerRecord> {
    read_stored(bytes)
}

/// Pieces of bodies are rarely larger, in bytes.
const PIECE: usize = 512 << 10;

/// A part of a body, of the size that was asked for unless it is the last.
#[derive(Debug)]
pub struct BodyPart {
    /// Its bytes. Only the one part of an empty body has none.
    pub bytes: Bytes,
    /// What already arrived of the part after it; `None` at the end of the body.
    pub rest: Option<BytesMut>,
}

/// Reads on until there are more than `size` bytes, or the body ends. `begun` is what arrived of the part already.
///
/// A part that is not the last is only returned once a byte after it has arrived: whoever sends it knows that it
/// does not complete the body.
pub async fn next_part(
    body: &mut BodyStream,
    mut begun: BytesMut,
    size: usize,
) -> Result<BodyPart, WriteError> {
    // Grown by doubling, a further part would take twice its size.
    if !begun.is_empty() {
        begun.reserve((size + PIECE).saturating_sub(begun.len()));
    }
    while begun.len() <= size {
        match body.next().await {
            Some(piece) => begun.extend_from_slice(&piece.map_err(WriteError::Body)?),
            None => {
                let bytes = begun.freeze();
                return Ok(BodyPart { bytes, rest: None });
            }
        }
    }
    let rest = begun.split_off(size);
    Ok(BodyPart {
        bytes: begun.freeze(),
        rest: Some(rest),
    })
}

/// A part of a body on its way to an object store.
#[derive(Debug)]
pub struct SentPart {
    /// How many parts go before it.
    pub number: u32,
    /// How many bytes go before it.
    pub start: u64,
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether the body has ended well after it.
    pub last: bool,
}

/// Where the parts of a body go.
#[async_trait]
pub trait PartSink: Send {
    /// Stores a part. Parts come one at a time and in order.
    async fn send(&mut self, part: SentPart) -> StoreResult<()>;
}

/// Sends a body in parts of `size` bytes, of which `first` has been read, each while the next one arrives: two of them
/// are held at most. Ends at the first failure. Returns the length of the body.
pub async fn send_in_parts(
    sink: &mut impl PartSink,
    first: BodyPart,
    mut body: BodyStream,
    size: usize,
) -> Result<u64, WriteError> {
    let BodyPart { mut bytes, mut rest } = first;
    let (mut number, mut start) = (0, 0);
    loop {
        let length = bytes.len() as u64;
        let part = SentPart {
            number,
            start,
            bytes,
            last: rest.is_none(),
        };
        number += 1;
        start += length;
        let Some(begun) = rest else {
            sink.send(part).await?;
            return Ok(start);
        };
        let (sent, next) = join!(sink.send(part), next_part(&mut body, begun, size));
        sent?;
        BodyPart { bytes, rest } = next?;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::model::{BlobId, BucketId, ErrorCode, S3Error};

    #[test]
    fn a_name_is_of_its_blob_and_nothing_else_is() {
        let blob = BlobRef {
            bucket: BucketId::from_bytes([1; 16]),
            blob: BlobId::from_bytes([255; 16]),
        };
        let text = "blobs/01010101010101010101010101010101/ffffffffffffffffffffffffffffffff";
        assert_eq!(blob_object(&blob), text);
        assert_eq!(parse_blob_object(text), Some(blob));
        for foreign in [
            OWNER_OBJECT,
            "blobs/",
            "blobs/01010101010101010101010101010101",
            &text[1..],
            &text[..70],
        ] {
            assert_eq!(parse_blob_object(foreign), None, "{foreign}");
        }
    }

    const SIZE: usize = 1 << 16;

    fn body(pieces: &[usize]) -> BodyStream {
        let pieces: Vec<Result<Bytes, S3Error>> = pieces
            .iter()
            .map(|length| Ok(Bytes::from(vec![0; *length])))
            .collect();
        stream::iter(pieces).boxed()
    }

    async fn lengths(pieces: &[usize]) -> Vec<usize> {
        let mut body = body(pieces);
        let mut lengths = Vec::new();
        let mut rest = Some(BytesMut::new());
        while let Some(begun) = rest {
            let part = next_part(&mut body, begun, SIZE).await.unwrap();
            lengths.push(part.bytes.len());
            rest = part.rest;
        }
        lengths
    }

    #[tokio::test]
    async fn only_the_last_part_is_short_and_none_but_the_only_one_is_empty() {
        assert_eq!(lengths(&[]).await, [0]);
        assert_eq!(lengths(&[SIZE]).await, [SIZE]);
        assert_eq!(lengths(&[SIZE, 0, 1]).await, [SIZE, 1]);
        assert_eq!(lengths(&[SIZE - 1, SIZE + 1]).await, [SIZE, SIZE]);
        assert_eq!(lengths(&[3 * SIZE + 5, 1]).await, [SIZE, SIZE, SIZE, 6]);
    }

    #[tokio::test]
    async fn a_body_that_fails_after_a_whole_part_makes_no_part() {
        let failing: Vec<Result<Bytes, S3Error>> = vec![
            Ok(Bytes::from(vec![0; SIZE])),
            Err(S3Error::new(ErrorCode::BadDigest)),
        ];
        let mut body = stream::iter(failing).boxed();
        assert!(next_part(&mut body, BytesMut::new(), SIZE).await.is_err());
    }

    /// Notes number, start, length and whether a part is the last, and fails at one.
    struct Noted {
        parts: Vec<(u32, u64, usize, bool)>,
        fails_at: u32,
    }

    #[async_trait]
    impl PartSink for Noted {
        async fn send(&mut self, part: SentPart) -> StoreResult<()> {
            self.parts
                .push((part.number, part.start, part.bytes.len(), part.last));
            if part.number == self.fails_at {
                return Err(StoreError::internal("full"));
            }
            Ok(())
        }
    }

    async fn sent(pieces: &[usize], fails_at: u32) -> (Result<u64, WriteError>, Noted) {
        let mut body = body(pieces);
        let first = next_part(&mut body, BytesMut::new(), SIZE).await.unwrap();
        let parts = Vec::new();
        let mut noted = Noted { parts, fails_at };
        (send_in_parts(&mut noted, first, body, SIZE).await, noted)
    }

    #[tokio::test]
    async fn parts_are_sent_in_order_and_the_last_one_is_known() {
        let (length, noted) = sent(&[2 * SIZE, 1], u32::MAX).await;
        assert_eq!(length.unwrap(), 2 * SIZE as u64 + 1);
        let second = SIZE as u64;
        let expected = [
            (0, 0, SIZE, false),
            (1, second, SIZE, false),
            (2, 2 * second, 1, true),
        ];
        assert_eq!(noted.parts, expected);
        let (length, noted) = sent(&[], u32::MAX).await;
        assert_eq!((length.unwrap(), noted.parts), (0, vec![(0, 0, 0, true)]));
    }

    #[tokio::test]
    async fn after_a_part_that_fails_nothing_is_sent() {
        let (length, noted) = sent(&[5 * SIZE], 1).await;
        assert!(matches!(length, Err(WriteError::Store(_))));
        assert_eq!(noted.parts.len(), 2);
    }
}
