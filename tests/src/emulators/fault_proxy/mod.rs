//! A proxy on loopback between a client of a cloud and its emulator, which makes requests fail as a seeded plan says.
//!
//! HTTP/1.1. Small bodies are read before they are forwarded, so that plans can look at them; others are streamed.
//! What a failure looks like on the wire, and what a request changes, is the cloud's [`Protocol`].

mod forward;
mod plan;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

pub use self::plan::{Fault, Plan};

/// The longest body that is read before the request is forwarded.
const READ_WHOLE: u64 = 64 * 1024;

/// A delayed request takes effect after this many others, if none comes that changes the same.
const PATIENCE: usize = 25;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A request as plans and protocols see it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method, path, query and headers.
    pub head: Parts,
    /// The body, if it is small.
    pub body: Option<Bytes>,
}

/// A request of which a part is forwarded, and what is made of its answer.
pub struct Partial {
    /// The body that is forwarded.
    pub body: Bytes,
    /// Makes the answer to the whole request of the answer to that part.
    pub complete: Box<dyn FnOnce(Bytes) -> Bytes + Send>,
}

/// What the proxy has to know of a cloud's interface.
pub trait Protocol: Send + Sync + 'static {
    /// What the request is counted as.
    fn operation(&self, request: &Seen) -> String;

    /// The row or file that the request changes; `None` if it changes nothing, or more than one.
    fn changes(&self, request: &Seen) -> Option<String>;

    /// Which commit the request carries out, where that must happen once at most.
    fn commit(&self, request: &Seen) -> Option<String>;

    /// Whether the client gives up waiting for this answer soon enough for a test.
    fn is_impatient(&self, request: &Seen) -> bool;

    /// The answer of a service that is too busy and did nothing.
    fn throttled(&self, request: &Seen) -> Response<Bytes>;

    /// The answer of a service that broke down.
    fn failed(&self, request: &Seen) -> Response<Bytes>;

    /// The request as the service carries it out in part, if it can be.
    fn partial(&self, request: &Seen) -> Option<Partial>;
}

/// What went through a proxy.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// How many requests came, by operation.
    pub requests: BTreeMap<String, usize>,
    /// How many were disturbed, by operation and fault.
    pub faults: BTreeMap<(String, Fault), usize>,
    /// How often each commit took effect.
    pub commits: BTreeMap<String, usize>,
}

impl Traffic {
    /// How many requests met this fault.
    pub fn disturbed(&self, fault: Fault) -> usize {
        let met = self.faults.iter().filter(|((_, kind), _)| *kind == fault);
        met.map(|(_, count)| count).sum()
    }
}

/// A request that takes effect later.
struct Delayed {
    request: Seen,
    changes: String,
    waited: usize,
}

struct Shared {
    upstream: SocketAddr,
    protocol: Box<dyn Protocol>,
    plan: Mutex<Option<Plan>>,
    delayed: Mutex<Vec<Delayed>>,
    traffic: Mutex<Traffic>,
}

/// A running proxy. It ends when this is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Runtime,
}

impl FaultProxy {
    /// Starts a proxy on a free port. Nothing is disturbed yet.
    pub fn start(upstream: SocketAddr, protocol: impl Protocol) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            protocol: Box::new(protocol),
            plan: Mutex::default(),
            delayed: Mutex::default(),
            traffic: Mutex::default(),
        });
        runtime.spawn(accept(listener, shared.clone()));
        Ok(Self {
            address,
            shared,
            runtime,
        })
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests fare as the plan says from now on.
    pub fn disturb(&self, plan: Plan) {
        *lock(&self.shared.plan) = Some(plan);
    }

    /// Ends all disturbance; what was delayed takes effect before this returns. No request may be under way.
    pub fn settle(&self) {
        *lock(&self.shared.plan) = None;
        let delayed = std::mem::take(&mut *lock(&self.shared.delayed));
        self.runtime.block_on(async {
            for delayed in delayed {
                self.shared.carry_out(delayed.request).await;
            }
        });
    }

    /// What went through so far.
    pub fn traffic(&self) -> Traffic {
        lock(&self.shared.traffic).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, shared.clone()));
    }
}

