//! The way to the handler and back, as the host's client takes it.
//!
//! Read in Azure/azure-functions-host (`RetryProxyHandler.cs`), dotnet/yarp (`HttpForwarder.cs`, `StreamCopyHttpContent.cs`) and
//! dotnet/runtime (`HttpConnection.cs`): a request that fails is sent again, up to ten times, while nothing of its body has been read,
//! so that a request without a body may reach the handler twice; the answer is read when the body has been sent, unless
//! the client waits to be asked for it. Not modelled: connections are not used again, a handler that ended is not
//! restarted, and the 240 seconds without progress after which YARP gives up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::ext::on_informational;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

/// How often a request is sent.
const ATTEMPTS: u32 = 10;

/// The pause before the second attempt, which doubles up to the other.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));

/// How long .NET's client waits to be asked for a body before it sends it unasked.
const UNASKED: Duration = Duration::from_secs(1);

pub(super) type OutBody = UnsyncBoxBody<Bytes, io::Error>;

/// What the handler answered.
pub(super) struct Answer {
    pub response: Response<Incoming>,
    /// Whether the handler answered without taking the whole body: the host then ends the client's connection.
    pub cut_short: bool,
    /// Held until the answer has been passed on. Then a body that nobody asked for is given up.
    pub passing: Option<oneshot::Sender<()>>,
}

/// Why there is no answer of the handler's.
pub(super) enum Failure {
    /// It cannot be reached, or broke off.
    Handler(io::Error),
    /// The client's body ended early.
    Client(io::Error),
    /// The client's body, what is left of it, is too large.
    TooLarge(Incoming),
}

/// A body on its way to the handler.
pub(super) struct Upload {
    pub body: Incoming,
    /// Its length, where that is known.
    pub length: Option<u64>,
    /// The most bytes that pass.
    pub limit: u64,
    /// Whether the client waits to be asked for it.
    pub waits: bool,
}

/// Sends a request without a body.
pub(super) async fn send(handler: SocketAddr, head: Parts) -> Result<Answer, Failure> {
    let sent = retried(|| send_once(handler, head.clone()));
    let response = sent.await.map_err(Failure::Handler)?;
    Ok(Answer {
        response,
        cut_short: false,
        passing: None,
    })
}

async fn send_once(handler: SocketAddr, head: Parts) -> io::Result<Response<Incoming>> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let mut connection = connect(handler).await?;
    let sent = connection.send_request(Request::from_parts(head, body)).await;
    sent.map_err(io::Error::other)
}

/// Sends a request with a body.
pub(super) async fn send_with_body(
    handler: SocketAddr,
    head: Parts,
    upload: Upload,
) -> Result<Answer, Failure> {
    let connection = retried(|| connect(handler));
    let mut connection = connection.await.map_err(Failure::Handler)?;
    let waits = upload.waits;
    let go = Arc::new(Notify::new());
    let begun = Arc::new(AtomicBool::new(false));
    let (end, ended) = oneshot::channel();
    let (passing, passed) = oneshot::channel();
    let body = copied(upload, (go.clone(), passed), begun.clone(), end);
    let mut request = Request::from_parts(head, body);
    if waits {
        let go = go.clone();
        on_informational(&mut request, move |response| {
            if response.status() == StatusCode::CONTINUE {
                go.notify_one();
            }
        });
    } else {
        go.notify_one();
    }
    let mut sending = Box::pin(connection.send_request(request));
    let response = match timeout(UNASKED, &mut sending).await {
        Ok(response) => response,
        Err(_) => {
            go.notify_one();
            sending.await
        }
    };
    if !begun.load(Ordering::SeqCst) {
        // Answered before the body was asked for: it is not sent.
        let response = response.map_err(|error| Failure::Handler(io::Error::other(error)))?;
        return Ok(Answer {
            response,
            cut_short: true,
            passing: Some(passing),
        });
    }
    let cut_short = match ended.await {
        Ok(End::Whole) => false,
        Ok(End::TooLarge(rest)) => return Err(Failure::TooLarge(rest)),
        Ok(End::Failed(error)) => return Err(Failure::Client(error)),
        // The handler took no more of it.
        Err(_) => true,
    };
    let response = response.map_err(|error| Failure::Handler(io::Error::other(error)))?;
    Ok(Answer {
        response,
        cut_short,
        passing: None,
    })
}

