//! RenameObject: one change of the metadata store. No bytes move.

use std::borrow::Cow;

use async_trait::async_trait;
use futures_util::future::try_join;
use sha2::{Digest, Sha256};

use super::access::{On, no_such_key};
use super::edit::{
    Change, Expected, Head, Plan, Seen, SeenSource, Step, change, expected, failed_write_condition, object,
};
use super::events::Asked;
use super::{Caller, Context};
use crate::model::{
    BucketName, CommitId, ErrorCode, ObjectKey, ObjectRecord, Operation, Owner, S3Error, WriteCondition,
};
use crate::ports::{Entropy, new_id};

/// Decides on the object under a key, or on there being none.
pub type DecidesOnDestination<'a> = dyn Fn(Option<&ObjectRecord>) -> Result<(), S3Error> + Sync + 'a;

/// What RenameObject is asked.
pub struct RenameObject<'a> {
    /// The bucket of both keys.
    pub bucket: BucketName,
    /// The key that the object has. Clients write it in two ways, so there may be a second one, which is meant where there
    /// is no object under the first, and none under the destination either: a request that is repeated must not rename
    /// another object over the one that it has renamed.
    pub sources: Vec<ObjectKey>,
    /// The key that it shall have.
    pub destination: ObjectKey,
    /// Decides the request's conditions about the object.
    pub check_source: &'a (dyn Fn(&ObjectRecord) -> Result<(), S3Error> + Sync),
    /// Decides conditions about what is under the destination that no store can; `None` where there are none.
    pub check_destination: Option<&'a DecidesOnDestination<'a>>,
    /// What must hold of the destination at the moment of the change.
    pub condition: WriteCondition,
    /// What makes a repeated request known.
    pub token: Option<ClientToken>,
}

/// The client token of a request, and the request.
///
/// It is kept in the commit id of the record that the rename makes, beside bytes that are fresh. So a repeated request is
/// known for as long as that record is under the destination.
#[derive(Clone, Copy, Debug)]
pub struct ClientToken {
    token: [u8; Self::TOKEN],
    request: [u8; Self::REQUEST],
}

impl ClientToken {
    const TOKEN: usize = 6;
    const REQUEST: usize = 5;

    /// The token that `account` sent with a request, all of whose other parameters are in `request`.
    pub fn new(account: &Owner, token: &str, request: &str) -> Self {
        Self {
            token: first_bytes(&format!("{} {token}", account.id)),
            request: first_bytes(request),
        }
    }

    /// A fresh commit id for what this request makes.
    pub(super) fn commit_id(self, entropy: &dyn Entropy) -> CommitId {
        new_id(entropy, |mut bytes| {
            let (token, rest) = bytes.split_at_mut(Self::TOKEN);
            token.copy_from_slice(&self.token);
            rest[..Self::REQUEST].copy_from_slice(&self.request);
            CommitId::from_bytes(bytes)
        })
    }

    /// Whether a request with this token made that commit; `IdempotencyParameterMismatch` if that was another request.
    fn made(self, commit: CommitId) -> Result<bool, S3Error> {
        let (token, rest) = commit.as_bytes().split_at(Self::TOKEN);
        match (token == self.token, rest.starts_with(&self.request)) {
            (true, false) => Err(ErrorCode::IdempotencyParameterMismatch.into()),
            (token, _) => Ok(token),
        }
    }
}

fn first_bytes<const N: usize>(text: &str) -> [u8; N] {
    let digest = Sha256::digest(text.as_bytes());
    std::array::from_fn(|index| digest[index])
}

/// Gives an object another key: with everything that belongs to it, its time too. What was under that key is replaced.
///
/// The object's manifest is retired first: a collection that reads all keys in their order may meet neither the one nor the
/// other.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RenameObject.html>
pub async fn rename_object(
    context: &Context,
    caller: &Caller,
    input: RenameObject<'_>,
) -> Result<(), S3Error> {
    caller.admit(Operation::RenameObject)?;
    let entropy = context.ports.entropy.as_ref();
    let plan = Rename {
        caller,
        input: &input,
        commit_id: match input.token {
            Some(token) => token.commit_id(entropy),
            None => new_id(entropy, CommitId::from_bytes),
        },
    };
    let seen = plan.find(context).await?;
    change(context, seen, &plan).await?;
    Ok(())
}

/// Puts an object under another key.
pub(super) struct Rename<'a> {
    pub(super) caller: &'a Caller,
    pub(super) input: &'a RenameObject<'a>,
    pub(super) commit_id: CommitId,
}

