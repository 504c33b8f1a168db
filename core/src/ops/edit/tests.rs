//! What each plan comes to, of what it sees: no store, no time.

use super::facts::ChangedFacts;
use super::*;
use crate::model::{
    Acl, BucketName, CommitId, ETag, ObjectKind, Operation, ReceiptOutcome, Timestamp, WriteCondition,
};
use crate::ops::Caller;
use crate::ops::delete::Delete;
use crate::ops::multipart::Publish;
use crate::ops::put::Put;
use crate::ops::rename::{ClientToken, Rename, RenameObject};
use crate::ops::tests::scene::{Scene, account, caller, context};

const ANY: WriteCondition = WriteCondition::Any;
const ABSENT: WriteCondition = WriteCondition::IfAbsent;
const PRESENT: WriteCondition = WriteCondition::IfPresent;

fn scene() -> Scene {
    Scene::new(Acl::default(), Acl::default())
}

/// The bucket is `b`'s, the object `d`'s.
fn owner_of_bucket() -> Caller {
    caller(account('b'))
}

fn owner_of_object() -> Caller {
    caller(account('d'))
}

fn seen(scene: &Scene, head: Head) -> Seen {
    Seen::new(scene.bucket.clone(), head)
}

fn fresh(scene: &Scene) -> ObjectRecord {
    ObjectRecord {
        commit_id: CommitId::from_bytes([9; 16]),
        etag: ETag::from_md5([9; 16]),
        ..scene.object.clone()
    }
}

fn marker(scene: &Scene) -> ObjectRecord {
    ObjectRecord {
        kind: ObjectKind::DeleteMarker,
        ..scene.object.clone()
    }
}

fn code(step: Result<Step<'_>, S3Error>) -> ErrorCode {
    step.unwrap_err().code
}

mod put {
    use super::*;

    fn plan<'a>(caller: &'a Caller, record: &'a ObjectRecord, condition: &'a WriteCondition) -> Put<'a> {
        Put {
            asked: Asked {
                caller,
                operation: Operation::PutObject,
            },
            record,
            condition,
        }
    }

    #[test]
    fn of_the_buckets_owner_is_under_the_requests_own_condition_and_needs_no_look() {
        let (scene, owner) = (scene(), owner_of_bucket());
        let record = fresh(&scene);
        let put = plan(&owner, &record, &ABSENT);
        for head in [Head::Unread, Head::Read(Some(scene.object.clone()))] {
            let seen = seen(&scene, head);
            let wanted = Change::put(Cow::Borrowed(&record), Expected::Condition(&ABSENT));
            assert_eq!(put.plan(&seen).unwrap(), Step::Change(wanted));
        }
    }

    #[test]
    fn of_others_replaces_exactly_what_was_seen() {
        let (scene, owner) = (scene(), owner_of_object());
        let record = fresh(&scene);
        let put = plan(&owner, &record, &ANY);
        assert_eq!(put.plan(&seen(&scene, Head::Unread)).unwrap(), Step::Look);
        for head in [Some(scene.object.clone()), Some(marker(&scene)), None] {
            let seen = seen(&scene, Head::Read(head));
            let wanted = Change::put(Cow::Borrowed(&record), Expected::Seen);
            assert_eq!(put.plan(&seen).unwrap(), Step::Change(wanted));
        }
    }

    #[test]
    fn of_others_is_refused_over_what_is_not_theirs() {
        let (scene, stranger) = (scene(), caller(account('e')));
        let record = fresh(&scene);
        let seen = seen(&scene, Head::Read(Some(scene.object.clone())));
        assert_eq!(
            code(plan(&stranger, &record, &ANY).plan(&seen)),
            ErrorCode::AccessDenied
        );
    }

    #[test]
    fn of_others_is_decided_on_what_was_seen_where_a_delete_marker_is_nothing() {
        let (scene, owner) = (scene(), owner_of_object());
        let record = fresh(&scene);
        let object = seen(&scene, Head::Read(Some(scene.object.clone())));
        let gone = seen(&scene, Head::Read(Some(marker(&scene))));
        assert_eq!(
            code(plan(&owner, &record, &ABSENT).plan(&object)),
            ErrorCode::PreconditionFailed
        );
        assert_eq!(
            code(plan(&owner, &record, &PRESENT).plan(&gone)),
            ErrorCode::NoSuchKey
        );
        let absent = plan(&owner, &record, &ABSENT);
        assert!(matches!(absent.plan(&gone).unwrap(), Step::Change(_)));
    }
}

mod delete {
    use super::*;

    #[test]
    fn of_what_is_not_there_is_done_unless_a_condition_wants_it() {
        let (scene, owner) = (scene(), owner_of_bucket());
        let marker = marker(&scene);
        let nothing = seen(&scene, Head::Read(None));
        let delete = |condition| {
            let plan = Delete {
                caller: &owner,
                key: &scene.object.key,
                condition,
                marker: &marker,
            };
            plan.plan(&nothing).map(|step| step == Step::Done)
        };
        assert!(delete(&ANY).unwrap());
        assert_eq!(delete(&PRESENT).unwrap_err().code, ErrorCode::NoSuchKey);
    }

