//! Objects of one request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::BUCKET;
use crate::body::Body;
use crate::client::Client;
use crate::load::{Moved, Operation, Span};
use crate::stage::{Objects, Stage, Taken};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Objects of one size.
#[derive(Clone, Copy)]
struct Size {
    bytes: u64,
    /// How many are there to be read.
    read: u64,
    /// Operations of each connection that are not counted.
    warm_up: usize,
    /// What those that are read are called.
    name: &'static str,
}

const SIZE_4K: Size = Size {
    bytes: 4 * KIB,
    read: 1_000,
    warm_up: 20,
    name: "get-4k",
};
const SIZE_1M: Size = Size {
    bytes: MIB,
    read: 64,
    warm_up: 2,
    name: "get-1m",
};
const SIZE_64M: Size = Size {
    bytes: 64 * MIB,
    read: 4,
    warm_up: 1,
    name: "get-64m",
};

/// Whether what was written stays: only what is small.
const KEPT: u64 = 64 * KIB;

/// With the time of an `fdatasync` before and after it: on a disk that others use too it changes from minute to minute.
pub(super) fn put_4k(stage: &Stage, connections: usize) -> Result<Taken, String> {
    let before = stage.fdatasync()?;
    let taken = put(stage, connections, SIZE_4K)?;
    let after = stage.fdatasync()?;
    let fdatasync = before.zip(after).map(|(before, after)| (before + after) / 2);
    Ok(Taken { fdatasync, ..taken })
}

pub(super) fn put_1m(stage: &Stage, connections: usize) -> Result<Taken, String> {
    put(stage, connections, SIZE_1M)
}

pub(super) fn put_64m(stage: &Stage, connections: usize) -> Result<Taken, String> {
    put(stage, connections, SIZE_64M)
}

pub(super) fn get_4k(stage: &Stage, connections: usize) -> Result<Taken, String> {
    read(stage, connections, SIZE_4K, Client::get)
}

pub(super) fn get_1m(stage: &Stage, connections: usize) -> Result<Taken, String> {
    read(stage, connections, SIZE_1M, Client::get)
}

pub(super) fn get_64m(stage: &Stage, connections: usize) -> Result<Taken, String> {
    read(stage, connections, SIZE_64M, Client::get)
}

pub(super) fn head_4k(stage: &Stage, connections: usize) -> Result<Taken, String> {
    let taken = read(stage, connections, SIZE_4K, Client::head)?;
    Ok(without_bytes(taken))
}

/// Every object has a key of its own.
fn put(stage: &Stage, connections: usize, size: Size) -> Result<Taken, String> {
    Client::connect(&stage.endpoint)?.create_bucket(BUCKET)?;
    let body = &Body::noise(size.bytes);
    let run = stage.next_run();
    let path = |connection: usize, number: u64| format!("/{BUCKET}/put/{run}/{connection}/{number}");
    let counts: Vec<AtomicU64> = (0..connections).map(|_| AtomicU64::new(0)).collect();
    let operations = counts.iter().enumerate().map(|(connection, count)| {
        let operation: Operation<'_> = Box::new(move |client: &mut Client| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            client.put(&path(connection, number), body)?;
            Ok(Some(bytes(size.bytes)))
        });
        operation
    });
    let taken = stage.measure(operations.collect(), span(stage, size))?;
    if size.bytes > KEPT {
        for (connection, count) in counts.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            stage.delete((0..count).map(|number| path(connection, number)))?;
        }
    }
    Ok(taken)
}

/// The objects are read in turn, each connection beginning with another one.
fn read(
    stage: &Stage,
    connections: usize,
    size: Size,
    operation: fn(&mut Client, &str, u64) -> Result<(), String>,
) -> Result<Taken, String> {
    let path = |number: u64| format!("/{BUCKET}/{}/{number}", size.name);
    let body = Body::noise(size.bytes);
    stage.prepare(&Objects {
        name: Some(size.name),
        bucket: BUCKET,
        count: size.read,
        path: &path,
        body: &body,
        limit: Duration::MAX,
    })?;
    Client::connect(&stage.endpoint)?.get_and_compare(&path(0), &body)?;
    let operations = (0..connections).map(|connection| {
        let mut number = connection as u64 * 61;
        let operation: Operation<'_> = Box::new(move |client: &mut Client| {
            number += 1;
            operation(client, &path(number % size.read), size.bytes)?;
            Ok(Some(bytes(size.bytes)))
        });
        operation
    });
    stage.measure(operations.collect(), span(stage, size))
}

/// Each object is deleted once; the row ends when none is left.
pub(super) fn delete_4k(stage: &Stage, connections: usize) -> Result<Taken, String> {
    let run = stage.next_run();
    let path = |number: u64| format!("/{BUCKET}/delete/{run}/{number}");
    let count = match connections {
        1 => stage.effort.either(1_000, 8_000),
        _ => stage.effort.either(4_000, 32_000),
    };
    let count = stage.prepare(&Objects {
        name: None,
        bucket: BUCKET,
        count,
        path: &path,
        body: &Body::noise(4 * KIB),
        limit: Duration::from_secs(60),
    })?;
    let next = &AtomicU64::new(0);
    let operations = (0..connections).map(|_| {
        let operation: Operation<'_> = Box::new(move |client: &mut Client| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(None);
            }
            client.delete(&path(number))?;
            Ok(Some(Moved::default()))
        });
        operation
    });
    let span = Span {
        time: Duration::from_secs(60),
        warm_up: 0,
    };
    stage.measure(operations.collect(), span)
}

fn span(stage: &Stage, size: Size) -> Span {
    Span {
        time: stage.time(),
        warm_up: size.warm_up,
    }
}

fn bytes(bytes: u64) -> Moved {
    Moved { bytes, keys: 0 }
}

fn without_bytes(mut taken: Taken) -> Taken {
    taken.measured.bytes = 0;
    taken
}
