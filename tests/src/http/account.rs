//! Accounts beside the store's owner, the same in every deployment's store.

use bleepstore_core::model::{Credential, Owner, Timestamp};
use bleepstore_core::ports::CredentialIndex;

use super::{Bucket, Endpoint, Request, S3};

/// An account with one access key.
#[derive(Debug)]
pub struct Account {
    /// Its canonical user id.
    pub id: &'static str,
    /// Its name.
    pub display_name: &'static str,
    access_key: &'static str,
    secret_key: &'static str,
}

/// Somebody.
pub const ALICE: Account = Account {
    id: "a11ce00000000000000000000000000000000000000000000000000000000001",
    display_name: "alice",
    access_key: "AKIATESTALICE",
    secret_key: "alice/secret+for/tests/only",
};

/// Somebody else.
pub const BOB: Account = Account {
    id: "b0b0000000000000000000000000000000000000000000000000000000000002",
    display_name: "bob",
    access_key: "AKIATESTBOB",
    secret_key: "bob/secret+for/tests/only",
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
            user: None,
            expires: None,
        }
    }

    fn seeing(&self, endpoint: &Endpoint) -> Endpoint {
        Endpoint {
            access_key: self.access_key.to_owned(),
            secret_key: self.secret_key.to_owned(),
            ..endpoint.clone()
        }
    }
}

/// Gives the accounts their credentials. A store may have them already.
pub(super) async fn provide_accounts(store: &dyn CredentialIndex) {
    for account in [ALICE, BOB] {
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
