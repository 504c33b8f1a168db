//! Requests that go on though their client has left.
//!
//! A write whose body has come whole is not given up half-way: between its bytes and its commit it would leave bytes that
//! nothing names.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span};

use crate::activity::Activity;
use crate::clients::Place;

/// Whether all of a request's body has been read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole(Arc<AtomicBool>);

impl Whole {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What a request holds that goes on without its connection.
#[derive(Clone)]
pub(crate) struct Hold {
    /// What the server waits for before it ends.
    pub(crate) activity: Activity,
    /// The connection's place: whoever begins writes and leaves cannot begin ever more.
    pub(crate) _place: Arc<Place>,
}

/// A request under way. Dropped before it has ended, it goes on as a task of its own if its body was whole.
pub(crate) struct Outliving<T: Send + 'static> {
    request: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    whole: Whole,
    deadline: Instant,
    hold: Hold,
    span: Span,
}

impl<T: Send + 'static> Outliving<T> {
    pub(crate) fn new(
        request: impl Future<Output = T> + Send + 'static,
        whole: Whole,
        deadline: Instant,
        hold: Hold,
    ) -> Self {
        Self {
            request: Some(Box::pin(request)),
            whole,
            deadline,
            hold,
            span: Span::current(),
        }
    }
}

impl<T: Send + 'static> Future for Outliving<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(request) = &mut self.request else {
            return Poll::Pending;
        };
        let polled = request.as_mut().poll(cx);
        if polled.is_ready() {
            self.request = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Outliving<T> {
    fn drop(&mut self) {
        let Some(request) = self.request.take() else {
            return;
        };
        if !self.whole.is_set() || Instant::now() >= self.deadline || thread::panicking() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (deadline, hold) = (self.deadline, self.hold.clone());
        let under_way = hold.activity.begin();
        let alone = async move {
            // Nobody takes the answer.
            drop(timeout_at(deadline, request).await);
            drop((under_way, hold));
        };
        runtime.spawn(alone.instrument(self.span.clone()));
    }
}
