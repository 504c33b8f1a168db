//! RenameObject: one change of the metadata store. No bytes move.

use futures_util::future::try_join;
use sha2::{Digest, Sha256};

use super::access::{Action, no_such_bucket};
use super::commit::{
    Guarded, exactly, failed_write_condition, guard, is_current, pause, retire, retire_seen,
};
use super::free::free_superseded;
use super::{Caller, Context};
use crate::model::{
    Bucket, BucketName, CommitId, ErrorCode, Manifest, ObjectKey, ObjectKind, ObjectRecord, Owner, S3Error,
    WriteCondition,
};
use crate::ports::{CommitOutcome, Entropy, RenameOutcome, StoreErrorKind, new_id};

/// How often a rename whose objects change under it looks again.
const ATTEMPTS: u32 = 8;

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
    fn commit_id(self, entropy: &dyn Entropy) -> CommitId {
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
    caller.admit(Action::RenameObject)?;
    for attempt in 0..ATTEMPTS {
        if try_rename(context, caller, &input).await? {
            return Ok(());
        }
        pause(context, attempt).await;
    }
    Err(ErrorCode::SlowDown.into())
}

/// Returns false when one of the two objects changed meanwhile.
async fn try_rename(context: &Context, caller: &Caller, input: &RenameObject<'_>) -> Result<bool, S3Error> {
    let metadata = &context.ports.metadata;
    let (key, second) = match input.sources.as_slice() {
        [key, rest @ ..] => (key, rest.first()),
        [] => (&input.destination, None),
    };
    let lookups = try_join(
        metadata.lookup(&input.bucket, key),
        metadata.lookup(&input.bucket, &input.destination),
    );
    let (source, found) = lookups.await?;
    let (key, source) = match second {
        Some(second) if !is_object(&source.object) && !is_object(&found.object) => {
            (second, metadata.lookup(&input.bucket, second).await?.object)
        }
        _ => (key, source.object),
    };
    let bucket = caller.open(Action::RenameObject, &input.bucket, found.bucket)?;
    let seen = found.object;
    if let (Some(token), Some(seen)) = (input.token, &seen)
        && token.made(seen.commit_id)?
    {
        return Ok(true);
    }
    let source = caller.object(Action::RenameObject, &bucket, source, key)?;
    caller.may_replace(&bucket, Some(&source))?;
    (input.check_source)(&source)?;
    let wanted = wanted_of_destination(caller, &bucket, input, seen.as_ref())?;
    let entropy = context.ports.entropy.as_ref();
    let record = ObjectRecord {
        key: input.destination.clone(),
        commit_id: match input.token {
            Some(token) => token.commit_id(entropy),
            None => new_id(entropy, CommitId::from_bytes),
        },
        ..source.clone()
    };
    if record.key == source.key {
        return Ok(true);
    }
    let retired = retire_seen(context, seen.as_ref(), &wanted).await?;
    if !matches!(source.manifest, Manifest::Inline(_)) {
        retire(context, &source).await?;
    }
    match metadata.rename(&bucket, &source, &record, &wanted, retired).await {
        Ok(RenameOutcome::Destination(CommitOutcome::Committed { superseded })) => {
            free_superseded(context, superseded.as_ref(), Some(&record.manifest)).await;
            Ok(true)
        }
        Ok(RenameOutcome::Destination(CommitOutcome::ConditionFailed { .. }))
            if wanted == input.condition =>
        {
            Err(failed_write_condition(&wanted))
        }
        Ok(RenameOutcome::Destination(CommitOutcome::NoSuchBucket)) => Err(no_such_bucket(&bucket.name)),
        Ok(RenameOutcome::SourceChanged | RenameOutcome::Destination(_)) => Ok(false),
        Err(error)
            if error.kind == StoreErrorKind::Timeout && is_current(context, &bucket, &record).await =>
        {
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

fn is_object(record: &Option<ObjectRecord>) -> bool {
    record
        .as_ref()
        .is_some_and(|record| record.kind == ObjectKind::Object)
}

/// The condition under which the destination, where `seen` was, is replaced.
fn wanted_of_destination(
    caller: &Caller,
    bucket: &Bucket,
    input: &RenameObject<'_>,
    seen: Option<&ObjectRecord>,
) -> Result<WriteCondition, S3Error> {
    let Guarded::By(wanted) = guard(caller, bucket, &input.condition, seen)? else {
        return Err(failed_write_condition(&input.condition));
    };
    let seen = seen.filter(|object| object.kind == ObjectKind::Object);
    let holds = wanted.holds(seen.map(|object| (&object.etag, object.commit_id)));
    match input.check_destination {
        _ if !holds => Err(failed_write_condition(&input.condition)),
        None => Ok(wanted),
        Some(check) => check(seen).map(|()| exactly(seen)),
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
