//! The order in which lists and policies are asked.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html>

use std::borrow::Cow;

use super::guard::Guard;
use super::{Caller, On, Opened};
use crate::model::{
    AccountId, Acl, Bucket, IamAction, Need, ObjectRecord, Operation, Owner, Permission, Tags, Timestamp,
    Upload, VersionName, When,
};
use crate::ops::Context;
use crate::policy::{ConditionKeys, Principal, Question, Resource, Verdict};

/// What lets a caller do what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// That it is the owner, or an access control list: where one lets another account write, that writes over what
    /// it owns alone.
    List,
    /// A policy.
    Policy,
}

/// What lists say, and that something belongs to an account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Listed {
    /// To the account.
    pub(super) account: bool,
    /// To everybody, or to all accounts.
    pub(super) everybody: bool,
}

/// What an operation is about to be done with.
pub(super) struct Matter<'a> {
    pub(super) operation: Operation,
    pub(super) actions: &'static [IamAction],
    pub(super) resource: Resource<'a>,
    /// Whose it is.
    pub(super) owner: &'a Owner,
    /// The tags of the object, where it is one that is there.
    pub(super) tags: Option<&'a Tags>,
    /// The version that is named.
    pub(super) version: Option<VersionName>,
    /// Whether it depends on an entity tag, where the request does not say it once for all.
    pub(super) if_match: Option<bool>,
    pub(super) listed: Listed,
}

impl<'a> Matter<'a> {
    /// What belongs to the bucket's owner, and of which nothing more is known.
    pub(super) fn of_bucket(
        bucket: &'a Opened,
        (operation, actions): (Operation, &'static [IamAction]),
        on: On<'a>,
        listed: Listed,
    ) -> Self {
        Self {
            operation,
            actions,
            resource: on.resource(),
            owner: &bucket.owner,
            tags: None,
            version: on.version,
            if_match: None,
            listed,
        }
    }
}

/// The keys of a request, of whom it acts for, and of what it is about.
struct Keys<'a> {
    request: &'a dyn ConditionKeys,
    principal: &'a Principal,
    tags: Option<&'a Tags>,
    version: Option<VersionName>,
    /// The account that the bucket belongs to.
    resource_account: Option<AccountId>,
    /// When the session began that asks.
    temporary: Option<Timestamp>,
}

impl ConditionKeys for Keys<'_> {
    fn values(&self, key: &str) -> Option<Vec<Cow<'_, str>>> {
        if let Some(name) = key.strip_prefix("s3:existingobjecttag/") {
            let value = self.tags?.get(name)?;
            return Some(vec![Cow::Borrowed(value)]);
        }
        let of_principal = match self.principal {
            Principal::Anonymous => match key {
                "aws:principaltype" => Some(Cow::Borrowed("Anonymous")),
                "aws:userid" => Some(Cow::Borrowed("anonymous")),
                _ => None,
            },
            Principal::Account { account, user, .. } => match (key, user) {
                ("aws:principalarn", None) => Some(Cow::Owned(format!("arn:aws:iam::{account}:root"))),
                ("aws:principalarn", Some(user)) => {
                    Some(Cow::Owned(format!("arn:aws:iam::{account}:user/{user}")))
                }
                ("aws:principalaccount", _) | ("aws:userid", None) => Some(Cow::Borrowed(account.as_str())),
                ("aws:principaltype", None) => Some(Cow::Borrowed("Account")),
                ("aws:principaltype", Some(_)) => Some(Cow::Borrowed("User")),
                ("aws:username" | "aws:userid", Some(user)) => Some(Cow::Borrowed(user.as_str())),
                _ => None,
            },
        };
        if let Some(value) = of_principal {
            return Some(vec![value]);
        }
        match key {
            "aws:tokenissuetime" => Some(vec![Cow::Owned(self.temporary?.iso_8601())]),
            // Nobody has a second factor here, which only temporary credentials can tell.
            "aws:multifactorauthpresent" => self.temporary.map(|_| vec![Cow::Borrowed("false")]),
            "s3:versionid" => Some(vec![Cow::Owned(self.version?.to_string())]),
            "aws:resourceaccount" | "s3:resourceaccount" => {
                Some(vec![Cow::Borrowed(self.resource_account.as_ref()?.as_str())])
            }
            key => self.request.values(key),
        }
    }
}

