# What the program may do. docs/security.md has the reason for each line.

# Reads and writes rows of the one container. It can make neither databases nor containers.
resource "azurerm_cosmosdb_sql_role_definition" "rows" {
  name                = "${var.name}-rows"
  resource_group_name = azurerm_resource_group.bleepstore.name
  account_name        = azurerm_cosmosdb_account.metadata.name
  type                = "CustomRole"
  assignable_scopes   = [azurerm_cosmosdb_account.metadata.id]

  permissions {
    data_actions = [
      "Microsoft.DocumentDB/databaseAccounts/readMetadata",
      "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery",
      "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/create",
      "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/delete",
      "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read",
      "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/replace",
      "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/upsert",
    ]
  }
}

# On the account: its metadata, which the SDK reads first, is not the container's.
resource "azurerm_cosmosdb_sql_role_assignment" "rows" {
  resource_group_name = azurerm_resource_group.bleepstore.name
  account_name        = azurerm_cosmosdb_account.metadata.name
  role_definition_id  = azurerm_cosmosdb_sql_role_definition.rows.id
  principal_id        = azurerm_user_assigned_identity.function.principal_id
  scope               = azurerm_cosmosdb_account.metadata.id
}

# Reads, writes, lists and deletes blobs of the one container.
resource "azurerm_role_assignment" "blobs" {
  scope                = azurerm_storage_container.blobs.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_user_assigned_identity.function.principal_id
  principal_type       = "ServicePrincipal"
}

# Reads the one secret, and the one before while that is accepted.
resource "azurerm_role_assignment" "secret" {
  for_each = local.root_secrets

  scope                = azurerm_key_vault_secret.root_secret_key[each.key].resource_versionless_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.function.principal_id
  principal_type       = "ServicePrincipal"

  lifecycle {
    # What runs may start anew until it is told of the other one alone.
    create_before_destroy = true
  }
}

# The host of Functions keeps the package, its locks and its timers' state there.
# https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
resource "azurerm_role_assignment" "host" {
  scope                = azurerm_storage_account.host.id
  role_definition_name = "Storage Blob Data Owner"
  principal_id         = azurerm_user_assigned_identity.function.principal_id
  principal_type       = "ServicePrincipal"
}

# Sends its log to Application Insights, whose keys are off.
resource "azurerm_role_assignment" "log" {
  scope                = azurerm_application_insights.function.id
  role_definition_name = "Monitoring Metrics Publisher"
  principal_id         = azurerm_user_assigned_identity.function.principal_id
  principal_type       = "ServicePrincipal"
}

# Pulls the image of the HTTP service.
resource "azurerm_role_assignment" "image" {
  for_each = toset(compact([try(var.http_service.registry_id, null)]))

  scope                = each.value
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.function.principal_id
  principal_type       = "ServicePrincipal"
}
