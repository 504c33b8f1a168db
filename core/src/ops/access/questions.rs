//! What operations ask beside opening what they are about.

use super::decide::{By, Matter};
use super::refusals::{denied, no_such_upload};
use super::{Caller, On, Opened, Use};
use crate::model::{
    Bucket, IamAction, Need, ObjectKey, ObjectKind, ObjectRecord, Operation, Permission, S3Error, Tags,
    Upload, UploadId, When,
};
use crate::ops::Context;

impl Caller {
    /// Whether a policy lets the caller take away the object under a key, which a lookup found, and not only a list:
    /// an error where it may not, or where there is none.
    pub(crate) fn may_move(
        &self,
        context: &Context,
        bucket: &Opened,
        key: &ObjectKey,
        found: Option<&ObjectRecord>,
    ) -> Result<bool, S3Error> {
        let mut seen = bucket.clone();
        let on = On::key(&bucket.bucket.name, key);
        self.object(
            context,
            Use::AsSource(Operation::RenameObject),
            &mut seen,
            found,
            on,
        )?;
        Ok(seen.by_policy)
    }

    /// The upload that a lookup found in a bucket that was opened for `operation`, if the caller may do that with it.
    /// That there is none is told to those who may do anything with the bucket.
    pub(crate) fn upload(
        &self,
        context: &Context,
        operation: Operation,
        bucket: &Opened,
        found: Option<Upload>,
        (key, id): (&ObjectKey, UploadId),
    ) -> Result<Upload, S3Error> {
        let need = operation.need();
        let on = On::key(&bucket.bucket.name, key);
        let listed = self.listed(bucket, need, None, found.as_ref());
        let by = self.by(context, bucket, (operation, operation.actions()), on, listed);
        let Some(upload) = found else {
            let knows = |permission| self.listed(bucket, Need::Bucket(permission), None, None).account;
            let listed = knows(Permission::Read) || knows(Permission::Write) || self.owns(bucket);
            let whole = self.identity.policy.is_none() && self.identity.session.is_none();
            let told = by.is_some() || (whole && listed);
            return Err(if told { no_such_upload(id) } else { denied() });
        };
        let whole = self.identity.policy.is_none() || bucket.owner.id != self.owner.id;
        let began = (whole || by == Some(By::Policy)) && upload.description.owner.id == self.owner.id;
        if by.is_some() && (began || need == Need::UploaderOrOwner) {
            Ok(upload)
        } else {
            Err(denied())
        }
    }

    /// `AccessDenied` unless the caller may write over what is under a key, or remove it: `WRITE` on a bucket lets
    /// others than its owner create objects, and change those that they own.
    ///
    /// A delete marker is nothing that anybody owns.
    pub(crate) fn may_replace(&self, bucket: &Bucket, current: Option<&ObjectRecord>) -> Result<(), S3Error> {
        let current = current.filter(|row| row.kind == ObjectKind::Object);
        // A user of the bucket's own account, whom a list lets write that lets everybody, changes nothing of the
        // account's.
        let of_account = self.identity.policy.is_none() || bucket.owner.id != self.owner.id;
        let own = |object: &ObjectRecord| of_account && object.description.owner.id == self.owner.id;
        if self.owns(bucket) || current.is_none_or(own) {
            Ok(())
        } else {
            Err(denied())
        }
    }

    /// `AccessDenied` unless the caller may give tags to the object of that key.
    pub(crate) fn may_tag(&self, context: &Context, bucket: &Opened, key: &ObjectKey) -> Result<(), S3Error> {
        const TAGGING: &[IamAction] = &[IamAction {
            name: "PutObjectTagging",
            when: When::Always,
        }];
        let on = On::key(&bucket.bucket.name, key);
        let listed = self.listed(bucket, Need::BucketOwner, None, None);
        let by = self.by(
            context,
            bucket,
            (Operation::PutObjectTagging, TAGGING),
            on,
            listed,
        );
        by.map(drop).ok_or_else(denied)
    }

    /// Whether the caller may read the tags of an object, which are these.
    pub(crate) fn may_read_tags(&self, context: &Context, bucket: &Opened, on: On<'_>, tags: &Tags) -> bool {
        let operation = Operation::GetObjectTagging;
        let listed = self.listed(bucket, Need::BucketOwner, None, None);
        let matter = Matter {
            tags: Some(tags),
            ..Matter::of_bucket(bucket, (operation, operation.actions()), on, listed)
        };
        let by = self.decide(context, Some(&bucket.bucket), &bucket.guard, &matter);
        by.is_some()
    }

    /// What lets the caller delete that key, or that version of it, of several: `None` where nothing does. With
    /// `true` it deletes what others own as well.
    pub(crate) fn may_delete(
        &self,
        context: &Context,
        bucket: &Opened,
        on: On<'_>,
        if_match: bool,
    ) -> Result<bool, S3Error> {
        let operation = Operation::DeleteObjects;
        let listed = match on.version {
            // Lists let nobody remove a version for good.
            Some(_) if bucket.versioning.is_some() => self.listed(bucket, Need::BucketOwner, None, None),
            _ => self.listed(bucket, Need::Deletions, None, None),
        };
        let matter = Matter {
            if_match: Some(if_match),
            ..Matter::of_bucket(bucket, (operation, operation.actions()), on, listed)
        };
        let by = self.decide(context, Some(&bucket.bucket), &bucket.guard, &matter);
        Ok(by.ok_or_else(denied)? == By::Policy)
    }
}
