//! What is wrong with a policy, and what AWS says of it.

/// What is wrong with a policy, whatever it is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The first byte is not `{`.
    NoObject,
    /// No JSON, or nested too deeply, or one key of an object twice.
    Json,
    TooLarge,
    TooManyStatements,
    /// A value of the wrong type, or two elements that exclude each other.
    Syntax,
    Version,
    NoStatement,
    /// An element that a statement or the policy must have.
    Missing(&'static str),
    Unknown(String),
    Effect(String),
    Principal,
    /// A principal where the policy's owner is the principal.
    Principals,
    Action,
    Resource(String),
    /// An action that none of the statement's resources has.
    NotApplicable,
    Operator(String),
    Key,
    /// A value that its operator cannot compare with anything.
    Value,
}

impl Fault {
    /// What PutBucketPolicy says under `MalformedPolicy`.
    pub(super) fn of_a_bucket_policy(self) -> String {
        match self {
            Self::NoObject => "Policies must be valid JSON and the first byte must be '{'".to_owned(),
            Self::Json => "This policy contains invalid Json".to_owned(),
            Self::TooLarge => {
                "Normalized policy document exceeds the maximum allowed size of 20480 bytes.".to_owned()
            }
            Self::TooManyStatements | Self::Syntax | Self::Value => "Invalid policy syntax.".to_owned(),
            Self::Version => "The policy must contain a valid version string".to_owned(),
            Self::NoStatement => "Could not parse the policy: Statement is empty!".to_owned(),
            Self::Missing(element) => format!("Missing required field {element}"),
            Self::Unknown(element) => format!("Unknown field {element}"),
            Self::Effect(effect) => format!("Invalid effect: {effect}"),
            Self::Principal | Self::Principals => "Invalid principal in policy".to_owned(),
            Self::Action => "Policy has invalid action".to_owned(),
            Self::Resource(_) => "Policy has invalid resource".to_owned(),
            Self::NotApplicable => "Action does not apply to any resource(s) in statement".to_owned(),
            Self::Operator(operator) => format!("Invalid Condition type : {operator}"),
            Self::Key => "Policy has an invalid condition key".to_owned(),
        }
    }

    /// What IAM and STS say under `MalformedPolicyDocument`.
    pub(super) fn of_an_identity_policy(self) -> String {
        match self {
            Self::NoObject | Self::Json => "This policy contains invalid Json".to_owned(),
            Self::TooLarge => "Cannot exceed quota for PolicySize: 6144".to_owned(),
            Self::Missing("Action") => "Policy statement must contain actions.".to_owned(),
            Self::Missing("Resource") => "Policy statement must contain resources.".to_owned(),
            Self::Unknown(element) => format!("Unknown field {element}"),
            Self::Principals => "Policy document should not specify a principal.".to_owned(),
            Self::Action | Self::Key => {
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned()
            }
            Self::Resource(resource) => format!("Resource {resource} must be in ARN format or \"*\"."),
            Self::Operator(operator) => format!("Invalid Condition type : {operator}"),
            Self::TooManyStatements
            | Self::Syntax
            | Self::Version
            | Self::NoStatement
            | Self::Missing(_)
            | Self::Effect(_)
            | Self::Principal
            | Self::NotApplicable
            | Self::Value => "Syntax errors in policy.".to_owned(),
        }
    }
}
