//! Cosmos DB: the in-memory emulator of Microsoft's own SDK, behind a small HTTP server on loopback, so that the
//! unmodified client speaks to it over real sockets. The server can be told to fail.
//!
//! What the emulator leaves out: it checks no authorization, removes nothing by its time to live, accepts ids
//! that the service refuses, and its request units are a formula of its own.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use azure_core::http::{Method as CoreMethod, Request as CoreRequest, Url};
use azure_data_cosmos_driver::in_memory_emulator::{
    ConsistencyLevel, InMemoryEmulatorHttpClient, VirtualAccountConfig, VirtualRegion,
};
use bleepstore_azure::cosmos::schema::{CONTAINER, DATABASE, DEFAULT_TTL, PARTITION_KEY, indexing_policy};
use bleepstore_azure::cosmos::{Account, Identity};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// What a request to the data of a container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `read`, `create`, `upsert`, `replace`, `delete`, `query` or `batch`.
    pub name: &'static str,
    /// The logical partition.
    pub partition: String,
    /// How many rows it changes, if it is applied.
    pub changes: usize,
}

/// What the caller gets to see of a call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This status and substatus, and how many milliseconds to wait.
    Status(u16, u32, Option<u64>),
    /// That a batch was not applied, because of a change in it that met this status and substatus.
    NotApplied(u16, u32),
    /// Nothing: the connection ends.
    HangUp,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not take effect.
    Before(Answer),
    /// It takes effect, and the caller is told this.
    After(Answer),
}

/// The key that the emulator takes, as it takes any other.
pub(super) const KEY: &str = "c2VjcmV0";

type Plan = Box<dyn FnMut(&Call) -> Option<Fault> + Send>;

/// An account on this machine, with the container that the store uses. It ends when it is dropped.
pub struct CosmosEmulator {
    address: SocketAddr,
    front: Arc<Front>,
    runtime: Option<Runtime>,
}

struct Front {
    base: String,
    emulator: InMemoryEmulatorHttpClient,
    calls: Mutex<Vec<Call>>,
    answers_to_queries: Mutex<Vec<usize>>,
    plan: Mutex<Option<Plan>>,
}

impl CosmosEmulator {
    /// An account as the store wants it.
    pub fn start() -> io::Result<Self> {
        Self::with_consistency(ConsistencyLevel::Strong)
    }

    /// An account of any consistency level.
    pub fn with_consistency(level: ConsistencyLevel) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("cosmos-emulator")
            .enable_all()
            .build()?;
        // The caller may be inside a runtime of its own, which must not wait for another one.
        let started = thread::scope(|scope| scope.spawn(|| runtime.block_on(start(level))).join());
        let started = started.map_err(|_| io::Error::other("the emulator panicked"))?;
        let (listener, front) = started?;
        let address = listener.local_addr()?;
        runtime.spawn(listen(listener, Arc::clone(&front)));
        Ok(Self {
            address,
            front,
            runtime: Some(runtime),
        })
    }

    /// The account, with the key that every emulator takes.
    pub fn account(&self) -> Account {
        Account {
            endpoint: format!("http://{}/", self.address),
            identity: Identity::Key(KEY.into()),
        }
    }

    /// The calls to the container's data since the last look.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.front.calls.lock().unwrap())
    }

    /// The sizes of the answers to queries since the last look, in bytes.
    pub fn take_answers_to_queries(&self) -> Vec<usize> {
        std::mem::take(&mut *self.front.answers_to_queries.lock().unwrap())
    }

    /// Asks `plan` about every call to the container's data from now on.
    pub fn fail(&self, plan: impl FnMut(&Call) -> Option<Fault> + Send + 'static) {
        *self.front.plan.lock().unwrap() = Some(Box::new(plan));
    }

    /// Lets every call pass from now on.
    pub fn recover(&self) {
        *self.front.plan.lock().unwrap() = None;
    }
}

impl Drop for CosmosEmulator {
    fn drop(&mut self) {
        // It may be dropped where a runtime must not be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for CosmosEmulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CosmosEmulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

async fn start(level: ConsistencyLevel) -> io::Result<(TcpListener, Arc<Front>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let url = Url::parse(&base).map_err(io::Error::other)?;
    let account = VirtualAccountConfig::new(vec![VirtualRegion::new("East US", url)])
        .map_err(io::Error::other)?
        .with_consistency(level);
    let front = Front {
        base,
        emulator: InMemoryEmulatorHttpClient::new(account),
        calls: Mutex::default(),
        answers_to_queries: Mutex::default(),
        plan: Mutex::default(),
    };
    front.create_container().await?;
    Ok((listener, Arc::new(front)))
}

async fn listen(listener: TcpListener, front: Arc<Front>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&front)));
    }
}