    #[test]
    fn removes_under_the_condition_or_exactly_what_was_seen() {
        let scene = scene();
        let marker = marker(&scene);
        let object = seen(&scene, Head::Read(Some(scene.object.clone())));
        for (caller, expect) in [
            (owner_of_bucket(), Expected::Condition(&PRESENT)),
            (owner_of_object(), Expected::Seen),
        ] {
            let delete = Delete {
                caller: &caller,
                key: &scene.object.key,
                condition: &PRESENT,
                marker: &marker,
            };
            let wanted = Change::remove(expect);
            assert_eq!(delete.plan(&object).unwrap(), Step::Change(wanted));
        }
    }
}

mod complete {
    use super::*;

    #[test]
    fn puts_the_object_and_closes_the_upload_together() {
        let (scene, owner) = (scene(), owner_of_bucket());
        let record = fresh(&scene);
        let receipt = Receipt {
            upload: scene.upload.id,
            outcome: ReceiptOutcome::Aborted,
            expires: Timestamp::from_millis(1),
        };
        let publish = Publish {
            caller: &owner,
            record: &record,
            condition: &ANY,
            receipt: &receipt,
        };
        let unread = seen(&scene, Head::Unread);
        let Step::Change(change) = publish.plan(&unread).unwrap() else {
            panic!("nothing is changed");
        };
        assert_eq!(change.receipt, Some(&receipt));
        assert_eq!(change.record.as_deref(), Some(&record));
        assert_eq!(change.expect, Expected::Condition(&ANY));
    }
}

mod rename {
    use super::*;

    fn request<'a>(scene: &Scene, token: Option<ClientToken>) -> RenameObject<'a> {
        RenameObject {
            bucket: BucketName::new("bucket").unwrap(),
            sources: vec![scene.object.key.clone()],
            destination: ObjectKey::new("other").unwrap(),
            check_source: &|_| Ok(()),
            check_destination: None,
            condition: ANY,
            token,
        }
    }

    fn looked(scene: &Scene, source: Option<ObjectRecord>, head: Option<ObjectRecord>) -> Seen {
        Seen {
            source: Some(SeenSource {
                key: scene.object.key.clone(),
                row: source,
                by_policy: Ok(false),
            }),
            ..seen(scene, Head::Read(head))
        }
    }

    const COMMIT: CommitId = CommitId::from_bytes([7; 16]);

    fn plan<'a>(caller: &'a Caller, input: &'a RenameObject<'a>) -> Rename<'a> {
        Rename {
            caller,
            input,
            commit_id: COMMIT,
        }
    }

    #[test]
    fn takes_everything_along_but_key_and_commit() {
        let (scene, owner) = (scene(), owner_of_object());
        let input = request(&scene, None);
        let seen = looked(&scene, Some(scene.object.clone()), None);
        let rename = plan(&owner, &input);
        let Step::Change(change) = rename.plan(&seen).unwrap() else {
            panic!("nothing is changed");
        };
        assert_eq!(change.source, Some(&scene.object));
        let wanted = ObjectRecord {
            key: input.destination.clone(),
            commit_id: COMMIT,
            ..scene.object.clone()
        };
        assert_eq!(change.record.as_deref(), Some(&wanted));
    }

    #[test]
    fn of_nothing_or_onto_itself_changes_nothing() {
        let (scene, owner) = (scene(), owner_of_bucket());
        let mut input = request(&scene, None);
        let gone = looked(&scene, None, Some(scene.object.clone()));
        assert_eq!(code(plan(&owner, &input).plan(&gone)), ErrorCode::NoSuchKey);
        input.destination = scene.object.key.clone();
        let itself = looked(&scene, Some(scene.object.clone()), Some(scene.object.clone()));
        assert_eq!(
            plan(&owner_of_object(), &input).plan(&itself).unwrap(),
            Step::Done
        );
    }

    #[test]
    fn that_a_token_knows_is_done_though_its_source_is_gone() {
        let (scene, owner) = (scene(), owner_of_bucket());
        let token = ClientToken::new(&account('b'), "token", "request");
        let input = request(&scene, Some(token));
        let entropy = crate::ops::tests::stand_ins::ports(1).entropy;
        let made = ObjectRecord {
            commit_id: token.commit_id(entropy.as_ref()),
            ..scene.object.clone()
        };
        let seen = looked(&scene, None, Some(made));
        assert_eq!(plan(&owner, &input).plan(&seen).unwrap(), Step::Done);
    }

    #[test]
    fn whose_conditions_no_store_can_decide_replaces_exactly_what_was_seen() {
        let (scene, owner) = (scene(), owner_of_bucket());
        let owned = ObjectRecord {
            description: crate::model::Description::of(account('b')),
            ..scene.object.clone()
        };
        let check = |row: Option<&ObjectRecord>| match row {
            Some(_) => Ok(()),
            None => Err(S3Error::from(ErrorCode::PreconditionFailed)),
        };
        let input = RenameObject {
            check_destination: Some(&check),
            ..request(&scene, None)
        };
        let rename = plan(&owner, &input);
        let there = looked(&scene, Some(owned.clone()), Some(fresh(&scene)));
        let Step::Change(change) = rename.plan(&there).unwrap() else {
            panic!("nothing is changed");
        };
        assert_eq!(change.expect, Expected::Seen);
        let nothing = looked(&scene, Some(owned), None);
        assert_eq!(code(rename.plan(&nothing)), ErrorCode::PreconditionFailed);
    }
}

