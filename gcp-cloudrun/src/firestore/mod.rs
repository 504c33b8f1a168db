//! The metadata port on Firestore in native mode: strongly consistent reads, and a transaction for every change
//! that depends on what is stored.
//!
//! A transaction begins with the read that it needs anyway, so it costs that read and the commit. One that
//! writes an object reads the bucket's document too: Firestore's transactions are serializable, so a deletion
//! of the bucket, which reads whether there are objects and deletes that document, cannot pass it by. This
//! holds whether the database is optimistic or pessimistic.
//!
//! The client of the `firestore` crate brings connection and credentials. The calls are made here, on its
//! stub, since which of them are sent again decides what is acknowledged (`error.rs`, `transaction.rs`).

mod buckets;
mod calls;
mod connect;
mod credentials;
mod endings;
mod error;
mod events;
mod objects;
mod query;
mod routing;
mod rows;
pub mod schema;
mod store;
#[cfg(test)]
mod tests;
mod transaction;
mod turns;
mod uploads;
mod usage;
mod versions;

use std::fmt;
use std::sync::Arc;

use bleepstore_core::ports::{Clock, Entropy, MetadataStore};
use firestore::FirestoreDb;

pub use self::connect::{Database, connect};
pub use self::usage::Usage;

use self::calls::Documents;

/// A body in a document would save a blob, but would be read by every look at the object.
const INLINE_LIMIT: u64 = 0;

/// Extents and parts that a document may list, at 130 to 230 bytes of JSON each. A read costs the same whatever
/// the size of the document and listings leave the layout out, so this is only what a look at an object should
/// carry: about 50 KB, far from the 1 MiB that a document may have.
const LAYOUT_LIMIT: usize = 200;

/// A metadata store in one Firestore database.
pub struct FirestoreMetadata {
    documents: Documents,
}

impl FirestoreMetadata {
    /// The store in the database of `db`, which has the indexes and times to live of [`schema`].
    pub fn new(db: FirestoreDb, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            documents: Documents::new(db, clock, entropy),
        }
    }

    /// What this store has asked of Firestore so far.
    pub fn usage(&self) -> Usage {
        self.documents.counters.usage()
    }
}

impl fmt::Debug for FirestoreMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirestoreMetadata")
            .field("database", &self.documents.database())
            .finish_non_exhaustive()
    }
}

impl MetadataStore for FirestoreMetadata {
    fn inline_limit(&self) -> u64 {
        INLINE_LIMIT
    }

    fn layout_limit(&self) -> usize {
        LAYOUT_LIMIT
    }
}
