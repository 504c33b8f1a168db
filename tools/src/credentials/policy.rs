//! The policy of a key, as arguments say it: one of a file, or a ready-made one.

use std::path::{Path, PathBuf};

use bleepstore_core::model::BucketName;
use bleepstore_core::policy::{Policy, PolicyKind};
use clap::Args;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::failure::{Failure, Result};

/// The most bytes of a policy's file, whose white space is kept too.
const MOST_BYTES: u64 = 20_480;

/// What reads objects and their tags.
const READ: [&str; 6] = [
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectTagging",
    "s3:GetObjectVersionTagging",
    "s3:GetObjectAttributes",
    "s3:GetObjectVersionAttributes",
];

/// What writes and deletes them.
const WRITE: [&str; 7] = [
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
    "s3:PutObjectTagging",
    "s3:DeleteObjectTagging",
];

/// What lists the objects of a bucket.
const LIST: [&str; 2] = ["s3:ListBucket", "s3:ListBucketVersions"];

/// What lists its open uploads.
const LIST_UPLOADS: &str = "s3:ListBucketMultipartUploads";

/// What clients ask a bucket for before they use it.
const LOCATION: &str = "s3:GetBucketLocation";

/// Arguments that say what a key may do.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct PolicyArgs {
    /// What the key may do: a file with an IAM policy
    #[arg(long, value_name = "FILE", conflicts_with_all = ["read_only", "bucket", "prefix"])]
    policy: Option<PathBuf>,
    /// It may read and list; with --bucket, in that bucket alone
    #[arg(long)]
    read_only: bool,
    /// It may read, list, write and delete in this bucket alone
    #[arg(long, value_name = "NAME", value_parser = bucket)]
    bucket: Option<BucketName>,
    /// Of the bucket, only what begins with this, such as photos/
    #[arg(long, value_name = "PREFIX", requires = "bucket", value_parser = prefix)]
    prefix: Option<String>,
}

fn bucket(text: &str) -> std::result::Result<BucketName, String> {
    BucketName::new(text).map_err(|error| error.to_string())
}

fn prefix(text: &str) -> std::result::Result<String, &'static str> {
    match text.len() {
        1..=1_024 => Ok(text.to_owned()),
        _ => Err("expected 1 to 1024 bytes"),
    }
}

impl PolicyArgs {
    /// The policy that they ask for, which is a good one; `None` where they ask for none.
    pub(super) async fn text(&self) -> Result<Option<String>> {
        if let Some(file) = &self.policy {
            let text = read(file).await?;
            check(&text).map_err(|why| Failure::usage(format!("{}: {why}", file.display())))?;
            return Ok(Some(text));
        }
        let Some(policy) = self.ready_made() else {
            return Ok(None);
        };
        let text = policy.to_string();
        check(&text).map_err(|why| Failure::usage(format!("the ready-made policy is refused: {why}")))?;
        Ok(Some(text))
    }

    fn ready_made(&self) -> Option<Value> {
        let statements = match &self.bucket {
            Some(bucket) => in_bucket(bucket, self.prefix.as_deref(), self.read_only),
            None if self.read_only => {
                let actions = [&READ[..], &LIST[..], &[LOCATION, "s3:ListAllMyBuckets"]].concat();
                vec![allow(&actions, "*")]
            }
            None => return None,
        };
        Some(json!({ "Version": "2012-10-17", "Statement": statements }))
    }
}

fn in_bucket(bucket: &BucketName, prefix: Option<&str>, read_only: bool) -> Vec<Value> {
    let arn = format!("arn:aws:s3:::{bucket}");
    let (mut of_objects, mut lists) = (READ.to_vec(), LIST.to_vec());
    if !read_only {
        of_objects.extend(WRITE);
        lists.push(LIST_UPLOADS);
    }
    let keys = format!("{}*", literal(prefix.unwrap_or_default()));
    let mut list = allow(&lists, &arn);
    if prefix.is_some() {
        list["Condition"] = json!({ "StringLike": { "s3:prefix": keys } });
    }
    vec![
        list,
        allow(&[LOCATION], &arn),
        allow(&of_objects, &format!("{arn}/{keys}")),
    ]
}

fn allow(actions: &[&str], resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
}

/// A text as patterns of policies write it where none of its characters is a wildcard or begins a variable.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '*' | '?' | '$' => pattern.extend(['$', '{', character, '}']),
            other => pattern.push(other),
        }
    }
    pattern
}

async fn read(file: &Path) -> Result<String> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("the policy {} cannot be read: {why}", file.display()))
    };
    let opened = File::open(file).await.map_err(|error| unreadable(&error))?;
    let mut text = String::new();
    let read = opened.take(MOST_BYTES + 1).read_to_string(&mut text).await;
    match read.map_err(|error| unreadable(&error))? as u64 {
        ..=MOST_BYTES => Ok(text),
        _ => Err(unreadable(&format!("it has more than {MOST_BYTES} bytes"))),
    }
}

