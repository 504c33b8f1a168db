//! Statements of a policy.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_statement.html>

use super::actions::{self, Target};
use super::condition::Condition;
use super::fault::Fault;
use super::json::Json;
use super::pattern::{Case, Pattern, Scope, Style};
use super::principals::{Fit, Principals};
use super::question::{Principal, Question, Verdict};
use super::resources::Resources;
use super::{PolicyKind, Reading};

/// What is allowed or denied to whom.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    allows: bool,
    /// `None` in a policy of the one who asks.
    principals: Option<Principals>,
    actions: Actions,
    resources: Resources,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Actions {
    inverted: bool,
    patterns: Vec<Pattern>,
}

/// A question, made ready for comparisons.
pub(super) struct Asked<'a> {
    pub principal: &'a Principal,
    /// With its service, in lower case.
    pub action: String,
    pub arn: String,
    pub scope: Scope<'a>,
}

/// The elements as they stand in the policy. `bool`: whether it is the one that begins with `Not`.
#[derive(Default)]
struct Elements<'a> {
    effect: Option<&'a Json>,
    principal: Option<(&'a Json, bool)>,
    action: Option<(&'a Json, bool)>,
    resource: Option<(&'a Json, bool)>,
    condition: Option<&'a Json>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(question: &Question<'a>, scope: Scope<'a>) -> Self {
        Self {
            principal: question.principal,
            action: format!("{}:{}", question.service, question.action).to_ascii_lowercase(),
            arn: question.arn(),
            scope,
        }
    }
}

impl Statement {
    pub(super) fn read(json: &Json, reading: &Reading<'_>) -> Result<Self, Fault> {
        let elements = Elements::of(json)?;
        let allows = match elements.effect.ok_or(Fault::Missing("Effect"))? {
            Json::Text(effect) if effect == "Allow" => true,
            Json::Text(effect) if effect == "Deny" => false,
            Json::Text(effect) => return Err(Fault::Effect(effect.clone())),
            _ => return Err(Fault::Syntax),
        };
        let principals = match (reading.kind, elements.principal) {
            (PolicyKind::Bucket { .. }, Some((json, inverted))) => Some(Principals::read(json, inverted)?),
            (PolicyKind::Bucket { .. }, None) => return Err(Fault::Missing("Principal")),
            (PolicyKind::Identity, None) => None,
            (PolicyKind::Identity, Some(_)) => return Err(Fault::Principals),
        };
        let (action, not_action) = elements.action.ok_or(Fault::Missing("Action"))?;
        let (resource, not_resource) = elements.resource.ok_or(Fault::Missing("Resource"))?;
        let resources = Resources::read(&texts(resource, "Resource")?, not_resource, reading)?;
        let actions = Actions::read(&texts(action, "Action")?, not_action, &resources, reading)?;
        let conditions = match elements.condition {
            Some(json) => Condition::read_all(json, reading)?,
            None => Vec::new(),
        };
        Ok(Self {
            allows,
            principals,
            actions,
            resources,
            conditions,
        })
    }

    /// What it says of a question.
    pub(super) fn verdict(&self, asked: &Asked<'_>) -> Verdict {
        let fit = match &self.principals {
            Some(principals) => principals.fit(asked.principal, self.allows, asked.scope.steps),
            None => Fit::Yes,
        };
        let about = |inverted, patterns: &[Pattern], text: &str| {
            patterns.iter().any(|pattern| pattern.matches(text, asked.scope)) != inverted
        };
        let applies = fit != Fit::No
            && about(self.actions.inverted, &self.actions.patterns, &asked.action)
            && about(self.resources.inverted, &self.resources.patterns, &asked.arn)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(asked.scope));
        match (applies, self.allows, fit) {
            (false, ..) => Verdict::Silent,
            (true, false, _) => Verdict::Denies,
            (true, true, Fit::Yes) => Verdict::Allows,
            (true, true, Fit::Account | Fit::No) => Verdict::AllowsAccount,
        }
    }

    /// Whether it allows something to all the world.
    pub(super) fn is_public(&self) -> bool {
        self.allows
            && self.principals.as_ref().is_some_and(Principals::are_public)
            && !self.conditions.iter().any(Condition::excludes_the_public)
    }

    /// The condition keys that it names.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let of_resources = self.resources.patterns.iter().flat_map(Pattern::keys);
        of_resources.chain(self.conditions.iter().flat_map(Condition::keys))
    }
}

