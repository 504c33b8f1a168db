//! Accounts beside the store's owner, the same in every deployment's store.

use bleepstore_core::model::{Credential, CredentialUser, Owner, Timestamp};
use bleepstore_core::ports::CredentialIndex;

use super::{Bucket, Endpoint, Request, S3};

/// An account, or a user in one, with one access key.
#[derive(Debug)]
pub struct Account {
    /// Its canonical user id.
    pub id: &'static str,
    /// Its name.
    pub display_name: &'static str,
    access_key: &'static str,
    secret_key: &'static str,
    /// As whom in the account the key acts; as the account itself where there is none.
    user: Option<User>,
}

/// A user in an account.
#[derive(Clone, Copy, Debug)]
struct User {
    name: &'static str,
    policy: &'static str,
}

/// Somebody.
pub const ALICE: Account = Account {
    id: "a11ce00000000000000000000000000000000000000000000000000000000001",
    display_name: "alice",
    access_key: "AKIATESTALICE",
    secret_key: "alice/secret+for/tests/only",
    user: None,
};

/// Somebody else.
pub const BOB: Account = Account {
    id: "b0b0000000000000000000000000000000000000000000000000000000000002",
    display_name: "bob",
    access_key: "AKIATESTBOB",
    secret_key: "bob/secret+for/tests/only",
    user: None,
};

/// The user `reader` of [`ALICE`], who may read and list everything that she may.
pub const ALICE_READER: Account = Account {
    access_key: "AKIATESTREADER",
    secret_key: "reader/secret+for/tests/only",
    user: Some(User {
        name: "reader",
        policy: r#"{
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
        }"#,
    }),
    ..ALICE
};

/// The user `writer` of the store's owner, who may put, get and list everything but what lies below `secret/`, and may
/// not assume the role `forbidden`.
pub const OWNER_WRITER: Account = Account {
    id: "b1ee95703e0000000000000000000000000000000000000000000000000000ff",
    display_name: "root",
    access_key: "AKIATESTWRITER",
    secret_key: "writer/secret+for/tests/only",
    user: Some(User {
        name: "writer",
        policy: r#"{
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucket"], "Resource": "*"},
                {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*/secret/*"},
                {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/forbidden"}
            ]
        }"#,
    }),
};

/// The id of whom requests without a signature act for.
pub const ANONYMOUS_ID: &str = "65a011a29cdf8ec533ec3d1ccaae921c";

impl Account {
    /// Its access key, as a store has it.
    pub fn credential(&self) -> Credential {
        Credential {
            access_key: self.access_key.to_owned(),
            secret_key: self.secret_key.to_owned(),
            owner: Owner {
                id: self.id.to_owned(),
                display_name: self.display_name.to_owned(),
            },
            created: Timestamp::from_millis(0),
            user: self.user.map(|user| CredentialUser {
                name: user.name.to_owned(),
                policy: user.policy.to_owned(),
            }),
            expires: None,
        }
    }

    fn seeing(&self, endpoint: &Endpoint) -> Endpoint {
        Endpoint {
            access_key: self.access_key.to_owned(),
            secret_key: self.secret_key.to_owned(),
            session_token: None,
            ..endpoint.clone()
        }
    }
}

/// Gives the accounts their credentials. A store may have them already.
pub(super) async fn provide_accounts(store: &dyn CredentialIndex) {
    for account in [ALICE, BOB, ALICE_READER, OWNER_WRITER] {
        let created = store.create_credential(&account.credential()).await;
        created.expect("a store that takes credentials");
    }
}

impl S3 {
    /// The same server, asked by another account.
    pub fn acting_for(&self, account: &Account) -> Self {
        Self {
            endpoint: account.seeing(&self.endpoint),
        }
    }

    /// The id of the account that these requests act for.
    #[track_caller]
    pub fn own_id(&self) -> String {
        let listed = self.request("GET", "/").expect(200);
        listed.value("ListAllMyBucketsResult/Owner/ID")
    }
}

impl Bucket {
    /// The same bucket, asked about by another account.
    pub fn acting_for(&self, account: &Account) -> Self {
        Self {
            name: self.name.clone(),
            endpoint: account.seeing(&self.endpoint),
        }
    }

    /// PutBucketAcl of a canned list.
    pub fn put_acl(&self, canned: &str) -> Request {
        self.request("PUT").flag("acl").header("x-amz-acl", canned)
    }

    /// PutBucketAcl by one of the `x-amz-grant-*` headers, beside full control of the account that asks.
    #[track_caller]
    pub fn grant(&self, own_id: &str, permission: &str, grantee: &str) {
        let put = self.request("PUT").flag("acl");
        let put = put.header("x-amz-grant-full-control", format!("id={own_id}"));
        put.header(&format!("x-amz-grant-{permission}"), grantee)
            .expect(200);
    }
}

#[cfg(test)]
mod tests {
    use bleepstore_core::policy::{Policy, PolicyKind};

    use super::*;

    #[test]
    fn users_are_of_their_accounts_and_have_policies_that_are_good() {
        assert_eq!(OWNER_WRITER.credential().owner, Owner::root());
        assert_eq!(ALICE_READER.credential().owner, ALICE.credential().owner);
        for account in [ALICE_READER, OWNER_WRITER] {
            let policy = account.credential().user.unwrap().policy;
            Policy::read(policy.as_bytes(), PolicyKind::Identity).unwrap();
        }
    }
}
