//! What a change tells, in a bucket that notifies.

use std::collections::HashSet;

use crate::model::{
    Bucket, BucketName, DestinationName, DocumentKind, EventFacts, EventId, EventName, EventRow,
    NotificationConfiguration, ObjectKey, ObjectKind, ObjectRecord, Operation, S3Error, VersionName,
};
use crate::ops::{Caller, Context, bucket_document};
use crate::ports::new_id;
use crate::rows::read_stored;

/// Who asked for a change, and by which operation.
#[derive(Clone, Copy)]
pub(in crate::ops) struct Asked<'a> {
    pub(in crate::ops) caller: &'a Caller,
    pub(in crate::ops) operation: Operation,
}

/// What one change tells, however often it is tried: the ids of its events stay.
pub(in crate::ops) struct Told<'a> {
    asked: Option<Asked<'a>>,
    ids: Option<[u8; 16]>,
}

/// Something that happens to an object.
struct Happening<'a> {
    name: EventName,
    key: &'a ObjectKey,
    /// The object as it is from then on; `None` where it is gone.
    record: Option<&'a ObjectRecord>,
    /// The version, where it is known before.
    version: Option<VersionName>,
}

/// Whether changes in a bucket may tell something.
pub(in crate::ops) fn notifies(bucket: &Bucket) -> bool {
    bucket.documents.get(DocumentKind::Notification).is_some()
}

impl<'a> Told<'a> {
    /// Of what was asked for; of nothing that is told, without it.
    pub(in crate::ops) const fn of(asked: Option<Asked<'a>>) -> Self {
        Self { asked, ids: None }
    }

    /// What is told of a record that is put, or of a key that is left empty, and of the source of a rename. A bucket that
    /// does not notify is asked nothing more. `version` is that of a record which stays the version that it was.
    pub(in crate::ops) async fn of_change(
        &mut self,
        context: &Context,
        bucket: &Bucket,
        (key, record): (&ObjectKey, Option<&ObjectRecord>),
        (version, source): (Option<VersionName>, Option<&ObjectRecord>),
    ) -> Result<Vec<EventRow>, S3Error> {
        let Some(asked) = self.asked.filter(|_| notifies(bucket)) else {
            return Ok(Vec::new());
        };
        let changed = name_of(asked.operation, record).map(|name| Happening {
            name,
            key,
            record: record.filter(|_| name != EventName::MarkerCreated),
            version: version.filter(|_| bucket.versioning.is_some()),
        });
        let moved = source.map(|source| Happening {
            name: EventName::Removed,
            key: &source.key,
            record: None,
            version: None,
        });
        let happenings: Vec<_> = changed.into_iter().chain(moved).collect();
        self.rows(context, bucket, &happenings).await
    }

    /// What is told of versions that go.
    pub(in crate::ops) async fn of_removal(
        &mut self,
        context: &Context,
        bucket: &Bucket,
        key: &ObjectKey,
        names: &[VersionName],
    ) -> Result<Vec<EventRow>, S3Error> {
        if self.asked.is_none() || !notifies(bucket) {
            return Ok(Vec::new());
        }
        let happening = |name: &VersionName| Happening {
            name: EventName::Removed,
            key,
            record: None,
            version: Some(*name),
        };
        // A request may name one twice.
        let mut named = HashSet::new();
        let once = names.iter().filter(|name| named.insert(**name));
        let happenings: Vec<_> = once.map(happening).collect();
        self.rows(context, bucket, &happenings).await
    }

    async fn rows(
        &mut self,
        context: &Context,
        bucket: &Bucket,
        happenings: &[Happening<'_>],
    ) -> Result<Vec<EventRow>, S3Error> {
        let Some(asked) = self.asked else {
            return Ok(Vec::new());
        };
        let Some(stored) = bucket_document(context, bucket, DocumentKind::Notification).await? else {
            return Ok(Vec::new());
        };
        let configuration: NotificationConfiguration = read_stored(&stored)?;
        let ids = *self
            .ids
            .get_or_insert_with(|| new_id(context.ports.entropy.as_ref(), |bytes| bytes));
        let mut rows = Vec::new();
        for happening in happenings {
            let key = happening.key.as_str();
            let rules = configuration.of(happening.name, key);
            let to = rules.map(|rule| (rule.destination.clone(), Some(rule.id.clone())));
            let bridge = configuration.event_bridge.then(DestinationName::event_bridge);
            for (destination, rule) in to.chain(bridge.map(|bridge| (bridge, None))) {
                let facts = EventFacts {
                    rule,
                    ..facts(context, asked.caller, bucket, happening.record)
                };
                rows.push(EventRow {
                    id: nth_id(ids, rows.len()),
                    destination,
                    dead: false,
                    sequence: 0,
                    bucket: bucket.id,
                    key: happening.key.clone(),
                    version: happening.version,
                    name: happening.name,
                    retried: None,
                    facts,
                });
            }
        }
        Ok(rows)
    }
}

/// The id of the event of that number of a change.
fn nth_id(mut ids: [u8; 16], number: usize) -> EventId {
    let number = u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
    ids[14] ^= number[0];
    ids[15] ^= number[1];
    EventId::from_bytes(ids)
}

/// What an operation's change of a record is called; `None` for what is not told.
fn name_of(operation: Operation, record: Option<&ObjectRecord>) -> Option<EventName> {
    match (operation, record) {
        (Operation::PutObjectTagging, _) => Some(EventName::TaggingPut),
        (Operation::DeleteObjectTagging, _) => Some(EventName::TaggingDeleted),
        (Operation::PutObjectAcl, _) => Some(EventName::AclPut),
        (_, None) => Some(EventName::Removed),
        (_, Some(record)) if record.kind == ObjectKind::DeleteMarker => Some(EventName::MarkerCreated),
        (Operation::PutObject, _) => Some(EventName::CreatedByPut),
        (Operation::PostObject, _) => Some(EventName::CreatedByPost),
        (Operation::CopyObject | Operation::RenameObject, _) => Some(EventName::CreatedByCopy),
        (Operation::CompleteMultipartUpload, _) => Some(EventName::CreatedByCompletion),
        _ => None,
    }
}

fn facts(context: &Context, caller: &Caller, bucket: &Bucket, record: Option<&ObjectRecord>) -> EventFacts {
    let owner = &caller.owner;
    EventFacts {
        rule: None,
        time: context.ports.clock.now(),
        region: bucket.region.clone(),
        bucket_name: BucketName::clone(&bucket.name),
        bucket_owner: bucket.owner.id.clone(),
        requester: match owner.is_anonymous() {
            true => "Anonymous".to_owned(),
            false => match &caller.identity.user {
                Some(user) => format!("AWS:{}:{user}", owner.id),
                None => format!("AWS:{}", owner.id),
            },
        },
        source: caller.facts.client_address(),
        request_id: caller.facts.request_id().to_owned(),
        size: record.map(|record| record.size),
        etag: record.map(|record| record.etag.as_str().trim_matches('"').to_owned()),
    }
}
