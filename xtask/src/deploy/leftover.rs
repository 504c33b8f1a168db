//! A service of Cloud Run that was made and never started.
//!
//! Where its first revision fails, such as before its role on the secret is known everywhere, the service stays and the
//! provider forgets it: each further apply ends with "already exists" (terraform-provider-google 17245). It holds
//! nothing.

use std::process::Command;

use serde_json::Value;

use super::place::Place;
use crate::report::Check;
use crate::run::{output, succeeds};

/// Deletes it, where there is one.
pub(super) fn removed(place: &Place) -> Check {
    // Where it cannot be looked at, an apply complains of it.
    let Ok(described) = output(service("describe", place).arg("--format=json")) else {
        return Ok(());
    };
    let described: Value = serde_json::from_str(&described).unwrap_or_default();
    if !never_ran(&described, &place.name) {
        return Ok(());
    }
    println!(
        "An earlier run made the service {}, which never started: it is deleted.",
        place.name
    );
    succeeds(service("delete", place).arg("--quiet"))
}

fn service(verb: &str, place: &Place) -> Command {
    let mut gcloud = Command::new("gcloud");
    gcloud.args(["run", "services", verb, &place.name]).args([
        "--region",
        &place.region,
        "--project",
        &place.project,
    ]);
    gcloud
}

/// Whether a service, as `gcloud run services describe` shows it, is this root's and never had a revision that was
/// ready.
fn never_ran(service: &Value, name: &str) -> bool {
    service["metadata"]["labels"]["bleepstore"] == name
        && service["status"]["latestCreatedRevisionName"].is_string()
        && service["status"]["latestReadyRevisionName"].is_null()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_service_of_this_root_that_was_never_ready_is_left_over() {
        let service = |label: &str, ready: Option<&str>| {
            serde_json::json!({
                "metadata": { "labels": { "bleepstore": label } },
                "status": { "latestCreatedRevisionName": "bleepstore-00001", "latestReadyRevisionName": ready },
            })
        };
        assert!(never_ran(&service("bleepstore", None), "bleepstore"));
        assert!(!never_ran(
            &service("bleepstore", Some("bleepstore-00001")),
            "bleepstore"
        ));
        assert!(!never_ran(&service("another", None), "bleepstore"));
        assert!(!never_ran(&Value::Null, "bleepstore"));
    }
}
