//! Changes of what is said of an object: its bytes, entity tag and time stay.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::versions::rewrite;
use super::{Change, Head, Plan, Seen, Step, change, object, until_undisturbed};
use crate::model::{Bucket, CommitId, ObjectKey, ObjectRecord, Operation, S3Error, VersionName};
use crate::ops::access::{NewObjects, Opened, no_such_key, open_object};
use crate::ops::events::{Asked, Told};
use crate::ops::{Caller, Context, Target};
use crate::ports::{EditOutcome, new_id};

/// Changes the record of the object that a request names, the current one or a version, which was opened for
/// `operation`. Returns which version it is. An object that is written meanwhile is not undone: the change is made to
/// it, if the caller may do `operation` with it too.
pub(in crate::ops) async fn change_facts(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    target: &Target,
    (bucket, object): (Opened, ObjectRecord),
    fact: impl Fn(&Bucket, NewObjects, &mut ObjectRecord) -> Result<(), S3Error> + Sync,
) -> Result<VersionName, S3Error> {
    let name = object.version_name();
    if target.version.is_some() {
        let commit_id = new_id(context.ports.entropy.as_ref(), CommitId::from_bytes);
        let opened = Mutex::new(Some((bucket, object)));
        until_undisturbed(context, || async {
            let opened = opened.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (bucket, read) = match opened {
                Some(opened) => opened,
                None => open_object(context, caller, operation, target).await?,
            };
            let mut changed = read.clone();
            fact(&bucket, bucket.rules(), &mut changed)?;
            changed.commit_id = commit_id;
            let metadata = context.ports.metadata.as_ref();
            let (seen, version) = ((&read.key, Some(&changed)), Some(changed.version_name()));
            let mut told = Told::of(Some(Asked { caller, operation }));
            let events = told.of_change(context, &bucket, seen, (version, None)).await?;
            let outcome = rewrite(metadata, &bucket, &read, &changed, &events).await?;
            let made = matches!(
                outcome,
                EditOutcome::Applied { .. } | EditOutcome::AppliedToVersions(_)
            );
            if made {
                context.destinations.written(&events);
            }
            Ok(made.then_some(()))
        })
        .await?;
        return Ok(name);
    }
    let plan = ChangedFacts {
        caller,
        operation,
        key: object.key.clone(),
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        fact: &fact,
        changed: Mutex::new(name),
    };
    let seen = Seen::opened(bucket, Head::Read(Some(object)));
    change(context, seen, &plan).await?;
    Ok(plan.changed.into_inner().unwrap_or_else(PoisonError::into_inner))
}

pub(super) struct ChangedFacts<'a> {
    pub(super) caller: &'a Caller,
    pub(super) operation: Operation,
    pub(super) key: ObjectKey,
    pub(super) commit_id: CommitId,
    pub(super) fact: &'a (dyn Fn(&Bucket, NewObjects, &mut ObjectRecord) -> Result<(), S3Error> + Sync),
    /// The version that was changed last.
    pub(super) changed: Mutex<VersionName>,
}

#[async_trait]
impl Plan for ChangedFacts<'_> {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn asked(&self) -> Option<Asked<'_>> {
        Some(Asked {
            caller: self.caller,
            operation: self.operation,
        })
    }

    fn plan<'p>(&'p self, seen: &'p Seen) -> Result<Step<'p>, S3Error> {
        let mut changed = object(seen.head.row())
            .ok_or_else(|| no_such_key(&self.key))?
            .clone();
        (self.fact)(&seen.bucket, seen.rules, &mut changed)?;
        changed.commit_id = self.commit_id;
        *self.changed.lock().unwrap_or_else(PoisonError::into_inner) = changed.version_name();
        Ok(Step::Change(Change::rewrite(Cow::Owned(changed))))
    }

    fn refused(&self, _: Option<&ObjectRecord>) -> S3Error {
        no_such_key(&self.key)
    }

    async fn look(&self, context: &Context, seen: Seen) -> Result<Seen, S3Error> {
        let target = Target {
            bucket: seen.bucket.name,
            key: self.key.clone(),
            version: None,
        };
        let (bucket, object) = open_object(context, self.caller, self.operation, &target).await?;
        Ok(Seen::opened(bucket, Head::Read(Some(object))))
    }
}
