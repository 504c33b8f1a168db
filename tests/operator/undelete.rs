//! What `undelete` brings back, what it leaves alone, and what of it is left when it breaks off.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::model::{
    CannedAcl, CommitId, ObjectKind, ObjectRecord, RequestedAcl, Timestamp, VersionName, Versioning,
    WriteCondition,
};
use bleepstore_core::ops::{
    GcOptions, Progress, Target, UndeleteError, UndeleteOptions, UndeleteReport, Undeleted, collect_round,
    delete_object, undelete,
};
use bleepstore_core::ports::{Clock, Ports, StoreErrorKind};
use bleepstore_tests::clock::SkippingClock;
use bleepstore_tests::decorators::{
    Faults, Gate, Held, Interceptor, PassThrough, Verdict, intercepted_metadata,
};
use bleepstore_tests::deployment::{Deployment, name, target};
use bleepstore_tests::samples::NOW;
use tokio::task::JoinHandle;

use super::versions::{is_whole, of_key, set};
use super::{fill, reads_back_whole, small};

const MINUTE: Duration = Duration::from_secs(60);
const LARGE: &str = "more bytes than this store takes inside a record";

fn options(prefix: &str, since: Timestamp) -> UndeleteOptions {
    UndeleteOptions {
        bucket: name("photos"),
        prefix: prefix.to_owned(),
        since,
        dry_run: false,
    }
}

async fn done(ports: &Ports, options: &UndeleteOptions) -> (UndeleteReport, Vec<Undeleted>) {
    let mut told = Vec::new();
    let mut each = |one| told.push(one);
    let report = undelete(ports, options, &Progress::default(), &mut each).await;
    (report.unwrap(), told)
}

/// Brings back what was current in the bucket `photos`.
async fn bring_back(store: &Deployment, since: Timestamp) -> UndeleteReport {
    done(&store.context.ports, &options("", since)).await.0
}

/// The time, after which it is a minute later.
fn minute(store: &Deployment) -> Timestamp {
    let now = store.clock.now();
    store.clock.advance(MINUTE);
    now
}

/// A bucket that keeps versions.
async fn keeping() -> Deployment {
    let store = small().await;
    store.create_bucket("photos").await.unwrap();
    set(&store, "photos", Versioning::Enabled).await;
    store
}

/// The names of a key's versions, the current one first.
async fn names(store: &Deployment, key: &str) -> Vec<VersionName> {
    rows(store, key)
        .await
        .iter()
        .map(ObjectRecord::version_name)
        .collect()
}

async fn rows(store: &Deployment, key: &str) -> Vec<ObjectRecord> {
    let found = of_key(&store.context.ports, key).await;
    found.head.into_iter().chain(found.versions).collect()
}

/// Removes a version of the key `key` for good.
async fn remove(store: &Deployment, version: VersionName) {
    let target = Target {
        version: Some(version),
        ..target("photos", "key")
    };
    delete_object(&store.context, &store.caller, &target, &WriteCondition::Any)
        .await
        .unwrap();
}

/// All that is said of an object and its bytes, and not which version of it this is.
fn content(record: ObjectRecord) -> ObjectRecord {
    let mut record = record;
    (record.shared, record.version, record.last_modified) = (false, None, NOW);
    record.commit_id = CommitId::from_bytes([0; 16]);
    record
}

