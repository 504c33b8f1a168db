# Here and not at the caller's, so that this folder can be applied by itself: azurerm does not start without a block of its own.
# Subscription, tenant and credentials come from ARM_* or from az login.

provider "azurerm" {
  storage_use_azuread = true # the accounts have no keys

  features {
    resource_group {
      # Azure puts alert rules of its own beside Application Insights, which would hold up a deletion.
      prevent_deletion_if_contains_resources = var.deletion_protection
    }
  }
}
