//! What stands before a function app with a custom handler on Azure, on loopback: App Service's front end, the Functions
//! host with `enableProxyingHttpRequest`, and the real binary behind them.
//!
//! Modelled on the sources of the host (<https://github.com/Azure/azure-functions-host>), of the proxy in it
//! (<https://github.com/dotnet/yarp>) and of its server (<https://github.com/dotnet/aspnetcore>), which each file names, on
//! Microsoft's documentation, and where both are silent on what people saw. The front end's source is not public: what is assumed
//! of it is said where it is modelled. On the Flex Consumption plan nobody has been seen to look.
//!
//! A request without a body is sent again if the handler hangs up on it; one that fails is answered with a bare 500, also where
//! its body is too large. Not modelled: a handler that ends is not started again; the load balancer gives up after 230 seconds; the front end
//! answers preflight requests by itself where CORS is configured.

mod app;
mod forward;
mod http_side;
mod invocation;
mod passage;
mod target;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::app::App;
use self::http_side::Host;
pub use self::invocation::Invoked;
pub use self::passage::URL_LIMIT;
use super::supervised::Supervised;

/// The largest body of a request, in bytes, where `FUNCTIONS_REQUEST_BODY_SIZE_LIMIT` does not say:
/// `ScriptConstants.DefaultMaxRequestBodySize`, which the host sets in place of Kestrel's 30,000,000 (`Program.cs`).
pub const BODY_LIMIT: u64 = 104_857_600;

/// Goes to the folder of the app and becomes the handler.
const SCRIPT: &str = r#"cd "$0" && exec "$@""#;

/// A function app behind its host. Everything ends when this is dropped, or with this process.
pub struct FunctionsHost {
    address: SocketAddr,
    host: Arc<Host>,
    timer: (String, String),
    // Before the runtime: a handler that is asked to stop may still be answering.
    handler: Supervised,
    runtime: Runtime,
}

impl FunctionsHost {
    /// Starts the app in a folder with these settings, and waits until its handler answers. An error says what of the
    /// folder the host would not accept, or that the handler did not start.
    pub fn start<V: Into<String>>(app_folder: &Path, settings: Vec<(&'static str, V)>) -> io::Result<Self> {
        let settings = settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()));
        let settings: Vec<(String, String)> = settings.collect();
        let app = App::read(app_folder, &settings)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        // A port that is free now, as the host chooses it.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (ended, end) = oneshot::channel();
        let handler = start_handler(&app, port, &settings, ended)?;
        runtime.block_on(started(&app, port, end))?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let host = Arc::new(Host {
            handler: port,
            prefix: app.prefix,
            body_limit: body_limit(&settings),
            count: AtomicU64::new(0),
        });
        runtime.spawn(http_side::serve(listener, host.clone()));
        Ok(Self {
            address,
            host,
            timer: (app.timer, app.timer_binding),
            handler,
            runtime,
        })
    }

    /// Where clients reach it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the host reaches the handler. Nobody else does on Azure.
    pub fn handler(&self) -> SocketAddr {
        self.host.handler
    }

    /// Invokes the function of the timer. An error if the handler does not answer.
    pub fn fire_timer(&self) -> io::Result<Invoked> {
        let (function, binding) = &self.timer;
        let number = self.host.next();
        let fired = invocation::fire(self.host.handler, (function, binding), number);
        self.runtime.block_on(fired)
    }

    /// Asks the handler to stop; whether it did so without an error. The real host kills it.
    pub fn stop(mut self) -> io::Result<bool> {
        Ok(self.handler.stop()?.success())
    }
}

fn start_handler(
    app: &App,
    address: SocketAddr,
    settings: &[(String, String)],
    ended: oneshot::Sender<()>,
) -> io::Result<Supervised> {
    let mut program = vec![
        OsStr::new("sh"),
        OsStr::new("-c"),
        OsStr::new(SCRIPT),
        app.folder.as_os_str(),
        app.executable.as_os_str(),
    ];
    program.extend(app.arguments.iter().map(OsStr::new));
    let port = address.port().to_string();
    let worker = "00000000-0000-4000-a000-000000000000";
    // The names of `HttpWorkerConstants.cs`, over the app's settings.
    let of_the_host = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", port.as_str()),
        ("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", worker),
        ("FUNCTIONS_HTTPWORKER_PORT", port.as_str()),
        ("FUNCTIONS_HTTPWORKER_ID", worker),
        ("FUNCTIONS_WORKER_RUNTIME", "custom"),
    ];
    let given = settings
        .iter()
        .map(|(name, value)| (name.as_str(), OsStr::new(value)));
    let all = given
        .chain(of_the_host.map(|(name, value)| (name, OsStr::new(value))))
        .chain([("FUNCTIONS_APP_ROOT_PATH", app.folder.as_os_str())]);
    let mut ended = Some(ended);
    Supervised::start(&program, all, move |line| match line {
        Some(line) => eprintln!("{line}"),
        // Nobody waits for it once the start is over.
        None => drop(ended.take().map(|ended| ended.send(()))),
    })
}

/// Waits until the handler answers.
async fn started(app: &App, handler: SocketAddr, end: oneshot::Receiver<()>) -> io::Result<()> {
    let executable = app.executable.display();
    let failed = |why: String| Err(io::Error::other(format!("{executable} {why}")));
    tokio::select! {
        ready = timeout(app.start_within, invocation::ready(handler)) => match ready {
            Ok(ready) => ready,
            Err(_) => failed(format!("did not listen within {:?}", app.start_within)),
        },
        _ = end => failed("ended before it listened".to_owned()),
    }
}

/// What is no number is as if it were not there (`HttpRequestBodySizeMiddleware.cs`).
fn body_limit(settings: &[(String, String)]) -> u64 {
    let found = settings
        .iter()
        .find(|(name, _)| name == "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT");
    found
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(BODY_LIMIT)
}
