use futures_util::FutureExt;

use super::*;
use crate::model::{Acl, Grant, Grantee, Group, Owner, Permission, Subject};
use crate::ops::tests::scene::{Scene, account, caller, context};
use crate::protocol::absent::{Absent, absent};
use crate::protocol::route::Route;

impl Scene {
    /// Where `grantee` has `permission` on the bucket, or on the object.
    fn granting(permission: Option<Permission>, grantee: &Grantee, on_bucket: bool) -> Self {
        let acl = |owner: &Owner| match permission {
            None => Acl::default(),
            Some(permission) => Acl::new(
                vec![Grant {
                    grantee: grantee.clone(),
                    permission,
                }],
                owner,
            ),
        };
        if on_bucket {
            Self::new(acl(&account('b')), Acl::default())
        } else {
            Self::new(Acl::default(), acl(&account('d')))
        }
    }

    fn found(
        &self,
        caller: &Caller,
        context: &Context,
        operation: Operation,
        on: On<'_>,
    ) -> Result<Opened, S3Error> {
        let found = Some(self.bucket.clone());
        caller.find(context, operation, on, found).now_or_never().unwrap()
    }

    /// What an operation asks, in its order.
    pub(super) fn decide(&self, caller: &Caller, operation: Operation) -> Result<(), S3Error> {
        let context = &context(1);
        caller.admit(operation)?;
        let need = operation.need();
        if need == Need::Account {
            return caller.may(context, operation, None);
        }
        let on = match operation.subject() {
            Subject::Object | Subject::Version => On::key(&self.bucket.name, &self.object.key),
            _ => On::from(&self.bucket.name),
        };
        let found = Some(self.bucket.clone());
        let open = || caller.open(context, operation, on, found).now_or_never().unwrap();
        let replace = |bucket: &Opened, by_policy: bool| match by_policy {
            true => Ok(()),
            false => caller.may_replace(bucket, Some(&self.object)),
        };
        match need {
            Need::Bucket(Permission::Write) | Need::Deletion => {
                let bucket = open()?;
                replace(&bucket, bucket.by_policy)
            }
            Need::Deletions => {
                let bucket = open()?;
                let on = On::key(&self.bucket.name, &self.object.key);
                let by_policy = caller.may_delete(context, &bucket, on, false)?;
                replace(&bucket, by_policy)
            }
            Need::BucketOwner | Need::Object(_) if on.key.is_some() => {
                let mut bucket = self.found(caller, context, operation, on)?;
                let object = caller.object(context, Use::Of(operation), &mut bucket, Some(&self.object), on);
                object.map(drop)
            }
            Need::Uploader | Need::UploaderOrOwner => {
                let bucket = open()?;
                let (found, named) = (Some(self.upload.clone()), (&self.object.key, self.upload.id));
                caller.upload(context, operation, &bucket, found, named).map(drop)
            }
            _ => open().map(drop),
        }
    }

    /// What an operation asks of the object that it takes the bytes from, where that lies in a bucket of its own.
    fn decide_of_source(&self, caller: &Caller, operation: Operation) -> Result<(), S3Error> {
        let context = &context(1);
        let on = On::key(&self.bucket.name, &self.object.key);
        let mut bucket = self.found(caller, context, operation, on)?;
        if operation == Operation::RenameObject {
            return match caller.may_move(context, &bucket, &self.object.key, Some(&self.object))? {
                true => Ok(()),
                false => caller.may_replace(&bucket, Some(&self.object)),
            };
        }
        let purpose = Use::AsSource(operation);
        let source = caller.object(context, purpose, &mut bucket, Some(&self.object), on);
        source.map(drop)
    }
}

type Decide = fn(&Scene, &Caller, Operation) -> Result<(), S3Error>;

const GRANTS: [Option<Permission>; 6] = [
    None,
    Some(Permission::Read),
    Some(Permission::Write),
    Some(Permission::ReadAcp),
    Some(Permission::WriteAcp),
    Some(Permission::FullControl),
];

/// For each of [`GRANTS`] on the bucket, and then on the object, whether the operation is allowed.
fn row(owner: &Owner, grantee: &Grantee, decide: Decide, operation: Operation) -> String {
    let caller = caller(owner.clone());
    let allowed = |on_bucket: bool| -> String {
        let decide = |permission| {
            decide(
                &Scene::granting(permission, grantee, on_bucket),
                &caller,
                operation,
            )
        };
        let letter = |permission| match decide(permission) {
            Ok(()) => 'y',
            Err(error) => {
                assert_eq!(error.code, ErrorCode::AccessDenied);
                '.'
            }
        };
        GRANTS.into_iter().map(letter).collect()
    };
    format!("{} {}", allowed(true), allowed(false))
}

