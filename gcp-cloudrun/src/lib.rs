//! BleepStore's stores on Google Cloud: metadata in Firestore, bytes in Cloud Storage.

pub mod firestore;
pub mod gcs_blobs;
pub mod oidc;
pub mod stores;
pub mod tls;
pub mod tokens;