impl Caller {
    /// Whether its own policy denies an action of another service on something that has this name there.
    pub fn is_denied(&self, context: &Context, service: &str, action: &str, arn: &str) -> bool {
        let Some(policy) = &self.identity.policy else {
            return false;
        };
        let principal = context.accounts.principal(self);
        let keys = Keys {
            request: &*self.facts,
            principal: &principal,
            tags: None,
            version: None,
            resource_account: None,
            temporary: self.identity.temporary,
        };
        let question = Question {
            principal: &principal,
            service,
            action,
            resource: Resource::Named(arn),
            keys: &keys,
        };
        policy.check_known(&*self.facts).is_err() || policy.decide(&question) == Verdict::Denies
    }

    /// Whether a policy of its own names what the deployment does not know of its requests.
    fn is_undecidable(&self) -> bool {
        let identity = &self.identity;
        let mut policies = identity.policy.iter().chain(&identity.session);
        policies.any(|policy| policy.check_known(&*self.facts).is_err())
    }

    /// What lets the caller do that; `None` where nothing does, or a policy refuses it.
    pub(super) fn decide(
        &self,
        context: &Context,
        bucket: Option<&Bucket>,
        guard: &Guard,
        matter: &Matter<'_>,
    ) -> Option<By> {
        let owns = bucket.is_none_or(|bucket| self.owns(bucket));
        let identity = &self.identity;
        if identity.policy.is_none() && identity.session.is_none() && guard.policy.is_none() {
            let beyond = || self.asked(matter).any(|action| action.when.is_beyond_lists());
            return (matter.listed.account && (owns || !beyond())).then_some(By::List);
        }
        if self.is_undecidable() {
            return None;
        }
        let principal = context.accounts.principal(self);
        let keys = Keys {
            request: &*self.facts,
            principal: &principal,
            tags: matter.tags,
            version: matter.version,
            resource_account: bucket.map(|bucket| context.accounts.id_of(&bucket.owner)),
            temporary: identity.temporary,
        };
        let asked = guard.policy.as_ref();
        let asked = asked.filter(|_| !self.keeps(bucket, matter.operation));
        let grants = self.policy_may_grant(bucket, guard, matter);
        let mut by = None;
        for action in self.asked(matter) {
            let question = Question {
                principal: &principal,
                service: "s3",
                action: action.name,
                resource: matter.resource,
                keys: &keys,
            };
            let bucket_says = asked.map_or(Verdict::Silent, |policy| policy.decide(&question));
            let (own, listed) = self.without_policies(bucket, matter, action.when);
            // A list is needed for all where one is needed for any.
            match self.decide_action(&question, own, (bucket_says, grants), listed)? {
                By::List => by = Some(By::List),
                By::Policy => by = by.or(Some(By::Policy)),
            }
        }
        by.or(matter.listed.account.then_some(By::List))
    }

    /// Whether what an action is done to is the caller's account's own, and what lists say about it. What lists never
    /// give is the bucket's owner's to give, whoever owns the object.
    fn without_policies(&self, bucket: Option<&Bucket>, matter: &Matter<'_>, when: When) -> (bool, Listed) {
        let own = |whose: &Owner| whose.id == self.owner.id;
        if !when.is_beyond_lists() {
            return (own(matter.owner), matter.listed);
        }
        let owns = bucket.is_none_or(|bucket| self.owns(bucket));
        let listed = Listed {
            account: owns,
            everybody: false,
        };
        (
            bucket.map_or(own(matter.owner), |bucket| own(&bucket.owner)),
            listed,
        )
    }

    /// What lets the caller do what one action stands for, with what is its account's `own` or not. `grants` says
    /// whether what the bucket's policy allows counts.
    fn decide_action(
        &self,
        question: &Question<'_>,
        own: bool,
        (bucket_says, grants): (Verdict, bool),
        listed: Listed,
    ) -> Option<By> {
        let identity = &self.identity;
        let identity_says = identity.policy.as_ref().map(|policy| policy.decide(question));
        let session_says = identity.session.as_ref().map(|policy| policy.decide(question));
        let denies = [Some(bucket_says), identity_says, session_says].contains(&Some(Verdict::Denies));
        if denies || session_says.is_some_and(|says| says != Verdict::Allows) {
            return None;
        }
        let reaches = match bucket_says {
            Verdict::Allows => true,
            // What is granted to an account is for the account to hand on to its users.
            Verdict::AllowsAccount => !own || identity.policy.is_none(),
            _ => false,
        };
        let granted = (grants && reaches).then_some(By::Policy);
        let by_list = |listed: bool| listed.then_some(By::List);
        match identity_says {
            Some(Verdict::Allows) if own => Some(By::Policy),
            None | Some(Verdict::Allows) => granted.or(by_list(listed.account)),
            Some(_) if own => granted.or(by_list(listed.everybody)),
            Some(_) => None,
        }
    }