const NEVER: &str = "...... ......";
const ALWAYS: &str = "yyyyyy yyyyyy";
const OBJECT_READ: &str = "...... .y...y";
const OWN_OBJECT_READ: &str = "yyyyyy yy...y";
const BUCKET_WRITE: &str = "..y..y ......";
// The owner of a bucket whose list grants it nothing has lost what it does not get from there.
const OWN_WRITE: &str = "y.y..y yyyyyy";
const BY_THE_BUCKETS_OWNER: [&str; 5] = [NEVER, NEVER, ALWAYS, NEVER, NEVER];

/// Each operation that is built, with what grants allow another account, nobody in particular, the bucket's owner, the
/// owner of the object and whoever began the upload. The columns within each are none, READ, WRITE, READ_ACP, WRITE_ACP
/// and FULL_CONTROL to that very account (to nobody in particular: to all users) on the bucket, and then on the object.
/// What is written over is that object, which is another's but for its own owner.
const MATRIX: [(Operation, [&str; 5]); 55] = {
    use Operation::*;
    const BUCKET_READ: &str = ".y...y ......";
    const OWN_READ: &str = "yy...y yyyyyy";
    const READ_BUCKET: [&str; 5] = [BUCKET_READ, BUCKET_READ, OWN_READ, BUCKET_READ, BUCKET_READ];
    const READ_OBJECT: [&str; 5] = [
        OBJECT_READ,
        OBJECT_READ,
        OBJECT_READ,
        OWN_OBJECT_READ,
        OBJECT_READ,
    ];
    [
        (ListBuckets, [ALWAYS, NEVER, ALWAYS, ALWAYS, ALWAYS]),
        (CreateBucket, [ALWAYS, NEVER, ALWAYS, ALWAYS, ALWAYS]),
        (HeadBucket, READ_BUCKET),
        (DeleteBucket, BY_THE_BUCKETS_OWNER),
        (GetBucketLocation, BY_THE_BUCKETS_OWNER),
        (
            GetBucketAcl,
            [
                "...y.y ......",
                "...y.y ......",
                ALWAYS,
                "...y.y ......",
                "...y.y ......",
            ],
        ),
        (
            PutBucketAcl,
            [
                "....yy ......",
                "....yy ......",
                ALWAYS,
                "....yy ......",
                "....yy ......",
            ],
        ),
        (GetBucketOwnershipControls, BY_THE_BUCKETS_OWNER),
        (PutBucketOwnershipControls, BY_THE_BUCKETS_OWNER),
        (DeleteBucketOwnershipControls, BY_THE_BUCKETS_OWNER),
        (GetBucketVersioning, BY_THE_BUCKETS_OWNER),
        (PutBucketVersioning, BY_THE_BUCKETS_OWNER),
        (GetBucketTagging, BY_THE_BUCKETS_OWNER),
        (PutBucketTagging, BY_THE_BUCKETS_OWNER),
        (DeleteBucketTagging, BY_THE_BUCKETS_OWNER),
        (GetBucketPolicy, BY_THE_BUCKETS_OWNER),
        (GetBucketPolicyStatus, BY_THE_BUCKETS_OWNER),
        (PutBucketPolicy, BY_THE_BUCKETS_OWNER),
        (DeleteBucketPolicy, BY_THE_BUCKETS_OWNER),
        (GetPublicAccessBlock, BY_THE_BUCKETS_OWNER),
        (PutPublicAccessBlock, BY_THE_BUCKETS_OWNER),
        (DeletePublicAccessBlock, BY_THE_BUCKETS_OWNER),
        (GetBucketCors, BY_THE_BUCKETS_OWNER),
        (PutBucketCors, BY_THE_BUCKETS_OWNER),
        (DeleteBucketCors, BY_THE_BUCKETS_OWNER),
        (GetBucketWebsite, BY_THE_BUCKETS_OWNER),
        (PutBucketWebsite, BY_THE_BUCKETS_OWNER),
        (DeleteBucketWebsite, BY_THE_BUCKETS_OWNER),
        (GetBucketNotificationConfiguration, BY_THE_BUCKETS_OWNER),
        (PutBucketNotificationConfiguration, BY_THE_BUCKETS_OWNER),
        (PreflightRequest, [ALWAYS; 5]),
        (ListObjects, READ_BUCKET),
        (ListObjectsV2, READ_BUCKET),
        (ListObjectVersions, READ_BUCKET),
        (PutObject, [NEVER, NEVER, OWN_WRITE, BUCKET_WRITE, NEVER]),
        (PostObject, [NEVER, NEVER, OWN_WRITE, BUCKET_WRITE, NEVER]),
        (GetObject, READ_OBJECT),
        (HeadObject, READ_OBJECT),
        (GetObjectAttributes, READ_OBJECT),
        (
            GetObjectAcl,
            [
                "...... ...y.y",
                "...... ...y.y",
                "...... ...y.y",
                ALWAYS,
                "...... ...y.y",
            ],
        ),
        (
            PutObjectAcl,
            [
                "...... ....yy",
                "...... ....yy",
                "...... ....yy",
                ALWAYS,
                "...... ....yy",
            ],
        ),
        (GetObjectTagging, BY_THE_BUCKETS_OWNER),
        (PutObjectTagging, BY_THE_BUCKETS_OWNER),
        (DeleteObjectTagging, BY_THE_BUCKETS_OWNER),
        (DeleteObject, [NEVER, NEVER, ALWAYS, BUCKET_WRITE, NEVER]),
        (DeleteObjects, [NEVER, NEVER, ALWAYS, BUCKET_WRITE, NEVER]),
        (CopyObject, [NEVER, NEVER, OWN_WRITE, BUCKET_WRITE, NEVER]),
        (RenameObject, [NEVER, NEVER, OWN_WRITE, BUCKET_WRITE, NEVER]),
        (
            CreateMultipartUpload,
            [NEVER, NEVER, OWN_WRITE, BUCKET_WRITE, NEVER],
        ),
        (UploadPart, [NEVER, NEVER, NEVER, NEVER, BUCKET_WRITE]),
        (UploadPartCopy, [NEVER, NEVER, NEVER, NEVER, BUCKET_WRITE]),
        (
            CompleteMultipartUpload,
            [NEVER, NEVER, NEVER, NEVER, BUCKET_WRITE],
        ),
        (AbortMultipartUpload, [NEVER, NEVER, ALWAYS, NEVER, ALWAYS]),
        (ListMultipartUploads, READ_BUCKET),
        (ListParts, [NEVER, NEVER, ALWAYS, NEVER, ALWAYS]),
    ]
};

