//! One large object in parts.

use std::collections::BTreeMap;
use std::thread;

use super::BUCKET;
use crate::body::Body;
use crate::client::Client;
use crate::load::{Moved, Operation, Span};
use crate::stage::{Stage, Taken};

const PARTS: usize = 16;
const PART: u64 = 16 << 20;

/// One upload after the other, with so many of its parts in flight. An operation is a whole upload.
pub(super) fn upload_256m(stage: &Stage, in_flight: usize) -> Result<Taken, String> {
    let mut first = Client::connect(&stage.endpoint)?;
    first.create_bucket(BUCKET)?;
    let body = &Body::noise(PART);
    let run = stage.next_run();
    let path = |number: u64| format!("/{BUCKET}/multipart/{run}/{number}");
    let connected = (0..in_flight).map(|_| Client::connect(&stage.endpoint));
    let mut clients = connected.collect::<Result<Vec<_>, _>>()?;
    let mut uploads = 0;
    let count = &mut uploads;
    let operation: Operation<'_> = Box::new(move |client: &mut Client| {
        upload(client, &mut clients, &path(*count), body)?;
        *count += 1;
        Ok(Some(Moved {
            bytes: PART * PARTS as u64,
            keys: 0,
        }))
    });
    let span = Span {
        time: stage.effort.either(stage.time(), stage.time() * 2),
        warm_up: 1,
    };
    let taken = stage.measure(vec![operation], span)?;
    stage.delete((0..uploads).map(path))?;
    Ok(taken)
}

fn upload(client: &mut Client, clients: &mut [Client], path: &str, body: &Body) -> Result<(), String> {
    let upload = &client.begin_upload(path)?;
    let in_flight = clients.len();
    let parts: Result<BTreeMap<usize, String>, String> = thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter_mut()
            .enumerate()
            .map(|(first, client)| {
                scope.spawn(move || {
                    let numbers = (1..=PARTS).skip(first).step_by(in_flight);
                    let part = |number| Ok((number, client.upload_part(path, upload, number, body)?));
                    numbers.map(part).collect::<Result<Vec<_>, String>>()
                })
            })
            .collect();
        let mut parts = BTreeMap::new();
        for thread in threads {
            let uploaded = thread.join().map_err(|_| "a connection's thread panicked")?;
            parts.extend(uploaded?);
        }
        Ok(parts)
    });
    client.complete_upload(path, upload, &parts?)
}
