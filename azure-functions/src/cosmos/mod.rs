//! The metadata port on Cosmos DB: one container, strong reads, no query across partitions.
//!
//! Cosmos DB decides a write by the entity tag of one row. So a row is read, judged as
//! [`judge`](bleepstore_core::rows::judge) judges it for every store, and written if it still is the one that was read.
//! Edits of several rows are batches. An object's commit does not touch the bucket's row:
//! [`bleepstore_core::rows::confirm_commit`] says how a deleted bucket still never swallows one.

mod batch;
mod buckets;
mod charges;
mod connect;
mod container;
mod credentials;
mod edit_rows;
mod error;
mod events;
mod index;
mod objects;
mod rows;
pub mod schema;
mod store;
mod swap;
mod upload_rows;
mod uploads;
mod versions;

use std::fmt;
use std::sync::Arc;

use azure_data_cosmos::ContainerClient;
use bleepstore_core::ports::{Clock, Entropy, MetadataStore};

pub use self::charges::{RequestCharges, charged};
pub use self::connect::{Account, ConnectError, Identity, connect};
use self::container::Container;
use self::events::KnownLanes;

/// Bodies in rows would be read by every listing.
const INLINE_LIMIT: u64 = 0;

/// Extents and parts that a row may list, at 130 to 230 bytes of JSON each: a row stays near 2 KB, so that a
/// write costs little more than the smallest, and a listing of a thousand keys reads at most two megabytes.
const LAYOUT_LIMIT: usize = 6;

/// A metadata store in one Cosmos DB container.
pub struct CosmosMetadata {
    container: Container,
    lanes: KnownLanes,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl CosmosMetadata {
    /// The store in `container`, which has the policies of [`schema`] and is of an account with strong
    /// consistency. Its client must be one that repeats no write whose answer was lost, as [`connect`] makes
    /// it: HTTP/1.1.
    pub fn new(container: ContainerClient, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            container: Container::new(container, Arc::clone(&clock), Arc::clone(&entropy)),
            lanes: KnownLanes::default(),
            clock,
            entropy,
        }
    }

    /// What the calls of this store have cost so far.
    pub fn charges(&self) -> Arc<RequestCharges> {
        Arc::clone(self.container.charges())
    }
}

impl fmt::Debug for CosmosMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CosmosMetadata")
            .field("charges", self.container.charges())
            .finish_non_exhaustive()
    }
}

impl MetadataStore for CosmosMetadata {
    fn inline_limit(&self) -> u64 {
        INLINE_LIMIT
    }

    fn layout_limit(&self) -> usize {
        LAYOUT_LIMIT
    }
}
