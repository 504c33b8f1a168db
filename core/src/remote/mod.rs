//! What stores share that call a service over a network: blobs as objects of an object store, calls that fail and are
//! made again, and the chain of an error's causes.

mod blob_objects;
mod error_chain;
mod failed_calls;

pub use blob_objects::{
    BLOB_OBJECTS, BodyPart, OWNER_LIMIT, OWNER_OBJECT, PartSink, SentPart, blob_object, next_part,
    owner_object, parse_blob_object, parse_owner_object, send_in_parts,
};
pub use error_chain::{causes, describe};
pub use failed_calls::{Access, FailedCall, Retries};