/// How the copy of a body ended, unless the handler took no more of it.
enum End {
    Whole,
    Failed(io::Error),
    TooLarge(Incoming),
}

struct Copy {
    upload: Upload,
    copied: u64,
    end: oneshot::Sender<End>,
}

impl Copy {
    /// Nobody waits for the end any more once the request is over.
    fn ends(self, end: impl FnOnce(Upload) -> End) {
        drop(self.end.send(end(self.upload)));
    }

    /// The next frame, and whether others follow.
    async fn next(mut self) -> Option<(io::Result<Frame<Bytes>>, Option<Self>)> {
        if self
            .upload
            .length
            .is_some_and(|length| length > self.upload.limit)
        {
            return Some(self.too_large());
        }
        loop {
            match self
                .upload
                .body
                .frame()
                .await
                .map(|frame| frame.map(Frame::into_data))
            {
                None => {
                    self.ends(|_| End::Whole);
                    return None;
                }
                Some(Err(error)) => {
                    self.ends(|_| End::Failed(io::Error::other(error)));
                    return Some((Err(io::ErrorKind::UnexpectedEof.into()), None));
                }
                // Trailers are not handed on.
                Some(Ok(Err(_))) => {}
                Some(Ok(Ok(data))) => {
                    self.copied += data.len() as u64;
                    if self.copied > self.upload.limit {
                        return Some(self.too_large());
                    }
                    let whole = self.upload.length == Some(self.copied);
                    let rest = if whole {
                        self.ends(|_| End::Whole);
                        None
                    } else {
                        Some(self)
                    };
                    return Some((Ok(Frame::data(data)), rest));
                }
            }
        }
    }

    fn too_large(self) -> (io::Result<Frame<Bytes>>, Option<Self>) {
        self.ends(|upload| End::TooLarge(upload.body));
        (Err(io::ErrorKind::FileTooLarge.into()), None)
    }
}

/// The body as the handler gets it: nothing before `go`, which makes it `begun`, and nothing at all once an answer has passed
/// before that.
fn copied(
    upload: Upload,
    (go, passed): (Arc<Notify>, oneshot::Receiver<()>),
    begun: Arc<AtomicBool>,
    end: oneshot::Sender<End>,
) -> OutBody {
    let copy = Copy {
        upload,
        copied: 0,
        end,
    };
    let first = async move {
        tokio::select! {
            () = go.notified() => {
                begun.store(true, Ordering::SeqCst);
                copy.next().await
            }
            _ = passed => Some((Err(io::ErrorKind::ConnectionAborted.into()), None)),
        }
    };
    let frames = stream::once(first).flat_map(|next| {
        let (frame, rest) = next.unzip();
        let rest = stream::unfold(
            rest.flatten(),
            |copy: Option<Copy>| async move { copy?.next().await },
        );
        stream::iter(frame).chain(rest)
    });
    StreamBody::new(frames).boxed_unsync()
}

async fn retried<T, F: Future<Output = io::Result<T>>>(attempt: impl Fn() -> F) -> io::Result<T> {
    let (mut pause, longest) = PAUSES;
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(_) => sleep(pause).await,
        }
        pause = longest.min(pause * 2);
    }
    attempt().await
}

/// A connection to the handler.
pub(super) async fn connect(handler: SocketAddr) -> io::Result<SendRequest<OutBody>> {
    let stream = TcpStream::connect(handler).await?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        // What goes wrong with it, the request or its answer tells.
        drop(connection.await);
    });
    Ok(sender)
}
