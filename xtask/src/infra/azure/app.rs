//! What a function app of a flex consumption plan must have, and must not.

use serde_json::Value;

use super::super::plan::Plan;

/// How the host of Functions reaches its storage as an identity
/// (<https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity>).
const AS_IDENTITY: [&str; 3] = [
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
];

/// How the host reaches it with a key. Where it is there, and be it empty, it is what counts
/// (<https://github.com/Azure/azure-functions-host/issues/11796>).
const WITH_KEY: &str = "AzureWebJobsStorage";

/// The site, where it is declared by its body.
fn site(plan: &Plan) -> Option<&Value> {
    let mut sites = plan
        .of_type("azapi_resource")
        .map(|(_, resource)| resource)
        .filter(|resource| {
            resource["type"]
                .as_str()
                .is_some_and(|of| of.starts_with("Microsoft.Web/sites@"))
        });
    sites.next()
}

/// The names of its settings.
pub(super) fn settings(plan: &Plan) -> Vec<&str> {
    let site = site(plan).map_or(&Value::Null, |site| &site["body"]["properties"]["siteConfig"]);
    let settings = site["appSettings"].as_array().into_iter().flatten();
    settings.filter_map(|setting| setting["name"].as_str()).collect()
}

pub(super) fn complaints(plan: &Plan) -> Vec<String> {
    let mut complaints = Vec::new();
    if site(plan).is_none() {
        complaints.push("no site is declared by its body".to_owned());
        return complaints;
    }
    let settings = settings(plan);
    let has = |wanted: &str| settings.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    if has(WITH_KEY) {
        complaints.push(format!(
            "{WITH_KEY} is set, and counts for the host before the identity"
        ));
    }
    let lacking = AS_IDENTITY.iter().filter(|wanted| !has(wanted));
    complaints.extend(lacking.map(|wanted| format!("{wanted} is not set")));
    for way in ["ftp", "scm"] {
        let mut policies = plan.of_type("azapi_update_resource");
        let is_off = policies.any(|(_, policy)| {
            policy["name"] == way && policy["body"]["properties"]["allow"] == Value::Bool(false)
        });
        if !is_off {
            complaints.push(format!("passwords are not off for {way}"));
        }
    }
    complaints
}