/// What is wrong with a policy, on one line.
fn check(text: &str) -> std::result::Result<(), String> {
    let read = Policy::read(text.as_bytes(), PolicyKind::Identity);
    read.map(drop)
        .map_err(|error| error.to_string().replace(char::is_control, " "))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use bleepstore_core::model::ObjectKey;
    use bleepstore_core::policy::{ConditionKeys, Principal, Question, Resource, Verdict};

    use super::*;

    /// A request with this prefix, or none.
    struct Listing(Option<&'static str>);

    impl ConditionKeys for Listing {
        fn values(&self, key: &str) -> Option<Vec<Cow<'_, str>>> {
            let prefix = self.0.filter(|_| key == "s3:prefix")?;
            Some(vec![Cow::Borrowed(prefix)])
        }
    }

    struct Made(Policy);

    impl Made {
        async fn of(args: PolicyArgs) -> Self {
            let text = args.text().await.unwrap().unwrap();
            Self(Policy::read(text.as_bytes(), PolicyKind::Identity).unwrap())
        }

        fn allows(&self, action: &str, resource: Resource<'_>, prefix: Option<&'static str>) -> bool {
            let principal = Principal::Account {
                account: "123456789012".to_owned(),
                canonical: "c".to_owned(),
                user: Some("u".to_owned()),
            };
            let question = Question {
                principal: &principal,
                service: "s3",
                action,
                resource,
                keys: &Listing(prefix),
            };
            self.0.decide(&question) == Verdict::Allows
        }

        fn object(&self, action: &str, bucket: &str, key: &str) -> bool {
            let (bucket, key) = (BucketName::new(bucket).unwrap(), ObjectKey::new(key).unwrap());
            self.allows(action, Resource::Object(&bucket, &key), None)
        }

        fn bucket(&self, action: &str, bucket: &str, prefix: Option<&'static str>) -> bool {
            self.allows(
                action,
                Resource::Bucket(&BucketName::new(bucket).unwrap()),
                prefix,
            )
        }
    }

    fn args(bucket: Option<&str>, prefix: Option<&str>, read_only: bool) -> PolicyArgs {
        PolicyArgs {
            policy: None,
            read_only,
            bucket: bucket.map(|name| BucketName::new(name).unwrap()),
            prefix: prefix.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn read_only_reads_and_lists_everywhere_and_writes_nowhere() {
        let made = Made::of(args(None, None, true)).await;
        assert!(made.object("GetObject", "one", "key") && made.object("GetObjectVersion", "two", "key"));
        assert!(made.bucket("ListBucket", "one", None) && made.bucket("GetBucketLocation", "one", None));
        assert!(made.allows("ListAllMyBuckets", Resource::Service, None));
        for action in ["PutObject", "DeleteObject", "PutObjectTagging", "GetObjectAcl"] {
            assert!(!made.object(action, "one", "key"), "{action}");
        }
        assert!(!made.bucket("DeleteBucket", "one", None));
    }

    #[tokio::test]
    async fn of_a_bucket_it_is_that_bucket_alone() {
        let writes = Made::of(args(Some("mine"), None, false)).await;
        let reads = Made::of(args(Some("mine"), None, true)).await;
        for (made, may_write) in [(&writes, true), (&reads, false)] {
            assert!(made.object("GetObject", "mine", "key") && made.bucket("ListBucket", "mine", None));
            assert_eq!(made.object("PutObject", "mine", "key"), may_write);
            assert_eq!(made.object("DeleteObject", "mine", "key"), may_write);
            assert_eq!(made.bucket(&LIST_UPLOADS["s3:".len()..], "mine", None), may_write);
            assert!(!made.object("GetObject", "others", "key") && !made.object("PutObject", "others", "key"));
            assert!(!made.bucket("ListBucket", "others", None));
            assert!(!made.allows("ListAllMyBuckets", Resource::Service, None));
            assert!(!made.bucket("PutBucketPolicy", "mine", None));
        }
    }

    #[tokio::test]
    async fn of_a_prefix_it_is_that_prefix_alone_whatever_characters_it_has() {
        let made = Made::of(args(Some("mine"), Some("a*?${x}/"), false)).await;
        assert!(made.object("PutObject", "mine", "a*?${x}/key"));
        assert!(!made.object("PutObject", "mine", "abc${x}/key") && !made.object("GetObject", "mine", "key"));
        assert!(made.bucket("ListBucket", "mine", Some("a*?${x}/b")));
        for other in [Some("abc${x}/"), Some("a"), None] {
            assert!(!made.bucket("ListBucket", "mine", other), "{other:?}");
        }
        assert!(made.bucket("GetBucketLocation", "mine", None));
    }

    #[tokio::test]
    async fn a_file_is_kept_as_it_is_and_a_bad_one_is_refused_on_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let of = async |text: &str| {
            let file = folder.path().join("policy.json");
            std::fs::write(&file, text).unwrap();
            let args = PolicyArgs {
                policy: Some(file),
                ..PolicyArgs::default()
            };
            args.text().await
        };
        let good = "{ \"Statement\":\n [{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}] }\n";
        assert_eq!(of(good).await.unwrap().as_deref(), Some(good));
        let long = format!("{}{good}", " ".repeat(20_480));
        for bad in ["", "{}", "{\"State\nment\":[]}", "{\"a\\nb\":1}", &long] {
            let refused = of(bad).await.unwrap_err().to_string();
            assert_eq!(refused.lines().count(), 1, "{refused}");
        }
        assert_eq!(PolicyArgs::default().text().await.unwrap(), None);
    }
}
