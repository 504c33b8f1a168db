//! BleepStore's stores on Azure: metadata in Cosmos DB, bytes in Blob Storage.
