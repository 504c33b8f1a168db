//! Lines of bounded length out of pieces of any length.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::TransferError;

/// The bytes of an export on their way in, in pieces of any size.
pub type ExportStream = BoxStream<'static, io::Result<Bytes>>;

/// The longest line that is read, in bytes. The longest that is written lists a layout at the limit of its store, which
/// takes some hundred kilobytes.
pub const MAX_LINE: usize = 16 << 20;

/// The lines of a stream.
pub(super) struct Lines {
    input: ExportStream,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of a line.
    searched: usize,
    number: u64,
}

impl Lines {
    pub(super) fn new(input: ExportStream) -> Self {
        Self {
            input,
            buffer: BytesMut::new(),
            searched: 0,
            number: 0,
        }
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line, without its end; `None` after the last. A last line may lack its end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, TransferError> {
        loop {
            let found = self.buffer[self.searched..]
                .iter()
                .position(|byte| *byte == b'\n');
            if let Some(offset) = found {
                let mut line = self.buffer.split_to(self.searched + offset + 1);
                line.truncate(line.len() - 1);
                return self.counted(line).map(Some);
            }
            self.searched = self.buffer.len();
            if self.searched > MAX_LINE {
                return Err(too_long(self.number + 1));
            }
            match self.input.next().await {
                Some(piece) => self
                    .buffer
                    .extend_from_slice(&piece.map_err(TransferError::Input)?),
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    let line = self.buffer.split();
                    return self.counted(line).map(Some);
                }
            }
        }
    }

    fn counted(&mut self, line: BytesMut) -> Result<Bytes, TransferError> {
        self.searched = 0;
        self.number += 1;
        if line.len() > MAX_LINE {
            return Err(too_long(self.number));
        }
        Ok(line.freeze())
    }
}

fn too_long(number: u64) -> TransferError {
    TransferError::line(number, format!("it is longer than {MAX_LINE} bytes"))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn lines(pieces: Vec<Vec<u8>>) -> Lines {
        Lines::new(stream::iter(pieces.into_iter().map(|piece| Ok(piece.into()))).boxed())
    }

    #[tokio::test]
    async fn lines_are_the_same_whatever_the_pieces() {
        let text = b"one\n\nthree, longer\nlast";
        for size in 1..=text.len() {
            let mut lines = lines(text.chunks(size).map(<[u8]>::to_vec).collect());
            for expected in ["one", "", "three, longer", "last"] {
                assert_eq!(lines.next().await.unwrap().unwrap(), expected);
            }
            assert_eq!((lines.next().await.unwrap(), lines.number()), (None, 4));
        }
    }

    #[tokio::test]
    async fn a_line_that_does_not_end_is_given_up_at_the_limit() {
        let piece = vec![b'x'; 1 << 20];
        let endless = stream::repeat_with(move || Ok(piece.clone().into())).boxed();
        let mut lines = Lines::new(endless);
        let error = lines.next().await.unwrap_err();
        assert_eq!(error.to_string(), "line 1: it is longer than 16777216 bytes");
        assert!(lines.buffer.len() <= MAX_LINE + (1 << 20));
    }
}