async fn serve(stream: TcpStream, front: Arc<Front>) {
    let service = service_fn(|request| {
        let front = Arc::clone(&front);
        async move { front.answer(request).await }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        // A client that went away, or one that was hung up on.
        drop(error);
    }
}

impl Front {
    /// Creates the database and the container with its policies.
    async fn create_container(&self) -> io::Result<()> {
        let container = json!({
            "id": CONTAINER,
            "partitionKey": {"paths": [PARTITION_KEY], "kind": "Hash", "version": 2},
            "indexingPolicy": indexing_policy(),
            "defaultTtl": DEFAULT_TTL,
        });
        for (path, body) in [
            ("/dbs".to_owned(), json!({"id": DATABASE})),
            (format!("/dbs/{DATABASE}/colls"), container),
        ] {
            let headers = HeaderMap::new();
            let answer = self
                .execute(&Method::POST, &path, &headers, body.to_string().into())
                .await?;
            if answer.status() != 201 {
                let text = String::from_utf8_lossy(answer.body()).into_owned();
                return Err(io::Error::other(format!("{path}: {} {text}", answer.status())));
            }
        }
        Ok(())
    }

    /// An error ends the connection.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let call = call_of(&head.method, path, &head.headers, &body);
        let fault = call.as_ref().and_then(|call| {
            self.calls.lock().unwrap().push(call.clone());
            self.plan.lock().unwrap().as_mut().and_then(|plan| plan(call))
        });
        let execute = self.execute(&head.method, path, &head.headers, body);
        let answer = match fault {
            None => {
                let answer = execute.await?;
                if call.is_some_and(|call| call.name == "query") {
                    let size = answer.body().len();
                    self.answers_to_queries.lock().unwrap().push(size);
                }
                return Ok(answer.map(Full::new));
            }
            Some(Fault::Before(answer)) => answer,
            Some(Fault::After(answer)) => {
                execute.await?;
                answer
            }
        };
        match answer {
            Answer::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
            Answer::NotApplied(status, substatus) => {
                let results = json!([
                    {"statusCode": status, "substatusCode": substatus, "requestCharge": 0.0},
                    {"statusCode": 424, "requestCharge": 0.0},
                ]);
                injected(207, 0, None, &results)
            }
            Answer::Status(status, substatus, retry_after) => {
                let message = json!({"code": "Injected", "message": "by a test"});
                injected(status, substatus, retry_after, &message)
            }
        }
    }

    async fn execute(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> io::Result<Response<Bytes>> {
        let url = Url::parse(&format!("{}{path}", self.base)).map_err(io::Error::other)?;
        let method = match *method {
            Method::GET => CoreMethod::Get,
            Method::PUT => CoreMethod::Put,
            Method::DELETE => CoreMethod::Delete,
            Method::PATCH => CoreMethod::Patch,
            _ => CoreMethod::Post,
        };
        let mut request = CoreRequest::new(url, method);
        for (name, value) in headers {
            let value = value.to_str().map_err(io::Error::other)?;
            request
                .headers_mut()
                .insert(name.as_str().to_owned(), value.to_owned());
        }
        request.set_body(body);
        let answer = self.emulator.execute_request(&request).await;
        let answer = answer.map_err(io::Error::other)?.try_into_raw_response().await;
        let answer = answer.map_err(io::Error::other)?;
        let mut response = Response::builder().status(u16::from(answer.status()));
        for (name, value) in answer.headers().iter() {
            if name.as_str() != "content-length" {
                response = response.header(name.as_str(), value.as_str());
            }
        }
        let body = Bytes::copy_from_slice(answer.body().as_ref());
        response.body(body).map_err(io::Error::other)
    }
}

fn injected(
    status: u16,
    substatus: u32,
    retry_after: Option<u64>,
    body: &serde_json::Value,
) -> io::Result<Response<Full<Bytes>>> {
    let mut response = Response::builder()
        .status(status)
        .header("x-ms-substatus", substatus)
        .header("x-ms-request-charge", "1");
    if let Some(millis) = retry_after {
        response = response.header("x-ms-retry-after-ms", millis);
    }
    let body = Full::from(body.to_string());
    response.body(body).map_err(io::Error::other)
}

/// Which call a request to the container's data is.
fn call_of(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Option<Call> {
    let has = |name: &str| {
        headers
            .get(name)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
    };
    if !path.contains("/docs") {
        return None;
    }
    let name = match *method {
        Method::GET => "read",
        Method::PUT => "replace",
        Method::DELETE => "delete",
        _ if has("x-ms-cosmos-is-query-plan-request") => "query plan",
        _ if has("x-ms-documentdb-isquery") || has("x-ms-documentdb-query") => "query",
        _ if has("x-ms-cosmos-is-batch-request") => "batch",
        _ if has("x-ms-documentdb-is-upsert") => "upsert",
        _ => "create",
    };
    let partition = headers.get("x-ms-documentdb-partitionkey");
    let partition: Option<(String,)> =
        partition.and_then(|value| serde_json::from_slice(value.as_bytes()).ok());
    let changes = match name {
        "read" | "query" | "query plan" => 0,
        "batch" => serde_json::from_slice(body).map_or(0, |changes: Vec<IgnoredAny>| changes.len()),
        _ => 1,
    };
    Some(Call {
        name,
        changes,
        partition: partition.map(|(partition,)| partition).unwrap_or_default(),
    })
}
