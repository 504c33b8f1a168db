//! Whether anything happens on a connection, or beside all of them.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::Body;
use futures_util::{StreamExt, stream};
use http_body::Body as _;
use tokio::sync::watch;
use tokio::time::sleep;

/// How many exchanges of a connection are under way.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    under_way: Arc<watch::Sender<usize>>,
}

/// One exchange that is under way until this is dropped.
pub(crate) struct Exchange {
    activity: Activity,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            under_way: Arc::new(watch::Sender::new(0)),
        }
    }

    pub(crate) fn begin(&self) -> Exchange {
        self.under_way.send_modify(|count| *count += 1);
        Exchange {
            activity: self.clone(),
        }
    }

    /// How many exchanges are under way.
    pub(crate) fn count(&self) -> usize {
        *self.under_way.borrow()
    }

    /// Returns once no exchange has been under way for this long.
    pub(crate) async fn idle_for(&self, duration: Duration) {
        let mut under_way = self.under_way.subscribe();
        loop {
            // The sender lives as long as this.
            if under_way.wait_for(|count| *count == 0).await.is_err() {
                return;
            }
            tokio::select! {
                biased;
                changed = under_way.changed() => if changed.is_err() { return },
                () = sleep(duration) => return,
            }
        }
    }
}

impl Exchange {
    /// The response's body, with whose end the exchange is over.
    pub(crate) fn until_the_end_of(self, body: Body) -> Body {
        if body.is_empty() {
            return body;
        }
        let length = body.size_hint().exact();
        let mut pieces = body.into_stream();
        Body::stream(
            stream::poll_fn(move |cx| {
                let _under_way = &self;
                pieces.poll_next_unpin(cx)
            }),
            length,
        )
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.activity.under_way.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use tokio::time::timeout;

    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    /// Whether the connection counts as idle by now.
    async fn is_idle(activity: &Activity) -> bool {
        timeout(SHORT * 20, activity.idle_for(SHORT)).await.is_ok()
    }

    #[tokio::test]
    async fn a_connection_is_idle_when_its_last_exchange_is_over() {
        let activity = Activity::new();
        assert!(is_idle(&activity).await);
        let (first, second) = (activity.begin(), activity.begin());
        assert!(!is_idle(&activity).await);
        drop(first);
        assert!(!is_idle(&activity).await);
        drop(second);
        assert!(is_idle(&activity).await);
    }

    #[tokio::test]
    async fn an_exchange_is_over_with_its_response() {
        let activity = Activity::new();
        let empty = activity.begin().until_the_end_of(Body::empty());
        assert!(empty.is_empty() && is_idle(&activity).await);
        let body = activity.begin().until_the_end_of(Body::full("answer"));
        assert!(!is_idle(&activity).await);
        let pieces: Vec<_> = body.into_stream().collect().await;
        assert_eq!(
            pieces.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
            [Bytes::from("answer")]
        );
        assert!(is_idle(&activity).await);
    }
}
