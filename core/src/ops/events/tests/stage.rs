//! A bucket in memory in which all operations are done, and what they tell.

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::*;
use crate::model::{
    Acl, Bucket, DestinationForm, DocumentKind, NotificationConfiguration, NotificationRule, ObjectHeaders,
    Operation, RequestedAcl, StoredDocument, Tags, VersionName, Versioning, WriteCondition,
};
use crate::ops::put::Incoming;
use crate::ops::tests::scene::{Scene, account, caller};
use crate::ops::{
    Caller, Context, Deletion, Pairing, PutObject, Target, delete_object, delete_objects, open_bucket,
    put_object,
};

pub(super) const BODY: &str = "the body";

/// A bucket, and who does everything there: its owner.
pub(super) struct Stage {
    pub(super) bed: Bed,
    pub(super) context: Context,
    pub(super) caller: Caller,
    pub(super) bucket: Bucket,
}

pub(super) fn rule(
    id: &str,
    events: &[&str],
    prefix: Option<&str>,
    suffix: Option<&str>,
) -> NotificationRule {
    NotificationRule {
        id: id.to_owned(),
        form: DestinationForm::Queue,
        arn: "arn:aws:sqs:us-east-1::queue".to_owned(),
        destination: destination(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        prefix: prefix.map(str::to_owned),
        suffix: suffix.map(str::to_owned),
    }
}

/// All events.
pub(super) fn all() -> NotificationConfiguration {
    let kinds = [
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:ObjectTagging:*",
        "s3:ObjectAcl:Put",
    ];
    NotificationConfiguration {
        rules: vec![rule("all", &kinds, None, None)],
        event_bridge: false,
    }
}

impl Stage {
    pub(super) async fn new(
        notifies: Option<&NotificationConfiguration>,
        versioning: Option<Versioning>,
    ) -> Self {
        let bed = Bed::new();
        let mut bucket = Scene::new(Acl::default(), Acl::default()).bucket;
        bucket.versioning = versioning;
        let document = notifies.map(|said| StoredDocument::Inline(serde_json::to_value(said).unwrap()));
        bucket.set_document(DocumentKind::Notification, document);
        bed.ports.metadata.create_bucket(&bucket).await.unwrap();
        Self {
            context: Context::new(bed.ports.clone(), Pairing::Matched),
            caller: caller(account('b')),
            bucket,
            bed,
        }
    }

    pub(super) fn target(&self, key: &str) -> Target {
        Target {
            bucket: self.bucket.name.clone(),
            key: ObjectKey::new(key).unwrap(),
            version: None,
        }
    }

    pub(super) fn body(&self) -> Incoming {
        let bytes = stream::iter([Ok(Bytes::from_static(BODY.as_bytes()))]).boxed();
        Incoming::of_stored(&self.context, bytes, BODY.len() as u64, None)
    }

    pub(super) async fn put(&self, key: &str) -> Option<VersionName> {
        self.put_by(key, Operation::PutObject).await
    }

    pub(super) async fn put_by(&self, key: &str, operation: Operation) -> Option<VersionName> {
        let input = PutObject {
            operation,
            target: self.target(key),
            headers: ObjectHeaders::default(),
            acl: RequestedAcl::default(),
            tags: Tags::default(),
            body: self.body(),
            condition: WriteCondition::Any,
        };
        let put = put_object(&self.context, &self.caller, input).await;
        put.map(|put| put.version).unwrap()
    }

    pub(super) async fn delete(&self, key: &str, version: Option<VersionName>) -> Option<VersionName> {
        let target = Target {
            version,
            ..self.target(key)
        };
        let deleted = delete_object(&self.context, &self.caller, &target, &WriteCondition::Any).await;
        deleted.unwrap().version
    }

    pub(super) async fn delete_all(&self, deletions: &[(&str, Option<VersionName>)]) {
        let operation = Operation::DeleteObjects;
        let bucket = open_bucket(&self.context, &self.caller, operation, &self.bucket.name).await;
        let deletion = |(key, version): &(&str, Option<VersionName>)| Deletion {
            key: ObjectKey::new(*key).unwrap(),
            version: *version,
            condition: WriteCondition::Any,
        };
        let deletions = deletions.iter().map(deletion).collect();
        let done = delete_objects(&self.context, &self.caller, &bucket.unwrap(), deletions).await;
        assert!(done.unwrap().iter().all(|(_, done)| done.is_ok()));
    }

    /// What was told since this was last asked: the event, the key and the version.
    pub(super) async fn told(&self) -> Vec<(EventName, String, Option<VersionName>)> {
        let rows = self.rows().await;
        rows.into_iter()
            .map(|row| (row.name, row.key.to_string(), row.version))
            .collect()
    }

    pub(super) async fn rows(&self) -> Vec<EventRow> {
        let rows = self.bed.rows(false).await;
        self.bed.ports.metadata.remove_events(&rows).await.unwrap();
        rows
    }
}