mod facts {
    use std::sync::Mutex;

    use super::*;
    use crate::model::VersionName;

    type Fact = dyn Fn(&Bucket, NewObjects, &mut ObjectRecord) -> Result<(), S3Error> + Sync;

    fn plan<'a>(scene: &Scene, caller: &'a Caller, fact: &'a Fact) -> ChangedFacts<'a> {
        ChangedFacts {
            caller,
            operation: Operation::PutObjectAcl,
            key: scene.object.key.clone(),
            commit_id: CommitId::from_bytes([7; 16]),
            fact,
            changed: Mutex::new(VersionName::Null),
        }
    }

    #[test]
    fn change_the_very_row_that_was_seen_and_leave_the_rest() {
        let (scene, owner) = (scene(), owner_of_object());
        let fact = |_: &Bucket, _: NewObjects, object: &mut ObjectRecord| {
            object.description.headers.content_type = Some("text/plain".to_owned());
            Ok(())
        };
        let shared = ObjectRecord {
            shared: true,
            ..scene.object.clone()
        };
        let seen = seen(&scene, Head::Read(Some(shared.clone())));
        let plan = plan(&scene, &owner, &fact);
        let Step::Change(change) = plan.plan(&seen).unwrap() else {
            panic!("nothing is changed");
        };
        let mut wanted = shared;
        wanted.commit_id = CommitId::from_bytes([7; 16]);
        wanted.description.headers.content_type = Some("text/plain".to_owned());
        assert_eq!(change, Change::rewrite(Cow::Owned(wanted)));
    }

    #[test]
    fn of_what_is_gone_or_that_may_not_be_changed_are_refused() {
        let (scene, owner) = (scene(), owner_of_object());
        let refuse =
            |_: &Bucket, _: NewObjects, _: &mut ObjectRecord| Err(S3Error::from(ErrorCode::InvalidRequest));
        let plan = plan(&scene, &owner, &refuse);
        let gone = seen(&scene, Head::Read(Some(marker(&scene))));
        assert_eq!(code(plan.plan(&gone)), ErrorCode::NoSuchKey);
        let there = seen(&scene, Head::Read(Some(scene.object.clone())));
        assert_eq!(code(plan.plan(&there)), ErrorCode::InvalidRequest);
    }
}

/// What a plan and its clock did, in order.
#[derive(Default)]
struct Events(std::sync::Mutex<Vec<&'static str>>);

impl Events {
    fn note(&self, event: &'static str) {
        self.0.lock().unwrap().push(event);
    }
}

#[async_trait]
impl crate::ports::Clock for Events {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    async fn sleep(&self, _duration: std::time::Duration) {
        self.note("pause");
    }
}

/// Takes a row for the one under its key that never is.
struct Unlucky<'a> {
    scene: &'a Scene,
    events: &'a Events,
}

#[async_trait]
impl Plan for Unlucky<'_> {
    fn key(&self) -> &ObjectKey {
        &self.scene.object.key
    }

    fn asked(&self) -> Option<Asked<'_>> {
        None
    }

    fn plan<'p>(&'p self, _: &'p Seen) -> Result<Step<'p>, S3Error> {
        Ok(Step::Change(Change::remove(Expected::Seen)))
    }

    fn refused(&self, _: Option<&ObjectRecord>) -> S3Error {
        ErrorCode::InternalError.into()
    }

    async fn look(&self, _: &Context, seen: Seen) -> Result<Seen, S3Error> {
        self.events.note("look");
        Ok(seen)
    }
}

#[tokio::test]
async fn a_change_that_keeps_meeting_others_pauses_before_it_looks_and_ends() {
    let scene = scene();
    let events = std::sync::Arc::new(Events::default());
    let mut context = context(1);
    context.ports.clock = events.clone();
    let plan = Unlucky {
        scene: &scene,
        events: &events,
    };
    let seen = seen(&scene, Head::Read(Some(scene.object.clone())));
    let failure = change(&context, seen, &plan).await.unwrap_err();
    assert_eq!(S3Error::from(failure).code, ErrorCode::SlowDown);
    let events = events.0.lock().unwrap();
    // The second try comes at once.
    let others = ATTEMPTS as usize - 2;
    let expected = [vec!["look"], ["pause", "look"].repeat(others)].concat();
    assert_eq!(*events, expected);
}
