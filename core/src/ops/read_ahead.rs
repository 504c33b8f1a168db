//! Reading extent after extent, the next one already being fetched.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{Fuse, Stream, StreamExt};

use super::layout::Extents;
use crate::ports::{BlobRead, BlobStore, BlobStream, StoreError, StoreErrorKind, StoreResult};

/// The bytes of several extents. While one is read, the request for the next is under way.
pub(super) struct ReadAhead {
    blobs: Arc<dyn BlobStore>,
    current: Fuse<BlobStream>,
    next: Option<Next>,
}

enum Next {
    Opening(BoxFuture<'static, StoreResult<Option<(BlobStream, Extents)>>>),
    Open(StoreResult<Option<(BlobStream, Extents)>>),
}

impl ReadAhead {
    /// `current`, and then `rest`.
    pub(super) fn new(blobs: Arc<dyn BlobStore>, current: BlobStream, rest: Extents) -> Self {
        let mut stream = Self {
            blobs,
            current: current.fuse(),
            next: None,
        };
        stream.request_next(rest);
        stream
    }

    fn request_next(&mut self, rest: Extents) {
        self.next = Some(Next::Opening(open(self.blobs.clone(), rest).boxed()));
    }

    /// Drives the request for the next extent; ready once it is open or failed, or when there is none.
    fn poll_next_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(Next::Opening(opening)) = &mut self.next {
            let opened = ready!(opening.poll_unpin(cx));
            self.next = Some(Next::Open(opened));
        }
        Poll::Ready(())
    }
}

impl Stream for ReadAhead {
    type Item = StoreResult<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<StoreResult<Bytes>>> {
        loop {
            let opened = self.poll_next_open(cx);
            if let Some(item) = ready!(self.current.poll_next_unpin(cx)) {
                return Poll::Ready(Some(item));
            }
            ready!(opened);
            match self.next.take() {
                Some(Next::Open(Ok(Some((stream, rest))))) => {
                    self.current = stream.fuse();
                    self.request_next(rest);
                }
                Some(Next::Open(Err(error))) => return Poll::Ready(Some(Err(error))),
                Some(Next::Open(Ok(None)) | Next::Opening(_)) | None => return Poll::Ready(None),
            }
        }
    }
}

async fn open(blobs: Arc<dyn BlobStore>, mut rest: Extents) -> StoreResult<Option<(BlobStream, Extents)>> {
    let Some(extent) = rest.next().await? else {
        return Ok(None);
    };
    match blobs.read(&extent.blob, extent.range()).await? {
        BlobRead::Found(bytes) => Ok(Some((bytes, rest))),
        BlobRead::Missing => Err(StoreError::new(
            StoreErrorKind::Corrupt,
            format!("blob {} is missing", extent.blob),
        )),
    }
}
