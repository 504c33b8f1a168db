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
  domains = merge(
    var.domain_name == null ? {} : { BLEEPSTORE_DOMAIN = var.domain_name },
    var.website_domain == null ? {} : { BLEEPSTORE_WEBSITE_DOMAIN = var.website_domain },
  )
  oidc = var.oidc == null ? {} : { BLEEPSTORE_OIDC = var.oidc }
  environment = merge(local.previous, local.domains, local.oidc, {
    BLEEPSTORE_REGION              = var.region_name
    BLEEPSTORE_COSMOS_ENDPOINT     = azurerm_cosmosdb_account.metadata.endpoint
    BLEEPSTORE_BLOB_ENDPOINT       = azurerm_storage_account.blobs.primary_blob_endpoint
    BLEEPSTORE_BLOB_CONTAINER      = azurerm_storage_container.blobs.name
    BLEEPSTORE_ACCESS_KEY          = var.root_access_key
    BLEEPSTORE_SECRET_KEY_URL      = local.root_secret
    BLEEPSTORE_GC_SCHEDULE         = var.gc_schedule
    BLEEPSTORE_LOG                 = var.log_filter
    BLEEPSTORE_ACCOUNT_ID          = var.account_id
    BLEEPSTORE_NEW_BUCKETS         = var.new_buckets
    BLEEPSTORE_SIGV2               = var.sigv2
    BLEEPSTORE_TRUST_UNENCODED_URL = "true"
    AZURE_CLIENT_ID                = azurerm_user_assigned_identity.function.client_id
  })

  # Those of the host beside them. There must be no AzureWebJobsStorage, not even an empty one.
  app_settings = merge(local.environment, {
    APPLICATIONINSIGHTS_CONNECTION_STRING     = azurerm_application_insights.function.connection_string
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "Authorization=AAD;ClientId=${azurerm_user_assigned_identity.function.client_id}"
    AzureWebJobsStorage__accountName          = azurerm_storage_account.host.name
    AzureWebJobsStorage__credential           = "managedidentity"
    AzureWebJobsStorage__clientId             = azurerm_user_assigned_identity.function.client_id
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT         = tostring(var.max_body_bytes)
  })
}

# Not azurerm_function_app_flex_consumption: it writes an empty AzureWebJobsStorage beside the identity's settings,
# which the host then takes for the connection (hashicorp/terraform-provider-azurerm, issue 29693), and publishes by a
# call that a flex consumption plan does not have (issue 29630). `cargo xtask deploy` publishes the package.
resource "azapi_resource" "function" {
  type          = "Microsoft.Web/sites@2024-11-01"
  name          = var.name
  location      = var.location
  parent_id     = azurerm_resource_group.bleepstore.id
  ignore_casing = true # Azure answers some values in lower case
  tags          = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.function.id]
  }

  body = {
    kind = "functionapp,linux"
    properties = {
      serverFarmId = azurerm_service_plan.function.id
      httpsOnly    = true

      functionAppConfig = {
        runtime = { name = "custom", version = "1.0" }
        deployment = {
          storage = {
            type  = "blobContainer"
            value = "${azurerm_storage_account.host.primary_blob_endpoint}${azurerm_storage_container.package.name}"
            authentication = {
              type                           = "UserAssignedIdentity"
              userAssignedIdentityResourceId = azurerm_user_assigned_identity.function.id
            }
          }
        }
        scaleAndConcurrency = {
          instanceMemoryMB     = var.memory_mb
          maximumInstanceCount = var.max_instances
          triggers             = { http = { perInstanceConcurrency = var.concurrency } }
        }
      }

      siteConfig = {
        appSettings      = [for name, value in local.app_settings : { name = name, value = value }]
        ftpsState        = "Disabled"
        http20Enabled    = true
        minTlsVersion    = "1.2"
        scmMinTlsVersion = "1.2"
      }
    }
  }

  response_export_values = {
    host         = "properties.defaultHostName"
    scm_host     = "properties.hostNameSslStates[?hostType=='Repository'].name | [0]"
    verification = "properties.customDomainVerificationId"
  }

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

# Who publishes signs in by Microsoft Entra ID, and not by a password.
resource "azapi_update_resource" "no_passwords" {
  for_each = toset(["ftp", "scm"])

  type      = "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01"
  name      = each.key
  parent_id = azapi_resource.function.id

  body = {
    properties = { allow = false }
  }
}
