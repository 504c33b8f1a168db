//! Access control lists: who may do what with a bucket or an object.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use serde::{Deserialize, Serialize};

use super::Owner;

/// What a grant allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Permission {
    /// Of a bucket: listing it. Of an object: its bytes and headers.
    Read,
    /// Of a bucket: creating objects in it. Of an object: nothing.
    Write,
    /// Reading the list itself.
    ReadAcp,
    /// Replacing the list itself.
    WriteAcp,
    /// All of these.
    FullControl,
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Write,
        Self::ReadAcp,
        Self::WriteAcp,
        Self::FullControl,
    ];

    /// The name as S3 spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::ReadAcp => "READ_ACP",
            Self::WriteAcp => "WRITE_ACP",
            Self::FullControl => "FULL_CONTROL",
        }
    }

    /// The permission of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }

    fn covers(self, wanted: Self) -> bool {
        self == wanted || self == Self::FullControl
    }
}

/// Accounts that a grant names together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Group {
    /// Everybody, also requests without a signature.
    AllUsers,
    /// Every account of this store.
    AuthenticatedUsers,
    /// S3's own delivery of access logs. Nobody is in it here: no logs are delivered.
    LogDelivery,
}

impl Group {
    const ALL: [Self; 3] = [Self::AllUsers, Self::AuthenticatedUsers, Self::LogDelivery];

    /// The URI that S3 names the group by.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::AllUsers => "http://acs.amazonaws.com/groups/global/AllUsers",
            Self::AuthenticatedUsers => "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
            Self::LogDelivery => "http://acs.amazonaws.com/groups/s3/LogDelivery",
        }
    }

    /// The group of that URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.uri() == uri)
    }
}

/// Whom a grant is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Grantee {
    /// The account with this canonical user id.
    User(String),
    /// A group.
    Group(Group),
}

impl Grantee {
    /// The account with this canonical user id; `None` where the id cannot be one. Whether there is such an account is
    /// not looked up: one may be granted something before it has a credential.
    pub fn user(id: &str) -> Option<Self> {
        let is_canonical = id.len() == 64 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (is_canonical || id == Owner::anonymous().id).then(|| Self::User(id.to_owned()))
    }

    fn includes(&self, account: &Owner) -> bool {
        match self {
            Self::User(id) => *id == account.id,
            Self::Group(Group::AllUsers) => true,
            Self::Group(Group::AuthenticatedUsers) => !account.is_anonymous(),
            Self::Group(Group::LogDelivery) => false,
        }
    }
}

/// One line of an access control list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// For whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

impl Grant {
    fn is_public(&self) -> bool {
        let public = [Group::AllUsers, Group::AuthenticatedUsers];
        public.iter().any(|group| self.grantee == Grantee::Group(*group))
    }

    fn to_user(account: &Owner, permission: Permission) -> Self {
        Self {
            grantee: Grantee::User(account.id.clone()),
            permission,
        }
    }

    const fn to_group(group: Group, permission: Permission) -> Self {
        Self {
            grantee: Grantee::Group(group),
            permission,
        }
    }
}

/// An access control list. What it means depends on the owner of what it belongs to, which is kept beside it.
/// The default is the private one: the owner alone has full control.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acl(Option<Vec<Grant>>);

impl Acl {
    /// The most grants in one list.
    pub const MOST_GRANTS: usize = 100;

    /// The list with these grants, each once, for what `owner` owns.
    pub fn new(grants: Vec<Grant>, owner: &Owner) -> Self {
        let mut kept: Vec<Grant> = Vec::with_capacity(grants.len());
        for grant in grants {
            if !kept.contains(&grant) {
                kept.push(grant);
            }
        }
        if kept == private(owner) {
            Self(None)
        } else {
            Self(Some(kept))
        }
    }

    /// Whether the owner alone has full control. Such a list is not written into rows.
    pub fn is_private(&self) -> bool {
        self.0.is_none()
    }

    /// The grants, in the order in which they were given.
    pub fn grants(&self, owner: &Owner) -> Vec<Grant> {
        self.0.clone().unwrap_or_else(|| private(owner))
    }

    /// Whether `account` has the permission on what `owner` owns. An owner can always read and replace the list.
    pub fn allows(&self, owner: &Owner, account: &Owner, wanted: Permission) -> bool {
        let is_owner = account.id == owner.id;
        match &self.0 {
            None => is_owner,
            Some(_) if is_owner && matches!(wanted, Permission::ReadAcp | Permission::WriteAcp) => true,
            Some(grants) => grants
                .iter()
                .any(|grant| grant.permission.covers(wanted) && grant.grantee.includes(account)),
        }
    }

    /// Whether it gives the permission to everybody: with `signed`, to every account.
    pub fn allows_all(&self, signed: bool, wanted: Permission) -> bool {
        let everybody = |grantee: &Grantee| match grantee {
            Grantee::Group(Group::AllUsers) => true,
            Grantee::Group(Group::AuthenticatedUsers) => signed,
            Grantee::User(_) | Grantee::Group(Group::LogDelivery) => false,
        };
        let mut grants = self.0.iter().flatten();
        grants.any(|grant| grant.permission.covers(wanted) && everybody(&grant.grantee))
    }

    /// Whether it grants anything to everybody or to all accounts.
    pub fn is_public(&self) -> bool {
        self.0.iter().flatten().any(Grant::is_public)
    }

    /// The list without what it grants to everybody or to all accounts.
    #[must_use]
    pub fn without_public_grants(&self, owner: &Owner) -> Self {
        let kept = self.grants(owner).into_iter().filter(|grant| !grant.is_public());
        Self::new(kept.collect(), owner)
    }

