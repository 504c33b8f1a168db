//! DeleteObject and DeleteObjects.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::access::{On, Opened, denied, never_given_out, no_such_version};
use super::edit::{
    Change, Head, Plan, Seen, Step, change, expected, precondition_failed, remove_versions, removed_at_once,
};
use super::events::Asked;
use super::{Caller, Context, Target};
use crate::digest::md5;
use crate::model::{
    Bucket, CommitId, Description, ETag, Manifest, ObjectKey, ObjectKind, ObjectRecord, Operation, S3Error,
    VersionName, WriteCondition,
};
use crate::ports::new_id;

/// How many keys of one DeleteObjects are deleted at a time.
const PARALLEL: usize = 16;

/// What became of a deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The version that is gone, or the delete marker that was put; `None` where the bucket keeps no versions.
    pub version: Option<VersionName>,
    /// Whether that is a delete marker.
    pub marker: bool,
}

/// One deletion of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The key.
    pub key: ObjectKey,
    /// The version of it that goes for good. Without one the key becomes absent.
    pub version: Option<VersionName>,
    /// What must hold of what is under the key.
    pub condition: WriteCondition,
}

/// Makes a key absent, or removes a version of it for good. Deleting what is not there is a success, unless a condition
/// wants it there.
///
/// In a bucket that keeps versions, a key becomes absent by a delete marker. What a version is replaced by where it was
/// the current one is the newest that is left, in the same step.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>
pub async fn delete_object(
    context: &Context,
    caller: &Caller,
    target: &Target,
    condition: &WriteCondition,
) -> Result<Deleted, S3Error> {
    let (metadata, operation) = (&context.ports.metadata, Operation::DeleteObject);
    if let Some(version) = target.version {
        let found = metadata.bucket(&target.bucket).await?;
        let bucket = caller.open(context, operation, target, found).await?;
        if bucket.versioning.is_some() {
            if !bucket.by_policy && !caller.owns(&bucket) {
                return Err(denied());
            }
            let asked = Asked { caller, operation };
            let done = remove_versions(context, &bucket, &target.key, &[version], asked).await?;
            return Ok(outcome(&done, version));
        }
        if let VersionName::Id(_) = version {
            return Err(never_given_out(version));
        }
    }
    let found = metadata.lookup(&target.bucket, &target.key).await?;
    let bucket = caller.open(context, operation, target, found.bucket).await?;
    if !bucket.by_policy {
        caller.may_replace(&bucket, found.object.as_ref())?;
    }
    let seen = Seen::opened(bucket, Head::Read(found.object));
    make_absent(context, caller, seen, &target.key, condition).await
}

/// Makes each deletion, several keys at a time, and returns a result for each in the order of the request. Versions of
/// one key go together. `bucket` was opened for [`Operation::DeleteObjects`].
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
pub async fn delete_objects(
    context: &Context,
    caller: &Caller,
    bucket: &Opened,
    deletions: Vec<Deletion>,
) -> Result<Vec<(Deletion, Result<Deleted, S3Error>)>, S3Error> {
    let groups = grouped(bucket, deletions);
    let groups = groups
        .into_iter()
        .map(|group| delete_group(context, caller, bucket, group));
    let done: Vec<Vec<_>> = stream::iter(groups).buffer_unordered(PARALLEL).collect().await;
    let mut done: Vec<(usize, Deletion, Result<Deleted, S3Error>)> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(place, ..)| *place);
    Ok(done
        .into_iter()
        .map(|(_, deletion, result)| (deletion, result))
        .collect())
}

/// Deletions with their places in the request, each of which is made by itself.
enum Group {
    /// One.
    One(usize, Deletion),
    /// Of versions of a key.
    Versions(ObjectKey, Vec<(usize, VersionName, Deletion)>),
}

/// Deletions of versions of one key together, and every other one alone.
fn grouped(bucket: &Bucket, deletions: Vec<Deletion>) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut of_key: BTreeMap<ObjectKey, Vec<(usize, VersionName, Deletion)>> = BTreeMap::new();
    for (place, deletion) in deletions.into_iter().enumerate() {
        match deletion.version {
            Some(version) if bucket.versioning.is_some() => {
                let group = of_key.entry(deletion.key.clone()).or_default();
                group.push((place, version, deletion));
            }
            _ => groups.push(Group::One(place, deletion)),
        }
    }
    groups.extend(of_key.into_iter().map(|(key, group)| Group::Versions(key, group)));
    groups
}

