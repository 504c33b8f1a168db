//! Settings, from the environment: the same names in every deployment.

use bleepstore_aws::answer::{DOCUMENT_LIMIT, InvokeMode};
use bleepstore_aws::stores::{Names, region};
use bleepstore_core::{Limits, Settings};
use bleepstore_http::Environment;

/// Where the container platforms expect what listens on their `PORT`.
const EVERY_INTERFACE: &str = "0.0.0.0";

/// What a Function URL lets through: an event of 6 MB, in which the body is base64 and headers take room too, and an
/// answer that is as long, or a streamed one of 200 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LAMBDA_LIMITS: Limits = Limits {
    request_body: Some(4_500_000),
    response_body: Some(DOCUMENT_LIMIT as u64),
    request_time: None, // each invocation says how much it has
    platform_names: &[],
    deployment: "BleepStore on AWS Lambda",
    ways_out: "Use smaller objects, or run the same program as an HTTP server (such as on ECS Express Mode), which \
               has S3's own limits.",
};

/// What Lambda sets for every function; its runtime needs them.
const LAMBDA_VARIABLES: [&str; 3] = [
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

/// How the function's URL invokes it: the URL's own word for it, which the function cannot see.
const INVOKE_MODE: &str = "BLEEPSTORE_INVOKE_MODE";

/// Each website needs a host, and a function's URL is one.
const ONE_HOST: &str = "BLEEPSTORE_WEBSITE_DOMAIN: a function has one host, so that no bucket can be a website there. \
                        Run the same program as an HTTP server under a domain of your own";

/// The settings of one process.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    /// Where records and bytes are.
    pub(crate) stores: Names,
    /// How requests arrive.
    pub(crate) front: Front,
}

/// How requests arrive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// As events of Lambda's runtime interface.
    Lambda(InvokeMode),
    /// Over HTTP, at this host:port.
    Http(String),
}

impl Config {
    /// The settings in the environment; one line on what is missing or wrong.
    pub(crate) fn read(environment: &Environment<'_>) -> Result<Self, String> {
        let region = region(environment)?;
        let front = match environment.optional("AWS_LAMBDA_RUNTIME_API")? {
            Some(_) => {
                LAMBDA_VARIABLES
                    .iter()
                    .try_for_each(|name| environment.required(name).map(drop))?;
                Front::Lambda(invoke_mode(environment)?)
            }
            None => Front::Http(environment.listen(EVERY_INTERFACE)?),
        };
        let limits = match front {
            Front::Lambda(InvokeMode::Buffered) => LAMBDA_LIMITS,
            Front::Lambda(InvokeMode::Stream) => Limits {
                response_body: Some(200_000_000),
                ..LAMBDA_LIMITS
            },
            Front::Http(_) => Limits::default(),
        };
        let settings = environment.settings(&region, limits)?;
        if matches!(front, Front::Lambda(_)) && !settings.website_domains.is_empty() {
            return Err(ONE_HOST.to_owned());
        }
        Ok(Self {
            settings,
            stores: Names::read(environment)?,
            front,
        })
    }
}

fn invoke_mode(environment: &Environment<'_>) -> Result<InvokeMode, String> {
    match environment.optional(INVOKE_MODE)?.as_deref() {
        Some("RESPONSE_STREAM") => Ok(InvokeMode::Stream),
        None | Some("BUFFERED") => Ok(InvokeMode::Buffered),
        Some(other) => Err(format!(
            "{INVOKE_MODE} is RESPONSE_STREAM or BUFFERED, and not {other}"
        )),
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
        Config::read(&Environment::listed(&[more, &COMPLETE].concat(), without))
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
        assert_eq!(config.front, Front::Lambda(InvokeMode::Buffered));
        let website = ("BLEEPSTORE_WEBSITE_DOMAIN", "web.example.com");
        let refused = read(&[&lambda[..], &[website]].concat(), "").unwrap_err();
        assert!(refused.starts_with("BLEEPSTORE_WEBSITE_DOMAIN: "), "{refused}");
        assert_eq!(
            read(&[website], "").unwrap().settings.website_domains,
            [website.1]
        );
        assert_eq!(config.settings.limits.response_body, Some(4_500_000));
        assert_eq!(config.settings.limits.request_body, Some(4_500_000));
        let mode = |mode| read(&[&lambda[..], &[(INVOKE_MODE, mode)]].concat(), "");
        let streaming = mode("RESPONSE_STREAM").unwrap();
        assert_eq!(streaming.front, Front::Lambda(InvokeMode::Stream));
        assert_eq!(streaming.settings.limits.response_body, Some(200_000_000));
        assert!(
            mode("buffered")
                .unwrap_err()
                .contains("RESPONSE_STREAM or BUFFERED")
        );
        let error = read(&lambda, "AWS_LAMBDA_FUNCTION_NAME").unwrap_err();
        assert_eq!(error, "AWS_LAMBDA_FUNCTION_NAME is not set");
    }
}
