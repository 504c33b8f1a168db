//! What comes back, against a list of what was written.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::{
    ObjectKind, ObjectRecord, Operation, Timestamp, VersionName, Versioning, WriteCondition,
};
use bleepstore_core::ops::{
    Progress, Target, UndeleteOptions, delete_object, open_bucket, put_bucket_versioning, undelete,
};
use bleepstore_core::ports::{Clock, VersionRange};
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::{Deployment, name, target};
use proptest::prelude::*;
use proptest::sample::Index;

use super::check;

/// How long a body may be that lies in its record.
const INLINE: usize = 8;

const KEYS: [&str; 3] = ["a", "a/b", "c"];

/// Bodies that a store takes inside a record, and one that it does not. Few, so that some are written twice.
const BODIES: [&str; 3] = ["", "inline", "longer than eight bytes"];

#[derive(Clone, Debug)]
enum Step {
    Put(usize, usize),
    Delete(usize),
    /// One of the versions of a key goes for good.
    Remove(usize, Index),
    Keep(Versioning),
    /// Time passes: where it does not, several things are done in one moment.
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS.len();
    prop_oneof![
        6 => (key(), 0..BODIES.len()).prop_map(|(key, body)| Step::Put(key, body)),
        4 => key().prop_map(Step::Delete),
        1 => (key(), any::<Index>()).prop_map(|(key, version)| Step::Remove(key, version)),
        1 => prop::sample::select(vec![Versioning::Enabled, Versioning::Suspended]).prop_map(Step::Keep),
        6 => Just(Step::Wait),
    ]
}

/// A version as the model has it: when it was written, whether it is `null`, and what it holds; a marker holds nothing.
type Written = (Timestamp, bool, Option<Content>);

