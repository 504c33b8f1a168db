//! Settings of a process, from its environment: the same names in every deployment.

use std::env;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use bleepstore_core::model::RootCredential;
use bleepstore_core::{Limits, Settings, config};
use futures_util::future::try_join;

use crate::Options;

/// Where a server listens when nothing says otherwise: reachable from this machine only.
const DEFAULT_LISTEN: &str = "127.0.0.1:9000";

/// The variable with the root credential's secret key.
pub const SECRET_KEY: &str = "BLEEPSTORE_SECRET_KEY";
/// The variable with the one before, which is accepted while it is set.
pub const PREVIOUS_SECRET_KEY: &str = "BLEEPSTORE_SECRET_KEY_PREVIOUS";

const WEBSITE_DOMAIN: &str = "BLEEPSTORE_WEBSITE_DOMAIN";
const TRUSTED_PROXIES: &str = "BLEEPSTORE_TRUSTED_PROXIES";
const REQUEST_SECONDS: &str = "BLEEPSTORE_REQUEST_SECONDS";
const PER_CLIENT: &str = "BLEEPSTORE_CONNECTIONS_PER_CLIENT";

/// Gives the value of a variable, if it is set, or says what is wrong with it.
type Lookup<'a> = dyn Fn(&str) -> Option<Result<String, String>> + 'a;

/// Variables of the process, or of a test. A variable that is empty counts as one that is not set.
///
/// Every error is one line that names the variable.
pub struct Environment<'a> {
    variable: Box<Lookup<'a>>,
}

impl Environment<'static> {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self {
            variable: Box::new(|name| {
                let value = env::var_os(name)?;
                Some(value.into_string().map_err(|_| format!("{name} is not UTF-8")))
            }),
        }
    }
}

impl<'a> Environment<'a> {
    /// The same, but for one variable, which has this value.
    pub fn with(self, name: &'static str, value: String) -> Self {
        Self {
            variable: Box::new(move |asked| {
                if asked == name {
                    Some(Ok(value.clone()))
                } else {
                    (self.variable)(asked)
                }
            }),
        }
    }

    /// The same, but each variable that is set with `prefix` before its name has that value: so two stores whose
    /// variables have the same names can be told apart.
    pub fn preferring(self, prefix: &'static str) -> Self {
        Self {
            variable: Box::new(move |asked| {
                let own = (self.variable)(&format!("{prefix}{asked}"));
                own.or_else(|| (self.variable)(asked))
            }),
        }
    }

