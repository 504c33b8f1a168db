//! Freeing the bytes that no record names any more.

use super::{Context, Pairing};
use crate::model::{BlobRef, Manifest, ObjectRecord};

/// Deletes the blob of a record that was overwritten or deleted, where that is provably safe and cheap: the
/// record was not shared and its bytes are one whole blob that `kept` does not name. All else waits for gc.
pub(super) async fn free_superseded(
    context: &Context,
    superseded: Option<&ObjectRecord>,
    kept: Option<&Manifest>,
) {
    let Some(record) = superseded.filter(|record| !record.shared) else {
        return;
    };
    let Manifest::Extents(layout) = &record.manifest else {
        return;
    };
    let [extent] = layout.extents.as_slice() else {
        return;
    };
    if extent.is_whole() && !kept.is_some_and(|kept| kept.blobs().any(|blob| blob == extent.blob)) {
        free_blob(context, extent.blob).await;
    }
}

/// Deletes a blob that no record names. A failure is only logged: gc finds the blob again.
pub(super) async fn free_blob(context: &Context, blob: BlobRef) {
    if context.pairing == Pairing::Foreign {
        return;
    }
    for outcome in context.ports.blobs.delete(&[blob]).await {
        if let Err(error) = outcome.result {
            tracing::warn!(%blob, %error, "a blob that nothing names was not deleted; gc will delete it");
        }
    }
}
