//! S3's operations, and what each of them is: one table has a row for each.

mod table;
#[cfg(test)]
mod tests;

use std::fmt;

pub use table::Operation;

use super::{Permission, S3Error};

/// All that is known of one operation.
struct Row {
    stage: Stage,
    effect: Effect,
    subject: Subject,
    body: RequestBody,
    signature: Signature,
    access: Access,
    source: Option<Access>,
}

enum Stage {
    Built,
    Unbuilt,
}

enum Effect {
    Reads,
    Writes,
}

/// What an operation is about, as the path of a request names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The service: neither a bucket nor an object.
    Service,
    /// A bucket.
    Bucket,
    /// A bucket and where it lies: every answer names the bucket's region, and so does a refusal. Clients that signed
    /// for another region sign again.
    Region,
    /// An object, or an upload of one.
    Object,
    /// An object, or the version of it that `versionId` names.
    Version,
}

/// What the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// Nothing that is looked at.
    Nothing,
    /// A document, which is read whole.
    Document,
    /// A document that lists parts. The `x-amz-checksum-*` beside it is not of the document but of the object that the
    /// parts become.
    PartList,
    /// The bytes of an object.
    Object,
    /// The bytes of a part.
    Part,
}

/// Whether a request must be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Not where access control lists or a policy let everybody do it.
    Optional,
    /// Yes, whatever they say. What a request without one is told.
    Required(&'static str),
}

/// What a request must be allowed to do.
#[derive(Clone, Copy)]
struct Access {
    need: Need,
    actions: &'static [IamAction],
}

/// What access control lists must grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the answer is the same for everybody, and nobody is asked who they are.
    Nothing,
    /// An account.
    Account,
    /// To own the bucket.
    BucketOwner,
    /// This permission on the bucket. With `WRITE`, also to own the bucket, or the object under each key that changes.
    Bucket(Permission),
    /// This permission on the object.
    Object(Permission),
    /// To own the bucket, or to own the object and have `WRITE` on the bucket.
    Deletion,
    /// The same for each of several objects: one that may not be deleted refuses none of the others.
    Deletions,
    /// To have begun the upload, and `WRITE` on the bucket.
    Uploader,
    /// To have begun the upload, or to own the bucket.
    UploaderOrOwner,
}

/// An action as policies name it, and the requests that it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IamAction {
    /// AWS's name, without its `s3:`.
    pub name: &'static str,
    /// Which requests ask for it.
    pub when: When,
}

/// Which requests of an operation ask for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All.
    Always,
    /// Those that name no version of the object.
    Current,
    /// Those that name a version of the object.
    Version,
    /// Those that depend on the entity tag of what is there: `If-Match` or `If-None-Match` with one, and not `*`.
    IfMatch,
    /// Those that give what they make an access control list: `x-amz-acl`, `x-amz-grant-*`.
    Acl,
    /// Those that give it tags: `x-amz-tagging`, and `Tags` of a new bucket.
    Tags,
    /// Those that copy the tags of an object which has some.
    CopiesTags,
    /// Those that copy the tags of a version which has some.
    CopiesTagsOfVersion,
    /// Those that say until when it is kept: `x-amz-object-lock-mode`.
    Retention,
    /// Those that put it under a legal hold: `x-amz-object-lock-legal-hold`.
    LegalHold,
    /// Those that overrule a retention: `x-amz-bypass-governance-retention`.
    Bypass,
    /// Those that say who owns what is put into a new bucket: `x-amz-object-ownership`.
    Ownership,
    /// Those that make a bucket in which objects can be locked: `x-amz-bucket-object-lock-enabled`.
    ObjectLock,
}

impl When {
    /// Whether access control lists never give it: it is for the bucket's owner, or a policy's to give.
    pub const fn is_beyond_lists(self) -> bool {
        matches!(
            self,
            Self::Tags
                | Self::CopiesTags
                | Self::CopiesTagsOfVersion
                | Self::Retention
                | Self::LegalHold
                | Self::Bypass
        )
    }
}

impl Operation {
    /// Whether BleepStore carries it out.
    pub const fn is_built(self) -> bool {
        matches!(self.row().stage, Stage::Built)
    }

    /// Whether it changes nothing.
    pub const fn only_reads(self) -> bool {
        matches!(self.row().effect, Effect::Reads)
    }

    /// What it is about.
    pub const fn subject(self) -> Subject {
        self.row().subject
    }

    /// Whether it takes a `versionId`.
    pub const fn takes_version_id(self) -> bool {
        matches!(self.subject(), Subject::Version)
    }

    /// Whether its answers name the region of the bucket.
    pub const fn names_region(self) -> bool {
        matches!(self.subject(), Subject::Region)
    }

    /// What its requests have for a body.
    pub const fn body(self) -> RequestBody {
        self.row().body
    }

    /// Whether its requests must be signed.
    pub const fn signature(self) -> Signature {
        self.row().signature
    }

    /// What access control lists must grant.
    pub const fn need(self) -> Need {
        self.row().access.need
    }

    /// The same about the object that the request takes the bytes from, where there is one.
    pub fn source_need(self) -> Option<Need> {
        self.row().source.map(|source| source.need)
    }

    /// What policies must allow. Empty where no action of S3 stands for the operation.
    pub const fn actions(self) -> &'static [IamAction] {
        self.row().access.actions
    }

    /// The same about the object that the request takes the bytes from. Empty where there is none.
    pub fn source_actions(self) -> &'static [IamAction] {
        self.row().source.map_or(&[], |source| source.actions)
    }

    /// `501 NotImplemented` that names the operation.
    pub fn not_implemented(self) -> S3Error {
        S3Error::not_implemented(self.name())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
