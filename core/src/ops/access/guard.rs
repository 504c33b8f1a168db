//! What decides about a bucket beside its access control list: its policy, its public access block and its ownership
//! controls.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;

use super::{Caller, denied};
use crate::model::{
    Acl, Bucket, BucketId, CannedAcl, Description, DocumentKind, ErrorCode, ObjectOwnership, ObjectRecord,
    Owner, PublicAccessBlock, RequestedAcl, S3Error, StoredDocument,
};
use crate::ops::{Context, bucket_document};
use crate::policy::{Policy, PolicyKind};
use crate::ports::StoreError;
use crate::rows::read_stored;

/// A bucket that was looked up for a request, and what decides about it.
#[derive(Clone, Debug)]
pub struct Opened {
    pub(crate) bucket: Bucket,
    pub(super) guard: Guard,
    /// Whether a policy lets the caller do what the bucket was opened for, and not only a list.
    pub(crate) by_policy: bool,
}

impl Deref for Opened {
    type Target = Bucket;

    fn deref(&self) -> &Bucket {
        &self.bucket
    }
}

impl Opened {
    /// Whether a policy has a say in what `caller` may do with it.
    pub(crate) fn is_decided_by_policies(&self, caller: &Caller) -> bool {
        let identity = &caller.identity;
        self.guard.policy.is_some() || identity.policy.is_some() || identity.session.is_some()
    }

    /// What decides whom new objects belong to.
    pub(crate) fn rules(&self) -> NewObjects {
        NewObjects {
            ownership: self.guard.ownership,
            block_public_acls: self.guard.block.block_public_acls,
        }
    }

    /// The owner and the list of an object in the bucket, as they count.
    pub fn list_of<'a>(&'a self, object: &'a ObjectRecord) -> (&'a Owner, Acl) {
        match self.guard.enforces_ownership() {
            true => (&self.bucket.owner, Acl::default()),
            false => (&object.description.owner, object.description.acl.clone()),
        }
    }

    /// The bucket's list, as it counts.
    pub fn list(&self) -> Acl {
        match self.guard.enforces_ownership() {
            true => Acl::default(),
            false => self.bucket.acl.clone(),
        }
    }

    /// Whether the bucket's policy grants something to everybody; `None` where it has none.
    pub fn has_public_policy(&self) -> Option<bool> {
        self.guard.policy.as_ref().map(|policy| policy.is_public())
    }

    /// Whether a public policy is refused.
    pub(crate) fn blocks_public_policy(&self) -> bool {
        self.guard.block.block_public_policy
    }
}

/// What a bucket says about new objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewObjects {
    ownership: ObjectOwnership,
    block_public_acls: bool,
}

impl NewObjects {
    /// Nothing.
    pub(crate) const OPEN: Self = Self {
        ownership: ObjectOwnership::ObjectWriter,
        block_public_acls: false,
    };

    /// Whether access control lists count for anything.
    pub(crate) fn counts_lists(self) -> bool {
        self.ownership != ObjectOwnership::BucketOwnerEnforced
    }

    /// Whom an object belongs to that `writer` puts there with that list, and its list.
    pub(crate) fn belong(
        self,
        writer: &Owner,
        acl: &RequestedAcl,
        bucket_owner: &Owner,
    ) -> Result<(Owner, Acl), S3Error> {
        self.check(acl, writer, bucket_owner)?;
        Ok(self.ownership.of_new_object(acl, writer, bucket_owner))
    }

    /// What an upload is when it is completed: whose it is was left open.
    pub(crate) fn complete(self, description: Description, bucket_owner: &Owner) -> Description {
        let Description { owner, acl, .. } = description;
        let (owner, acl) = self.ownership.of_upload(acl, owner, bucket_owner);
        // It may have been begun before public lists were refused.
        let acl = match self.block_public_acls && acl.is_public() {
            true => acl.without_public_grants(&owner),
            false => acl,
        };
        Description {
            owner,
            acl,
            ..description
        }
    }

    /// `AccessControlListNotSupported` where lists count for nothing and this one says something, and `AccessDenied`
    /// where it is public and must not be.
    pub(crate) fn check(
        self,
        acl: &RequestedAcl,
        owner: &Owner,
        bucket_owner: &Owner,
    ) -> Result<(), S3Error> {
        let becomes = acl.of_object(owner, bucket_owner);
        if self.block_public_acls && becomes.is_public() {
            return Err(denied());
        }
        let says_nothing = matches!(
            acl,
            RequestedAcl::Canned(CannedAcl::Private | CannedAcl::BucketOwnerFullControl)
        ) || becomes.is_for_alone(bucket_owner);
        if self.ownership == ObjectOwnership::BucketOwnerEnforced && !says_nothing {
            return Err(ErrorCode::AccessControlListNotSupported.into());
        }
        Ok(())
    }
}