/// Serves a connection, and resets it where a fault says so.
async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let reset = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let (shared, reset) = (shared.clone(), reset.clone());
        async move { shared.answer(request, reset).await }
    });
    let mut served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A connection that a fault breaks off, or that the client gives up, ends in an error here.
    drop((&mut served).await);
    if reset.load(Ordering::Relaxed) {
        let stream = served.into_parts().io.into_inner();
        // With no time to linger, closing resets. A connection that is gone already needs none.
        drop(stream.set_zero_linger());
    }
}

impl Shared {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        reset: Arc<AtomicBool>,
    ) -> io::Result<Response<Body>> {
        let (seen, body) = read(request).await?;
        let operation = self.protocol.operation(&seen);
        let fault = {
            let mut plan = lock(&self.plan);
            plan.as_mut()
                .and_then(|plan| plan.fault(&operation, &seen, self.protocol.as_ref()))
        };
        {
            let mut traffic = lock(&self.traffic);
            *traffic.requests.entry(operation.clone()).or_default() += 1;
            if let Some(fault) = fault {
                *traffic.faults.entry((operation, fault)).or_default() += 1;
            }
        }
        match fault {
            Some(fault) => self.answer_with(fault, seen, body, reset).await,
            None => self.forward(&seen, body).await,
        }
    }

    async fn answer_with(
        &self,
        fault: Fault,
        seen: Seen,
        body: Body,
        reset: Arc<AtomicBool>,
    ) -> io::Result<Response<Body>> {
        match fault {
            Fault::Throttle => Ok(self.protocol.throttled(&seen).map(whole)),
            Fault::FailBefore => Ok(self.protocol.failed(&seen).map(whole)),
            Fault::FailAfter => {
                self.take_effect(&seen, body).await?;
                Ok(self.protocol.failed(&seen).map(whole))
            }
            Fault::LoseRequest => Err(broken_off()),
            Fault::LoseAnswer => {
                self.take_effect(&seen, body).await?;
                Err(broken_off())
            }
            Fault::HoldAnswer => {
                self.take_effect(&seen, body).await?;
                std::future::pending().await
            }
            Fault::Delay => {
                let changes = self.protocol.changes(&seen);
                lock(&self.delayed).extend(changes.map(|changes| Delayed {
                    request: seen,
                    changes,
                    waited: 0,
                }));
                Err(broken_off())
            }
            Fault::ResetRequest => {
                let mut body = body;
                reset.store(true, Ordering::Relaxed);
                drop(body.frame().await);
                Err(broken_off())
            }
            Fault::ResetAnswer => {
                let (head, body) = self.forward(&seen, body).await?.into_parts();
                let answer = body.collect().await?.to_bytes();
                reset.store(true, Ordering::Relaxed);
                Ok(Response::from_parts(head, forward::first_half(answer)))
            }
            Fault::Partial => match self.protocol.partial(&seen) {
                Some(partial) => self.forward_in_part(seen, partial).await,
                None => self.forward(&seen, body).await,
            },
        }
    }
}

/// Takes the request apart; the body is read if it is small.
async fn read(request: Request<Incoming>) -> io::Result<(Seen, Body)> {
    let (head, body) = request.into_parts();
    let small = http_body::Body::size_hint(&body)
        .exact()
        .is_some_and(|length| length <= READ_WHOLE);
    if small {
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let seen = Seen {
            head,
            body: Some(bytes.clone()),
        };
        return Ok((seen, whole(bytes)));
    }
    let body = body.map_err(io::Error::other).boxed_unsync();
    Ok((Seen { head, body: None }, body))
}

fn whole(bytes: Bytes) -> Body {
    Full::from(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn broken_off() -> io::Error {
    io::Error::other("broken off by a fault")
}
