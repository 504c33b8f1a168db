//! BleepStore's stores on Google Cloud: metadata in Firestore, bytes in Cloud Storage.

pub mod gcs_blobs;
pub mod tls;
pub mod tokens;