    /// The same, with the root credential's secret keys in it, where variables say where else they lie: each of
    /// [`SECRET_KEY`] and [`PREVIOUS_SECRET_KEY`], followed by `suffix`, names a place that `read` reads, both at the
    /// same time. One that is given both ways is an error.
    pub async fn with_secret_keys(
        self,
        suffix: &str,
        read: impl AsyncFn(&str) -> Result<String, String>,
    ) -> Result<Self, String> {
        let one = async |name: &'static str| {
            let place = format!("{name}{suffix}");
            let Some(at) = self.optional(&place)? else {
                return Ok(None);
            };
            if self.optional(name)?.is_some() {
                return Err(format!("{name} and {place} are both set"));
            }
            let value = read(&at).await;
            value.map(Some).map_err(|error| format!("{place}: {error}"))
        };
        let (current, previous) = try_join(one(SECRET_KEY), one(PREVIOUS_SECRET_KEY)).await?;
        let mut environment = self;
        for (name, value) in [(SECRET_KEY, current), (PREVIOUS_SECRET_KEY, previous)] {
            if let Some(value) = value {
                environment = environment.with(name, value);
            }
        }
        Ok(environment)
    }

    /// Variables that a test makes up.
    pub fn of(variable: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self {
            variable: Box::new(move |name| variable(name).map(Ok)),
        }
    }

    /// Variables that a test lists: the first of a name counts. One of them is left out.
    pub fn listed(variables: &'a [(&'a str, &'a str)], without: &'a str) -> Self {
        Self::of(move |name| {
            let found = variables
                .iter()
                .find(|(given, _)| *given == name && name != without);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// The value of a variable that may be missing.
    pub fn optional(&self, name: &str) -> Result<Option<String>, String> {
        let value = (self.variable)(name).transpose()?;
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// The value of a variable that must be there.
    pub fn required(&self, name: &str) -> Result<String, String> {
        self.optional(name)?.ok_or_else(|| format!("{name} is not set"))
    }

    /// What a variable says; the usual where it is missing.
    fn parsed<T: FromStr<Err: Display> + Default>(&self, name: &str) -> Result<T, String> {
        match self.optional(name)? {
            Some(text) => text.parse().map_err(|error| format!("{name}: {error}")),
            None => Ok(T::default()),
        }
    }

    fn domains(&self, name: &str) -> Result<Vec<String>, String> {
        let domains = self.optional(name)?.unwrap_or_default();
        config::base_domains(&domains).map_err(|error| format!("{name}: {error}"))
    }

    /// The settings of the core: `BLEEPSTORE_DOMAIN`, `BLEEPSTORE_WEBSITE_DOMAIN`, `BLEEPSTORE_ACCESS_KEY`,
    /// `BLEEPSTORE_SECRET_KEY`, `BLEEPSTORE_SECRET_KEY_PREVIOUS`, `BLEEPSTORE_ACCOUNT_ID`, `BLEEPSTORE_NEW_BUCKETS`,
    /// `BLEEPSTORE_SIGV2`, `BLEEPSTORE_REQUEST_SECONDS`, and what the deployment knows.
    pub fn settings(&self, region: &str, limits: Limits) -> Result<Settings, String> {
        let base_domains = self.domains("BLEEPSTORE_DOMAIN")?;
        let website_domains = self.domains(WEBSITE_DOMAIN)?;
        config::check_domains(&base_domains, &website_domains)
            .map_err(|error| format!("{WEBSITE_DOMAIN}: {error}"))?;
        let seconds = self.optional(REQUEST_SECONDS)?.map(|text| match text.parse() {
            Ok(0) | Err(_) => Err(format!("{REQUEST_SECONDS} is not a number above 0: {text}")),
            Ok(seconds) => Ok(Duration::from_secs(seconds)),
        });
        let request_time = seconds.transpose()?.or(limits.request_time);
        Ok(Settings {
            region: config::region(region).map_err(|error| format!("the region {region}: {error}"))?,
            base_domains,
            website_domains,
            root: RootCredential {
                access_key: self.required("BLEEPSTORE_ACCESS_KEY")?,
                secret_key: self.required(SECRET_KEY)?,
                previous_secret_key: self.optional(PREVIOUS_SECRET_KEY)?,
            },
            account: self.parsed("BLEEPSTORE_ACCOUNT_ID")?,
            new_buckets: self.parsed("BLEEPSTORE_NEW_BUCKETS")?,
            sigv2: self.parsed("BLEEPSTORE_SIGV2")?,
            limits: Limits {
                request_time,
                ..limits
            },
        })
    }

    /// Limits of the server: `BLEEPSTORE_FRONT`, `BLEEPSTORE_TRUSTED_PROXIES`, `BLEEPSTORE_CONNECTIONS_PER_CLIENT`,
    /// and otherwise the usual ones.
    pub fn options(&self) -> Result<Options, String> {
        let proxies = self.optional(TRUSTED_PROXIES)?.unwrap_or_default();
        let per_client = self.optional(PER_CLIENT)?.map(|text| match text.parse() {
            Ok(0) | Err(_) => Err(format!("{PER_CLIENT} is not a number above 0: {text}")),
            Ok(most) => Ok(most),
        });
        Ok(Options {
            front: self.parsed("BLEEPSTORE_FRONT")?,
            trusted_proxies: proxies
                .parse()
                .map_err(|error| format!("{TRUSTED_PROXIES}: {error}"))?,
            max_connections_per_client: per_client.transpose()?,
            ..Options::default()
        })
    }

    /// Where to listen: `BLEEPSTORE_LISTEN` (host:port) first, then `PORT`, which container platforms set, on this
    /// interface, and otherwise port 9000 of loopback.
    pub fn listen(&self, interface_of_port: &str) -> Result<String, String> {
        if let Some(listen) = self.optional("BLEEPSTORE_LISTEN")? {
            return Ok(listen);
        }
        match self.optional("PORT")? {
            Some(port) if port.parse::<u16>().is_ok() => Ok(format!("{interface_of_port}:{port}")),
            Some(port) => Err(format!("PORT is not a port: {port}")),
            None => Ok(DEFAULT_LISTEN.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Barrier;

    use bleepstore_core::model::{NewBuckets, SigV2};

    use super::*;

    fn environment(variables: &'static [(&str, &str)]) -> Environment<'static> {
        Environment::of(|name| {
            let found = variables.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_settings_of_the_core_are_read_and_a_missing_one_is_named() {
        let complete = environment(&[
            ("BLEEPSTORE_ACCESS_KEY", "AK"),
            ("BLEEPSTORE_SECRET_KEY", "SK"),
            ("BLEEPSTORE_DOMAIN", "s3.Example.com, b.example"),
            (WEBSITE_DOMAIN, "web.Example.com"),
        ]);
        let settings = complete.settings("eu-west-1", Limits::default()).unwrap();
        assert_eq!(settings.region, "eu-west-1");
        assert_eq!(settings.base_domains, ["s3.example.com", "b.example"]);
        assert_eq!(settings.website_domains, ["web.example.com"]);
        assert_eq!(settings.sigv2, SigV2::Presigned);
        assert_eq!(
            (
                settings.root.access_key.as_str(),
                settings.root.secret_key.as_str()
            ),
            ("AK", "SK")
        );
        assert_eq!(settings.root.previous_secret_key, None);

        let error = |variables| {
            environment(variables)
                .settings("r", Limits::default())
                .unwrap_err()
        };
        assert_eq!(error(&[]), "BLEEPSTORE_ACCESS_KEY is not set");
        assert_eq!(
            error(&[("BLEEPSTORE_ACCESS_KEY", "AK"), ("BLEEPSTORE_SECRET_KEY", "")]),
            "BLEEPSTORE_SECRET_KEY is not set"
        );
        assert!(error(&[("BLEEPSTORE_DOMAIN", "a:80")]).starts_with("BLEEPSTORE_DOMAIN: "));
        assert!(error(&[(WEBSITE_DOMAIN, "a:80")]).starts_with("BLEEPSTORE_WEBSITE_DOMAIN: "));
        let overlapping = error(&[
            ("BLEEPSTORE_DOMAIN", "example.com"),
            (WEBSITE_DOMAIN, "web.example.com"),
        ]);
        assert!(overlapping.contains("overlap"), "{overlapping}");
        assert!(complete.settings("no region", Limits::default()).is_err());
        let rotated = complete.with(PREVIOUS_SECRET_KEY, "before".to_owned());
        let settings = rotated.settings("eu-west-1", Limits::default()).unwrap();
        assert_eq!(settings.root.previous_secret_key.as_deref(), Some("before"));
    }

    #[tokio::test]
    async fn secret_keys_are_read_where_the_environment_says_that_they_lie() {
        let both_asked = Barrier::new(2);
        let read = async |place: &str| match place {
            "nowhere" => Err("there is nothing".to_owned()),
            _ => {
                // At the same time.
                both_asked.wait().await;
                Ok(format!("what lies at {place}"))
            }
        };
        let elsewhere = environment(&[
            ("BLEEPSTORE_SECRET_KEY_AT", "a"),
            ("BLEEPSTORE_SECRET_KEY_PREVIOUS_AT", "b"),
        ]);
        let found = elsewhere.with_secret_keys("_AT", read).await.unwrap();
        assert_eq!(found.required(SECRET_KEY).unwrap(), "what lies at a");
        assert_eq!(found.required(PREVIOUS_SECRET_KEY).unwrap(), "what lies at b");
        let given = environment(&[("BLEEPSTORE_SECRET_KEY", "SK")]);
        let found = given.with_secret_keys("_AT", read).await.unwrap();
        assert_eq!(found.required(SECRET_KEY).unwrap(), "SK");
        assert_eq!(found.optional(PREVIOUS_SECRET_KEY).unwrap(), None);
        let both = environment(&[
            ("BLEEPSTORE_SECRET_KEY_PREVIOUS", "SK"),
            ("BLEEPSTORE_SECRET_KEY_PREVIOUS_AT", "b"),
        ]);
        assert_eq!(
            both.with_secret_keys("_AT", read).await.err().unwrap(),
            "BLEEPSTORE_SECRET_KEY_PREVIOUS and BLEEPSTORE_SECRET_KEY_PREVIOUS_AT are both set"
        );
        let absent = environment(&[("BLEEPSTORE_SECRET_KEY_AT", "nowhere")]);
        let error = absent.with_secret_keys("_AT", read).await.err().unwrap();
        assert_eq!(error, "BLEEPSTORE_SECRET_KEY_AT: there is nothing");
    }

    #[test]
    fn signature_version_2_is_on_off_or_for_presigned_urls() {
        let sigv2 = |text: &'static str| {
            let of = Environment::of(move |name| {
                let value = if name == "BLEEPSTORE_SIGV2" { text } else { "" };
                Some(value.to_owned())
            });
            let of = of.with("BLEEPSTORE_ACCESS_KEY", "AK".to_owned());
            let of = of.with("BLEEPSTORE_SECRET_KEY", "SK".to_owned());
            of.settings("r", Limits::default()).map(|settings| settings.sigv2)
        };
        assert_eq!(sigv2("on"), Ok(SigV2::On));
        assert_eq!(sigv2("presigned"), Ok(SigV2::Presigned));
        assert_eq!(sigv2("off"), Ok(SigV2::Off));
        assert_eq!(sigv2(""), Ok(SigV2::Presigned));
        assert_eq!(
            sigv2("yes").unwrap_err(),
            "BLEEPSTORE_SIGV2: expected on, presigned or off"
        );
    }

    #[test]
    fn the_roots_account_and_what_new_buckets_have_are_read_and_a_wrong_one_is_named() {
        let settings = |variables| {
            let of = environment(variables).with("BLEEPSTORE_ACCESS_KEY", "AK".to_owned());
            let of = of.with("BLEEPSTORE_SECRET_KEY", "SK".to_owned());
            let settings = of.settings("r", Limits::default())?;
            Ok((settings.account.as_str().to_owned(), settings.new_buckets))
        };
        let usual = ("0".repeat(12), NewBuckets::Open);
        assert_eq!(settings(&[]), Ok::<_, String>(usual));
        let given = settings(&[
            ("BLEEPSTORE_ACCOUNT_ID", "123456789012"),
            ("BLEEPSTORE_NEW_BUCKETS", "private"),
        ]);
        assert_eq!(given, Ok(("123456789012".to_owned(), NewBuckets::Private)));
        for (wrong, complaint) in [
            (
                &[("BLEEPSTORE_ACCOUNT_ID", "1234")],
                "BLEEPSTORE_ACCOUNT_ID: expected 12 digits",
            ),
            (
                &[("BLEEPSTORE_NEW_BUCKETS", "shut")],
                "BLEEPSTORE_NEW_BUCKETS: expected open or private",
            ),
        ] {
            assert_eq!(settings(wrong).unwrap_err(), complaint);
        }
    }

    #[test]
    fn limits_of_the_server_are_read_and_a_wrong_one_is_named() {
        let options = |variables| environment(variables).options();
        let given = options(&[
            ("BLEEPSTORE_TRUSTED_PROXIES", "10.0.0.0/8"),
            ("BLEEPSTORE_CONNECTIONS_PER_CLIENT", "7"),
        ])
        .unwrap();
        assert_eq!(given.trusted_proxies, "10.0.0.0/8".parse().unwrap());
        assert_eq!(given.max_connections_per_client, Some(7));
        assert_eq!(options(&[]).unwrap().max_connections_per_client, None);
        for (variable, value) in [
            ("BLEEPSTORE_TRUSTED_PROXIES", "proxy"),
            ("BLEEPSTORE_CONNECTIONS_PER_CLIENT", "0"),
            ("BLEEPSTORE_CONNECTIONS_PER_CLIENT", "many"),
        ] {
            let wrong = Environment::of(move |name| (name == variable).then(|| value.to_owned()));
            let error = wrong.options().unwrap_err();
            assert!(error.starts_with(variable) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn a_variable_with_the_prefix_comes_first() {
        let of_two = environment(&[("A", "both"), ("B", "both"), ("FROM_B", "from"), ("TO_B", "to")]);
        let from = of_two.preferring("FROM_");
        assert_eq!(from.required("A").unwrap(), "both");
        assert_eq!(from.required("B").unwrap(), "from");
    }

    #[test]
    fn the_listener_is_chosen_by_what_is_named_most_exactly() {
        let listen = |variables| environment(variables).listen("0.0.0.0");
        assert_eq!(listen(&[]).unwrap(), "127.0.0.1:9000");
        assert_eq!(listen(&[("PORT", "8080")]).unwrap(), "0.0.0.0:8080");
        let both = listen(&[("PORT", "8080"), ("BLEEPSTORE_LISTEN", "127.0.0.1:0")]);
        assert_eq!(both.unwrap(), "127.0.0.1:0");
        assert_eq!(
            listen(&[("PORT", "http")]).unwrap_err(),
            "PORT is not a port: http"
        );
    }
}
