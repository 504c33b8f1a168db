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

# The root credential's secret key. It stands in Terraform's state, which therefore is a secret too. A new one:
# terraform apply -replace=random_password.root, then a restart of the function app.
resource "random_password" "root" {
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
  name         = "root-secret-key"
  key_vault_id = azurerm_key_vault.secrets.id
  content_type = "text/plain"
  value        = random_password.root.result
  tags         = local.tags

  depends_on = [azurerm_role_assignment.writes_secret]
}