async fn delete_group(
    context: &Context,
    caller: &Caller,
    bucket: &Opened,
    group: Group,
) -> Vec<(usize, Deletion, Result<Deleted, S3Error>)> {
    let (key, group) = match group {
        Group::One(place, deletion) => {
            let result = delete_one(context, caller, bucket, &deletion).await;
            return vec![(place, deletion, result)];
        }
        Group::Versions(key, group) => (key, group),
    };
    let mut done = Vec::with_capacity(group.len());
    let mut rest = group.into_iter().peekable();
    while rest.peek().is_some() {
        let some: Vec<_> = rest.by_ref().take(removed_at_once(bucket)).collect();
        let mut names: Vec<VersionName> = Vec::with_capacity(some.len());
        let mut allowed = Vec::with_capacity(some.len());
        for (place, version, deletion) in some {
            match may_delete(context, caller, bucket, &deletion) {
                Ok(_) => {
                    names.push(version);
                    allowed.push((place, version, deletion));
                }
                Err(error) => done.push((place, deletion, Err(error))),
            }
            if bucket.is_decided_by_policies(caller) {
                give_way().await;
            }
        }
        if names.is_empty() {
            continue;
        }
        let asked = Asked {
            caller,
            operation: Operation::DeleteObjects,
        };
        let gone = remove_versions(context, bucket, &key, &names, asked)
            .await
            .map_err(S3Error::from);
        done.extend(allowed.into_iter().map(|(place, version, deletion)| {
            let result = gone.as_ref().map(|gone| outcome(gone, version));
            (place, deletion, result.map_err(Clone::clone))
        }));
    }
    done
}

async fn delete_one(
    context: &Context,
    caller: &Caller,
    bucket: &Opened,
    deletion: &Deletion,
) -> Result<Deleted, S3Error> {
    if bucket.is_decided_by_policies(caller) {
        // A thousand decisions in a row would hold up everybody else.
        give_way().await;
    }
    let by_policy = may_delete(context, caller, bucket, deletion)?;
    // The bucket never kept versions.
    if let Some(version @ VersionName::Id(_)) = deletion.version {
        return Err(no_such_version(&deletion.key, version));
    }
    let seen = Seen {
        by_policy,
        ..Seen::new(bucket.bucket.clone(), Head::Unread)
    };
    make_absent(context, caller, seen, &deletion.key, &deletion.condition).await
}

/// Lets others have a turn.
async fn give_way() {
    let mut waited = false;
    poll_fn(|cx| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whether a policy lets the caller make that deletion, and not only a list; an error where nothing does.
fn may_delete(
    context: &Context,
    caller: &Caller,
    bucket: &Opened,
    deletion: &Deletion,
) -> Result<bool, S3Error> {
    let on = On::version(&bucket.name, &deletion.key, deletion.version);
    let if_match = matches!(deletion.condition, WriteCondition::IfMatch(_));
    caller.may_delete(context, bucket, on, if_match)
}

/// What is said of a version that is not there any more.
fn outcome(gone: &[ObjectRecord], version: VersionName) -> Deleted {
    let row = gone.iter().find(|row| row.version_name() == version);
    Deleted {
        version: Some(version),
        marker: row.is_some_and(|row| row.kind == ObjectKind::DeleteMarker),
    }
}

async fn make_absent(
    context: &Context,
    caller: &Caller,
    seen: Seen,
    key: &ObjectKey,
    condition: &WriteCondition,
) -> Result<Deleted, S3Error> {
    let marker = ObjectRecord {
        bucket: seen.bucket.id,
        key: key.clone(),
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        kind: ObjectKind::DeleteMarker,
        etag: ETag::from_md5(md5(b"")),
        size: 0,
        last_modified: context.ports.clock.now(),
        description: Description::of(caller.owner.clone()),
        checksum: None,
        shared: false,
        manifest: Manifest::Inline(Bytes::new()),
        version: None,
    };
    let plan = Delete {
        caller,
        key,
        condition,
        marker: &marker,
    };
    let version = change(context, seen, &plan).await?.version();
    Ok(Deleted {
        version,
        marker: version.is_some(),
    })
}

/// Leaves nothing under a key, or a delete marker where the bucket keeps versions.
pub(super) struct Delete<'a> {
    pub(super) caller: &'a Caller,
    pub(super) key: &'a ObjectKey,
    pub(super) condition: &'a WriteCondition,
    pub(super) marker: &'a ObjectRecord,
}

#[async_trait]
impl Plan for Delete<'_> {
    fn key(&self) -> &ObjectKey {
        self.key
    }

    fn asked(&self) -> Option<Asked<'_>> {
        Some(Asked {
            caller: self.caller,
            operation: Operation::DeleteObject,
        })
    }

    fn plan<'p>(&'p self, seen: &'p Seen) -> Result<Step<'p>, S3Error> {
        if seen.bucket.versioning.is_some() {
            let expect = expected(self.caller, self.condition, seen, |row| self.refused(row))?;
            let put = |expect| Change::put(Cow::Borrowed(self.marker), expect);
            return Ok(expect.map_or(Step::Look, |expect| Step::Change(put(expect))));
        }
        if matches!(seen.head, Head::Read(None)) {
            return match self.condition.holds(None) {
                true => Ok(Step::Done),
                false => Err(self.refused(None)),
            };
        }
        let expect = expected(self.caller, self.condition, seen, |row| self.refused(row))?;
        Ok(expect.map_or(Step::Look, |expect| Step::Change(Change::remove(expect))))
    }

    fn refused(&self, head: Option<&ObjectRecord>) -> S3Error {
        precondition_failed(self.condition, head, self.key)
    }
}
