//! What a server keeps in memory of what passes through it.

use std::time::Duration;

use super::BUCKET;
use crate::body::Body;
use crate::client::Client;
use crate::load::{Moved, Operation, Span};
use crate::stage::{Stage, Taken};

/// Each client puts one object and gets it back: 1 GiB, or 128 MiB for a look. An operation is both.
pub(super) fn eight_clients(stage: &Stage, clients: usize) -> Result<Taken, String> {
    Client::connect(&stage.endpoint)?.create_bucket(BUCKET)?;
    let length = stage.effort.either(128 << 20, 1 << 30);
    let body = &Body::noise(length);
    let run = stage.next_run();
    let path = |client: usize| format!("/{BUCKET}/memory/{run}/{client}");
    let operations = (0..clients).map(|number| {
        let mut done = false;
        let operation: Operation<'_> = Box::new(move |client: &mut Client| {
            if done {
                return Ok(None);
            }
            done = true;
            client.put(&path(number), body)?;
            client.get(&path(number), length)?;
            Ok(Some(Moved {
                bytes: 2 * length,
                keys: 0,
            }))
        });
        operation
    });
    let span = Span {
        time: Duration::MAX,
        warm_up: 0,
    };
    let taken = stage.measure(operations.collect(), span)?;
    stage.delete((0..clients).map(path))?;
    let note = stage
        .effort
        .either(Some("of 128 MiB each, for a look".to_owned()), None);
    Ok(Taken { note, ..taken })
}
