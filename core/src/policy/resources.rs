//! The resources of a statement.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html>

use super::actions::Target;
use super::fault::Fault;
use super::pattern::{Case, Pattern, Style};
use super::{PolicyKind, Reading};

const PARTITIONS: [&str; 3] = ["arn:aws:", "arn:aws-cn:", "arn:aws-us-gov:"];

/// `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resources {
    pub(super) inverted: bool,
    pub(super) patterns: Vec<Pattern>,
    /// What of the bucket they name.
    pub(super) targets: Vec<Target>,
}

impl Resources {
    pub(super) fn read(texts: &[&str], inverted: bool, reading: &Reading<'_>) -> Result<Self, Fault> {
        let style = Style {
            wildcards: true,
            variables: reading.variables,
            case: Case::Matters,
        };
        let mut resources = Self {
            inverted,
            patterns: Vec::new(),
            targets: Vec::new(),
        };
        for text in texts {
            let invalid = || Fault::Resource((*text).to_owned());
            if let PolicyKind::Bucket { name } = reading.kind {
                let of = targets(text, name.as_str()).ok_or_else(invalid)?;
                resources.targets.extend(of);
            } else if *text != "*" && !text.starts_with("arn:") {
                return Err(invalid());
            }
            let pattern = Pattern::new(&in_one_partition(text), style).ok_or_else(invalid)?;
            if !pattern.keys().all(|key| reading.knows(key)) {
                return Err(invalid());
            }
            resources.patterns.push(pattern);
        }
        Ok(resources)
    }
}

/// What of this bucket a resource names: the bucket, its objects, or both where a `*` follows right on the name.
/// `None` where it is not of this bucket.
fn targets(text: &str, bucket: &str) -> Option<&'static [Target]> {
    let rest = PARTITIONS
        .iter()
        .find_map(|partition| text.strip_prefix(partition))?;
    let path = rest.strip_prefix("s3:::")?.strip_prefix(bucket)?;
    match path.chars().next() {
        None => Some(&[Target::Bucket]),
        Some('/') => Some(&[Target::Object]),
        Some('*') => Some(&[Target::Bucket, Target::Object]),
        Some(_) => None,
    }
}

/// The pattern as it is for `arn:aws:`: which of AWS's partitions a store is taken to lie in makes no difference.
fn in_one_partition(text: &str) -> String {
    match PARTITIONS
        .iter()
        .find_map(|partition| text.strip_prefix(partition))
    {
        Some(rest) => format!("arn:aws:{rest}"),
        None => text.to_owned(),
    }
}
