//! The clouds on this machine: emulators of their stores, and of what stands before a function. Everything listens on
//! loopback only, and nothing outlives the process that started it.

mod azure;
mod azurite;
pub mod cosmos;
mod fake_gcs;
pub mod fault_proxy;
mod firestore;
mod function_app;
pub mod function_url;
pub mod functions_host;
mod google_cloud;
mod grpc_front;
mod install;
mod ministack;
mod moto;
mod python;
mod server_program;
mod supervised;

pub use azure::AzureCloud;
pub use azurite::{Azurite, azure_blob_settings};
pub use cosmos::CosmosEmulator;
pub use fake_gcs::{FakeGcs, gcs_settings};
pub use fault_proxy::FaultProxy;
pub use firestore::{FirestoreEmulator, firestore_store, unused_project};
pub use function_app::FunctionApp;
pub use function_url::FunctionUrl;
pub use functions_host::FunctionsHost;
pub use google_cloud::GoogleCloud;
pub use grpc_front::{Fate, GrpcFront, GrpcStatus};
pub use ministack::{
    BLOB_BUCKET, MiniStack, REGION, TABLE, create_lasting_table, create_table, dynamodb_client, s3_client,
};
pub use moto::Moto;
pub use server_program::{ServerProgram, binary};
