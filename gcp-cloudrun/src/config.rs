//! Settings, from the environment: the same names in every deployment.

use bleepstore_core::{Limits, Settings};
use bleepstore_gcp::oidc::{Caller, GOOGLE_KEYS};
use bleepstore_gcp::stores::Names;
use bleepstore_http::Environment;

/// Paths that Google's front end answers itself, so that the container never sees them. It keeps more names that end in
/// `z`, and does not say which (<https://cloud.google.com/run/docs/known-issues>).
const GOOGLES_NAMES: &[&str] = &["eventlog", "healthz"];

/// What Cloud Run lets through where it speaks HTTP/2 with the container: bodies of any length.
const HTTP2_LIMITS: Limits = Limits {
    request_body: None,
    response_body: None,
    request_time: None, // a setting
    platform_names: GOOGLES_NAMES,
    deployment: "BleepStore on Cloud Run",
    ways_out: "",
};

/// What it lets through where it speaks HTTP/1 (<https://cloud.google.com/run/quotas>).
pub(crate) const HTTP1_LIMITS: Limits = Limits {
    request_body: Some(32_000_000),
    response_body: Some(32_000_000),
    request_time: None, // a setting
    platform_names: GOOGLES_NAMES,
    deployment: "BleepStore on Cloud Run over HTTP/1",
    ways_out: "Use multipart uploads, or let Cloud Run speak HTTP/2 with the service (--use-http2), which has S3's own \
               limits.",
};

/// The settings of one process.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    /// Where records and bytes are. The project is that of the traces in the log, too.
    pub(crate) stores: Names,
    /// Where to listen, host:port.
    pub(crate) listen: String,
    /// Whether Cloud Run runs this, with its limits.
    pub(crate) on_cloud_run: bool,
    /// Who may ask for garbage collection; without it nobody.
    pub(crate) schedule: Option<Schedule>,
}

/// Who asks for garbage collection, and where the keys are that prove it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) caller: Caller,
    pub(crate) keys_url: String,
}

impl Config {
    /// The settings in the environment; one line on what is missing or wrong.
    pub(crate) fn read(environment: &Environment<'_>) -> Result<Self, String> {
        let on_cloud_run = environment.optional("K_SERVICE")?.is_some();
        // The container's port is Cloud Run's to reach; anywhere else it is this machine's until told otherwise.
        let (interface, limits) = if on_cloud_run {
            ("0.0.0.0", HTTP2_LIMITS)
        } else {
            ("127.0.0.1", Limits::default())
        };
        Ok(Self {
            settings: environment.settings(&environment.required("BLEEPSTORE_REGION")?, limits)?,
            stores: Names::read(environment)?,
            listen: environment.listen(interface)?,
            on_cloud_run,
            schedule: schedule(environment)?,
        })
    }
}

fn schedule(environment: &Environment<'_>) -> Result<Option<Schedule>, String> {
    let audience = environment.optional("BLEEPSTORE_GC_AUDIENCE")?;
    let service_account = environment.optional("BLEEPSTORE_GC_SERVICE_ACCOUNT")?;
    let keys_url = environment.optional("BLEEPSTORE_GC_KEYS_URL")?;
    match (audience, service_account) {
        (Some(audience), Some(service_account)) => Ok(Some(Schedule {
            caller: Caller {
                audience,
                service_account,
            },
            keys_url: keys_url.unwrap_or_else(|| GOOGLE_KEYS.to_owned()),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err("BLEEPSTORE_GC_AUDIENCE is set and BLEEPSTORE_GC_SERVICE_ACCOUNT is not".to_owned())
        }
        (None, Some(_)) => {
            Err("BLEEPSTORE_GC_SERVICE_ACCOUNT is set and BLEEPSTORE_GC_AUDIENCE is not".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 5] = [
        ("BLEEPSTORE_REGION", "europe-west1"),
        ("BLEEPSTORE_PROJECT", "project"),
        ("BLEEPSTORE_BLOB_BUCKET", "bytes"),
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
    fn what_is_not_set_has_its_default() {
        let config = read(&[], "").unwrap();
        assert_eq!(config.stores.database, "(default)");
        assert_eq!(config.listen, "127.0.0.1:9000");
        assert_eq!(
            (config.stores.emulators, config.schedule, config.on_cloud_run),
            (None, None, false)
        );
        let named = read(&[("BLEEPSTORE_FIRESTORE_DATABASE", "store")], "").unwrap();
        assert_eq!(named.stores.database, "store");
    }

    #[test]
    fn only_on_cloud_run_the_port_is_open_on_every_interface() {
        let listen = |more| read(more, "").unwrap().listen;
        assert_eq!(listen(&[("PORT", "8080")]), "127.0.0.1:8080");
        assert_eq!(
            listen(&[("PORT", "8080"), ("K_SERVICE", "bleepstore")]),
            "0.0.0.0:8080"
        );
    }

    #[test]
    fn on_cloud_run_no_bucket_has_a_name_of_googles_over_either_protocol() {
        let names = ["eventlog", "healthz"];
        let over_http2 = read(&[("K_SERVICE", "bleepstore")], "").unwrap().settings.limits;
        assert_eq!(over_http2.platform_names, names);
        assert_eq!((over_http2.request_body, over_http2.response_body), (None, None));
        assert_eq!(HTTP1_LIMITS.platform_names, names);
        let elsewhere = read(&[], "").unwrap().settings.limits;
        assert!(elsewhere.platform_names.is_empty());
    }

    #[test]
    fn the_schedule_is_known_by_audience_and_account() {
        let audience = ("BLEEPSTORE_GC_AUDIENCE", "https://a.example");
        let account = ("BLEEPSTORE_GC_SERVICE_ACCOUNT", "s@p.example");
        let schedule = read(&[audience, account], "").unwrap().schedule.unwrap();
        assert_eq!(schedule.keys_url, "https://www.googleapis.com/oauth2/v3/certs");
        assert_eq!(schedule.caller.audience, "https://a.example");
        assert_eq!(schedule.caller.service_account, "s@p.example");
        assert!(read(&[audience], "").is_err());
        assert!(read(&[account], "").is_err());
    }
}
