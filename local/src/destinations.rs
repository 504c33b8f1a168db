//! The destinations of events that arguments and environment name.

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;

use bleepstore_core::model::DestinationName;
use bleepstore_core::ports::EventSink;
use bleepstore_notify::Options;

use crate::config::{ServeArgs, Switch};
use crate::failure::{Failure, Result};

/// What variables begin with that name destinations.
const PREFIX: &str = "BLEEPSTORE_NOTIFY_";

/// Settings that begin so too.
const SETTINGS: [&str; 2] = ["GIVE_UP", "PRIVATE_ADDRESSES"];

/// What the variables of a destination end with that say what is secret.
const PASSWORD: &str = "__PASSWORD";
const SECRET: &str = "__SECRET";

/// The destinations, by their names. None is connected to.
pub(crate) fn destinations(args: &ServeArgs) -> Result<BTreeMap<DestinationName, Arc<dyn EventSink>>> {
    let variables = env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?.strip_prefix(PREFIX)?.to_owned();
        Some((name, value.into_string().ok()?))
    });
    of(args, &variables.collect())
}

fn of(
    args: &ServeArgs,
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<DestinationName, Arc<dyn EventSink>>> {
    let mut urls: BTreeMap<DestinationName, (String, String)> = BTreeMap::new();
    for given in &args.notify {
        let wrong = |what: &str| Failure::usage(format!("--notify: {what}"));
        let (name, url) = given.split_once('=').ok_or_else(|| {
            wrong("expected NAME=URL, such as orders=redis://127.0.0.1:6379/?stream=orders")
        })?;
        let name = name
            .parse::<DestinationName>()
            .map_err(|error| wrong(&error.to_string()))?;
        let is_given_apart = variables.contains_key(&format!("{}{PASSWORD}", variable(&name)));
        if has_password(url, is_given_apart) {
            return Err(wrong(&format!(
                "whoever lists processes sees the password of {name}: leave it out here, and give it as {PREFIX}{}{PASSWORD}",
                variable(&name)
            )));
        }
        let key = variable(&name);
        if urls.insert(name.clone(), (key, url.to_owned())).is_some() {
            return Err(wrong(&format!("{name} is named twice")));
        }
    }
    for (key, url) in variables {
        if url.is_empty()
            || SETTINGS.contains(&key.as_str())
            || key.ends_with(PASSWORD)
            || key.ends_with(SECRET)
        {
            continue;
        }
        let name = key.to_ascii_lowercase().replace('_', "-");
        let name = name
            .parse::<DestinationName>()
            .map_err(|error| Failure::usage(format!("{PREFIX}{key}: {error}")))?;
        // An argument outweighs a variable, as everywhere.
        urls.entry(name).or_insert_with(|| (key.clone(), url.clone()));
    }
    for key in variables.keys() {
        let of = key.strip_suffix(PASSWORD).or_else(|| key.strip_suffix(SECRET));
        if of.is_some_and(|of| urls.values().all(|(listed, _)| listed != of)) {
            return Err(Failure::usage(format!(
                "{PREFIX}{key}: its destination is not listed"
            )));
        }
    }
    urls.into_iter()
        .map(|(name, (key, url))| {
            let secret = |end: &str| {
                variables
                    .get(&format!("{key}{end}"))
                    .filter(|value| !value.is_empty())
            };
            let options = Options {
                private_addresses: args.notify_private_addresses == Switch::On,
                webhook_secret: secret(SECRET).cloned(),
                password: secret(PASSWORD).cloned(),
                ..Options::default()
            };
            let sink = bleepstore_notify::sink(&name, &url, &options);
            let sink = sink.map_err(|error| Failure::usage(error.to_string()))?;
            Ok((name, sink))
        })
        .collect()
}

/// What the variables of a destination are called.
fn variable(name: &DestinationName) -> String {
    name.as_str().to_ascii_uppercase().replace('-', "_")
}

/// Whether a URL has a password before its host, or a token, as NATS reads a user whose password is not given apart.
fn has_password(url: &str, is_given_apart: bool) -> bool {
    let (scheme, authority) = url.split_once("://").unwrap_or(("", url));
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.contains(':') || !is_given_apart && matches!(scheme, "nats" | "tls"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn read(arguments: &[&str], variables: &[(&str, &str)]) -> std::result::Result<Vec<String>, String> {
        let line = Line::try_parse_from([&["bleepstore"], arguments].concat()).unwrap();
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let found = of(&line.serve, &variables.collect()).map_err(|failure| format!("{failure:?}"))?;
        Ok(found
            .iter()
            .map(|(name, sink)| format!("{name} {}", sink.place()))
            .collect())
    }

    #[test]
    fn arguments_and_variables_name_destinations_and_secrets_stay_out_of_their_places() {
        let found = read(
            &["--notify", "a-1=redis://127.0.0.1:6379/?stream=one"],
            &[
                ("B_2", "redis://u:hidden@localhost/?list=two"),
                ("A_1", "nats://h/s"),
                ("GIVE_UP", "1d"),
            ],
        );
        let found = found.unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("a-1 redis://127.0.0.1"), "{found:?}");
        assert!(!found.concat().contains("hidden"), "{found:?}");
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        for (given, says) in [
            ("orders", "NAME=URL"),
            ("Orders=redis://h/?stream=s", "1 to 64"),
            ("a=redis://u:hidden@h/?stream=s", "BLEEPSTORE_NOTIFY_A__PASSWORD"),
            ("a=nats://hidden@h/s", "BLEEPSTORE_NOTIFY_A__PASSWORD"),
            ("a=ftp://h/x", "scheme"),
        ] {
            let failure = read(&["--notify", given], &[]).unwrap_err();
            assert!(failure.contains(says), "{failure}");
            assert!(!failure.contains("hidden"), "{failure}");
        }
        let user = ["--notify", "a=nats://user@h/s"];
        assert!(read(&user, &[("A__PASSWORD", "hidden")]).is_ok());
        let lost = read(&[], &[("ORDER__PASSWORD", "hidden")]).unwrap_err();
        assert!(lost.contains("not listed") && !lost.contains("hidden"), "{lost}");
        let twice = [
            "--notify",
            "a=redis://h/?stream=s",
            "--notify",
            "a=redis://h/?stream=t",
        ];
        assert!(read(&twice, &[]).unwrap_err().contains("twice"));
    }
}
