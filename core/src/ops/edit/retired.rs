//! Manifests that stay roots of gc after their records have gone or moved.

use std::time::Duration;

use super::{Change, Expected};
use crate::model::{CommitId, Manifest, ObjectRecord, RetiredManifest};
use crate::ops::Context;
use crate::ops::edit::object;
use crate::ports::StoreResult;

/// How long a retired manifest stays a root of gc: gc's default grace. A mark takes half of that at most.
pub(crate) const RETIRED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Retires the record that a change is about to displace, if it is shared and the change would be let. What goes on naming
/// the same bytes under the same key need not be. Returns the commit that may be displaced.
pub(super) async fn retire_displaced(
    context: &Context,
    row: Option<&ObjectRecord>,
    change: &Change<'_>,
) -> StoreResult<Option<CommitId>> {
    let Some(row) = row.filter(|row| row.shared) else {
        return Ok(None);
    };
    if let Expected::Condition(condition) = change.expect
        && !condition.holds(object(Some(row)).map(|object| &object.etag))
    {
        return Ok(None);
    }
    let goes_on = change
        .record
        .as_ref()
        .is_some_and(|record| record.manifest == row.manifest);
    if !goes_on {
        retire(context, row).await?;
    }
    Ok(Some(row.commit_id))
}

/// Retires the record that a change takes from another key: a collection that reads all keys in their order may meet neither
/// the one nor the other.
pub(super) async fn retire_source(context: &Context, change: &Change<'_>) -> StoreResult<()> {
    match change.source {
        Some(source) if !matches!(source.manifest, Manifest::Inline(_)) => retire(context, source).await,
        _ => Ok(()),
    }
}

pub(super) async fn retire(context: &Context, record: &ObjectRecord) -> StoreResult<()> {
    let retired = RetiredManifest {
        commit_id: record.commit_id,
        manifest: record.manifest.clone(),
        expires: context.ports.clock.now().plus(RETIRED_FOR),
    };
    context.ports.metadata.retire(&retired).await
}