    /// The actions that the request asks for.
    fn asked<'m>(&self, matter: &'m Matter<'_>) -> impl Iterator<Item = &'m IamAction> {
        let facts = &self.facts;
        let tagged = matter.tags.is_some_and(|tags| !tags.is_empty());
        matter.actions.iter().filter(move |action| match action.when {
            When::Always => true,
            When::Current => matter.version.is_none(),
            When::Version => matter.version.is_some(),
            When::CopiesTags => matter.version.is_none() && tagged && facts.asks(When::CopiesTags),
            When::CopiesTagsOfVersion => matter.version.is_some() && tagged && facts.asks(When::CopiesTags),
            When::IfMatch => matter.if_match.unwrap_or_else(|| facts.asks(When::IfMatch)),
            when => facts.asks(when),
        })
    }

    /// A bucket's policy allows nothing with what another account owns. A public one grants nothing to other accounts
    /// where the bucket is restricted.
    fn policy_may_grant(&self, bucket: Option<&Bucket>, guard: &Guard, matter: &Matter<'_>) -> bool {
        let (Some(bucket), Some(policy)) = (bucket, &guard.policy) else {
            return false;
        };
        let restricted = guard.block.restrict_public_buckets && bucket.owner.id != self.owner.id;
        matter.owner.id == bucket.owner.id && !(restricted && policy.is_public())
    }

    /// Whether it is what no policy of a bucket takes from its account: to see and to change that policy.
    pub(super) fn keeps(&self, bucket: Option<&Bucket>, operation: Operation) -> bool {
        let about_the_policy = matches!(
            operation,
            Operation::GetBucketPolicy | Operation::PutBucketPolicy | Operation::DeleteBucketPolicy
        );
        about_the_policy && bucket.is_some_and(|bucket| self.owns(bucket))
    }

    /// What the lists of bucket and object say about an operation with that need.
    pub(super) fn listed(
        &self,
        bucket: &Opened,
        need: Need,
        object: Option<&ObjectRecord>,
        upload: Option<&Upload>,
    ) -> Listed {
        let owns = self.owns(bucket);
        let on_bucket = |wanted| self.lists(bucket, &bucket.owner, &bucket.acl, wanted);
        let only = |account| Listed {
            account,
            everybody: false,
        };
        match need {
            Need::Nothing | Need::Account => only(true),
            Need::BucketOwner => only(owns),
            Need::Bucket(permission) => on_bucket(permission),
            Need::Object(permission) => match object {
                Some(object) => {
                    let description = &object.description;
                    self.lists(bucket, &description.owner, &description.acl, permission)
                }
                // Of what is not there, no list refuses anything.
                None => only(true),
            },
            Need::Deletion | Need::Deletions => {
                let write = on_bucket(Permission::Write);
                Listed {
                    account: owns || write.account,
                    everybody: write.everybody,
                }
            }
            Need::Uploader => {
                let write = on_bucket(Permission::Write);
                let began = upload.is_none_or(|upload| upload.description.owner.id == self.owner.id);
                Listed {
                    account: write.account && began,
                    everybody: write.everybody && began,
                }
            }
            Need::UploaderOrOwner => {
                let began = upload.is_some_and(|upload| upload.description.owner.id == self.owner.id);
                only(owns || began)
            }
        }
    }

    /// What a list says.
    fn lists(&self, bucket: &Opened, owner: &Owner, acl: &Acl, wanted: Permission) -> Listed {
        if bucket.guard.enforces_ownership() {
            return Listed {
                account: self.owner.id == bucket.owner.id,
                everybody: false,
            };
        }
        let signed = !self.owner.is_anonymous();
        let everybody = !bucket.guard.block.ignore_public_acls && acl.allows_all(signed, wanted);
        let account = if bucket.guard.block.ignore_public_acls && acl.is_public() {
            acl.without_public_grants(owner)
                .allows(owner, &self.owner, wanted)
        } else {
            acl.allows(owner, &self.owner, wanted)
        };
        Listed { account, everybody }
    }
}