impl<'a> Elements<'a> {
    fn of(json: &'a Json) -> Result<Self, Fault> {
        let Json::Object(members) = json else {
            return Err(Fault::Syntax);
        };
        let mut elements = Self::default();
        for (name, value) in members {
            let (place, inverted) = match name.as_str() {
                "Sid" if matches!(value, Json::Text(_)) => continue,
                "Sid" => return Err(Fault::Syntax),
                "Effect" => {
                    elements.effect = Some(value);
                    continue;
                }
                "Condition" => {
                    elements.condition = Some(value);
                    continue;
                }
                "Principal" => (&mut elements.principal, false),
                "NotPrincipal" => (&mut elements.principal, true),
                "Action" => (&mut elements.action, false),
                "NotAction" => (&mut elements.action, true),
                "Resource" => (&mut elements.resource, false),
                "NotResource" => (&mut elements.resource, true),
                _ => return Err(Fault::Unknown(name.clone())),
            };
            // An element and its opposite.
            if place.replace((value, inverted)).is_some() {
                return Err(Fault::Syntax);
            }
        }
        Ok(elements)
    }
}

impl Actions {
    fn read(
        texts: &[&str],
        inverted: bool,
        resources: &Resources,
        reading: &Reading<'_>,
    ) -> Result<Self, Fault> {
        let style = Style {
            wildcards: true,
            variables: false,
            case: Case::Matters,
        };
        let mut patterns = Vec::new();
        for text in texts {
            let text = text.to_ascii_lowercase();
            let service = service(&text).ok_or(Fault::Action)?;
            let pattern = Pattern::new(&text, style).ok_or(Fault::Action)?;
            if matches!(reading.kind, PolicyKind::Bucket { .. }) {
                if !matches!(service, "s3" | "*") {
                    return Err(Fault::Action);
                }
                let targets = targets(&pattern, reading);
                if targets.is_empty() {
                    return Err(Fault::Action);
                }
                let checked = !inverted && !resources.inverted;
                if checked && !targets.iter().any(|target| resources.targets.contains(target)) {
                    return Err(Fault::NotApplicable);
                }
            }
            patterns.push(pattern);
        }
        Ok(Self { inverted, patterns })
    }
}

/// The service of an action, which has no wildcards: `*` alone stands for every action of all services.
fn service(action: &str) -> Option<&str> {
    if action == "*" {
        return Some(action);
    }
    let (service, name) = action.split_once(':')?;
    let is_name = service
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_name && !service.is_empty() && !name.is_empty()).then_some(service)
}

/// What the actions of S3 that the pattern stands for are done to. Empty where there are none.
fn targets(pattern: &Pattern, reading: &Reading<'_>) -> Vec<Target> {
    let names = actions::all().map(|(name, target)| (format!("s3:{}", name.to_ascii_lowercase()), target));
    names
        .filter(|(name, _)| pattern.matches_constant(name, &reading.steps))
        .map(|(_, target)| target)
        .collect()
}

/// One text or several. None at all is as if the element did not stand there.
fn texts<'a>(json: &'a Json, element: &'static str) -> Result<Vec<&'a str>, Fault> {
    let text = |json: &'a Json| match json {
        Json::Text(text) => Ok(text.as_str()),
        _ => Err(Fault::Syntax),
    };
    match json {
        Json::Array(values) if values.is_empty() => Err(Fault::Missing(element)),
        Json::Array(values) => values.iter().map(text).collect(),
        value => Ok(vec![text(value)?]),
    }
}
