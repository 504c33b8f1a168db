//! The metadata port on DynamoDB: one table, strongly consistent reads, no Scan.
//!
//! A condition travels in the write that it is of. Only edits of several rows are transactions. An object's commit does
//! not touch the bucket's row: [`bleepstore_core::rows::confirm_commit`] says how a deleted bucket still never swallows
//! one.

mod batch;
mod buckets;
mod condition;
mod credentials;
mod edit_rows;
mod error;
mod events;
mod index;
mod objects;
mod rows;
pub mod schema;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod upload_rows;
mod uploads;
mod versions;

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use bleepstore_core::ports::{Clock, Entropy, MetadataStore};

use self::table::Table;

/// Bodies in rows would be read by every listing.
const INLINE_LIMIT: u64 = 0;

/// Extents and parts that a row may list, at 130 to 230 bytes of JSON each: a row stays near 2 KB, so that a
/// write costs two or three units, and a listing of a thousand keys reads at most two megabytes or so.
const LAYOUT_LIMIT: usize = 6;

/// A metadata store in one DynamoDB table.
pub struct DynamoMetadata {
    table: Table,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl DynamoMetadata {
    /// The store in `table`, which has the keys and the time to live of [`schema`]. The client's retries and
    /// timeouts are replaced: reads are tried again by the SDK, a write is sent again only if the one before
    /// was certainly not applied.
    pub fn new(client: Client, table: String, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            table: Table::new(&client, table, Arc::clone(&clock), Arc::clone(&entropy)),
            clock,
            entropy,
        }
    }
}

impl fmt::Debug for DynamoMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoMetadata")
            .field("table", &self.table.name())
            .finish_non_exhaustive()
    }
}

impl MetadataStore for DynamoMetadata {
    fn inline_limit(&self) -> u64 {
        INLINE_LIMIT
    }

    fn layout_limit(&self) -> usize {
        LAYOUT_LIMIT
    }
}
