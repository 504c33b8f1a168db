//! Settings, from the environment: the same names in every deployment.

use std::time::Duration;

use bleepstore_core::{Limits, Settings};
use bleepstore_http::Environment;

/// Where the host of Functions expects this program to listen.
const HANDLER_PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// Raises or lowers the host's limit on bodies, in bytes.
const BODY_LIMIT: &str = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT";

/// Whether the path and the query of a request are what this says of the URL that the client sent:
/// `X-WAWS-Unencoded-URL`.
const TRUST_UNENCODED_URL: &str = "BLEEPSTORE_TRUST_UNENCODED_URL";

/// What the host takes unless it is told otherwise: 100 MiB
/// (<https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#limits>).
const USUAL_BODY_LIMIT: u64 = 104_857_600;

/// A response must have begun by then
/// (<https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout>).
const RESPONSE_WITHIN: Duration = Duration::from_secs(230);

/// First segments of paths that are the host's own.
const HOSTS_NAMES: &[&str] = &["admin", "runtime"];

/// Where the container platforms expect what listens on their `PORT`.
const EVERY_INTERFACE: &str = "0.0.0.0";

/// The settings of one process.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    /// Where to listen, host:port.
    pub(crate) listen: String,
    /// What passes requests on.
    pub(crate) behind: Behind,
}

/// What passes requests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// Nothing that changes them.
    Nothing,
    /// The host of Functions, which takes the `Host` header and rewrites the path.
    FunctionsHost {
        /// Whether its word on the URL that the client sent is taken.
        trust_unencoded_url: bool,
    },
}

impl Config {
    /// The settings in the environment; one line on what is missing or wrong.
    pub(crate) fn read(environment: &Environment<'_>) -> Result<Self, String> {
        let trust_unencoded_url = flag(environment, TRUST_UNENCODED_URL)?;
        let (listen, behind, limits) = match environment.optional(HANDLER_PORT)? {
            Some(port) => {
                let port: u16 = port
                    .parse()
                    .map_err(|_| format!("{HANDLER_PORT} is not a port: {port}"))?;
                let behind = Behind::FunctionsHost { trust_unencoded_url };
                (format!("127.0.0.1:{port}"), behind, hosts_limits(environment)?)
            }
            None => (
                environment.listen(EVERY_INTERFACE)?,
                Behind::Nothing,
                Limits::default(),
            ),
        };
        Ok(Self {
            settings: environment.settings(&environment.required("BLEEPSTORE_REGION")?, limits)?,
            listen,
            behind,
        })
    }
}

/// What the host lets through. Its responses have no limit but that of 230 seconds, which cannot be told in bytes.
fn hosts_limits(environment: &Environment<'_>) -> Result<Limits, String> {
    let body = match environment.optional(BODY_LIMIT)? {
        Some(text) => text
            .parse()
            .map_err(|_| format!("{BODY_LIMIT} is not a number of bytes: {text}"))?,
        None => USUAL_BODY_LIMIT,
    };
    Ok(Limits {
        request_body: Some(body),
        request_time: Some(RESPONSE_WITHIN),
        platform_names: HOSTS_NAMES,
        deployment: "BleepStore on Azure Functions",
        ways_out: "Use multipart uploads with smaller parts, raise FUNCTIONS_REQUEST_BODY_SIZE_LIMIT, or run the same \
                   program as an HTTP server (on Container Apps), which has S3's own limits. A response must be on its \
                   way within 230 seconds here.",
        ..Limits::default()
    })
}

fn flag(environment: &Environment<'_>, name: &str) -> Result<bool, String> {
    match environment.optional(name)?.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(format!("{name} is neither true nor false: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 3] = [
        ("BLEEPSTORE_REGION", "westeurope"),
        ("BLEEPSTORE_ACCESS_KEY", "AK"),
        ("BLEEPSTORE_SECRET_KEY", "SK"),
    ];

    fn read(more: &[(&str, &str)], without: &str) -> Result<Config, String> {
        Config::read(&Environment::listed(&[more, &COMPLETE].concat(), without))
    }

    #[test]
    fn a_missing_setting_is_one_line_that_names_it() {
        for (name, _) in COMPLETE {
            assert_eq!(read(&[], name).unwrap_err(), format!("{name} is not set"));
        }
    }

    #[test]
    fn the_hosts_port_is_taken_on_loopback_with_the_hosts_limits() {
        let config = read(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "7071"), ("PORT", "80")], "").unwrap();
        assert_eq!(config.listen, "127.0.0.1:7071");
        assert_eq!(
            config.behind,
            Behind::FunctionsHost {
                trust_unencoded_url: false
            }
        );
        let limits = config.settings.limits;
        assert_eq!(
            (limits.request_body, limits.response_body),
            (Some(104_857_600), None)
        );
        assert_eq!(limits.platform_names, ["admin", "runtime"]);
        for phrase in ["raise FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "within 230 seconds"] {
            assert!(limits.ways_out.contains(phrase), "{phrase}");
        }
        assert!(read(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "http")], "").is_err());
    }

    #[test]
    fn the_hosts_limit_on_bodies_is_the_one_that_it_was_told() {
        let host = ("FUNCTIONS_CUSTOMHANDLER_PORT", "7071");
        let limit = |text| {
            let config = read(&[host, ("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", text)], "")?;
            Ok::<_, String>(config.settings.limits.request_body)
        };
        assert_eq!(limit("209715200").unwrap(), Some(209_715_200));
        assert!(limit("100MB").is_err());
    }

    #[test]
    fn without_the_host_it_is_a_server_like_any_other() {
        let config = read(&[("PORT", "8080")], "").unwrap();
        assert_eq!(config.listen, "0.0.0.0:8080");
        assert_eq!(config.behind, Behind::Nothing);
        assert_eq!(config.settings.limits.request_body, None);
        assert!(config.settings.limits.platform_names.is_empty());
        assert_eq!(read(&[], "").unwrap().listen, "127.0.0.1:9000");
    }

    #[test]
    fn the_url_is_trusted_only_where_the_deployment_says_so() {
        let host = ("FUNCTIONS_CUSTOMHANDLER_PORT", "7071");
        let behind = |text| Ok::<_, String>(read(&[host, (TRUST_UNENCODED_URL, text)], "")?.behind);
        let trusting = Behind::FunctionsHost {
            trust_unencoded_url: true,
        };
        assert_eq!(behind("true").unwrap(), trusting);
        assert_ne!(behind("false").unwrap(), trusting);
        assert!(behind("yes").is_err());
    }
}
