//! Policies as their users see them.

use std::borrow::Cow;

use super::ConditionKeys;

/// A request that has these condition keys.
pub(super) struct Known(Vec<(String, Vec<String>)>);

impl Known {
    pub(super) fn new(keys: &[(&str, &[&str])]) -> Self {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        Self(
            keys.iter()
                .map(|(key, values)| ((*key).to_owned(), owned(values)))
                .collect(),
        )
    }
}

impl ConditionKeys for Known {
    fn values(&self, key: &str) -> Option<Vec<Cow<'_, str>>> {
        let (_, values) = self.0.iter().find(|(known, _)| known == key)?;
        Some(values.iter().map(|value| value.as_str().into()).collect())
    }
}
