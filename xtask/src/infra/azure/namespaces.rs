//! The resource providers of Azure that a subscription must know: version 5 of the Terraform provider tells it of none
//! by itself (<https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/guides/5.0-upgrade-guide>).

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::plan::Plan;

/// The beginnings of types, and the resource provider that serves them. What Azure always has needs none: groups,
/// roles, locks.
const OF_TYPES: [(&str, &str); 15] = [
    ("azurerm_app_service_", "Microsoft.Web"),
    ("azurerm_application_insights", "microsoft.insights"),
    ("azurerm_container_app", "Microsoft.App"),
    ("azurerm_cosmosdb_", "Microsoft.DocumentDB"),
    ("azurerm_key_vault", "Microsoft.KeyVault"),
    ("azurerm_log_analytics_", "Microsoft.OperationalInsights"),
    ("azurerm_management_lock", ALWAYS),
    ("azurerm_monitor_", "microsoft.insights"),
    ("azurerm_resource_group", ALWAYS),
    ("azurerm_role_assignment", ALWAYS),
    ("azurerm_service_plan", "Microsoft.Web"),
    ("azurerm_storage_", "Microsoft.Storage"),
    ("azurerm_user_assigned_identity", "Microsoft.ManagedIdentity"),
    ("azapi_", ALWAYS), // named by itself, see below
    ("random_", ALWAYS),
];

const ALWAYS: &str = "";

/// Where those that are registered are not those that are used.
pub(super) fn complaints(plan: &Plan) -> Vec<String> {
    let named = plan.of_provider("azurerm", "resource_providers_to_register");
    let registered: BTreeSet<&str> = named
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut needed = BTreeSet::new();
    let mut complaints = Vec::new();
    for kind in plan.types() {
        match OF_TYPES.iter().find(|(beginning, _)| kind.starts_with(beginning)) {
            Some((_, namespace)) => needed.extend((*namespace != ALWAYS).then_some(*namespace)),
            None => complaints.push(format!("which resource provider of Azure has {kind}?")),
        }
    }
    for kind in ["azapi_resource", "azapi_update_resource"] {
        let types = plan
            .of_type(kind)
            .filter_map(|(_, resource)| resource["type"].as_str());
        needed.extend(types.filter_map(|of| of.split('/').next()));
    }
    let lacking = needed.difference(&registered);
    complaints.extend(lacking.map(|namespace| format!("{namespace} is used, and not registered")));
    let idle = registered.difference(&needed);
    complaints.extend(idle.map(|namespace| format!("{namespace} is registered, and nothing uses it")));
    complaints
}