/// A body, and which blob has it: none where it lies in the record. Two writes of the same bytes to blobs are told apart.
type Content = (&'static str, Option<u64>);

/// What there is, the newest last.
struct Model {
    keeps: Versioning,
    keys: [Vec<Written>; 3],
    blobs: u64,
}

impl Model {
    fn write(&mut self, key: usize, now: Timestamp, body: Option<&'static str>) {
        let null = self.keeps == Versioning::Suspended;
        if null {
            self.keys[key].retain(|(_, null, _)| !null);
        }
        self.blobs += 1;
        let content = body.map(|body| (body, (body.len() > INLINE).then_some(self.blobs)));
        self.keys[key].push((now, null, content));
    }

    /// What comes back: nothing where nothing was written since, or there was no object.
    fn back(&self, key: usize, since: Timestamp) -> Option<Content> {
        let newest = self.keys[key].last().filter(|(written, ..)| *written > since)?;
        let then = self.keys[key].iter().rfind(|(written, ..)| *written <= since)?;
        then.2.filter(|_| newest.2 != then.2)
    }
}

struct World {
    store: Deployment,
    model: Model,
}

impl World {
    async fn new() -> Self {
        let store = Deployment::in_memory(INLINE as u64, 4, Arc::new(PassThrough)).await;
        store.create_bucket("bucket").await.unwrap();
        let mut world = Self {
            store,
            model: Model {
                keeps: Versioning::Enabled,
                keys: Default::default(),
                blobs: 0,
            },
        };
        world.keep(Versioning::Enabled).await;
        world
    }

    async fn keep(&mut self, versioning: Versioning) {
        let (context, caller) = (&self.store.context, &self.store.caller);
        let operation = Operation::PutBucketVersioning;
        let bucket = open_bucket(context, caller, operation, &name("bucket")).await;
        put_bucket_versioning(context, caller, bucket.unwrap(), versioning)
            .await
            .unwrap();
        self.model.keeps = versioning;
    }

    /// The versions of a key, the newest last.
    async fn rows(&self, key: usize) -> Vec<ObjectRecord> {
        let bucket = self.store.bucket_row("bucket").await.unwrap();
        let key = target("bucket", KEYS[key]).key;
        let found = self
            .store
            .metadata
            .key_versions(VersionRange::newest(&bucket, &key, 1_000))
            .await;
        let found = found.unwrap();
        let mut rows: Vec<_> = found.head.into_iter().chain(found.versions).collect();
        rows.reverse();
        rows
    }

    async fn take(&mut self, step: Step) {
        let now = self.store.clock.now();
        match step {
            Step::Put(key, body) => {
                self.store.put("bucket", KEYS[key], BODIES[body]).await.unwrap();
                self.model.write(key, now, Some(BODIES[body]));
            }
            Step::Delete(key) => {
                self.store.delete("bucket", KEYS[key]).await.unwrap();
                self.model.write(key, now, None);
            }
            Step::Remove(key, index) => {
                if !self.model.keys[key].is_empty() {
                    let place = index.index(self.model.keys[key].len());
                    let version = Some(self.rows(key).await[place].version_name());
                    let target = Target {
                        version,
                        ..target("bucket", KEYS[key])
                    };
                    let (context, caller) = (&self.store.context, &self.store.caller);
                    delete_object(context, caller, &target, &WriteCondition::Any)
                        .await
                        .unwrap();
                    self.model.keys[key].remove(place);
                }
            }
            Step::Keep(versioning) => self.keep(versioning).await,
            Step::Wait => self.store.clock.advance(Duration::from_millis(1)),
        }
    }

    /// Brings back what was current then, and says how many.
    async fn undelete(&self, since: Timestamp) -> u64 {
        let options = UndeleteOptions {
            bucket: name("bucket"),
            prefix: String::new(),
            since,
            dry_run: false,
        };
        let ports = &self.store.context.ports;
        let done = undelete(ports, &options, &Progress::default(), &mut |_| {}).await;
        done.unwrap().brought_back
    }

    async fn names(&self, key: usize) -> Vec<VersionName> {
        self.rows(key)
            .await
            .iter()
            .map(ObjectRecord::version_name)
            .collect()
    }
}

/// Whatever was done, in whatever state the bucket is: each key is as it was, as far as that is left; each version and
/// marker is where it was; and doing it again writes nothing.
#[test]
fn what_was_current_is_current_again_and_no_version_goes() {
    let inputs = (prop::collection::vec(step(), 1..40), any::<Index>());
    check(inputs, async |(steps, moment)| {
        let mut world = World::new().await;
        let began = world.store.clock.now();
        for step in steps {
            world.take(step).await;
        }
        let ended = world.store.clock.now();
        let moments = usize::try_from(ended.millis() - began.millis()).unwrap() + 1;
        let since = began.plus(Duration::from_millis(moment.index(moments) as u64));
        world.store.clock.advance(Duration::from_millis(1));
        let mut before = Vec::new();
        for key in 0..KEYS.len() {
            before.push(world.names(key).await);
        }
        let wanted: Vec<_> = (0..KEYS.len()).map(|key| world.model.back(key, since)).collect();
        let count = wanted.iter().flatten().count() as u64;
        assert_eq!(world.undelete(since).await, count);
        for (key, (wanted, before)) in wanted.iter().zip(&before).enumerate() {
            let rows = world.rows(key).await;
            let after = world.names(key).await;
            assert!(after.starts_with(before), "{after:?} after {before:?}");
            assert_eq!(after.len() - before.len(), usize::from(wanted.is_some()));
            let current = wanted.or_else(|| world.model.keys[key].last().and_then(|newest| newest.2));
            let head = rows.last().filter(|row| row.kind == ObjectKind::Object);
            assert_eq!(head.is_some(), current.is_some());
            if let Some((body, _)) = current {
                assert_eq!(world.store.get("bucket", KEYS[key]).await.unwrap(), body);
            }
        }
        assert_eq!(world.undelete(since).await, 0);
    });
}
