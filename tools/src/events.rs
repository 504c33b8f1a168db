//! The subcommands of `events`.

use bleepstore_core::Ports;
use bleepstore_core::model::{DestinationName, EventId, EventQueue, EventRow, Timestamp};
use bleepstore_core::ops::{self, EventPages};
use bleepstore_core::ports::StoreError;
use clap::{Args, value_parser};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::output::print;

/// Arguments of `events list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// The destination, as its setting names it
    destination: DestinationName,
    /// Those that were given up, in place of those that wait
    #[arg(long)]
    dead: bool,
    /// How many to list at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u64).range(1..))]
    limit: u64,
    /// Print JSON: a line for each event, and how many as the last line
    #[arg(long)]
    json: bool,
}

/// Arguments of `events retry`.
#[derive(Clone, Debug, Args)]
pub struct RetryArgs {
    /// The destination, as its setting names it
    destination: DestinationName,
    /// Only the event of this id
    #[arg(long, value_name = "ID")]
    id: Option<EventId>,
}

/// Arguments of `events drop`.
#[derive(Clone, Debug, Args)]
pub struct DropArgs {
    /// The destination, as its setting names it
    destination: DestinationName,
    /// Of those that were given up, in place of those that wait
    #[arg(long)]
    dead: bool,
    /// The event of this id
    #[arg(
        long,
        value_name = "ID",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    id: Option<EventId>,
    /// All of them
    #[arg(long)]
    all: bool,
}

/// Lists what waits for a destination, or was given up.
pub(crate) async fn list(ports: &Ports, args: &ListArgs) -> Result<()> {
    let queue = queue(&args.destination, args.dead);
    listed(ports, &queue, args, print).await
}

/// Puts dead letters back among the events that wait.
pub(crate) async fn retry(ports: &Ports, args: &RetryArgs) -> Result<()> {
    let count = ops::retry_events(ports, &args.destination, args.id).await;
    let count = found(count.map_err(failed)?, &queue(&args.destination, true), args.id)?;
    print(&format!("put back {count} events for {}\n", args.destination))
}

/// Removes events for good.
pub(crate) async fn drop_them(ports: &Ports, args: &DropArgs) -> Result<()> {
    let queue = queue(&args.destination, args.dead);
    let count = ops::drop_events(ports.metadata.as_ref(), &queue, args.id).await;
    let count = found(count.map_err(failed)?, &queue, args.id)?;
    print(&format!("dropped {count} events for {}\n", args.destination))
}

fn queue(destination: &DestinationName, dead: bool) -> EventQueue {
    EventQueue {
        destination: destination.clone(),
        dead,
    }
}

/// The count, unless it says that the event that was named is not there.
fn found(count: u64, queue: &EventQueue, id: Option<EventId>) -> Result<u64> {
    match id.filter(|_| count == 0) {
        Some(id) => Err(Failure::new(format!(
            "there is no event {id} that {}",
            state(queue)
        ))),
        None => Ok(count),
    }
}

fn state(queue: &EventQueue) -> String {
    match queue.dead {
        true => format!("was given up for {}", queue.destination),
        false => format!("waits for {}", queue.destination),
    }
}

async fn listed(
    ports: &Ports,
    queue: &EventQueue,
    args: &ListArgs,
    mut print: impl FnMut(&str) -> Result<()>,
) -> Result<()> {
    let (mut count, mut more) = (0, false);
    let mut pages = EventPages::new(ports.metadata.as_ref(), queue);
    while !more && let Some(page) = pages.next().await.map_err(failed)? {
        let left = usize::try_from(args.limit - count).unwrap_or(usize::MAX);
        more = page.len() > left;
        let shown = page.iter().take(left);
        count += shown.len() as u64;
        let lines = shown.map(|event| match args.json {
            true => format!("{}\n", document(event)),
            false => line(event),
        });
        print(&lines.collect::<String>())?;
    }
    print(&match args.json {
        true => format!("{}\n", json!({ "events": count, "more": more })),
        false => summary(queue, count, more),
    })
}

fn summary(queue: &EventQueue, count: u64, more: bool) -> String {
    let what = match queue.dead {
        true => "events were given up for",
        false => "events wait for",
    };
    let (at_least, advice) = match more {
        true => ("more than ", ": --limit lists more of them"),
        false => ("", ""),
    };
    format!("{at_least}{count} {what} {}{advice}\n", queue.destination)
}

fn line(event: &EventRow) -> String {
    let version = event
        .version
        .map_or_else(|| "-".to_owned(), |version| version.to_string());
    format!(
        "{}  {}  {}/{}  {version}  {}  {}\n",
        event.facts.time.iso_8601(),
        event.name.name(),
        event.facts.bucket_name,
        on_a_line(event.key.as_str()),
        event.sequencer(),
        event.id,
    )
}

/// A key, with what would end the line or move the terminal's cursor written as Rust does.
fn on_a_line(key: &str) -> String {
    let mut line = String::with_capacity(key.len());
    for character in key.chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}

fn document(event: &EventRow) -> Value {
    let facts = &event.facts;
    json!({
        "id": event.id.to_string(),
        "destination": event.destination.as_str(),
        "dead": event.dead,
        "time": facts.time.iso_8601(),
        "event": event.name.name(),
        "bucket": facts.bucket_name.as_str(),
        "key": event.key.as_str(),
        "version": event.version.map(|version| version.to_string()),
        "sequencer": event.sequencer(),
        "size": facts.size,
        "etag": facts.etag,
        "rule": facts.rule,
        "region": facts.region,
        "bucket_owner": facts.bucket_owner,
        "requester": facts.requester,
        "source": facts.source,
        "request_id": facts.request_id,
        "retried": event.retried.map(Timestamp::iso_8601),
    })
}

fn failed(error: StoreError) -> Failure {
    Failure::new(format!("the metadata store failed: {error}"))
}

#[cfg(test)]
mod tests;
