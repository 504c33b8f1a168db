//! PutObject with a write offset: bytes after those of an object. They are one more extent, and no byte that is stored
//! moves, but of a body that lies in the record.

mod content;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use content::{Appended, Content, Piece};

use super::edit::{EditFailure, Head, Seen, extend, failed_write_condition, object, until_undisturbed};
use super::events::Asked;
use super::free::free_blob;
use super::tags::ready_for;
use super::{Caller, Context, Incoming, Target};
use crate::model::{
    Bucket, BucketLayout, ChecksumAlgorithm, CommitId, Description, ErrorCode, ObjectHeaders, ObjectKind,
    ObjectRecord, Operation, RequestedAcl, S3Error, Tags, WriteCondition,
};
use crate::ports::new_id;

/// What a request appends to, as it was when the request began.
pub struct Appending {
    seen: Seen,
}

/// What PutObject with a write offset is asked.
pub struct AppendObject {
    /// Where.
    pub target: Target,
    /// How long the object must be. 0 is for one that does not exist as well.
    pub offset: u64,
    /// What a new object is given; an object that is there must have it already, where the request says it.
    pub said: Said,
    /// The bytes.
    pub body: Incoming,
    /// What must hold at the moment of the commit.
    pub condition: WriteCondition,
}

/// What a request says of its object.
pub struct Said {
    /// In headers.
    pub headers: ObjectHeaders,
    /// Who may do what with it.
    pub acl: Option<RequestedAcl>,
    /// Its tags.
    pub tags: Tags,
}

/// What PutObject with a write offset answers.
pub struct AppendOutput {
    /// The object as it is now.
    pub object: ObjectRecord,
    /// Whether there was one.
    pub existed: bool,
}

impl Appending {
    /// The checksum of the appended bytes that can be combined with the object's.
    pub fn algorithm(&self) -> Option<ChecksumAlgorithm> {
        let stored = object(self.seen.head.row())?.checksum.as_ref()?;
        stored.algorithm.combines().then_some(stored.algorithm)
    }
}

/// Looks at what is to be appended to, before the body is read: `InvalidWriteOffset` where that is not `offset` bytes
/// long.
pub async fn open_append(
    context: &Context,
    caller: &Caller,
    target: &Target,
    offset: u64,
) -> Result<Appending, S3Error> {
    let found = context.ports.metadata.lookup(&target.bucket, &target.key).await?;
    let operation = Operation::PutObject;
    let bucket = caller.open(context, operation, target, found.bucket).await?;
    let seen = Seen::opened(bucket, Head::Read(found.object));
    check_place(caller, &seen, offset)?;
    Ok(Appending { seen })
}

/// Whether the caller may append `offset` bytes after the beginning of what was seen.
fn check_place(caller: &Caller, seen: &Seen, offset: u64) -> Result<(), S3Error> {
    if seen.bucket.versioning.is_some() {
        return Err(S3Error::not_implemented(
            "x-amz-write-offset-bytes in buckets that keep or kept versions",
        ));
    }
    let object = object(seen.head.row());
    if !seen.by_policy {
        caller.may_replace(&seen.bucket, object)?;
    }
    if object.map_or(0, |object| object.size) == offset {
        Ok(())
    } else {
        Err(ErrorCode::InvalidWriteOffset.into())
    }
}

/// Appends a body to an object. The object is longer and durable when this returns, and as it was when it fails (but
/// for an unknown outcome of the store). Of several that append at the same offset, one does. What is said of the
/// object stays.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-objects-append.html>. It is the same in
/// every bucket that never kept versions.
pub async fn append_object(
    context: &Context,
    caller: &Caller,
    appending: Appending,
    input: AppendObject,
) -> Result<AppendOutput, S3Error> {
    let Appending { seen } = appending;
    let requested = input.said.acl.clone().unwrap_or_default();
    let (owner, acl) = seen.rules.belong(&caller.owner, &requested, &seen.bucket.owner)?;
    input.body.check_length()?;
    if let Some(object) = object(seen.head.row()) {
        input.said.is_said_of(&seen.bucket, &object.description)?;
    }
    let AppendObject {
        target,
        offset,
        said,
        body,
        condition,
    } = input;
    let layout = BucketLayout::of_objects_with(&said.headers, &said.tags);
    let bucket = ready_for(context, seen.bucket, layout).await?;
    let fresh = Description {
        owner,
        acl,
        headers: said.headers,
        tags: said.tags,
    };
    let piece = Piece::store(context, &bucket, object(seen.head.row()), body).await?;
    let append = Append {
        context,
        caller,
        target: &target,
        offset,
        fresh: &fresh,
        piece: &piece,
        condition: &condition,
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        is_unknown: AtomicBool::new(false),
    };
    let first = Mutex::new(Some(Seen { bucket, ..seen }));
    let made = until_undisturbed(context, || async {
        let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        append.once(first).await
    })
    .await;
    match made {
        Ok(output) => Ok(output),
        Err(error) if append.is_unknown.load(Ordering::Relaxed) => Err(error),
        Err(error) => {
            piece.free(context).await;
            Err(error)
        }
    }
}