/// Everything that an object can be, deleted or overwritten: empty, inline, a copy and its source, of many parts.
#[tokio::test]
async fn objects_of_every_kind_come_back_with_all_that_was_said_of_them() {
    const KEYS: [&str; 5] = ["nothing", "inline", "a/é", "copy", "many parts"];
    let store = small().await;
    let open = fill(&store).await;
    set(&store, "photos", Versioning::Enabled).await;
    let acl = RequestedAcl::Canned(CannedAcl::PublicRead);
    store.put_object_acl("photos", "copy", acl).await.unwrap();
    let then = minute(&store);
    let mut wanted = Vec::new();
    for key in KEYS {
        wanted.push(content(store.object("photos", key).await.unwrap()));
    }
    for key in ["nothing", "a/é", "copy"] {
        store.delete("photos", key).await.unwrap();
    }
    for key in ["inline", "many parts"] {
        store.put("photos", key, LARGE).await.unwrap();
    }
    let before: Vec<_> = [names(&store, "a/é").await, names(&store, "many parts").await].concat();

    let report = bring_back(&store, then).await;
    assert_eq!((report.keys, report.brought_back, report.failed), (5, 5, 0));
    for (key, wanted) in KEYS.iter().zip(wanted) {
        assert_eq!(
            content(store.object("photos", key).await.unwrap()),
            wanted,
            "{key}"
        );
    }
    // Each version and each marker is where it was, under one more.
    let (one, other) = (names(&store, "a/é").await, names(&store, "many parts").await);
    assert_eq!([&one[1..], &other[1..]].concat(), before);
    is_whole(&store.context.ports).await;
    let collected = GcOptions {
        grace: Duration::ZERO,
        exclusive: true,
        force: true,
        ..GcOptions::default()
    };
    store.clock.advance(super::LONG);
    collect_round(&store.context.ports, &collected).await.unwrap();
    is_whole(&store.context.ports).await;
    reads_back_whole(&store, open).await;
}

/// Bytes that a version shares with what was brought back stay when either goes for good.
#[tokio::test]
async fn what_came_back_and_what_it_was_made_of_can_go_on_their_own() {
    let store = keeping().await;
    store.put("photos", "key", LARGE).await.unwrap();
    let then = minute(&store);
    store.delete("photos", "key").await.unwrap();
    bring_back(&store, then).await;
    let first = names(&store, "key").await[2];
    remove(&store, first).await;
    assert_eq!(store.get("photos", "key").await.unwrap(), LARGE);
    is_whole(&store.context.ports).await;
}

