//! Targets of policies.

use std::borrow::Cow;

use bleepstore_core::model::{BucketName, ObjectKey};
use bleepstore_core::policy::{ConditionKeys, Policy, PolicyKind, Principal, Question, Resource, Verdict};

/// A request whose every key has the same values.
struct Same(&'static [&'static str]);

impl ConditionKeys for Same {
    fn values(&self, _: &str) -> Option<Vec<Cow<'_, str>>> {
        Some(self.0.iter().map(|value| Cow::Borrowed(*value)).collect())
    }
}

const VALUES: [&[&str]; 6] = [
    &[],
    &["ann"],
    &["203.0.113.9"],
    &["1795429230"],
    &["arn:aws:iam::111122223333:user/ann", "*"],
    &["2026-11-23T10:20:30Z", "true"],
];

/// The policy of a bucket, or of the one who asks. What it decides and whether it is public is asked as often as there
/// are kinds of requests.
pub(super) fn policy(data: &[u8]) {
    let bucket = BucketName::new("pictures").expect("a name");
    let of_bucket = PolicyKind::Bucket { name: &bucket };
    if let Ok(policy) = Policy::read(data, of_bucket) {
        decide(&policy, &bucket);
        assert!(policy.keys().all(|key| key.contains(':')));
        let again = Policy::read(data, of_bucket).map(|again| again.is_public());
        assert_eq!(again, Ok(policy.is_public()));
        // Nobody but a bucket has principals in its policy.
        assert!(Policy::read(data, PolicyKind::Identity).is_err());
    }
    if let Ok(policy) = Policy::read(data, PolicyKind::Identity) {
        assert!(
            decide(&policy, &bucket)
                .iter()
                .all(|verdict| *verdict != Verdict::AllowsAccount)
        );
        assert!(!policy.is_public());
    }
}

fn decide(policy: &Policy, bucket: &BucketName) -> Vec<Verdict> {
    let key = ObjectKey::new("a/b.jpg").expect("a key");
    let principals = [
        Principal::Anonymous,
        Principal::Account {
            account: "111122223333".to_owned(),
            canonical: "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be".to_owned(),
            user: Some("ann".to_owned()),
        },
    ];
    let mut verdicts = Vec::new();
    for principal in &principals {
        for values in VALUES {
            for (action, resource) in [
                ("ListAllMyBuckets", Resource::Service),
                ("ListBucket", Resource::Bucket(bucket)),
                ("GetObject", Resource::Object(bucket, &key)),
            ] {
                let verdict = policy.decide(&Question {
                    principal,
                    action,
                    service: "s3",
                    resource,
                    keys: &Same(values),
                });
                verdicts.push(verdict);
            }
        }
    }
    verdicts
}
