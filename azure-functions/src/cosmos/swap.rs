//! Changing a row that was read, until nobody else changes it at the same time.

use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::container::Container;
use super::schema::RowKey;

/// How often a change that meets another one looks again.
pub(super) const ATTEMPTS: u32 = 16;

/// What becomes of a row that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is written as it now is.
    Write,
    /// It is right as it is.
    Keep,
    /// It is not to be changed.
    Refuse,
}

impl Decision {
    /// `Write` if that holds, else `Refuse`.
    pub(super) const fn write_if(holds: bool) -> Self {
        if holds { Self::Write } else { Self::Refuse }
    }
}

impl Container {
    /// Changes the row under a key as `change` decides on it. Returns the row after the change; `None` when
    /// there is none or it was refused. A `ttl` takes the place of the row's own.
    pub(super) async fn swap<T: Serialize + DeserializeOwned>(
        &self,
        key: &RowKey,
        ttl: Option<i32>,
        change: impl Fn(&mut T) -> Decision,
    ) -> StoreResult<Option<T>> {
        for attempt in 0..ATTEMPTS {
            self.back_off(attempt).await;
            let Some(item) = self.get(key).await? else {
                return Ok(None);
            };
            let mut row: T = item.detail()?;
            match change(&mut row) {
                Decision::Refuse => return Ok(None),
                Decision::Keep => return Ok(Some(row)),
                Decision::Write => {}
            }
            let mut changed = item.with_detail(&row)?;
            changed.ttl = ttl.or(changed.ttl);
            if self.replace(&changed, &item.seen()?).await?.is_some() {
                return Ok(Some(row));
            }
        }
        Err(contended())
    }

    /// Removes the row under a key if `wanted` wants that. Returns the row that was removed.
    pub(super) async fn remove_if<T: DeserializeOwned>(
        &self,
        key: &RowKey,
        wanted: impl Fn(&T) -> bool,
    ) -> StoreResult<Option<T>> {
        for attempt in 0..ATTEMPTS {
            self.back_off(attempt).await;
            let Some(item) = self.get(key).await? else {
                return Ok(None);
            };
            let row: T = item.detail()?;
            if !wanted(&row) {
                return Ok(None);
            }
            if self.delete(key, Some(&item.seen()?)).await? {
                return Ok(Some(row));
            }
        }
        Err(contended())
    }
}

pub(super) fn contended() -> StoreError {
    StoreError::new(StoreErrorKind::Throttled, "the row keeps changing")
}
