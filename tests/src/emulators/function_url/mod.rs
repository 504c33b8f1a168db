//! What stands before a function on Lambda, on loopback: a Function URL in either mode on one side, the runtime
//! interface on the other, and the real binary behind it.
//!
//! Modelled on AWS's documentation (URLs: <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>; the
//! interface: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>). What the documentation does not say, and
//! is assumed here: text that is not UTF-8 is sent in base64; a head of more than 64 KiB is refused; a response that
//! passes the limit is cut off; in buffered mode the length is that of the body that the function gave, also where the
//! request was a HEAD and none of it is sent.
//!
//! Seen by others on AWS and modelled here: the length that a function sets is renamed
//! (<https://github.com/cargo-lambda/cargo-lambda/issues/862>); `Content-Encoding: gzip` is taken away; a stream that ends
//! before its head arrives is a bare 200 (<https://github.com/middyjs/middy/issues/1189>, where Node's runtime writes the
//! head with the first byte of the body and so not at all where there is none). Not modelled, since reports contradict each
//! other: whether the client is told that an empty body has ended
//! (<https://github.com/aws/aws-lambda-web-adapter/issues/499>), and whether bytes labelled gzip are decompressed.

mod document;
mod event;
mod http_side;
mod prelude;
mod runtime_api;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::supervised::Supervised;

/// The longest event, as JSON: 6 MiB.
pub const EVENT_LIMIT: usize = 6 * 1024 * 1024;

/// The longest response: 200 MiB.
pub const RESPONSE_LIMIT: u64 = 200 * 1024 * 1024;

/// How the URL invokes the function, which is told by `BLEEPSTORE_INVOKE_MODE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvokeMode {
    Stream,
    Buffered,
}

impl InvokeMode {
    const fn name(self) -> &'static str {
        match self {
            Self::Stream => "RESPONSE_STREAM",
            Self::Buffered => "BUFFERED",
        }
    }
}

/// What the function answered.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    /// The body as it arrives; an error where the function broke off.
    body: mpsc::Receiver<io::Result<Bytes>>,
}

/// Invocations on their way to the function and back.
struct Invocations {
    queue: mpsc::UnboundedSender<(String, Bytes)>,
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, Bytes)>>,
    /// By request id; `None` once the function has ended.
    pending: Mutex<Option<HashMap<String, oneshot::Sender<Answered>>>>,
    count: AtomicU64,
}

impl Invocations {
    fn new() -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        Self {
            queue,
            waiting: tokio::sync::Mutex::new(waiting),
            pending: Mutex::new(Some(HashMap::new())),
            count: AtomicU64::new(0),
        }
    }

    /// Invokes the function; `None` where it fails or has ended.
    async fn invoke(&self, event: Bytes) -> Option<Answered> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        let (send, receive) = oneshot::channel();
        self.pending().as_mut()?.insert(id.clone(), send);
        self.queue.send((id, event)).ok()?;
        receive.await.ok()
    }

    fn pending(&self) -> MutexGuard<'_, Option<HashMap<String, oneshot::Sender<Answered>>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, id: &str) -> Option<oneshot::Sender<Answered>> {
        self.pending().as_mut()?.remove(id)
    }
}

/// A function behind its URL. Everything ends when this is dropped, or with this process.
pub struct FunctionUrl {
    address: SocketAddr,
    invocations: Arc<Invocations>,
    // Before the runtime: a function that is asked to stop may still call it.
    functions: Vec<Supervised>,
    runtime: Runtime,
}

impl FunctionUrl {
    /// Starts `instances` of the binary, each of which answers one request at a time, behind one URL in buffered mode,
    /// which is how the function is deployed.
    pub fn start<V: AsRef<OsStr>>(
        binary: &Path,
        instances: usize,
        variables: Vec<(&'static str, V)>,
    ) -> io::Result<Self> {
        Self::start_in(InvokeMode::Buffered, binary, instances, variables)
    }

    /// The same behind a URL in streaming mode.
    pub fn start_streaming<V: AsRef<OsStr>>(
        binary: &Path,
        instances: usize,
        variables: Vec<(&'static str, V)>,
    ) -> io::Result<Self> {
        Self::start_in(InvokeMode::Stream, binary, instances, variables)
    }

    fn start_in<V: AsRef<OsStr>>(
        mode: InvokeMode,
        binary: &Path,
        instances: usize,
        variables: Vec<(&'static str, V)>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let invocations = Arc::new(Invocations::new());
        let url = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let interface = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let (address, api) = (url.local_addr()?, interface.local_addr()?.to_string());
        runtime.spawn(runtime_api::serve(interface, invocations.clone()));
        runtime.spawn(http_side::serve(url, invocations.clone(), mode));
        let of_lambda = [
            ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "bleepstore"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("BLEEPSTORE_INVOKE_MODE", mode.name()),
        ];
        let mut functions = Vec::new();
        for _ in 0..instances {
            let given = variables.iter().map(|(name, value)| (*name, value.as_ref()));
            let all = given.chain(of_lambda.map(|(name, value)| (name, OsStr::new(value))));
            let invocations = invocations.clone();
            functions.push(Supervised::start(
                &[binary.as_os_str()],
                all,
                move |line| match line {
                    Some(line) => eprintln!("{line}"),
                    // Nobody will answer what is pending.
                    None => *invocations.pending() = None,
                },
            )?);
        }
        Ok(Self {
            address,
            invocations,
            functions,
            runtime,
        })
    }

    /// Where the URL listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Invokes the function with an event of one's own, as the schedule does; the status and body of what it answered,
    /// `None` where it failed.
    pub fn invoke(&self, event: &Value) -> Option<(StatusCode, Vec<u8>)> {
        let event = Bytes::from(event.to_string());
        self.runtime.block_on(async {
            let mut answered = self.invocations.invoke(event).await?;
            let mut body = Vec::new();
            while let Some(bytes) = answered.body.recv().await {
                body.extend_from_slice(&bytes.ok()?);
            }
            Some((answered.status, body))
        })
    }
}

impl Drop for FunctionUrl {
    fn drop(&mut self) {
        // Lambda ends idle functions without a word; these are asked, in parallel, while the interface still answers.
        thread::scope(|scope| {
            for function in &mut self.functions {
                scope.spawn(|| function.stop());
            }
        });
    }
}
