//! Configurations of events as requests give them, and what S3 takes of that.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{DestinationForm, DestinationName, EventName, NotificationConfiguration, NotificationRule};
use crate::model::{ErrorCode, S3Error, hex};

/// How many rules a bucket has at most.
const MOST_RULES: usize = 100;

/// How long the name of a rule is at most, in characters.
const LONGEST_ID: usize = 255;

/// How long a prefix or a suffix is at most, in bytes.
const LONGEST_VALUE: usize = 1_024;

/// What stands for all events of a kind.
const WILDCARDS: [&str; 4] = [
    "ObjectCreated:*",
    "ObjectRemoved:*",
    "ObjectTagging:*",
    "LifecycleExpiration:*",
];

/// Events of S3 that never happen here. One that ends with a colon stands for all that begin so.
const NEVER_HERE: [&str; 6] = [
    "ReducedRedundancyLostObject",
    "ObjectRestore:",
    "Replication:",
    "LifecycleTransition",
    "IntelligentTiering",
    "ObjectAnnotation:",
];

/// The elements that name arguments, and what is wrong with each, where there may be several.
const NUMBERED: [(&str, &str); 3] = [
    ("ArgumentName1", "ArgumentValue1"),
    ("ArgumentName2", "ArgumentValue2"),
    ("ArgumentName3", "ArgumentValue3"),
];

/// A configuration as a request gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenNotification {
    /// The rules.
    pub rules: Vec<GivenRule>,
    /// Whether all events go to Amazon EventBridge.
    pub event_bridge: bool,
}

/// A rule as a request gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenRule {
    /// The form in which it is given.
    pub form: DestinationForm,
    /// What it is called, where it says so.
    pub id: Option<String>,
    /// The destination.
    pub arn: String,
    /// The events.
    pub events: Vec<String>,
    /// The names and values of the rules of its filter.
    pub filter: Vec<(String, String)>,
}

/// The parts of a destination's Amazon Resource Name that say something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DestinationArn<'a> {
    /// The region; empty where it names none.
    pub region: &'a str,
    /// The name of the queue, the topic or the function.
    pub name: &'a str,
}

/// AWS has a partition of its own for China and for the government of the United States.
fn is_of_aws(partition: &str) -> bool {
    matches!(partition, "aws" | "aws-cn" | "aws-us-gov")
}

impl<'a> DestinationArn<'a> {
    /// Reads `arn:aws:sqs:REGION:ACCOUNT:NAME` and the like. In place of `aws` there may be `bleepstore`.
    pub fn read(form: DestinationForm, arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (head, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let (wanted, name) = match form {
            DestinationForm::Queue => ("sqs", resource),
            DestinationForm::Topic => ("sns", resource),
            DestinationForm::Function => ("lambda", resource.strip_prefix("function:")?),
        };
        let fits = head == "arn" && (partition == "bleepstore" || is_of_aws(partition)) && service == wanted;
        (fits && !name.is_empty()).then_some(Self { region, name })
    }

    /// The name, as far as a destination may have it. None is called as EventBridge's is.
    fn destination(&self) -> Option<DestinationName> {
        let name = self.name.parse().ok()?;
        (name != DestinationName::event_bridge()).then_some(name)
    }
}

impl DestinationForm {
    /// What S3 says of a destination that is not there.
    pub fn is_missing(self, arn: &str) -> String {
        match self {
            Self::Queue => "The destination queue does not exist".to_owned(),
            Self::Topic => "The destination topic does not exist".to_owned(),
            Self::Function => format!("Not authorized to invoke function [{arn}]"),
        }
    }
}

/// The error that names destinations and says what is wrong with each. It has room for three.
pub fn no_destinations(faults: &[(String, String)]) -> S3Error {
    let message = "Unable to validate the following destination configurations";
    let error = S3Error::message(ErrorCode::InvalidArgument, message);
    NUMBERED
        .iter()
        .zip(faults)
        .fold(error, |error, ((name, value), (arn, what))| {
            error.with(name, arn).with(value, what)
        })
}

impl NotificationConfiguration {
    /// What is stored of a configuration. Whether its destinations are there is left to be asked.
    pub fn new(given: GivenNotification) -> Result<Self, S3Error> {
        let GivenNotification { rules, event_bridge } = given;
        if rules.len() > MOST_RULES {
            return Err(S3Error::invalid_argument(
                format!("A notification configuration has at most {MOST_RULES} configurations."),
                "NotificationConfiguration",
                rules.len(),
            ));
        }
        let checked = rules.into_iter().enumerate();
        let checked = checked.map(|(number, rule)| Checked::of(rule, number));
        let checked: Vec<Checked> = checked.collect::<Result<_, _>>()?;
        let mut ids = BTreeSet::new();
        for (number, rule) in checked.iter().enumerate() {
            if !ids.insert(&rule.id) {
                return Err(S3Error::invalid_argument(
                    "Same ID used for multiple configurations. IDs must be unique.",
                    "Id",
                    &rule.id,
                ));
            }
            if let Some(event) = checked.iter().take(number).find_map(|other| rule.shared(other)) {
                return Err(S3Error::invalid_argument(
                    "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
                    "Event",
                    event,
                ));
            }
        }
        let missing: Vec<_> = checked.iter().filter_map(Checked::missing).collect();
        if !missing.is_empty() {
            return Err(no_destinations(&missing));
        }
        Ok(Self {
            rules: checked.into_iter().filter_map(Checked::rule).collect(),
            event_bridge,
        })
    }
}

/// A rule that is well formed.
struct Checked {
    form: DestinationForm,
    id: String,
    arn: String,
    /// None where no destination may have the name.
    destination: Option<DestinationName>,
    events: Vec<String>,
    prefix: Option<String>,
    suffix: Option<String>,
}

impl Checked {
    fn of(given: GivenRule, number: usize) -> Result<Self, S3Error> {
        let GivenRule { form, arn, .. } = &given;
        if given.events.is_empty() {
            return Err(ErrorCode::MalformedXML.into());
        }
        let Some(read) = DestinationArn::read(*form, arn) else {
            return Err(S3Error::invalid_argument(
                "The ARN could not be parsed",
                form.element(),
                arn,
            ));
        };
        let destination = read.destination();
        given.events.iter().try_for_each(|event| check_event(event))?;
        let (prefix, suffix) = read_filter(&given.filter)?;
        let id = match &given.id {
            Some(id) if id.chars().count() > LONGEST_ID => {
                return Err(S3Error::invalid_argument(
                    format!("A configuration's Id has at most {LONGEST_ID} characters."),
                    "Id",
                    id,
                ));
            }
            Some(id) if !id.is_empty() => id.clone(),
            _ => made_id(&given, number),
        };
        Ok(Self {
            form: given.form,
            id,
            arn: given.arn,
            destination,
            events: given.events,
            prefix,
            suffix,
        })
    }

