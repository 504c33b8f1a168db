//! What a person reads on standard output once the server is ready.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::credentials::{Credentials, Origin};

const FROM_ENVIRONMENT: &str =
    "AWS_ACCESS_KEY_ID=\"$BLEEPSTORE_ACCESS_KEY\" AWS_SECRET_ACCESS_KEY=\"$BLEEPSTORE_SECRET_KEY\" aws";

/// The lines: where the server and its data are, who may use it, and a command to try. A secret key is in them on a
/// `terminal` only: what is written elsewhere is kept, and read by others, as a container's log is.
pub(crate) fn banner(
    address: SocketAddr,
    region: &str,
    data: Option<&Path>,
    credentials: &Credentials,
    terminal: bool,
) -> String {
    let endpoint = format!("http://{}", reachable(address));
    let data = data.map_or("in memory only".to_owned(), |path| path.display().to_string());
    let access_key = &credentials.root.access_key;
    let secret_key = &credentials.root.secret_key;
    let (secret, identity) = match &credentials.origin {
        Origin::Environment => (
            "from BLEEPSTORE_SECRET_KEY".to_owned(),
            FROM_ENVIRONMENT.to_owned(),
        ),
        Origin::Created(path) if terminal => (
            format!("{secret_key} (kept in {})", path.display()),
            from_file(path),
        ),
        Origin::ThisRun if !terminal => (
            "shown on a terminal only: set BLEEPSTORE_ACCESS_KEY and BLEEPSTORE_SECRET_KEY".to_owned(),
            FROM_ENVIRONMENT.to_owned(),
        ),
        Origin::ThisRun => (
            format!("{secret_key} (for this run)"),
            format!("AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY={secret_key} aws"),
        ),
        Origin::Created(path) | Origin::Kept(path) => (format!("in {}", path.display()), from_file(path)),
    };
    let mut text = String::from("BleepStore is ready.\n");
    for (name, value) in [
        ("endpoint", endpoint.as_str()),
        ("region", region),
        ("data", &data),
        ("access key", access_key),
        ("secret key", &secret),
    ] {
        text += &format!("  {name:<11} {value}\n");
    }
    let signing_region = match region {
        "us-east-1" => String::new(),
        other => format!("AWS_DEFAULT_REGION={other} "),
    };
    text + &format!("Try it:\n  {signing_region}{identity} s3 --endpoint-url {endpoint} ls\n")
}

/// An address of this machine at which a server that listens on `address` is reached.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The client with the keys of that file. Naming the profile makes it prefer them to keys in its environment.
fn from_file(path: &Path) -> String {
    format!(
        "AWS_SHARED_CREDENTIALS_FILE={} aws --profile default",
        quoted(path)
    )
}

/// The path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bleepstore_core::model::RootCredential;

    fn text(origin: Origin, region: &str, data: Option<&str>) -> String {
        text_on(true, origin, region, data)
    }

    fn text_on(terminal: bool, origin: Origin, region: &str, data: Option<&str>) -> String {
        let credentials = Credentials {
            root: RootCredential::new("AK", "SK"),
            origin,
        };
        banner(
            "0.0.0.0:9000".parse().unwrap(),
            region,
            data.map(Path::new),
            &credentials,
            terminal,
        )
    }

    #[test]
    fn where_no_terminal_is_no_secret_is_shown() {
        let created = text_on(
            false,
            Origin::Created("/d/credentials".into()),
            "us-east-1",
            Some("/d"),
        );
        assert!(created.contains("secret key  in /d/credentials\n"), "{created}");
        let this_run = text_on(false, Origin::ThisRun, "us-east-1", None);
        assert!(
            this_run.contains("secret key  shown on a terminal only: set "),
            "{this_run}"
        );
        for text in [created, this_run] {
            assert!(!text.contains("SK"), "{text}");
        }
        assert!(text(Origin::ThisRun, "us-east-1", None).contains("secret key  SK (for this run)\n"));
    }

    #[test]
    fn the_first_start_shows_the_secret() {
        assert_eq!(
            text(Origin::Created("/d/credentials".into()), "us-east-1", Some("/d")),
            "BleepStore is ready.\n  endpoint    http://127.0.0.1:9000\n  region      us-east-1\n  data        /d\n  \
             access key  AK\n  secret key  SK (kept in /d/credentials)\nTry it:\n  \
             AWS_SHARED_CREDENTIALS_FILE='/d/credentials' aws --profile default s3 --endpoint-url http://127.0.0.1:9000 ls\n"
        );
    }

    #[test]
    fn later_starts_and_given_credentials_do_not() {
        let kept = text(
            Origin::Kept("/it's/credentials".into()),
            "eu-west-1",
            Some("/it's"),
        );
        assert!(!kept.contains("SK "), "{kept}");
        assert!(kept.ends_with(
            "\n  AWS_DEFAULT_REGION=eu-west-1 AWS_SHARED_CREDENTIALS_FILE='/it'\\''s/credentials' aws --profile \
             default s3 --endpoint-url http://127.0.0.1:9000 ls\n"
        ));
        let given = text(Origin::Environment, "us-east-1", None);
        assert!(
            given.contains("data        in memory only\n") && !given.contains("SK\n"),
            "{given}"
        );
    }
}