#[tokio::test]
async fn what_did_not_change_and_what_was_not_there_is_left_alone_and_counted() {
    let store = keeping().await;
    for key in ["a/kept", "a/gone", "a/gone before", "b/gone"] {
        store.put("photos", key, "body").await.unwrap();
    }
    store.delete("photos", "a/gone before").await.unwrap();
    let then = minute(&store);
    store.put("photos", "a/new", "new").await.unwrap();
    store.delete("photos", "a/new and gone").await.unwrap();
    for key in ["a/gone", "a/gone before", "b/gone"] {
        store.delete("photos", key).await.unwrap();
    }
    let ports = &store.context.ports;
    let (report, told) = done(ports, &options("a/", then)).await;
    let wanted = UndeleteReport {
        keys: 5,
        unchanged: 1,
        absent: 3,
        same: 0,
        brought_back: 1,
        bytes: 4,
        failed: 0,
    };
    assert_eq!(report, wanted);
    let [Undeleted::Back(back)] = &told[..] else {
        panic!("{told:?}");
    };
    let gone = rows(&store, "a/gone").await;
    assert_eq!(
        (
            back.key.as_str(),
            back.version,
            back.written,
            back.size,
            back.over
        ),
        (
            "a/gone",
            gone[2].version_name(),
            then,
            4,
            ObjectKind::DeleteMarker
        )
    );
    assert_eq!(store.get("photos", "a/new").await.unwrap(), "new");
    // The prefix is another one.
    assert!(store.get("photos", "b/gone").await.is_err());
    let (report, _) = done(ports, &options("", then)).await;
    assert_eq!((report.brought_back, report.same), (1, 1));
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_changes_nothing() {
    let store = keeping().await;
    for key in ["one", "two"] {
        store.put("photos", key, LARGE).await.unwrap();
    }
    let then = minute(&store);
    store.delete("photos", "one").await.unwrap();
    store.put("photos", "two", "other").await.unwrap();
    let before = [rows(&store, "one").await, rows(&store, "two").await];
    let dry = UndeleteOptions {
        dry_run: true,
        ..options("", then)
    };
    let said = done(&store.context.ports, &dry).await;
    assert_eq!([rows(&store, "one").await, rows(&store, "two").await], before);
    assert_eq!(said, done(&store.context.ports, &options("", then)).await);
    assert_eq!(said.0.brought_back, 2);
}

#[tokio::test]
async fn a_second_run_finds_everything_as_it_was_and_writes_nothing() {
    let store = keeping().await;
    for (key, body) in [("inline", "inline"), ("blob", LARGE), ("nothing", "")] {
        store.put("photos", key, body).await.unwrap();
    }
    let then = minute(&store);
    for key in ["inline", "blob", "nothing"] {
        store.delete("photos", key).await.unwrap();
    }
    store.clock.advance(MINUTE);
    assert_eq!(bring_back(&store, then).await.brought_back, 3);
    let before = [rows(&store, "inline").await, rows(&store, "blob").await];
    let again = bring_back(&store, then).await;
    assert_eq!((again.same, again.brought_back), (3, 0));
    assert_eq!([rows(&store, "inline").await, rows(&store, "blob").await], before);
    // What is written since then is brought back by a later time, and taken away by none.
    let later = minute(&store);
    store.put("photos", "blob", "written after").await.unwrap();
    assert_eq!(bring_back(&store, later).await.brought_back, 1);
    assert_eq!(store.get("photos", "blob").await.unwrap(), LARGE);
    assert_eq!(rows(&store, "blob").await.len(), 5);
}

/// A write while suspended replaces the version `null`. What is brought back does not.
#[tokio::test]
async fn in_a_suspended_bucket_what_comes_back_has_an_id_and_replaces_no_null_version() {
    let store = small().await;
    store.create_bucket("photos").await.unwrap();
    set(&store, "photos", Versioning::Enabled).await;
    store.put("photos", "key", "with an id").await.unwrap();
    set(&store, "photos", Versioning::Suspended).await;
    let first = minute(&store);
    store.put("photos", "key", "null").await.unwrap();
    let second = minute(&store);
    // Over the version null: with an id, since the bucket was enabled for a moment.
    set(&store, "photos", Versioning::Enabled).await;
    store.delete("photos", "key").await.unwrap();
    set(&store, "photos", Versioning::Suspended).await;
    store.clock.advance(MINUTE);

    for (since, body, count) in [(second, "null", 4), (second, "null", 4), (first, "with an id", 5)] {
        let before = names(&store, "key").await;
        let report = bring_back(&store, since).await;
        assert_eq!(report.brought_back + report.same, 1);
        assert_eq!(store.get("photos", "key").await.unwrap(), body);
        let after = names(&store, "key").await;
        assert!(after.ends_with(&before), "{after:?}");
        assert_eq!(after.len(), count);
        assert!(matches!(after[0], VersionName::Id(_)));
    }
    assert!(names(&store, "key").await.contains(&VersionName::Null));
}

#[tokio::test]
async fn a_bucket_that_never_kept_versions_and_one_that_is_not_there_are_refused() {
    let store = small().await;
    store.create_bucket("photos").await.unwrap();
    store.put("photos", "key", "body").await.unwrap();
    let ports = &store.context.ports;
    let refused = |options: UndeleteOptions| async move {
        let done = undelete(ports, &options, &Progress::default(), &mut |_| {}).await;
        done.unwrap_err().to_string()
    };
    assert_eq!(
        refused(options("", NOW)).await,
        "the bucket photos never kept versions: what was deleted from it is gone"
    );
    let elsewhere = UndeleteOptions {
        bucket: name("elsewhere"),
        ..options("", NOW)
    };
    assert_eq!(refused(elsewhere).await, "there is no bucket elsewhere");
}

#[tokio::test]
async fn a_body_that_is_damaged_does_not_come_back_and_the_others_do() {
    let store = keeping().await;
    for key in ["bad", "good"] {
        store.put("photos", key, "body").await.unwrap();
    }
    let mut bad = store.object("photos", "bad").await.unwrap();
    bad.size += 1;
    store.put_record("photos", &bad).await;
    let then = minute(&store);
    for key in ["bad", "good"] {
        store.delete("photos", key).await.unwrap();
    }
    let (report, told) = done(&store.context.ports, &options("", then)).await;
    assert_eq!((report.failed, report.brought_back), (1, 1));
    let Undeleted::Failed { key, problem } = &told[0] else {
        panic!("{told:?}");
    };
    assert_eq!(key.as_str(), "bad");
    assert!(
        problem.contains("the record of photos/bad is damaged"),
        "{problem}"
    );
    assert_eq!(store.get("photos", "good").await.unwrap(), "body");
}

/// Whether the call is lost before the store sees it or after, a second run completes the first, and each key has one
/// version more.
#[tokio::test]
async fn a_run_that_breaks_off_anywhere_is_completed_by_the_next() {
    for verdict in [Verdict::Fail(StoreErrorKind::Unavailable), Verdict::LoseAnswer] {
        let mut broken = 0;
        loop {
            let store = keeping().await;
            let bodies = [("blob", LARGE), ("inline", "inline"), ("overwritten", LARGE)];
            for (key, body) in bodies {
                store.put("photos", key, body).await.unwrap();
            }
            let then = minute(&store);
            store.delete("photos", "blob").await.unwrap();
            store.delete("photos", "inline").await.unwrap();
            store.put("photos", "overwritten", "other").await.unwrap();
            let calls = Arc::new(Faults::decided_by({
                let mut calls = 0;
                move |_| {
                    calls += 1;
                    if calls == broken + 1 {
                        verdict
                    } else {
                        Verdict::Pass
                    }
                }
            }));
            let failing = Ports {
                metadata: Arc::new(intercepted_metadata(store.metadata.clone(), calls)),
                ..store.context.ports.clone()
            };
            let first = undelete(&failing, &options("", then), &Progress::default(), &mut |_| {}).await;
            let second = bring_back(&store, then).await;
            assert_eq!(second.brought_back + second.same, 3, "after {broken} calls");
            for (key, body) in bodies {
                assert_eq!(
                    store.get("photos", key).await.unwrap(),
                    body,
                    "{key} after {broken} calls"
                );
                assert_eq!(rows(&store, key).await.len(), 3, "{key} after {broken} calls");
            }
            is_whole(&store.context.ports).await;
            match first {
                Ok(report) => {
                    // A write whose answer is lost is read back.
                    assert!(verdict == Verdict::LoseAnswer || report.brought_back == 3);
                    if second.brought_back == 0 && broken > 20 {
                        break;
                    }
                }
                Err(error) => assert!(matches!(error, UndeleteError::Store(_)), "{error}"),
            }
            broken += 1;
        }
    }
}

/// A deleted object, whose undeletion stands still before a call; and the time from before the deletion.
struct Meeting {
    store: Deployment,
    then: Timestamp,
    held: Held,
    running: JoinHandle<UndeleteReport>,
}

/// The second call of `edit` is the one that brings it back; the first marks its version as shared.
const BRINGS_BACK: (&str, usize) = ("edit", 1);

impl Meeting {
    async fn before((method, nth): (&'static str, usize)) -> Self {
        let store = keeping().await;
        store.put("photos", "key", LARGE).await.unwrap();
        let then = minute(&store);
        store.delete("photos", "key").await.unwrap();
        let gate = Gate::new();
        let beside = store.beside(gate.clone());
        let mut held = gate.hold_nth(method, nth);
        let mut running = tokio::spawn(async move { bring_back(&beside, then).await });
        tokio::select! {
            () = held.arrived() => {}
            ended = &mut running => panic!("it ended without that call: {ended:?}"),
        }
        Self {
            store,
            then,
            held,
            running,
        }
    }

    /// Lets the undeletion go on.
    async fn ended(self) -> (UndeleteReport, Vec<ObjectRecord>) {
        self.held.release();
        let report = self.running.await.unwrap();
        is_whole(&self.store.context.ports).await;
        (report, rows(&self.store, "key").await)
    }
}

#[tokio::test]
async fn a_write_that_comes_between_is_not_lost_and_is_looked_at_anew() {
    let meeting = Meeting::before(BRINGS_BACK).await;
    meeting.store.put("photos", "key", "meanwhile").await.unwrap();
    let (report, rows) = meeting.ended().await;
    assert_eq!(report.brought_back, 1);
    let sizes: Vec<u64> = rows.iter().map(|row| row.size).collect();
    assert_eq!(
        sizes,
        [LARGE.len(), "meanwhile".len(), 0, LARGE.len()].map(|size| size as u64)
    );
}

/// Somebody does the same, and that is enough.
#[tokio::test]
async fn what_another_brings_back_meanwhile_is_not_brought_back_twice() {
    let meeting = Meeting::before(BRINGS_BACK).await;
    bring_back(&meeting.store, meeting.then).await;
    let (report, rows) = meeting.ended().await;
    assert_eq!((report.same, report.brought_back, rows.len()), (1, 0, 3));
}

/// The version that was to come back is removed for good meanwhile.
#[tokio::test]
async fn a_version_that_is_removed_meanwhile_does_not_come_back() {
    let meeting = Meeting::before(BRINGS_BACK).await;
    remove(&meeting.store, names(&meeting.store, "key").await[1]).await;
    let (report, rows) = meeting.ended().await;
    assert_eq!((report.absent, report.brought_back, rows.len()), (1, 0, 1));
}

/// A client removes the marker, which makes the version current, between the looks at the one and at the other.
#[tokio::test]
async fn versions_that_move_between_two_looks_are_looked_at_anew() {
    let meeting = Meeting::before(("versions_below", 0)).await;
    remove(&meeting.store, names(&meeting.store, "key").await[0]).await;
    let (report, rows) = meeting.ended().await;
    assert_eq!((report.unchanged, rows.len()), (1, 1));
}

/// Writes to a key each time that somebody has read a version of it.
struct Writes(Deployment);

#[async_trait]
impl Interceptor for Writes {
    async fn before(&self, _method: &'static str) -> Verdict {
        Verdict::Pass
    }

    async fn after(&self, method: &'static str) {
        if method == "lookup_version" {
            self.0.put("photos", "busy", "again").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_key_that_is_written_to_all_the_time_is_told_and_the_others_come_back() {
    let store = keeping().await;
    for key in ["busy", "quiet"] {
        store.put("photos", key, "body").await.unwrap();
    }
    let then = minute(&store);
    for key in ["busy", "quiet"] {
        store.delete("photos", key).await.unwrap();
    }
    let writes = Arc::new(Writes(store.beside(Arc::new(PassThrough))));
    let ports = Ports {
        metadata: Arc::new(intercepted_metadata(store.metadata.clone(), writes)),
        clock: Arc::new(SkippingClock::at(store.clock.now())),
        ..store.context.ports.clone()
    };
    let (report, told) = done(&ports, &options("", then)).await;
    assert_eq!((report.failed, report.brought_back), (1, 1));
    let Undeleted::Failed { key, problem } = &told[0] else {
        panic!("{told:?}");
    };
    assert_eq!(
        (key.as_str(), problem.as_str()),
        ("busy", "it is written to all the time")
    );
    assert_eq!(store.get("photos", "quiet").await.unwrap(), "body");
    assert_eq!(store.get("photos", "busy").await.unwrap(), "again");
}
