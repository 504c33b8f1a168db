//! What a deployment tells the core about itself.

use crate::model::RootCredential;

/// Settings of the core.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region in credential scopes and in GetBucketLocation.
    pub region: String,
    /// Base domains for virtual-hosted-style requests, without ports, in lower case.
    pub base_domains: Vec<String>,
    /// The credential that owns the store.
    pub root: RootCredential,
}
