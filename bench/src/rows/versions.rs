//! Versions of objects.

use std::time::Duration;

use crate::body::Body;
use crate::client::Client;
use crate::load::{Moved, Operation, Span};
use crate::stage::{Objects, Stage, Taken};

/// The bucket that is written to.
const KEPT: &str = "bleepstore-bench-kept";
/// The bucket whose versions fit on one page.
const THOUSAND: &str = "bleepstore-bench-1000-versions";

const KEYS: u64 = 500;
/// What one page shows.
const PAGE: u64 = 1_000;

/// Each connection writes one key again and again: each write leaves the one before as a version.
pub(super) fn put_4k(stage: &Stage, connections: usize) -> Result<Taken, String> {
    let mut client = Client::connect(&stage.endpoint)?;
    client.create_bucket(KEPT)?;
    client.keep_versions(KEPT)?;
    let body = &Body::noise(4 << 10);
    let run = stage.next_run();
    let operations = (0..connections).map(|connection| {
        let path = format!("/{KEPT}/{run}/{connection}");
        let operation: Operation<'_> = Box::new(move |client: &mut Client| {
            client.put(&path, body)?;
            let bytes = body.length;
            Ok(Some(Moved { bytes, keys: 0 }))
        });
        operation
    });
    let span = Span {
        time: stage.time(),
        warm_up: 20,
    };
    stage.measure(operations.collect(), span)
}

/// The first and only page of 500 keys with two versions each, again and again.
pub(super) fn list_1000(stage: &Stage, connections: usize) -> Result<Taken, String> {
    let mut client = Client::connect(&stage.endpoint)?;
    client.create_bucket(THOUSAND)?;
    client.keep_versions(THOUSAND)?;
    let count = stage.prepare(&Objects {
        name: Some(THOUSAND),
        bucket: THOUSAND,
        count: PAGE,
        path: &|number| format!("/{THOUSAND}/object-{:07}", number % KEYS),
        body: Body::empty(),
        limit: Duration::MAX,
    })?;
    let page = client.list_versions(THOUSAND)?;
    if (page.keys, page.prefixes) != (count, 0) || page.next.is_some() {
        return Err(format!("a listing of {count} versions is {page:?}"));
    }
    let operations = (0..connections).map(|_| {
        let operation: Operation<'_> = Box::new(move |client: &mut Client| {
            client.list_versions_again(THOUSAND, page.length)?;
            Ok(Some(Moved {
                bytes: 0,
                keys: count,
            }))
        });
        operation
    });
    let span = Span {
        time: stage.time(),
        warm_up: 10,
    };
    stage.measure(operations.collect(), span)
}
