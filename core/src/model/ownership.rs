//! Whom the objects in a bucket belong to, and what is granted to everybody there.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Acl, CannedAcl, Owner, RequestedAcl};

/// What ownership controls say: whom the objects in a bucket belong to.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectOwnership {
    /// To who wrote them, as in a bucket whose owner says nothing.
    #[default]
    ObjectWriter,
    /// To the bucket's owner, where who writes them says so by the list `bucket-owner-full-control`.
    BucketOwnerPreferred,
    /// To the bucket's owner, whoever wrote them. Access control lists grant nothing.
    BucketOwnerEnforced,
}

impl ObjectOwnership {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::ObjectWriter,
        Self::BucketOwnerPreferred,
        Self::BucketOwnerEnforced,
    ];

    /// The one of that name; `None` where S3 has none.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// As S3 spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ObjectWriter => "ObjectWriter",
            Self::BucketOwnerPreferred => "BucketOwnerPreferred",
            Self::BucketOwnerEnforced => "BucketOwnerEnforced",
        }
    }

    /// Whom an object belongs to that `writer` writes with that list into a bucket of `bucket_owner`, and its list.
    pub fn of_new_object(self, acl: &RequestedAcl, writer: &Owner, bucket_owner: &Owner) -> (Owner, Acl) {
        let gives_away = *acl == RequestedAcl::Canned(CannedAcl::BucketOwnerFullControl);
        match self {
            Self::BucketOwnerEnforced => (bucket_owner.clone(), Acl::default()),
            Self::BucketOwnerPreferred if gives_away => (bucket_owner.clone(), Acl::default()),
            _ => (writer.clone(), acl.of_object(writer, bucket_owner)),
        }
    }

    /// The same of an upload that `writer` began with a list that became `acl`, when it is completed.
    pub fn of_upload(self, acl: Acl, writer: Owner, bucket_owner: &Owner) -> (Owner, Acl) {
        let given_away = RequestedAcl::Canned(CannedAcl::BucketOwnerFullControl);
        let gives_away = || acl == given_away.of_object(&writer, bucket_owner);
        match self {
            Self::BucketOwnerEnforced => (bucket_owner.clone(), Acl::default()),
            Self::BucketOwnerPreferred if gives_away() => (bucket_owner.clone(), Acl::default()),
            _ => (writer, acl),
        }
    }
}

/// What is said of a new bucket whose creator does not say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewBuckets {
    /// Nothing: objects belong to who writes them, and lists and policies may grant to everybody.
    #[default]
    Open,
    /// What AWS says since April 2023: objects belong to the bucket's owner, lists grant nothing, and nothing is
    /// granted to everybody.
    Private,
}

impl FromStr for NewBuckets {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self::Open),
            "private" => Ok(Self::Private),
            _ => Err("expected open or private"),
        }
    }
}

/// What is not granted to everybody in a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicAccessBlock {
    /// Requests that would set a public access control list are refused.
    pub block_public_acls: bool,
    /// Grants of access control lists to everybody, or to all accounts, count for nothing.
    pub ignore_public_acls: bool,
    /// Requests that would set a public policy are refused.
    pub block_public_policy: bool,
    /// A public policy grants nothing but to the bucket's own account.
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    /// All four.
    pub const ALL: Self = Self {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
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

    #[test]
    fn an_object_belongs_to_whom_the_controls_say() {
        let (writer, owner) = (account("w"), account("o"));
        let plain = RequestedAcl::default();
        let giving = RequestedAcl::Canned(CannedAcl::BucketOwnerFullControl);
        for (controls, acl, expected) in [
            (ObjectOwnership::ObjectWriter, &plain, "w"),
            (ObjectOwnership::ObjectWriter, &giving, "w"),
            (ObjectOwnership::BucketOwnerPreferred, &plain, "w"),
            (ObjectOwnership::BucketOwnerPreferred, &giving, "o"),
            (ObjectOwnership::BucketOwnerEnforced, &plain, "o"),
            (ObjectOwnership::BucketOwnerEnforced, &giving, "o"),
        ] {
            let (new, list) = controls.of_new_object(acl, &writer, &owner);
            assert_eq!(new.id, expected, "{controls:?} {acl:?}");
            assert_eq!(list.is_private(), new == owner || *acl == plain);
            let begun = acl.of_object(&writer, &owner);
            let (completed, _) = controls.of_upload(begun, writer.clone(), &owner);
            assert_eq!(completed, new, "{controls:?} {acl:?}");
        }
    }

    #[test]
    fn every_ownership_is_found_by_its_name() {
        for one in ObjectOwnership::ALL {
            assert_eq!(ObjectOwnership::named(one.as_str()), Some(one));
            let json = serde_json::to_value(one).unwrap();
            assert_eq!(json, one.as_str());
        }
        assert_eq!(ObjectOwnership::named("Nobody"), None);
    }
}
