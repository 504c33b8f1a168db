//! Which signature a query carries: what tells a presigned URL of one version from that of the other.

/// Whether it carries a signature of version 2, or a part of one.
pub(super) fn of_version_2(query: &[(String, String)]) -> bool {
    names_one_of(query, &["AWSAccessKeyId", "Signature"])
}

/// Whether it carries a signature of version 4, or a part of one.
pub(super) fn of_version_4(query: &[(String, String)]) -> bool {
    names_one_of(query, &["X-Amz-Algorithm", "X-Amz-Signature", "X-Amz-Credential"])
}

/// Whether it carries either.
pub(super) fn of_any(query: &[(String, String)]) -> bool {
    of_version_2(query) || of_version_4(query)
}

fn names_one_of(query: &[(String, String)], names: &[&str]) -> bool {
    query.iter().any(|(name, _)| names.contains(&name.as_str()))
}