/// The same of the object that an operation takes the bytes from.
const SOURCES: [(Operation, [&str; 5]); 3] = {
    use Operation::*;
    const COPIED: [&str; 5] = [
        OBJECT_READ,
        OBJECT_READ,
        OBJECT_READ,
        OWN_OBJECT_READ,
        OBJECT_READ,
    ];
    [
        (CopyObject, COPIED),
        (RenameObject, [NEVER, NEVER, OWN_WRITE, BUCKET_WRITE, NEVER]),
        (UploadPartCopy, COPIED),
    ]
};

/// What grants allow another account, nobody in particular, the bucket's owner, the owner of the object and whoever
/// began the upload.
fn rows(decide: Decide, operation: Operation) -> [String; 5] {
    let user = |letter| (account(letter), Grantee::user(&account(letter).id).unwrap());
    let callers = [
        user('c'),
        (Owner::anonymous(), Grantee::Group(Group::AllUsers)),
        user('b'),
        user('d'),
        user('e'),
    ];
    callers.map(|(owner, grantee)| row(&owner, &grantee, decide, operation))
}

fn operations_that(are: impl Fn(Operation) -> bool) -> Vec<Operation> {
    let all = Operation::ALL.iter().copied();
    all.filter(|operation| are(*operation)).collect()
}

#[test]
fn each_permission_allows_its_operations_and_no_others() {
    let built = operations_that(Operation::is_built);
    assert_eq!(MATRIX.map(|(operation, _)| operation).as_slice(), built);
    for (operation, expected) in MATRIX {
        assert_eq!(rows(Scene::decide, operation), expected, "{operation}");
    }
}

