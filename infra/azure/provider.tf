# Here and not at the caller's, so that this folder can be applied by itself: azurerm does not start without a block of its own.
# Subscription, tenant and credentials come from ARM_* or from az login. azapi takes the same, and needs no block.

provider "azurerm" {
  storage_use_azuread = true # the accounts have no keys

  # A subscription may not know them yet, and since version 5 the provider tells it of none by itself.
  resource_providers_to_register = [
    "Microsoft.App",
    "Microsoft.DocumentDB",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
    "Microsoft.Web",
    "microsoft.insights",
  ]

  features {
    resource_group {
      # Azure puts alert rules of its own beside Application Insights, which would hold up a deletion.
      prevent_deletion_if_contains_resources = var.deletion_protection
    }
  }
}
