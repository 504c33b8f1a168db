//! Whom a request acts for.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::model::{Owner, Tags, Timestamp, When};
use crate::policy::{ConditionKeys, Policy};

/// What is known of a request, for policies to decide on. Asked only where a policy has to.
pub trait RequestFacts: ConditionKeys {
    /// Whether the request asks for what this is about. Of versions, and of the tags of a copy's source, it is not
    /// asked.
    fn asks(&self, when: When) -> bool;

    /// The id of the request, as its answer has it; empty for an operator's.
    fn request_id(&self) -> &str;

    /// The address that it came from, where that is known.
    fn client_address(&self) -> Option<String>;
}

/// A request of which nothing is known: an operator's, and a test's.
struct Nothing;

impl ConditionKeys for Nothing {
    fn values(&self, _key: &str) -> Option<Vec<Cow<'_, str>>> {
        None
    }
}

impl RequestFacts for Nothing {
    fn asks(&self, _when: When) -> bool {
        false
    }

    fn request_id(&self) -> &str {
        ""
    }

    fn client_address(&self) -> Option<String> {
        None
    }
}

/// A request whose body says something that policies may ask for.
struct Saying {
    request: Arc<dyn RequestFacts>,
    tags: Tags,
    location: Option<String>,
}

impl ConditionKeys for Saying {
    fn values(&self, key: &str) -> Option<Vec<Cow<'_, str>>> {
        if let Some(name) = key.strip_prefix("s3:requestobjecttag/") {
            return Some(vec![Cow::Borrowed(self.tags.get(name)?)]);
        }
        match key {
            "s3:requestobjecttagkeys" if self.tags.is_empty() => None,
            "s3:requestobjecttagkeys" => {
                Some(self.tags.iter().map(|(name, _)| Cow::Borrowed(name)).collect())
            }
            "s3:locationconstraint" => Some(vec![Cow::Borrowed(self.location.as_deref()?)]),
            key => self.request.values(key),
        }
    }
}

impl RequestFacts for Saying {
    fn asks(&self, when: When) -> bool {
        match when {
            When::Tags => !self.tags.is_empty(),
            when => self.request.asks(when),
        }
    }

    fn request_id(&self) -> &str {
        self.request.request_id()
    }

    fn client_address(&self) -> Option<String> {
        self.request.client_address()
    }
}

/// As whom in its account a request acts.
#[derive(Clone, Default)]
pub struct Identity {
    /// The name that policies know it by; `None` for the account itself.
    pub user: Option<String>,
    /// What it may do; `None` where that is all that its account may.
    pub policy: Option<Arc<Policy>>,
    /// What of that it may do for now; `None` for all of it.
    pub session: Option<Arc<Policy>>,
    /// When its session began, where its credentials are temporary.
    pub temporary: Option<Timestamp>,
}

/// Whom a request acts for.
#[derive(Clone)]
pub struct Caller {
    /// The account; [`Owner::anonymous`] where the request carries no signature.
    pub owner: Owner,
    /// The account that the request says the bucket belongs to, where it says so.
    pub expected_bucket_owner: Option<String>,
    /// As whom in that account.
    pub identity: Identity,
    /// The request.
    pub facts: Arc<dyn RequestFacts>,
}

impl Caller {
    /// The same, of a request whose body names these tags and this location.
    #[must_use]
    pub(crate) fn saying(&self, tags: &Tags, location: Option<&str>) -> Self {
        Self {
            facts: Arc::new(Saying {
                request: Arc::clone(&self.facts),
                tags: tags.clone(),
                location: location.map(str::to_owned),
            }),
            ..self.clone()
        }
    }

    /// An account, without more to be said.
    pub fn of(owner: Owner) -> Self {
        Self {
            owner,
            expected_bucket_owner: None,
            identity: Identity::default(),
            facts: Arc::new(Nothing),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("owner", &self.owner)
            .field("user", &self.identity.user)
            .finish_non_exhaustive()
    }
}
