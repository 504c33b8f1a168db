use super::*;
use crate::model::{Acl, Grant, Grantee, Group};
use crate::ops::tests::scene::{Scene, account, caller};

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

    /// What an operation that is `action` asks, in its order.
    fn decide(&self, caller: &Caller, action: Action) -> Result<(), S3Error> {
        caller.admit(action)?;
        if action.need() == Need::Account {
            return Ok(());
        }
        let bucket = caller.open(action, &self.bucket.name, Some(self.bucket.clone()))?;
        match action {
            Action::PutObject
            | Action::CopyObject
            | Action::RenameObject
            | Action::CreateMultipartUpload
            | Action::DeleteObject => caller.may_replace(&bucket, Some(&self.object)),
            Action::DeleteObjects if !caller.may_delete(&bucket) => Err(denied()),
            Action::DeleteObjects => caller.may_replace(&bucket, Some(&self.object)),
            Action::Configuration
            | Action::CopySource
            | Action::GetObject
            | Action::GetObjectAttributes
            | Action::GetObjectAcl
            | Action::PutObjectAcl => {
                let found = Some(self.object.clone());
                caller
                    .object(action, &bucket, found, &self.object.key)
                    .map(|_| ())
            }
            Action::UploadPart
            | Action::UploadPartCopy
            | Action::CompleteMultipartUpload
            | Action::AbortMultipartUpload
            | Action::ListParts => {
                let found = Some(self.upload.clone());
                caller.upload(action, &bucket, found, self.upload.id).map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

const GRANTS: [Option<Permission>; 6] = [
    None,
    Some(Permission::Read),
    Some(Permission::Write),
    Some(Permission::ReadAcp),
    Some(Permission::WriteAcp),
    Some(Permission::FullControl),
];

/// For each of [`GRANTS`] on the bucket, and then on the object, whether the action is allowed.
fn row(owner: &Owner, grantee: &Grantee, action: Action) -> String {
    let caller = caller(owner.clone());
    let allowed = |on_bucket: bool| -> String {
        let decide = |permission| Scene::granting(permission, grantee, on_bucket).decide(&caller, action);
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

/// Each action, with what grants allow another account, nobody in particular, the bucket's owner, the owner of the object
/// and whoever began the upload. The columns within each are none, READ, WRITE, READ_ACP, WRITE_ACP and FULL_CONTROL to that
/// very account (to nobody in particular: to all users) on the bucket, and then on the object.
const MATRIX: [(Action, [&str; 5]); 26] = {
    use Action::*;
    const NEVER: &str = "...... ......";
    const ALWAYS: &str = "yyyyyy yyyyyy";
    const BUCKET_READ: &str = ".y...y ......";
    const BUCKET_WRITE: &str = "..y..y ......";
    // The owner of a bucket whose list grants it nothing has lost what it does not get from there.
    const OWN_READ: &str = "yy...y yyyyyy";
    const OWN_WRITE: &str = "y.y..y yyyyyy";
    const OBJECT_READ: &str = "...... .y...y";
    const OWN_OBJECT_READ: &str = "yyyyyy yy...y";
    [
        (ListBuckets, [ALWAYS, NEVER, ALWAYS, ALWAYS, ALWAYS]),
        (CreateBucket, [ALWAYS, NEVER, ALWAYS, ALWAYS, ALWAYS]),
        (
            HeadBucket,
            [BUCKET_READ, BUCKET_READ, OWN_READ, BUCKET_READ, BUCKET_READ],
        ),
        (DeleteBucket, [NEVER, NEVER, ALWAYS, NEVER, NEVER]),
        (GetBucketLocation, [NEVER, NEVER, ALWAYS, NEVER, NEVER]),
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
        (Configuration, [NEVER, NEVER, ALWAYS, NEVER, NEVER]),
        (
            ListObjects,
            [BUCKET_READ, BUCKET_READ, OWN_READ, BUCKET_READ, BUCKET_READ],
        ),
        (
            ListMultipartUploads,
            [BUCKET_READ, BUCKET_READ, OWN_READ, BUCKET_READ, BUCKET_READ],
        ),
        // Of these the object is another's, but for the bucket's owner and its own.
        (PutObject, [NEVER, NEVER, OWN_WRITE, BUCKET_WRITE, NEVER]),
        (CopyObject, [NEVER, NEVER, OWN_WRITE, BUCKET_WRITE, NEVER]),
        (RenameObject, [NEVER, NEVER, OWN_WRITE, BUCKET_WRITE, NEVER]),
        (
            CopySource,
            [
                OBJECT_READ,
                OBJECT_READ,
                OBJECT_READ,
                OWN_OBJECT_READ,
                OBJECT_READ,
            ],
        ),
        (
            GetObject,
            [
                OBJECT_READ,
                OBJECT_READ,
                OBJECT_READ,
                OWN_OBJECT_READ,
                OBJECT_READ,
            ],
        ),
        (
            GetObjectAttributes,
            [
                OBJECT_READ,
                OBJECT_READ,
                OBJECT_READ,
                OWN_OBJECT_READ,
                OBJECT_READ,
            ],
        ),
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
        (DeleteObject, [NEVER, NEVER, ALWAYS, BUCKET_WRITE, NEVER]),
        (DeleteObjects, [NEVER, NEVER, ALWAYS, BUCKET_WRITE, NEVER]),
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
        (ListParts, [NEVER, NEVER, ALWAYS, NEVER, ALWAYS]),
    ]
};

#[test]
fn each_permission_allows_its_actions_and_no_others() {
    assert_eq!(MATRIX.map(|(action, _)| action), Action::ALL);
    let user = |letter| (account(letter), Grantee::user(&account(letter).id).unwrap());
    let callers = [
        user('c'),
        (Owner::anonymous(), Grantee::Group(Group::AllUsers)),
        user('b'),
        user('d'),
        user('e'),
    ];
    for (action, expected) in MATRIX {
        let found = callers
            .each_ref()
            .map(|(owner, grantee)| row(owner, grantee, action));
        assert_eq!(found, expected, "{action:?}");
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
        scene.decide(&caller(owner), Action::GetObject).is_ok()
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
        let absent = caller.object(
            Action::GetObject,
            &scene.bucket,
            None::<ObjectRecord>,
            &scene.object.key,
        );
        assert_eq!(absent.unwrap_err().code, key, "{permission:?}");
        let absent = caller.upload(Action::ListParts, &scene.bucket, None, scene.upload.id);
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
            .decide(&caller, Action::ListObjects)
            .map_err(|error| error.code)
    };
    assert_eq!(as_expected(account('b')), Ok(()));
    assert_eq!(as_expected(account('c')), Err(ErrorCode::AccessDenied));
}

#[test]
fn a_bucket_that_does_not_exist_is_that_to_everybody() {
    let name = BucketName::new("absent").unwrap();
    let error = caller(Owner::anonymous())
        .open(Action::GetObject, &name, None)
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NoSuchBucket);
}
