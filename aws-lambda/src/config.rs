//! Settings, from the environment: the same names in every deployment.

use std::env;

use bleepstore_core::model::RootCredential;
use bleepstore_core::{Limits, Settings, config};

/// Where the HTTP server listens when nothing says otherwise: reachable from this machine only.
const DEFAULT_LISTEN: &str = "127.0.0.1:9000";

/// What a Function URL lets through: an event of 6 MB, in which the body is base64 and headers take room too, and a
/// streamed response of 200 MB (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LAMBDA_LIMITS: Limits = Limits {
    request_body: Some(4_500_000),
    response_body: Some(200_000_000),
    deployment: "BleepStore on AWS Lambda",
    ways_out: "Use smaller objects, or run the same program as an HTTP server (on Fargate or App Runner), which \
               has S3's own limits.",
};

/// What Lambda sets for every function; its runtime needs them.
const LAMBDA_VARIABLES: [&str; 3] = [
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

/// The settings of one process.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    /// The DynamoDB table.
    pub(crate) table: String,
    /// The S3 bucket of the bytes.
    pub(crate) blob_bucket: String,
    /// How requests arrive.
    pub(crate) front: Front,
}

/// How requests arrive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// As events of Lambda's runtime interface.
    Lambda,
    /// Over HTTP, at this host:port.
    Http(String),
}

impl Config {
    /// The settings in the environment; one line on what is missing or wrong.
    pub(crate) fn from_environment() -> Result<Self, String> {
        Self::read(|name| {
            let value = env::var_os(name)?;
            Some(value.into_string().map_err(|_| format!("{name} is not UTF-8")))
        })
    }

    fn read(variable: impl Fn(&str) -> Option<Result<String, String>>) -> Result<Self, String> {
        let optional = |name: &str| match variable(name).transpose() {
            Ok(value) => Ok(value.filter(|value| !value.is_empty())),
            Err(error) => Err(error),
        };
        let required = |name: &str| optional(name)?.ok_or_else(|| format!("{name} is not set"));
        let region = match optional("BLEEPSTORE_REGION")? {
            Some(region) => region,
            None => optional("AWS_REGION")?.ok_or("neither BLEEPSTORE_REGION nor AWS_REGION is set")?,
        };
        let domains = optional("BLEEPSTORE_DOMAIN")?.unwrap_or_default();
        let front = match optional("AWS_LAMBDA_RUNTIME_API")? {
            Some(_) => {
                LAMBDA_VARIABLES
                    .iter()
                    .try_for_each(|name| required(name).map(drop))?;
                Front::Lambda
            }
            None => Front::Http(listen(optional("BLEEPSTORE_LISTEN")?, optional("PORT")?)?),
        };
        Ok(Self {
            settings: Settings {
                region: config::region(&region).map_err(|error| format!("the region {region}: {error}"))?,
                base_domains: config::base_domains(&domains)
                    .map_err(|error| format!("BLEEPSTORE_DOMAIN: {error}"))?,
                root: RootCredential {
                    access_key: required("BLEEPSTORE_ACCESS_KEY")?,
                    secret_key: required("BLEEPSTORE_SECRET_KEY")?,
                },
                limits: match front {
                    Front::Lambda => LAMBDA_LIMITS,
                    Front::Http(_) => Limits::default(),
                },
            },
            table: required("BLEEPSTORE_TABLE")?,
            blob_bucket: required("BLEEPSTORE_BLOB_BUCKET")?,
            front,
        })
    }
}

/// `BLEEPSTORE_LISTEN` (host:port) first; then `PORT`, which container platforms set and expect on every interface.
fn listen(listen: Option<String>, port: Option<String>) -> Result<String, String> {
    match (listen, port) {
        (Some(listen), _) => Ok(listen),
        (None, Some(port)) if port.parse::<u16>().is_ok() => Ok(format!("0.0.0.0:{port}")),
        (None, Some(port)) => Err(format!("PORT is not a port: {port}")),
        (None, None) => Ok(DEFAULT_LISTEN.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 5] = [
        ("AWS_REGION", "eu-west-1"),
        ("BLEEPSTORE_TABLE", "metadata"),
        ("BLEEPSTORE_BLOB_BUCKET", "bytes"),
        ("BLEEPSTORE_ACCESS_KEY", "AK"),
        ("BLEEPSTORE_SECRET_KEY", "SK"),
    ];

    fn read(more: &[(&str, &str)], without: &str) -> Result<Config, String> {
        Config::read(|name| {
            let all = more.iter().chain(&COMPLETE);
            let found = all
                .into_iter()
                .find(|(given, _)| *given == name && name != without);
            found.map(|(_, value)| Ok((*value).to_owned()))
        })
    }

    #[test]
    fn a_missing_setting_is_one_line_that_names_it() {
        let missing = |name| read(&[], name).unwrap_err();
        assert_eq!(missing("BLEEPSTORE_TABLE"), "BLEEPSTORE_TABLE is not set");
        assert_eq!(
            missing("BLEEPSTORE_BLOB_BUCKET"),
            "BLEEPSTORE_BLOB_BUCKET is not set"
        );
        assert_eq!(
            missing("BLEEPSTORE_ACCESS_KEY"),
            "BLEEPSTORE_ACCESS_KEY is not set"
        );
        assert_eq!(
            missing("BLEEPSTORE_SECRET_KEY"),
            "BLEEPSTORE_SECRET_KEY is not set"
        );
        assert_eq!(
            missing("AWS_REGION"),
            "neither BLEEPSTORE_REGION nor AWS_REGION is set"
        );
        assert!(read(&[("BLEEPSTORE_DOMAIN", "a:80")], "").is_err());
        assert!(read(&[("BLEEPSTORE_TABLE", "")], "").is_err());
    }

    #[test]
    fn outside_lambda_the_listener_is_chosen_and_nothing_is_limited() {
        let front = |more| read(more, "").unwrap().front;
        let http = |listen: &str| Front::Http(listen.to_owned());
        assert_eq!(front(&[]), http("127.0.0.1:9000"));
        assert_eq!(front(&[("PORT", "8080")]), http("0.0.0.0:8080"));
        let both = [("PORT", "8080"), ("BLEEPSTORE_LISTEN", "127.0.0.1:0")];
        assert_eq!(front(&both), http("127.0.0.1:0"));
        assert!(read(&[("PORT", "http")], "").is_err());
        assert_eq!(read(&[], "").unwrap().settings.limits.request_body, None);
    }

    #[test]
    fn on_lambda_its_limits_hold_and_its_variables_are_needed() {
        let lambda = [
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("AWS_LAMBDA_FUNCTION_NAME", "f"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ];
        let config = read(&lambda, "").unwrap();
        assert_eq!(config.front, Front::Lambda);
        assert_eq!(config.settings.limits.request_body, Some(4_500_000));
        let error = read(&lambda, "AWS_LAMBDA_FUNCTION_NAME").unwrap_err();
        assert_eq!(error, "AWS_LAMBDA_FUNCTION_NAME is not set");
    }
}
