//! Listings.

use std::time::Duration;

use crate::body::Body;
use crate::client::Client;
use crate::load::{Moved, Operation, Span};
use crate::stage::{Objects, Stage, Taken};

/// The bucket whose listing fits on one page.
const THOUSAND: &str = "bleepstore-bench-1000";
const HUNDRED_THOUSAND: &str = "bleepstore-bench-100k";
const MILLION: &str = "bleepstore-bench-1m";
const IMPORTED_HUNDRED_THOUSAND: &str = "bleepstore-bench-100k-imported";

/// The buckets that a BleepStore imports, in the order of their names, and how many keys each has.
pub(crate) const IMPORTED: [(&str, u64); 2] = [(IMPORTED_HUNDRED_THOUSAND, 100_000), (MILLION, 1_000_000)];

/// Keys of one page.
const PAGE: u64 = 1_000;

/// Prefixes that the keys of the larger buckets are under.
pub(crate) const PREFIXES: usize = 100;

/// The key with this number in a bucket of many. Neighbours are under different prefixes, so that also the first thousands are
/// spread over all of them.
pub(crate) fn key_of(number: u64) -> String {
    let prefixes = PREFIXES as u64;
    format!("prefix-{:03}/object-{:07}", number % prefixes, number / prefixes)
}

/// The first and only page of a bucket, again and again.
pub(super) fn list_1000(stage: &Stage, connections: usize) -> Result<Taken, String> {
    let count = stage.prepare(&Objects {
        name: Some(THOUSAND),
        bucket: THOUSAND,
        count: PAGE,
        path: &|number| format!("/{THOUSAND}/object-{number:07}"),
        body: Body::empty(),
        limit: Duration::MAX,
    })?;
    let page = Client::connect(&stage.endpoint)?.list(THOUSAND, "", None)?;
    if (page.keys, page.prefixes) != (count, 0) || page.next.is_some() {
        return Err(format!("a listing of {count} keys is {page:?}"));
    }
    let operations = (0..connections).map(|_| {
        let operation: Operation<'_> = Box::new(move |client: &mut Client| {
            client.list_again(THOUSAND, "", page.length)?;
            Ok(Some(keys(count)))
        });
        operation
    });
    stage.measure(operations.collect(), span(stage))
}

pub(super) fn delimiter_100k(stage: &Stage, connections: usize) -> Result<Taken, String> {
    let note = seed(stage)?.1;
    let taken = delimiter(stage, connections, HUNDRED_THOUSAND)?;
    Ok(Taken { note, ..taken })
}

pub(super) fn delimiter_100k_imported(stage: &Stage, connections: usize) -> Result<Taken, String> {
    delimiter(stage, connections, IMPORTED_HUNDRED_THOUSAND)
}

pub(super) fn delimiter_1m(stage: &Stage, connections: usize) -> Result<Taken, String> {
    delimiter(stage, connections, MILLION)
}

/// The page of the common prefixes of a bucket, again and again.
fn delimiter(stage: &Stage, connections: usize, bucket: &'static str) -> Result<Taken, String> {
    let page = Client::connect(&stage.endpoint)?.list(bucket, "/", None)?;
    if (page.keys, page.prefixes) != (0, PREFIXES as u64) || page.next.is_some() {
        return Err(format!("a listing of {PREFIXES} prefixes is {page:?}"));
    }
    let operations = (0..connections).map(|_| {
        let operation: Operation<'_> = Box::new(move |client: &mut Client| {
            client.list_again(bucket, "/", page.length)?;
            Ok(Some(Moved::default()))
        });
        operation
    });
    stage.measure(operations.collect(), span(stage))
}

/// All pages of a bucket, each a request, from its first key to its last and again from the first.
pub(super) fn walk_100k(stage: &Stage, connections: usize) -> Result<Taken, String> {
    let (count, note) = seed(stage)?;
    let operations = (0..connections).map(|_| {
        let (mut next, mut seen) = (None, 0);
        let operation: Operation<'_> = Box::new(move |client: &mut Client| {
            let page = client.list(HUNDRED_THOUSAND, "", next.as_deref())?;
            seen += page.keys;
            next = page.next;
            if next.is_none() {
                if seen != count {
                    return Err(format!("a walk over {count} keys shows {seen}"));
                }
                seen = 0;
            }
            Ok(Some(keys(page.keys)))
        });
        operation
    });
    // Twice as long, so that a walk ends, and is checked, also at a slow server.
    let span = Span {
        time: stage.time() * 2,
        ..span(stage)
    };
    Ok(Taken {
        note,
        ..stage.measure(operations.collect(), span)?
    })
}

/// Fills the bucket of 100,000 keys; how many it has, and what there is to say where it took too long.
fn seed(stage: &Stage) -> Result<(u64, Option<String>), String> {
    const WANTED: u64 = 100_000;
    let limit = Duration::from_secs(stage.effort.either(60, 240));
    let count = stage.prepare(&Objects {
        name: Some(HUNDRED_THOUSAND),
        bucket: HUNDRED_THOUSAND,
        count: WANTED,
        path: &|number| format!("/{HUNDRED_THOUSAND}/{}", key_of(number)),
        body: Body::empty(),
        limit,
    })?;
    let note = (count < WANTED).then(|| {
        format!(
            "over {count} keys, which is how many it took in {} s",
            limit.as_secs()
        )
    });
    Ok((count, note))
}

fn span(stage: &Stage) -> Span {
    Span {
        time: stage.time(),
        warm_up: 10,
    }
}

fn keys(keys: u64) -> Moved {
    Moved { bytes: 0, keys }
}
