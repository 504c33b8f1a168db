# What everything else is in and named after, who the program is, and the root credential.

data "azurerm_client_config" "current" {}

locals {
  tags = merge(var.tags, { bleepstore = var.name })
}

resource "azurerm_resource_group" "bleepstore" {
  name     = var.name
  location = var.location
  tags     = local.tags
}

# The program. It has no key to anything: its roles are what it may do.
resource "azurerm_user_assigned_identity" "function" {
  name                = "${var.name}-function"
  location            = var.location
  resource_group_name = azurerm_resource_group.bleepstore.name
  tags                = local.tags
}

# The root credential's secret key. Terraform makes it up, hands it to Key Vault and keeps it nowhere. Each number has a
# secret of its own, which is written when it is made and never again: docs/operations.md says how to rotate.
locals {
  root_secrets = toset([
    for number in range(var.root_secret_version - (var.accept_previous_secret ? 1 : 0), var.root_secret_version + 1) : tostring(number)
  ])
  root_secret          = azurerm_key_vault_secret.root_secret_key[tostring(var.root_secret_version)].versionless_id
  previous_root_secret = [for number in local.root_secrets : azurerm_key_vault_secret.root_secret_key[number].versionless_id if number != tostring(var.root_secret_version)]
}

ephemeral "random_password" "root" {
  for_each = local.root_secrets

  length  = 40
  special = false
}

resource "azurerm_key_vault" "secrets" {
  #checkov:skip=CKV_AZURE_109:Neither the function nor who applies this has a fixed address; roles decide who reads.
  #checkov:skip=CKV_AZURE_189:Neither the function nor who applies this has a fixed address; roles decide who reads.
  #checkov:skip=CKV2_AZURE_32:A private endpoint needs a network, which costs more than the rest while idle.
  name                       = "${var.name}-secrets"
  location                   = var.location
  resource_group_name        = azurerm_resource_group.bleepstore.name
  tenant_id                  = data.azurerm_client_config.current.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  purge_protection_enabled   = true
  soft_delete_retention_days = 7
  tags                       = local.tags
}

# Who applies this writes the secret.
resource "azurerm_role_assignment" "writes_secret" {
  scope                = azurerm_key_vault.secrets.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = data.azurerm_client_config.current.object_id
}

resource "azurerm_key_vault_secret" "root_secret_key" {
  #checkov:skip=CKV_AZURE_41:It lasts until it is replaced: one that expires would lock everyone out.
  for_each = local.root_secrets

  name             = each.key == "1" ? "root-secret-key" : "root-secret-key-${each.key}"
  key_vault_id     = azurerm_key_vault.secrets.id
  content_type     = "text/plain"
  value_wo         = ephemeral.random_password.root[each.key].result
  value_wo_version = 1
  tags             = local.tags

  depends_on = [azurerm_role_assignment.writes_secret]

  lifecycle {
    # What runs is told of the next one first.
    create_before_destroy = true
    # Never written again, and not because an earlier release wrote it in the open either.
    ignore_changes = [value, value_wo_version]
  }
}

# Release 0.1.0 kept the secret key in the state. It stays what it is.
removed {
  from = random_password.root

  lifecycle {
    destroy = false
  }
}

moved {
  from = azurerm_key_vault_secret.root_secret_key
  to   = azurerm_key_vault_secret.root_secret_key["1"]
}

moved {
  from = azurerm_role_assignment.secret
  to   = azurerm_role_assignment.secret["1"]
}
