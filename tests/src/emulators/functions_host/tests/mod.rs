//! The host against handlers that a test plays, and against what it is documented and seen to hand over.

mod apps;
mod exchanges;
mod heads;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;

use tokio::runtime::Runtime;

use super::http_side::{self, Host};
use crate::http::{Connection, Front};

/// A connection as a handler sees it that a test plays.
struct Visit(BufReader<TcpStream>);

impl Visit {
    /// The head of the next request, up to the empty line.
    fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && self.0.read_line(&mut head).unwrap() > 0 {}
        head
    }

    fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn write(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn is_closed(&mut self) -> bool {
        !matches!(self.0.read(&mut [0]), Ok(1))
    }
}

/// A handler that serves each connection, which has a number, on a thread of its own.
fn handler(serve: impl Fn(u64, Visit) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming()) {
            let (serve, stream) = (serve.clone(), BufReader::new(stream.unwrap()));
            thread::spawn(move || serve(number, Visit(stream)));
        }
    });
    address
}

/// A host whose handler is already there.
struct Started {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Started {
    fn before(handler: SocketAddr) -> Self {
        Self::with_limit(handler, super::BODY_LIMIT)
    }

    fn with_limit(handler: SocketAddr, body_limit: u64) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let host = Host {
            handler,
            prefix: String::new(),
            body_limit,
            count: AtomicU64::new(0),
        };
        runtime.spawn(http_side::serve(listener, Arc::new(host)));
        Self {
            address,
            _runtime: runtime,
        }
    }

    fn connect(&self) -> Connection {
        Connection::open(self.address, Front::Nothing)
    }
}
