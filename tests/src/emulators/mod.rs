//! The clouds on this machine: emulators of their stores, and of what stands before a function. Everything listens on
//! loopback only, and nothing outlives the process that started it.

mod bootstrap;
pub mod fault_proxy;
pub mod function_url;
mod ministack;
mod moto;
mod python;
mod supervised;

pub use bootstrap::{Bootstrap, binary};
pub use fault_proxy::FaultProxy;
pub use function_url::FunctionUrl;
pub use ministack::{BLOB_BUCKET, MiniStack, REGION, TABLE, create_table, dynamodb_client, s3_client};
pub use moto::Moto;
