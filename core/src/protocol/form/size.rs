//! How long a file may be, whose length is not known before its end.

use std::ops::RangeInclusive;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::model::{ErrorCode, S3Error};

/// The same bytes, which end in `EntityTooLarge` or `EntityTooSmall` unless there are as many as `sizes` allows.
/// `expected` is how many there seem to be, for the message alone: not all of a file that is too large is read.
pub fn within(
    sizes: RangeInclusive<u64>,
    expected: Option<u64>,
    bytes: BoxStream<'static, Result<Bytes, S3Error>>,
) -> BoxStream<'static, Result<Bytes, S3Error>> {
    let (least, most) = sizes.into_inner();
    let state = (bytes, 0_u64);
    stream::try_unfold(state, move |(mut bytes, before)| async move {
        let Some(piece) = bytes.try_next().await? else {
            return match before < least {
                true => Err(S3Error::new(ErrorCode::EntityTooSmall)
                    .with("ProposedSize", before)
                    .with("MinSizeAllowed", least)),
                false => Ok(None),
            };
        };
        let length = before.saturating_add(piece.len() as u64);
        if length > most {
            return Err(S3Error::new(ErrorCode::EntityTooLarge)
                .with("ProposedSize", expected.unwrap_or(length).max(length))
                .with("MaxSizeAllowed", most));
        }
        Ok(Some((piece, (bytes, length))))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn outcome(sizes: RangeInclusive<u64>, expected: Option<u64>) -> Result<Vec<u8>, S3Error> {
        let pieces = ["ab", "", "cd"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
        let pieces = stream::iter(pieces).boxed();
        let all: Vec<Bytes> = within(sizes, expected, pieces).try_collect().await?;
        Ok(all.concat())
    }

    #[tokio::test]
    async fn a_file_has_as_many_bytes_as_it_may() {
        assert_eq!(outcome(4..=4, None).await.unwrap(), b"abcd");
        let large = outcome(0..=3, None).await.unwrap_err();
        assert_eq!(large.code, ErrorCode::EntityTooLarge);
        assert_eq!(
            large.fields,
            [
                ("ProposedSize", "4".to_owned()),
                ("MaxSizeAllowed", "3".to_owned())
            ]
        );
        let large = outcome(0..=1, Some(4)).await.unwrap_err();
        assert_eq!(large.fields[0].1, "4");
        let small = outcome(5..=9, None).await.unwrap_err();
        assert_eq!(small.code, ErrorCode::EntityTooSmall);
        assert_eq!(
            small.fields,
            [
                ("ProposedSize", "4".to_owned()),
                ("MinSizeAllowed", "5".to_owned())
            ]
        );
    }
}
