//! What a bucket says of its events: which go where.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>

mod given;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use given::{DestinationArn, GivenNotification, GivenRule, no_destinations};

/// A destination as the operator calls it: 1 to 64 of `a` to `z`, `0` to `9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DestinationName(String);

/// Why a text is no name of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a destination's name is 1 to 64 of the characters a to z, 0 to 9 and -")]
pub struct InvalidDestinationName;

impl DestinationName {
    /// That of Amazon EventBridge, which no bucket's document names: there is one, or none.
    pub const EVENT_BRIDGE: &str = "eventbridge";

    /// The same.
    pub fn event_bridge() -> Self {
        Self(Self::EVENT_BRIDGE.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DestinationName {
    type Err = InvalidDestinationName;

    fn from_str(text: &str) -> Result<Self, InvalidDestinationName> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for DestinationName {
    type Error = InvalidDestinationName;

    fn try_from(text: String) -> Result<Self, InvalidDestinationName> {
        let is_of_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match (1..=64).contains(&text.len()) && text.bytes().all(is_of_names) {
            true => Ok(Self(text)),
            false => Err(InvalidDestinationName),
        }
    }
}

impl From<DestinationName> for String {
    fn from(name: DestinationName) -> Self {
        name.0
    }
}

impl fmt::Display for DestinationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! event_names {
    ($($name:ident $text:literal,)*) => {
        /// What happened.
        /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum EventName {
            $(#[doc = concat!("`s3:", $text, "`.")]
            #[serde(rename = $text)]
            $name,)*
        }

        impl EventName {
            /// All that happen here.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As documents name it: without `s3:`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

event_names! {
    CreatedByPut "ObjectCreated:Put",
    CreatedByPost "ObjectCreated:Post",
    CreatedByCopy "ObjectCreated:Copy",
    CreatedByCompletion "ObjectCreated:CompleteMultipartUpload",
    Removed "ObjectRemoved:Delete",
    MarkerCreated "ObjectRemoved:DeleteMarkerCreated",
    TaggingPut "ObjectTagging:Put",
    TaggingDeleted "ObjectTagging:Delete",
    AclPut "ObjectAcl:Put",
    Expired "LifecycleExpiration:Delete",
    MarkerCreatedByExpiration "LifecycleExpiration:DeleteMarkerCreated",
}

/// What a bucket says of its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationConfiguration {
    /// The rules, in the order in which they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<NotificationRule>,
    /// Whether all events go to Amazon EventBridge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub event_bridge: bool,
}

/// Which events go to a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationRule {
    /// What the rule is called.
    pub id: String,
    /// The form in which it was given.
    pub form: DestinationForm,
    /// The destination, as it was given.
    pub arn: String,
    /// The destination.
    pub destination: DestinationName,
    /// The events, as they were given: `s3:ObjectCreated:Put`, or `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// What the key begins with, where that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// What the key ends with, where that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
}

/// The kinds of destinations of S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationForm {
    /// `QueueConfiguration`.
    Queue,
    /// `TopicConfiguration`.
    Topic,
    /// `CloudFunctionConfiguration`.
    Function,
}

impl DestinationForm {
    /// The element that names the destination.
    pub const fn element(self) -> &'static str {
        match self {
            Self::Queue => "Queue",
            Self::Topic => "Topic",
            Self::Function => "CloudFunction",
        }
    }
}

impl NotificationConfiguration {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && !self.event_bridge
    }

    /// The rules by which something that happens to an object makes an event.
    pub fn of<'a>(&'a self, name: EventName, key: &'a str) -> impl Iterator<Item = &'a NotificationRule> {
        self.rules.iter().filter(move |rule| rule.is_of(name, key))
    }
}

impl NotificationRule {
    /// Whether it is about this.
    pub fn is_of(&self, name: EventName, key: &str) -> bool {
        let begins = self
            .prefix
            .as_ref()
            .is_none_or(|prefix| key.starts_with(prefix.as_str()));
        let ends = self
            .suffix
            .as_ref()
            .is_none_or(|suffix| key.ends_with(suffix.as_str()));
        begins && ends && self.events.iter().any(|event| covers(event, name))
    }
}

/// Whether `s3:ObjectCreated:*`, or a name, is of that event.
fn covers(event: &str, name: EventName) -> bool {
    let Some(event) = event.strip_prefix("s3:") else {
        return false;
    };
    match event.strip_suffix('*') {
        Some(kind) => name.name().starts_with(kind),
        None => event == name.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(events: &[&str], prefix: Option<&str>, suffix: Option<&str>) -> NotificationRule {
        NotificationRule {
            id: "id".to_owned(),
            form: DestinationForm::Queue,
            arn: "arn:aws:sqs:us-east-1::q".to_owned(),
            destination: "q".parse().unwrap(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            prefix: prefix.map(str::to_owned),
            suffix: suffix.map(str::to_owned),
        }
    }

    #[test]
    fn a_rule_is_about_the_events_it_names_and_about_keys_between_its_ends() {
        let created = rule(&["s3:ObjectCreated:*"], None, None);
        assert!(created.is_of(EventName::CreatedByPost, "key"));
        assert!(!created.is_of(EventName::Removed, "key"));
        let removed = rule(&["s3:ObjectRemoved:Delete"], Some("a/"), Some(".jpg"));
        assert!(removed.is_of(EventName::Removed, "a/b.jpg"));
        assert!(!removed.is_of(EventName::MarkerCreated, "a/b.jpg"));
        assert!(!removed.is_of(EventName::Removed, "b.jpg"));
        assert!(!removed.is_of(EventName::Removed, "a/b.png"));
    }

    #[test]
    fn names_of_destinations_are_short_and_plain() {
        assert!("a-1".parse::<DestinationName>().is_ok());
        for name in ["", "A", "a_b", "a b", &"a".repeat(65)] {
            assert!(name.parse::<DestinationName>().is_err(), "{name}");
        }
    }
}
