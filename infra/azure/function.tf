# The function app, the account that its host needs, and its log.

resource "azurerm_storage_account" "host" {
  #checkov:skip=CKV_AZURE_33:There are no queues.
  #checkov:skip=CKV_AZURE_35:The host has no fixed address; it signs in by Microsoft Entra ID, and keys are off.
  #checkov:skip=CKV_AZURE_59:The host has no fixed address; it signs in by Microsoft Entra ID, and keys are off.
  #checkov:skip=CKV_AZURE_206:It holds a package that can be made again.
  #checkov:skip=CKV2_AZURE_1:Microsoft's own key encrypts; it holds no data of the store.
  #checkov:skip=CKV2_AZURE_33:A private endpoint needs a network, which costs more than the rest while idle.
  #checkov:skip=CKV2_AZURE_38:It holds a package that can be made again.
  #checkov:skip=CKV2_AZURE_41:Keys are off, and with them signed URLs.
  name                            = "${var.name}host"
  location                        = var.location
  resource_group_name             = azurerm_resource_group.bleepstore.name
  account_kind                    = "StorageV2"
  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  min_tls_version                 = "TLS1_2"
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false
  tags                            = local.tags
}

resource "azurerm_storage_container" "package" {
  #checkov:skip=CKV2_AZURE_21:It holds a package that can be made again.
  name                  = "package"
  storage_account_id    = azurerm_storage_account.host.id
  container_access_type = "private"
}

resource "azurerm_log_analytics_workspace" "log" {
  name                = "${var.name}-log"
  location            = var.location
  resource_group_name = azurerm_resource_group.bleepstore.name
  sku                 = "PerGB2018"
  retention_in_days   = var.log_retention_days
  tags                = local.tags
}

resource "azurerm_application_insights" "function" {
  name                         = "${var.name}-function"
  location                     = var.location
  resource_group_name          = azurerm_resource_group.bleepstore.name
  workspace_id                 = azurerm_log_analytics_workspace.log.id
  application_type             = "other"
  local_authentication_enabled = false
  tags                         = local.tags
}

resource "azurerm_service_plan" "function" {
  #checkov:skip=CKV_AZURE_211:A flex consumption plan grows by itself.
  #checkov:skip=CKV_AZURE_212:A flex consumption plan costs nothing idle because nothing runs then.
  #checkov:skip=CKV_AZURE_225:A flex consumption plan has no zones to choose.
  name                = "${var.name}-function"
  location            = var.location
  resource_group_name = azurerm_resource_group.bleepstore.name
  os_type             = "Linux"
  sku_name            = "FC1"
  tags                = local.tags
}

locals {
  # The settings of the program. The host writes the unencoded URL itself, over whatever a client had put there.
  previous = { for url in local.previous_root_secret : "BLEEPSTORE_SECRET_KEY_PREVIOUS_URL" => url }
  environment = merge(local.previous, var.domain_name == null ? {} : { BLEEPSTORE_DOMAIN = var.domain_name }, {
    BLEEPSTORE_REGION              = var.region_name
    BLEEPSTORE_COSMOS_ENDPOINT     = azurerm_cosmosdb_account.metadata.endpoint
    BLEEPSTORE_BLOB_ENDPOINT       = azurerm_storage_account.blobs.primary_blob_endpoint
    BLEEPSTORE_BLOB_CONTAINER      = azurerm_storage_container.blobs.name
    BLEEPSTORE_ACCESS_KEY          = var.root_access_key
    BLEEPSTORE_SECRET_KEY_URL      = local.root_secret
    BLEEPSTORE_GC_SCHEDULE         = var.gc_schedule
    BLEEPSTORE_LOG                 = var.log_filter
    BLEEPSTORE_SIGV2               = var.sigv2
    BLEEPSTORE_TRUST_UNENCODED_URL = "true"
    AZURE_CLIENT_ID                = azurerm_user_assigned_identity.function.client_id
  })
}

resource "azurerm_function_app_flex_consumption" "bleepstore" {
  name                                           = var.name
  location                                       = var.location
  resource_group_name                            = azurerm_resource_group.bleepstore.name
  service_plan_id                                = azurerm_service_plan.function.id
  runtime_name                                   = "custom"
  runtime_version                                = "1.0"
  instance_memory_in_mb                          = var.memory_mb
  maximum_instance_count                         = var.max_instances
  http_concurrency                               = var.concurrency
  https_only                                     = true
  webdeploy_publish_basic_authentication_enabled = false
  zip_deploy_file                                = var.package
  storage_container_type                         = "blobContainer"
  storage_container_endpoint                     = "${azurerm_storage_account.host.primary_blob_endpoint}${azurerm_storage_container.package.name}"
  storage_authentication_type                    = "UserAssignedIdentity"
  storage_user_assigned_identity_id              = azurerm_user_assigned_identity.function.id
  tags                                           = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.function.id]
  }

  site_config {
    application_insights_connection_string = azurerm_application_insights.function.connection_string
    minimum_tls_version                    = "1.2"
    http2_enabled                          = true
  }

  app_settings = merge(local.environment, {
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "Authorization=AAD;ClientId=${azurerm_user_assigned_identity.function.client_id}"
    AzureWebJobsStorage__accountName          = azurerm_storage_account.host.name
    AzureWebJobsStorage__credential           = "managedidentity"
    AzureWebJobsStorage__clientId             = azurerm_user_assigned_identity.function.client_id
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT         = tostring(var.max_body_bytes)
  })

  # The first start needs them.
  depends_on = [
    azurerm_cosmosdb_sql_container.metadata,
    azurerm_cosmosdb_sql_role_assignment.rows,
    azurerm_role_assignment.blobs,
    azurerm_role_assignment.host,
    azurerm_role_assignment.log,
    azurerm_role_assignment.secret,
  ]
}
