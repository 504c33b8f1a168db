# The container of the metadata: azure-functions/src/cosmos/schema.rs has its rows, names and queries.

resource "azurerm_cosmosdb_account" "metadata" {
  #checkov:skip=CKV_AZURE_140:Keys are off, under the name that version 5 of the provider has for it, which checkov does not know.
  #checkov:skip=CKV_AZURE_99:The function has no fixed address; it signs in by Microsoft Entra ID, and keys are off.
  #checkov:skip=CKV_AZURE_100:Microsoft's own key encrypts; a key of the user's own is not an option yet.
  #checkov:skip=CKV_AZURE_101:The function has no fixed address; it signs in by Microsoft Entra ID, and keys are off.
  name                               = "${var.name}-metadata"
  location                           = var.location
  resource_group_name                = azurerm_resource_group.bleepstore.name
  offer_type                         = "Standard"
  kind                               = "GlobalDocumentDB"
  local_authentication_enabled       = false
  access_key_metadata_writes_enabled = false
  minimal_tls_version                = "Tls12"
  tags                               = local.tags

  dynamic "capabilities" {
    for_each = var.autoscale_max_throughput == null ? ["EnableServerless"] : []

    content {
      name = capabilities.value
    }
  }

  # What one instance wrote, another one reads: S3 promises it.
  consistency_policy {
    consistency_level = "Strong"
  }

  geo_location {
    location          = var.location
    failover_priority = 0
  }

  backup {
    type = "Continuous"
    tier = "Continuous${var.restore_window_days}Days"
  }

  # The provider makes an account anew, and empty, where they change. Azure changes one with what is in it, when it is
  # told to.
  lifecycle {
    ignore_changes = [capabilities]
  }
}

resource "azurerm_cosmosdb_sql_database" "metadata" {
  name                = "bleepstore"
  resource_group_name = azurerm_resource_group.bleepstore.name
  account_name        = azurerm_cosmosdb_account.metadata.name
}

resource "azurerm_cosmosdb_sql_container" "metadata" {
  name                = "metadata"
  resource_group_name = azurerm_resource_group.bleepstore.name
  account_name        = azurerm_cosmosdb_account.metadata.name
  database_name       = azurerm_cosmosdb_sql_database.metadata.name
  partition_key_paths = ["/pk"]
  default_ttl         = -1 # rows expire that say so, and no others

  dynamic "autoscale_settings" {
    for_each = var.autoscale_max_throughput[*]

    content {
      max_throughput = autoscale_settings.value
    }
  }

  # Nothing is indexed but what is queried: every path is paid for with each write.
  indexing_policy {
    indexing_mode = "consistent"

    included_path {
      path = "/k/?"
    }

    excluded_path {
      path = "/*"
    }
  }
}