#[test]
fn each_permission_allows_to_take_the_bytes_from_where_it_says() {
    let with_source = operations_that(|operation| operation.source_need().is_some());
    assert_eq!(SOURCES.map(|(operation, _)| operation).as_slice(), with_source);
    for (operation, expected) in SOURCES {
        let found = rows(Scene::decide_of_source, operation);
        assert_eq!(found, expected, "{operation}");
    }
    let scene = Scene::new(Acl::default(), Acl::default());
    let owner = caller(account('d'));
    let none = scene.decide_of_source(&owner, Operation::GetObject);
    assert_eq!(none.unwrap_err().code, ErrorCode::AccessDenied);
}

#[test]
fn what_a_bucket_or_an_object_lacks_is_told_to_the_buckets_owner() {
    let route = |operation| Route {
        operation,
        bucket: None,
        key: None,
    };
    let refused = |operation| matches!(absent(&route(operation)), Absent::NotImplemented(_));
    let answered = operations_that(|operation| !operation.is_built() && !refused(operation));
    assert_eq!(answered.len(), 25);
    for operation in answered {
        assert_eq!(
            rows(Scene::decide, operation),
            BY_THE_BUCKETS_OWNER,
            "{operation}"
        );
    }
}

#[test]
fn a_grant_is_for_its_grantee() {
    let someone = Grantee::user(&account('f').id).unwrap();
    let authenticated = Grantee::Group(Group::AuthenticatedUsers);
    let delivery = Grantee::Group(Group::LogDelivery);
    let all = Grantee::Group(Group::AllUsers);
    let read = |owner: Owner, grantee: &Grantee| {
        let scene = Scene::granting(Some(Permission::Read), grantee, false);
        scene.decide(&caller(owner), Operation::GetObject).is_ok()
    };
    for (grantee, account_may, nobody_may) in [
        (someone, false, false),
        (delivery, false, false),
        (authenticated, true, false),
        (all, true, true),
    ] {
        assert_eq!(read(account('c'), &grantee), account_may, "{grantee:?}");
        assert_eq!(read(Owner::anonymous(), &grantee), nobody_may, "{grantee:?}");
    }
}

#[test]
fn that_a_key_or_an_upload_is_absent_is_told_to_those_who_may_know() {
    let grantee = Grantee::user(&account('c').id).unwrap();
    for (permission, key, upload) in [
        (None, ErrorCode::AccessDenied, ErrorCode::AccessDenied),
        (
            Some(Permission::Read),
            ErrorCode::NoSuchKey,
            ErrorCode::NoSuchUpload,
        ),
        (
            Some(Permission::Write),
            ErrorCode::AccessDenied,
            ErrorCode::NoSuchUpload,
        ),
        (
            Some(Permission::ReadAcp),
            ErrorCode::AccessDenied,
            ErrorCode::AccessDenied,
        ),
        (
            Some(Permission::FullControl),
            ErrorCode::NoSuchKey,
            ErrorCode::NoSuchUpload,
        ),
    ] {
        let scene = Scene::granting(permission, &grantee, true);
        let caller = caller(account('c'));
        let context = &context(1);
        let on = On::key(&scene.bucket.name, &scene.object.key);
        let mut bucket = scene.found(&caller, context, Operation::GetObject, on).unwrap();
        let purpose = Use::Of(Operation::GetObject);
        let absent = caller.object(context, purpose, &mut bucket, None::<ObjectRecord>, on);
        assert_eq!(absent.unwrap_err().code, key, "{permission:?}");
        let named = (&scene.object.key, scene.upload.id);
        let absent = caller.upload(context, Operation::ListParts, &bucket, None, named);
        assert_eq!(absent.unwrap_err().code, upload, "{permission:?}");
    }
}

#[test]
fn a_bucket_that_is_not_whose_the_request_says_is_refused_to_its_owner_too() {
    let scene = Scene::new(Acl::default(), Acl::default());
    let as_expected = |expected: Owner| {
        let caller = Caller {
            expected_bucket_owner: Some(expected.id),
            ..caller(account('b'))
        };
        scene
            .decide(&caller, Operation::ListObjects)
            .map_err(|error| error.code)
    };
    assert_eq!(as_expected(account('b')), Ok(()));
    assert_eq!(as_expected(account('c')), Err(ErrorCode::AccessDenied));
}

#[test]
fn a_bucket_that_does_not_exist_is_that_to_everybody() {
    let name = BucketName::new("absent").unwrap();
    let (context, caller) = (context(1), caller(Owner::anonymous()));
    let opened = caller.open(&context, Operation::GetObject, &name, None);
    let error = opened.now_or_never().unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::NoSuchBucket);
}