impl Said {
    /// `InvalidRequest` where it says of an object what is not so: an append changes nothing of it. Headers that
    /// clients send by themselves, such as `Content-Type`, count for nothing.
    fn is_said_of(&self, bucket: &Bucket, description: &Description) -> Result<(), S3Error> {
        let (said, stored) = (&self.headers, &description.headers);
        let acl = self
            .acl
            .as_ref()
            .map(|acl| acl.of_object(&description.owner, &bucket.owner));
        let metadata = &said.user_metadata;
        let others = [
            (
                "x-amz-meta-*",
                !metadata.is_empty() && *metadata != stored.user_metadata,
            ),
            (
                "x-amz-tagging",
                !self.tags.is_empty() && self.tags != description.tags,
            ),
            ("x-amz-acl", acl.is_some_and(|acl| acl != description.acl)),
            (
                "x-amz-storage-class",
                said.storage_class.is_some() && said.storage_class != stored.storage_class,
            ),
            ("x-amz-server-side-encryption", said.sse_s3 && !stored.sse_s3),
            (
                "x-amz-website-redirect-location",
                said.website_redirect.is_some() && said.website_redirect != stored.website_redirect,
            ),
        ];
        match others.into_iter().find(|(_, differs)| *differs) {
            None => Ok(()),
            Some((header, _)) => Err(S3Error::message(
                ErrorCode::InvalidRequest,
                format!(
                    "An append changes nothing that is said of the object: {header} does not say what it has."
                ),
            )),
        }
    }
}

/// One append, however often it is tried.
struct Append<'a> {
    context: &'a Context,
    caller: &'a Caller,
    target: &'a Target,
    offset: u64,
    /// What is said of the object where it is a new one.
    fresh: &'a Description,
    piece: &'a Piece,
    condition: &'a WriteCondition,
    commit_id: CommitId,
    /// Whether an attempt may have been made although its answer was lost.
    is_unknown: AtomicBool,
}

impl Append<'_> {
    /// Appends to what was seen, or to what is there now. `None` when that changed meanwhile.
    async fn once(&self, seen: Option<Seen>) -> Result<Option<AppendOutput>, S3Error> {
        let seen = match seen {
            Some(seen) => seen,
            None => {
                open_append(self.context, self.caller, self.target, self.offset)
                    .await?
                    .seen
            }
        };
        let row = object(seen.head.row());
        if !self.condition.holds(row.map(|object| &object.etag)) {
            return Err(failed_write_condition(self.condition));
        }
        let appended = match self.piece.after(self.context, seen.bucket.id, row).await? {
            Appended::Content(content) => content,
            Appended::Nothing(object) => {
                return Ok(Some(AppendOutput {
                    object,
                    existed: true,
                }));
            }
            Appended::Overtaken => return Ok(None),
        };
        let existed = row.is_some();
        let record = self.record(&seen, appended);
        let layout = || record.manifest.layout_blob().map(|extent| extent.blob);
        let asked = Asked {
            caller: self.caller,
            operation: Operation::PutObject,
        };
        match extend(self.context, &seen, &record, asked).await {
            Ok(true) => Ok(Some(AppendOutput {
                object: record,
                existed,
            })),
            Ok(false) => {
                if let Some(blob) = layout() {
                    free_blob(self.context, blob).await;
                }
                Ok(None)
            }
            Err(failure) => {
                if matches!(failure, EditFailure::Unknown(_)) {
                    self.is_unknown.store(true, Ordering::Relaxed);
                }
                Err(failure.freeing(self.context, layout()).await)
            }
        }
    }

    /// The object with these bytes.
    fn record(&self, seen: &Seen, content: Content) -> ObjectRecord {
        let row = object(seen.head.row());
        ObjectRecord {
            bucket: seen.bucket.id,
            key: self.target.key.clone(),
            commit_id: self.commit_id,
            kind: ObjectKind::Object,
            etag: content.etag,
            size: content.size,
            last_modified: self.context.ports.clock.now(),
            description: row.map_or(self.fresh, |object| &object.description).clone(),
            checksum: content.checksum,
            // What others may name of it they still may.
            shared: row.is_some_and(|object| object.shared),
            manifest: content.manifest,
            version: None,
        }
    }
}