    /// An event of which both rules are, for some key.
    fn shared(&self, other: &Self) -> Option<&str> {
        let (one, two) = (ends(&self.prefix), ends(&other.prefix));
        let begins = one.starts_with(two) || two.starts_with(one);
        let (one, two) = (ends(&self.suffix), ends(&other.suffix));
        let ends = one.ends_with(two) || two.ends_with(one);
        let shares = |event: &&String| other.events.iter().any(|other| overlap(event, other));
        self.events
            .iter()
            .find(shares)
            .filter(|_| begins && ends)
            .map(String::as_str)
    }

    fn missing(&self) -> Option<(String, String)> {
        let fault = || (self.arn.clone(), self.form.is_missing(&self.arn));
        self.destination.is_none().then(fault)
    }

    fn rule(self) -> Option<NotificationRule> {
        Some(NotificationRule {
            id: self.id,
            form: self.form,
            arn: self.arn,
            destination: self.destination?,
            events: self.events,
            prefix: self.prefix,
            suffix: self.suffix,
        })
    }
}

fn ends(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn overlap(one: &str, two: &str) -> bool {
    let covers = |one: &str, two: &str| one.strip_suffix('*').is_some_and(|kind| two.starts_with(kind));
    one == two || covers(one, two) || covers(two, one)
}

fn check_event(event: &str) -> Result<(), S3Error> {
    if let Some(name) = event.strip_prefix("s3:") {
        if WILDCARDS.contains(&name) || EventName::ALL.iter().any(|known| known.name() == name) {
            return Ok(());
        }
        let is_of = |kind: &str| name == kind || kind.ends_with(':') && name.starts_with(kind);
        if NEVER_HERE.iter().any(|kind| is_of(kind)) {
            return Err(S3Error::not_implemented(&format!("the event {event}")));
        }
    }
    let message = "A specified event is not supported for notifications";
    Err(S3Error::invalid_argument(message, "Event", event))
}

type Ends = (Option<String>, Option<String>);

fn read_filter(filter: &[(String, String)]) -> Result<Ends, S3Error> {
    let (mut prefix, mut suffix) = (None, None);
    for (name, value) in filter {
        let (place, message) = match name.to_ascii_lowercase().as_str() {
            "prefix" => (
                &mut prefix,
                "Cannot specify more than one prefix rule in a filter.",
            ),
            "suffix" => (
                &mut suffix,
                "Cannot specify more than one suffix rule in a filter.",
            ),
            _ => {
                let message = "filter rule name must be either prefix or suffix";
                return Err(S3Error::invalid_argument(message, "FilterRule.Name", name));
            }
        };
        if value.len() > LONGEST_VALUE {
            let message = "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation";
            return Err(S3Error::invalid_argument(message, "FilterRule.Value", value));
        }
        if place.replace(value.clone()).is_some() {
            return Err(S3Error::invalid_argument(message, "FilterRule.Name", name));
        }
    }
    Ok((prefix, suffix))
}

/// What a rule is called that does not say it: the same each time that it is given, and no other rule of its bucket.
fn made_id(rule: &GivenRule, number: usize) -> String {
    let mut hash = Sha256::new();
    let filter = rule.filter.iter().flat_map(|(name, value)| [name, value]);
    let texts = [&rule.arn].into_iter().chain(&rule.events).chain(filter);
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.update((number as u64).to_be_bytes());
    let digits = hex(hash.finalize());
    digits.chars().take(32).collect()
}

#[cfg(test)]
mod tests;
