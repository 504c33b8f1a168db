# What the root plans when nothing but name and location are said. The providers are mocked: nothing is called.

mock_provider "azurerm" {
  override_during = plan

  mock_data "azurerm_client_config" {
    defaults = {
      tenant_id = "00000000-0000-0000-0000-000000000001"
      object_id = "00000000-0000-0000-0000-000000000002"
    }
  }
  mock_resource "azurerm_function_app_flex_consumption" {
    defaults = {
      default_hostname              = "example.azurewebsites.net"
      custom_domain_verification_id = "VERIFY"
    }
  }
  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      client_id    = "00000000-0000-0000-0000-000000000003"
      principal_id = "00000000-0000-0000-0000-000000000004"
    }
  }
  mock_resource "azurerm_key_vault_secret" {
    defaults = { versionless_id = "https://example-secrets.vault.azure.net/secrets/root-secret-key" }
  }
  mock_resource "azurerm_cosmosdb_account" {
    defaults = { endpoint = "https://example-metadata.documents.azure.com:443/" }
  }
  mock_resource "azurerm_storage_account" {
    defaults = { primary_blob_endpoint = "https://example.blob.core.windows.net/" }
  }
}

# Terraform's mocks know no ephemeral resources, so the provider `random` is not mocked. It calls nothing either.

variables {
  name     = "example"
  location = "westeurope"
}

run "what_is_stored_is_guarded" {
  command = plan

  assert {
    condition     = toset(keys(azurerm_management_lock.stored)) == toset(["blobs", "metadata"])
    error_message = "Both accounts must be locked."
  }
  assert {
    condition     = azurerm_cosmosdb_account.metadata.backup[0].type == "Continuous"
    error_message = "The database must have point-in-time recovery."
  }
  assert {
    condition = alltrue([for account in [azurerm_storage_account.blobs, azurerm_storage_account.host] : alltrue([
      !account.shared_access_key_enabled,
      !account.allow_nested_items_to_be_public,
      account.min_tls_version == "TLS1_2",
    ])])
    error_message = "Accounts must have no keys and nothing public."
  }
  assert {
    condition     = !azurerm_cosmosdb_account.metadata.local_authentication_enabled && azurerm_cosmosdb_account.metadata.consistency_policy[0].consistency_level == "Strong"
    error_message = "The database must have no keys, and be strongly consistent."
  }
  assert {
    condition     = { for name, value in azurerm_function_app_flex_consumption.bleepstore.app_settings : name => value if strcontains(name, "SECRET") } == { BLEEPSTORE_SECRET_KEY_URL = "https://example-secrets.vault.azure.net/secrets/root-secret-key" }
    error_message = "The secret key must come from Key Vault, and no earlier one be accepted."
  }
  assert {
    condition     = azurerm_cosmosdb_account.metadata.backup[0].tier == "Continuous7Days" && azurerm_storage_account.blobs.blob_properties[0].delete_retention_policy[0].days == 8
    error_message = "The account of the bytes must keep what is deleted for a day longer than records can be restored."
  }
}

run "what_runs_is_bounded_and_watched" {
  command = plan

  assert {
    condition     = azurerm_function_app_flex_consumption.bleepstore.maximum_instance_count == 40 && length(azurerm_function_app_flex_consumption.bleepstore.always_ready) == 0
    error_message = "An idle app must cost nothing, and a busy one no more than is said."
  }
  assert {
    condition     = azurerm_function_app_flex_consumption.bleepstore.https_only && azurerm_function_app_flex_consumption.bleepstore.runtime_name == "custom"
    error_message = "The program is a custom handler, over TLS only."
  }
  assert {
    condition     = length(azurerm_monitor_metric_alert.service) == 2 && azurerm_monitor_scheduled_query_rules_alert_v2.gc[0].window_duration == "P1D"
    error_message = "Errors, throttles and failures of garbage collection must raise alarms."
  }
  assert {
    condition     = startswith(output.try_it, "AWS_SECRET_ACCESS_KEY=$(az keyvault secret show --id https://example-secrets.vault.azure.net/secrets/root-secret-key --query value --output tsv) AWS_ACCESS_KEY_ID=") && endswith(output.try_it, " AWS_SESSION_TOKEN= AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 aws s3 --endpoint-url https://example.azurewebsites.net ls")
    error_message = "The line to try must be ready to run."
  }
}

run "one_switch_opens_all_guards" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = length(azurerm_management_lock.stored) == 0
    error_message = "Without protection, terraform destroy must succeed."
  }
}

run "a_domain_is_bound_served_and_told_with_its_records" {
  command = plan

  variables {
    domain_name = "s3.example.com"
  }

  assert {
    condition     = azurerm_app_service_custom_hostname_binding.bleepstore[0].hostname == "s3.example.com"
    error_message = "The app must take the domain."
  }
  assert {
    condition     = azurerm_function_app_flex_consumption.bleepstore.app_settings.BLEEPSTORE_DOMAIN == "s3.example.com" && output.endpoint == "https://s3.example.com"
    error_message = "The program must know its domain, and the output name it."
  }
  assert {
    condition     = output.domain_records["asuid.s3.example.com"].value == "VERIFY" && output.domain_records["s3.example.com"].value == "example.azurewebsites.net"
    error_message = "Both records must be told."
  }
}
