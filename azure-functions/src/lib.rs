//! BleepStore's stores on Azure: metadata in Cosmos DB, bytes in Blob Storage.

pub mod azure_blobs;
pub mod cosmos;
pub mod key_vault;
pub mod stores;
pub mod tls;