/// What decides about a bucket beside its list.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) ownership: ObjectOwnership,
    pub(super) block: PublicAccessBlock,
}

impl Guard {
    /// That of a bucket, from its row and what lies in blobs. `ServiceUnavailable` where it cannot be read or
    /// understood: then nothing is allowed.
    pub(super) async fn of(context: &Context, bucket: &Bucket, with_policy: bool) -> Result<Self, S3Error> {
        let mut guard = Self::default();
        if bucket.documents.is_empty() {
            return Ok(guard);
        }
        let (ownership, block) = (DocumentKind::OwnershipControls, DocumentKind::PublicAccessBlock);
        if let Some(stated) = stated(context, bucket, ownership).await? {
            guard.ownership = stated;
        }
        if let Some(stated) = stated(context, bucket, block).await? {
            guard.block = stated;
        }
        if with_policy && let Some(stored) = bucket.documents.get(DocumentKind::Policy) {
            guard.policy = Some(policy(context, bucket, stored).await?);
        }
        Ok(guard)
    }

    pub(super) fn enforces_ownership(&self) -> bool {
        self.ownership == ObjectOwnership::BucketOwnerEnforced
    }
}

async fn stated<T: DeserializeOwned>(
    context: &Context,
    bucket: &Bucket,
    kind: DocumentKind,
) -> Result<Option<T>, S3Error> {
    let read = match bucket.documents.get(kind) {
        None => return Ok(None),
        Some(StoredDocument::Inline(value)) => {
            T::deserialize(value).map_err(|error| unreadable(bucket, error))?
        }
        Some(StoredDocument::Blob(_)) => match bucket_document(context, bucket, kind).await {
            Ok(None) => return Ok(None),
            Ok(Some(bytes)) => read_stored(&bytes).map_err(|error| unreadable(bucket, error))?,
            Err(error) => return Err(unreadable(bucket, error)),
        },
    };
    Ok(Some(read))
}

async fn policy(context: &Context, bucket: &Bucket, stored: &StoredDocument) -> Result<Arc<Policy>, S3Error> {
    if let Some(kept) = context.policies.get(bucket.id, stored) {
        return Ok(kept);
    }
    let text: Option<String> = stated(context, bucket, DocumentKind::Policy).await?;
    let text = text.ok_or_else(|| unreadable(bucket, "it was changed meanwhile"))?;
    let kind = PolicyKind::Bucket { name: &bucket.name };
    let read = Policy::read(text.as_bytes(), kind).map_err(|error| unreadable(bucket, error.0))?;
    let length = text.len().max(1 << 10);
    Ok(context.policies.keep(bucket.id, stored.clone(), read, length))
}

/// What decides cannot be read, and so nobody is let in.
fn unreadable(bucket: &Bucket, why: impl std::fmt::Display) -> S3Error {
    let error = StoreError::corrupt(format!(
        "what decides about bucket {} cannot be read: {why}",
        bucket.name
    ));
    S3Error::new(ErrorCode::ServiceUnavailable).caused_by(error)
}

/// How many bytes of policies a process keeps before it starts anew. What is made of one takes some 30 times as much.
const MOST: usize = 1 << 20;

/// Policies of buckets that were read lately, each with the document that it was read from.
#[derive(Default)]
pub struct PolicyCache(Mutex<HashMap<BucketId, Kept>>);

struct Kept {
    stored: StoredDocument,
    policy: Arc<Policy>,
    length: usize,
}

impl PolicyCache {
    fn get(&self, bucket: BucketId, stored: &StoredDocument) -> Option<Arc<Policy>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(&bucket)?;
        (found.stored == *stored).then(|| Arc::clone(&found.policy))
    }

    fn keep(&self, bucket: BucketId, stored: StoredDocument, policy: Policy, length: usize) -> Arc<Policy> {
        let policy = Arc::new(policy);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.values().map(|kept| kept.length).sum::<usize>() + length > MOST {
            kept.clear();
        }
        let entry = Kept {
            stored,
            policy: Arc::clone(&policy),
            length,
        };
        kept.insert(bucket, entry);
        policy
    }
}
