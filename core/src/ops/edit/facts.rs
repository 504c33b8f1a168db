//! Changes of what is said of an object: its bytes, entity tag and time stay.

use std::borrow::Cow;

use async_trait::async_trait;

use super::{Change, Expected, Head, Plan, Seen, Step, change, object};
use crate::model::{Bucket, CommitId, ObjectKey, ObjectRecord, Operation, S3Error};
use crate::ops::access::{no_such_key, open_object};
use crate::ops::{Caller, Context, Target};
use crate::ports::new_id;

/// Changes an object's record, which was opened for `operation`. An object that is written meanwhile is not undone: the
/// change is made to it, if the caller may do `operation` with it too.
pub(in crate::ops) async fn change_facts(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    (bucket, object): (Bucket, ObjectRecord),
    fact: impl Fn(&Bucket, &mut ObjectRecord) -> Result<(), S3Error> + Sync,
) -> Result<(), S3Error> {
    let plan = ChangedFacts {
        caller,
        operation,
        key: object.key.clone(),
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        fact: &fact,
    };
    let seen = Seen::new(bucket, Head::Read(Some(object)));
    change(context, seen, &plan).await?;
    Ok(())
}

pub(super) struct ChangedFacts<'a> {
    pub(super) caller: &'a Caller,
    pub(super) operation: Operation,
    pub(super) key: ObjectKey,
    pub(super) commit_id: CommitId,
    pub(super) fact: &'a (dyn Fn(&Bucket, &mut ObjectRecord) -> Result<(), S3Error> + Sync),
}

#[async_trait]
impl Plan for ChangedFacts<'_> {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn plan<'p>(&'p self, seen: &'p Seen) -> Result<Step<'p>, S3Error> {
        let mut changed = object(seen.head.row())
            .ok_or_else(|| no_such_key(&self.key))?
            .clone();
        (self.fact)(&seen.bucket, &mut changed)?;
        changed.commit_id = self.commit_id;
        Ok(Step::Change(Change::put(Cow::Owned(changed), Expected::Seen)))
    }

    fn refused(&self, _: Option<&ObjectRecord>) -> S3Error {
        no_such_key(&self.key)
    }

    async fn look(&self, context: &Context, seen: Seen) -> Result<Seen, S3Error> {
        let target = Target {
            bucket: seen.bucket.name,
            key: self.key.clone(),
        };
        let (bucket, object) = open_object(context, self.caller, self.operation, &target).await?;
        Ok(Seen::new(bucket, Head::Read(Some(object))))
    }
}
