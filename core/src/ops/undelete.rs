//! Brings back what was current in a bucket at an earlier time.
//!
//! What comes back is a version more, on top of the others, which names the bytes of the one that was current then. So
//! nothing goes: not the delete markers, not what was written since, and in a suspended bucket not the version `null`
//! either, since the new version always has an id. The version whose bytes are named is marked as shared before, as the
//! source of a copy is.
//!
//! A key is looked at and changed by itself, and the change expects exactly the row that was seen. A key whose current
//! object says and holds what the version of that time does is left as it is, so that the work can be stopped anywhere
//! and done again.

use std::error::Error;
use std::fmt;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::edit::{add_version, share, unless_disturbed};
use super::inline::check_inline;
use super::{Context, Pairing, Progress, rows};
use crate::model::{
    Bucket, BucketName, CommitId, Manifest, ObjectKey, ObjectKind, ObjectRecord, S3Error, Timestamp,
    VersionName,
};
use crate::ports::{Ports, StoreError, StoreResult, VersionRange, new_id};

/// How many keys are worked on at the same time.
const KEYS_AT_ONCE: usize = 16;

/// How many versions of a key one read asks for.
const VERSIONS_AT_ONCE: usize = 64;

/// What is to come back.
#[derive(Clone, Debug)]
pub struct UndeleteOptions {
    /// The bucket, which must keep versions.
    pub bucket: BucketName,
    /// Only keys that start with this.
    pub prefix: String,
    /// What was current then comes back.
    pub since: Timestamp,
    /// Say what would come back, and change nothing.
    pub dry_run: bool,
}

/// What became of a key that was deleted or overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undeleted {
    /// It is back, or would be.
    Back(BroughtBack),
    /// It is not, and this is why.
    Failed {
        /// The key.
        key: ObjectKey,
        /// What is in the way.
        problem: String,
    },
}

/// An object that is current again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroughtBack {
    /// Its key.
    pub key: ObjectKey,
    /// The version that was current at that time, which stays where it is.
    pub version: VersionName,
    /// When that was written.
    pub written: Timestamp,
    /// Its length in bytes.
    pub size: u64,
    /// What is current until then: a delete marker, or an object that was written over it.
    pub over: ObjectKind,
}

/// How many keys there were, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndeleteReport {
    /// Keys that were looked at: of objects, and of delete markers.
    pub keys: u64,
    /// Those that nobody changed since.
    pub unchanged: u64,
    /// Those that had no object at that time, by what is left of their versions. They stay as they are.
    pub absent: u64,
    /// Those whose current object is as that time's was, such as the ones that an earlier run brought back.
    pub same: u64,
    /// Those that are back, or would be.
    pub brought_back: u64,
    /// The sum of their lengths.
    pub bytes: u64,
    /// Those that should be and are not.
    pub failed: u64,
}

/// Why nothing more is brought back.
#[derive(Debug)]
pub enum UndeleteError {
    /// There is no such bucket.
    NoSuchBucket(BucketName),
    /// The bucket never kept versions.
    KeepsNoVersions(BucketName),
    /// A store failed.
    Store(S3Error),
}

impl fmt::Display for UndeleteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchBucket(name) => write!(f, "there is no bucket {name}"),
            Self::KeepsNoVersions(name) => write!(
                f,
                "the bucket {name} never kept versions: what was deleted from it is gone"
            ),
            Self::Store(error) => match error.source() {
                Some(source) => write!(f, "the stores failed: {source}"),
                None => write!(f, "the stores failed: {error}"),
            },
        }
    }
}

impl Error for UndeleteError {}

impl From<StoreError> for UndeleteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// Makes current again what was so at a time, key by key in their order, and tells `each` of those that were deleted or
/// overwritten since. Others may use the store meanwhile; what they write under a key that was looked at already stays.
pub async fn undelete(
    ports: &Ports,
    options: &UndeleteOptions,
    progress: &Progress,
    each: &mut (dyn FnMut(Undeleted) + Send),
) -> Result<UndeleteReport, UndeleteError> {
    let name = &options.bucket;
    let bucket = ports.metadata.bucket(name).await?;
    let bucket = bucket.ok_or_else(|| UndeleteError::NoSuchBucket(name.clone()))?;
    if bucket.versioning.is_none() {
        return Err(UndeleteError::KeepsNoVersions(name.clone()));
    }
    // Nothing that is done here frees anything.
    let context = Context::new(ports.clone(), Pairing::Foreign);
    let work = Work {
        context: &context,
        bucket: &bucket,
        options,
    };
    let mut report = UndeleteReport::default();
    let mut pages = rows::records_under(ports, &bucket, &options.prefix);
    while let Some(page) = pages.try_next().await? {
        progress.pass_records(page.len() as u64);
        let keys: Vec<_> = page.into_iter().map(|head| work.head(head)).collect();
        let mut done = stream::iter(keys).buffered(KEYS_AT_ONCE);
        while let Some(outcome) = done.try_next().await.map_err(UndeleteError::Store)? {
            report.note(outcome, each);
        }
    }
    Ok(report)
}

impl UndeleteReport {
    fn note(&mut self, outcome: Outcome, each: &mut (dyn FnMut(Undeleted) + Send)) {
        self.keys += 1;
        match outcome {
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Absent => self.absent += 1,
            Outcome::Same => self.same += 1,
            Outcome::Told(told) => {
                match &told {
                    Undeleted::Back(back) => {
                        self.brought_back += 1;
                        self.bytes += back.size;
                    }
                    Undeleted::Failed { .. } => self.failed += 1,
                }
                each(told);
            }
        }
    }
}