impl Rename<'_> {
    /// What is under both keys.
    async fn find(&self, context: &Context) -> Result<Seen, S3Error> {
        let (metadata, input) = (&context.ports.metadata, self.input);
        let (key, second) = match input.sources.as_slice() {
            [key, rest @ ..] => (key, rest.first()),
            [] => (&input.destination, None),
        };
        let lookups = try_join(
            metadata.lookup(&input.bucket, key),
            metadata.lookup(&input.bucket, &input.destination),
        );
        let (source, found) = lookups.await?;
        let (key, row) = match second {
            Some(second)
                if object(source.object.as_ref())
                    .or(object(found.object.as_ref()))
                    .is_none() =>
            {
                (second, metadata.lookup(&input.bucket, second).await?.object)
            }
            _ => (key, source.object),
        };
        let on = On::key(&input.bucket, &input.destination);
        let operation = Operation::RenameObject;
        let bucket = self.caller.open(context, operation, on, found.bucket).await?;
        let by_policy = self.caller.may_move(context, &bucket, key, row.as_ref());
        Ok(Seen {
            source: Some(SeenSource {
                key: key.clone(),
                row,
                by_policy,
            }),
            ..Seen::opened(bucket, Head::Read(found.object))
        })
    }
}

#[async_trait]
impl Plan for Rename<'_> {
    fn key(&self) -> &ObjectKey {
        &self.input.destination
    }

    fn asked(&self) -> Option<Asked<'_>> {
        Some(Asked {
            caller: self.caller,
            operation: Operation::RenameObject,
        })
    }

    fn plan<'p>(&'p self, seen: &'p Seen) -> Result<Step<'p>, S3Error> {
        let (caller, input, bucket) = (self.caller, self.input, &seen.bucket);
        if bucket.versioning.is_some() {
            return Err(S3Error::not_implemented(
                "RenameObject in buckets that keep or kept versions",
            ));
        }
        let (Some(from), head) = (&seen.source, seen.head.row()) else {
            return Ok(Step::Look);
        };
        if let (Some(token), Some(head)) = (input.token, head)
            && token.made(head.commit_id)?
        {
            return Ok(Step::Done);
        }
        let by_policy = from.by_policy.clone()?;
        let source = object(from.row.as_ref()).ok_or_else(|| no_such_key(&from.key))?;
        if !by_policy {
            caller.may_replace(bucket, Some(source))?;
        }
        (input.check_source)(source)?;
        let Some(expect) = self.expected_at_destination(seen)? else {
            return Ok(Step::Look);
        };
        if source.key == input.destination {
            return Ok(Step::Done);
        }
        let record = ObjectRecord {
            key: input.destination.clone(),
            commit_id: self.commit_id,
            ..source.clone()
        };
        Ok(Step::Change(Change {
            source: Some(source),
            ..Change::put(Cow::Owned(record), expect)
        }))
    }

    fn refused(&self, _: Option<&ObjectRecord>) -> S3Error {
        failed_write_condition(&self.input.condition)
    }

    async fn look(&self, context: &Context, _: Seen) -> Result<Seen, S3Error> {
        self.find(context).await
    }
}

impl Rename<'_> {
    /// What must be under the destination for the object there to be replaced.
    fn expected_at_destination(&self, seen: &Seen) -> Result<Option<Expected<'_>>, S3Error> {
        let condition = &self.input.condition;
        let expect = expected(self.caller, condition, seen, |row| self.refused(row))?;
        let found = object(seen.head.row());
        if !condition.holds(found.map(|object| &object.etag)) {
            return Err(self.refused(found));
        }
        match self.input.check_destination {
            None => Ok(expect),
            Some(check) => check(found).map(|()| Some(Expected::Seen)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts up.
    struct Counter(std::sync::atomic::AtomicU8);

    impl Entropy for Counter {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn account(id: &str) -> Owner {
        Owner {
            id: id.to_owned(),
            display_name: String::new(),
        }
    }

    #[test]
    fn a_commit_is_known_by_its_token_and_refused_to_another_request() {
        let entropy = Counter(0.into());
        let token = ClientToken::new(&account("a"), "token", "request");
        let (first, second) = (token.commit_id(&entropy), token.commit_id(&entropy));
        assert_ne!(first, second, "each commit has an id of its own");
        for commit in [first, second] {
            assert!(token.made(commit).unwrap());
            let other_request = ClientToken::new(&account("a"), "token", "another");
            let refused = other_request.made(commit).unwrap_err();
            assert_eq!(refused.code, ErrorCode::IdempotencyParameterMismatch);
            for stranger in [
                ClientToken::new(&account("a"), "another", "request"),
                ClientToken::new(&account("b"), "token", "request"),
            ] {
                assert!(!stranger.made(commit).unwrap());
            }
        }
    }
}
