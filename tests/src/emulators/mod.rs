//! The clouds on this machine: emulators of their stores, and of what stands before a function. Everything listens on
//! loopback only, and nothing outlives the process that started it.

mod bootstrap;
mod fake_gcs;
pub mod function_url;
mod ministack;
mod pypi;
mod supervised;

pub use bootstrap::{Bootstrap, binary};
pub use fake_gcs::{FakeGcs, gcs_settings};
pub use function_url::FunctionUrl;
pub use ministack::{BLOB_BUCKET, MiniStack, REGION, TABLE, create_table, dynamodb_client, s3_client};
