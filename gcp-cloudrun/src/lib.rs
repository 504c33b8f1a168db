//! BleepStore's stores on Google Cloud: metadata in Firestore, bytes in Cloud Storage.
pub mod firestore;
pub mod oidc;