    /// Whether it grants nothing but full control to `owner`.
    pub fn is_for_alone(&self, owner: &Owner) -> bool {
        let own = |grant: &Grant| *grant == Grant::to_user(owner, Permission::FullControl);
        self.0.iter().flatten().all(own)
    }
}

fn private(owner: &Owner) -> Vec<Grant> {
    vec![Grant::to_user(owner, Permission::FullControl)]
}

/// A list that S3 has a name for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CannedAcl {
    /// The owner alone.
    #[default]
    Private,
    /// Everybody reads.
    PublicRead,
    /// Everybody reads and writes.
    PublicReadWrite,
    /// Every account reads.
    AuthenticatedRead,
    /// The bucket's owner reads the object. Of a bucket: the private one.
    BucketOwnerRead,
    /// The bucket's owner has full control of the object too. Of a bucket: the private one.
    BucketOwnerFullControl,
    /// The log delivery group writes into the bucket and reads its list.
    LogDeliveryWrite,
}

/// The list that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedAcl {
    /// One with a name.
    Canned(CannedAcl),
    /// These grants and no others, at most [`Acl::MOST_GRANTS`].
    Grants(Vec<Grant>),
}

impl Default for RequestedAcl {
    fn default() -> Self {
        Self::Canned(CannedAcl::default())
    }
}

impl RequestedAcl {
    /// The list of a bucket of `owner`.
    pub fn of_bucket(&self, owner: &Owner) -> Acl {
        self.of_object(owner, owner)
    }

    /// The list of an object of `owner` in a bucket of `bucket_owner`.
    pub fn of_object(&self, owner: &Owner, bucket_owner: &Owner) -> Acl {
        let canned = match self {
            Self::Grants(grants) => return Acl::new(grants.clone(), owner),
            Self::Canned(canned) => canned,
        };
        let mut grants = private(owner);
        match canned {
            CannedAcl::Private => {}
            CannedAcl::PublicRead => grants.push(Grant::to_group(Group::AllUsers, Permission::Read)),
            CannedAcl::PublicReadWrite => grants
                .extend([Permission::Read, Permission::Write].map(|p| Grant::to_group(Group::AllUsers, p))),
            CannedAcl::AuthenticatedRead => {
                grants.push(Grant::to_group(Group::AuthenticatedUsers, Permission::Read));
            }
            CannedAcl::BucketOwnerRead if owner.id != bucket_owner.id => {
                grants.push(Grant::to_user(bucket_owner, Permission::Read));
            }
            CannedAcl::BucketOwnerFullControl => {
                grants.push(Grant::to_user(bucket_owner, Permission::FullControl));
            }
            CannedAcl::BucketOwnerRead => {}
            CannedAcl::LogDeliveryWrite => grants.extend(
                [Permission::Write, Permission::ReadAcp].map(|p| Grant::to_group(Group::LogDelivery, p)),
            ),
        }
        Acl::new(grants, owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> Owner {
        Owner {
            id: id.to_owned(),
            display_name: id.to_owned(),
        }
    }

    /// What the list of a canned ACL allows whom: `o` the object's owner, `b` the bucket's, `x` another, `-` nobody.
    fn allowed(canned: CannedAcl) -> String {
        let (owner, bucket_owner) = (account("o"), account("b"));
        let acl = RequestedAcl::Canned(canned).of_object(&owner, &bucket_owner);
        let letters = [
            (Permission::Read, 'r'),
            (Permission::Write, 'w'),
            (Permission::ReadAcp, 'p'),
        ];
        let of = |caller: &Owner| -> String {
            let may = letters
                .iter()
                .filter(|(wanted, _)| acl.allows(&owner, caller, *wanted));
            may.map(|(_, letter)| *letter).collect()
        };
        let callers = [
            owner.clone(),
            bucket_owner.clone(),
            account("x"),
            Owner::anonymous(),
        ];
        callers.map(|caller| of(&caller)).join(" ")
    }

    #[test]
    fn a_canned_list_allows_what_its_name_says() {
        for (canned, expected) in [
            (CannedAcl::Private, "rwp   "),
            (CannedAcl::PublicRead, "rwp r r r"),
            (CannedAcl::PublicReadWrite, "rwp rw rw rw"),
            (CannedAcl::AuthenticatedRead, "rwp r r "),
            (CannedAcl::BucketOwnerRead, "rwp r  "),
            (CannedAcl::BucketOwnerFullControl, "rwp rwp  "),
            (CannedAcl::LogDeliveryWrite, "rwp   "),
        ] {
            assert_eq!(allowed(canned), expected, "{canned:?}");
        }
    }

    #[test]
    fn an_owner_without_a_grant_keeps_the_list_and_nothing_else() {
        let owner = account("o");
        let acl = Acl::new(Vec::new(), &owner);
        let may = |wanted| acl.allows(&owner, &owner, wanted);
        assert_eq!(Permission::ALL.map(may), [false, false, true, true, false]);
        assert_eq!(acl.grants(&owner), []);
    }

    #[test]
    fn the_private_list_is_not_written_and_others_come_back() {
        let owner = account("o");
        let twice = [private(&owner), private(&owner)].concat();
        assert!(Acl::new(twice, &owner).is_private());
        let own = RequestedAcl::Canned(CannedAcl::BucketOwnerFullControl);
        assert!(own.of_bucket(&owner).is_private());
        let acl = RequestedAcl::Canned(CannedAcl::PublicRead).of_bucket(&owner);
        let json = serde_json::to_string(&acl).unwrap();
        assert_eq!(
            json,
            r#"[{"grantee":{"User":"o"},"permission":"FULL_CONTROL"},{"grantee":{"Group":"AllUsers"},"permission":"READ"}]"#
        );
        assert_eq!(serde_json::from_str::<Acl>(&json).unwrap(), acl);
    }
}