/// What became of a key.
enum Outcome {
    Unchanged,
    Absent,
    Same,
    Told(Undeleted),
}

/// What is to be done about a key.
#[derive(Debug, PartialEq, Eq)]
enum Decision<'a> {
    /// What is current was so at that time.
    Unchanged,
    /// There was no object.
    Absent,
    /// What is current is as what was.
    Same,
    /// This was current.
    BringBack(&'a ObjectRecord),
}

/// What is to be done about a key whose current row is `head`, where `then` is the newest of the others that was written
/// no later than `since`. Both are whole.
fn decide<'a>(head: &ObjectRecord, then: Option<&'a ObjectRecord>, since: Timestamp) -> Decision<'a> {
    if head.last_modified <= since {
        return Decision::Unchanged;
    }
    match then.filter(|then| then.kind == ObjectKind::Object) {
        None => Decision::Absent,
        Some(then) if is_same_object(head, then) => Decision::Same,
        Some(then) => Decision::BringBack(then),
    }
}

/// Whether nobody can tell two versions apart but by their ids and times: the same is said of both, and they name the
/// same bytes or have the same in themselves.
fn is_same_object(one: &ObjectRecord, other: &ObjectRecord) -> bool {
    let identity = |record: &ObjectRecord| ObjectRecord {
        commit_id: other.commit_id,
        last_modified: other.last_modified,
        shared: other.shared,
        version: other.version,
        ..record.clone()
    };
    identity(one) == *other
}

struct Work<'a> {
    context: &'a Context,
    bucket: &'a Bucket,
    options: &'a UndeleteOptions,
}

impl Work<'_> {
    /// Does what is to be done about a key of which a scan has shown the current row.
    async fn head(&self, head: ObjectRecord) -> Result<Outcome, S3Error> {
        if head.last_modified <= self.options.since {
            return Ok(Outcome::Unchanged);
        }
        let key = &head.key;
        let outcome = unless_disturbed(self.context, || self.key(key)).await?;
        Ok(outcome.unwrap_or_else(|| {
            Outcome::Told(Undeleted::Failed {
                key: head.key,
                problem: "it is written to all the time".to_owned(),
            })
        }))
    }

    /// Looks at a key and does what is to be done about it. `None` when it changed meanwhile.
    async fn key(&self, key: &ObjectKey) -> Result<Option<Outcome>, S3Error> {
        let (metadata, name) = (&self.context.ports.metadata, &self.bucket.name);
        let found = metadata.lookup(name, key).await?.object;
        let Some(head) = found.filter(|head| head.bucket == self.bucket.id) else {
            // All its versions were removed for good.
            return Ok(Some(Outcome::Absent));
        };
        let Some(then) = self.at_that_time(&head).await? else {
            return Ok(None);
        };
        let then = match decide(&head, then.as_ref(), self.options.since) {
            Decision::Unchanged => return Ok(Some(Outcome::Unchanged)),
            Decision::Absent => return Ok(Some(Outcome::Absent)),
            Decision::Same => return Ok(Some(Outcome::Same)),
            Decision::BringBack(then) => then,
        };
        if let Err(damage) = check_inline(name, then) {
            return Ok(Some(Outcome::Told(Undeleted::Failed {
                key: key.clone(),
                problem: damage.reason(),
            })));
        }
        let back = BroughtBack {
            key: key.clone(),
            version: then.version_name(),
            written: then.last_modified,
            size: then.size,
            over: head.kind,
        };
        let made = self.options.dry_run || self.put_on_top(head, then).await?;
        Ok(made.then_some(Outcome::Told(Undeleted::Back(back))))
    }

    /// The version that was current, whole; `Some(None)` where there is none from before that time, and `None` when
    /// the versions changed meanwhile.
    async fn at_that_time(&self, head: &ObjectRecord) -> StoreResult<Option<Option<ObjectRecord>>> {
        let (metadata, bucket, key) = (&self.context.ports.metadata, self.bucket, &head.key);
        let since = self.options.since;
        let mut before = None;
        let found = loop {
            let range = VersionRange {
                before,
                ..VersionRange::newest(bucket, key, VERSIONS_AT_ONCE)
            };
            let (versions, more) = metadata.versions_below(range).await?;
            // The head names the newest of the others. It is not what was looked up any more.
            let newest = versions.first().map(ObjectRecord::sequence);
            if before.is_none() && newest != head.as_version().newest {
                return Ok(None);
            }
            before = versions.last().map(ObjectRecord::sequence);
            if let Some(found) = versions.into_iter().find(|row| row.last_modified <= since) {
                break found;
            }
            if !more || before.is_none() {
                return Ok(Some(None));
            }
        };
        let whole = metadata.lookup_version(&bucket.name, key, found.version_name());
        let whole = whole.await?.object.filter(|whole| whole.tag() == found.tag());
        Ok(whole.map(Some))
    }

    /// Puts a version more on top of the current row, which is as `then` was. Returns whether that row was still there.
    async fn put_on_top(&self, head: ObjectRecord, then: &ObjectRecord) -> Result<bool, S3Error> {
        let ports = &self.context.ports;
        let shares = !matches!(then.manifest, Manifest::Inline(_));
        if shares && !share(ports.metadata.as_ref(), self.bucket, then).await? {
            return Ok(false);
        }
        let record = ObjectRecord {
            commit_id: new_id(ports.entropy.as_ref(), CommitId::from_bytes),
            last_modified: ports.clock.now(),
            shared: shares,
            version: None,
            ..then.clone()
        };
        Ok(add_version(self.context, self.bucket, head, &record).await?)
    }
}

#[cfg(test)]
#[path = "undelete_tests.rs"]
mod tests;
