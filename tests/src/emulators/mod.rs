//! The clouds on this machine: emulators of their stores, and of what stands before a function. Everything listens on
//! loopback only, and nothing outlives the process that started it.

mod bootstrap;
pub mod cosmos;
pub mod function_url;
mod ministack;
mod supervised;

pub use bootstrap::{Bootstrap, binary};
pub use cosmos::CosmosEmulator;
pub use function_url::FunctionUrl;
pub use ministack::{BLOB_BUCKET, MiniStack, REGION, TABLE, create_table, dynamodb_client, s3_client};
