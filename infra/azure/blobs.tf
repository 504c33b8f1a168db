# The account of the bytes. Nobody but the program reads or writes it. Azure itself drops blocks that were never committed,
# after a week.

resource "azurerm_storage_account" "blobs" {
  #checkov:skip=CKV_AZURE_33:There are no queues.
  #checkov:skip=CKV_AZURE_35:The function has no fixed address; it signs in by Microsoft Entra ID, and keys are off.
  #checkov:skip=CKV_AZURE_59:The function has no fixed address; it signs in by Microsoft Entra ID, and keys are off.
  #checkov:skip=CKV_AZURE_206:A second region would hold bytes without the metadata that names them.
  #checkov:skip=CKV2_AZURE_1:Microsoft's own key encrypts; a key of the user's own is not an option yet.
  #checkov:skip=CKV2_AZURE_33:A private endpoint needs a network, which costs more than the rest while idle.
  #checkov:skip=CKV2_AZURE_41:Keys are off, and with them signed URLs.
  name                            = "${var.name}blobs"
  location                        = var.location
  resource_group_name             = azurerm_resource_group.bleepstore.name
  account_kind                    = "StorageV2"
  account_tier                    = "Standard"
  account_replication_type        = var.replication
  min_tls_version                 = "TLS1_2"
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false
  tags                            = local.tags

  # What is deleted can be brought back for as long as there is an account to restore that names it, and a day more, in
  # which that is done.
  blob_properties {
    delete_retention_policy {
      days = var.restore_window_days + 1
    }
  }
}

resource "azurerm_storage_container" "blobs" {
  #checkov:skip=CKV2_AZURE_21:Requests to BleepStore are in its own log; the container has one client.
  name                  = "blobs"
  storage_account_id    = azurerm_storage_account.blobs.id
  container_access_type = "private"
}

# Locks hold up everyone, the owner and Terraform too.
resource "azurerm_management_lock" "stored" {
  for_each = var.deletion_protection ? {
    blobs    = azurerm_storage_account.blobs.id
    metadata = azurerm_cosmosdb_account.metadata.id
  } : {}

  name       = "${var.name}-${each.key}"
  scope      = each.value
  lock_level = "CanNotDelete"
  notes      = "What BleepStore stores. Terraform's deletion_protection takes the lock off."

  # A lock would hold up what is made inside.
  depends_on = [azurerm_storage_container.blobs, azurerm_cosmosdb_sql_container.metadata]
}
