# What the root plans when nothing but name and location are said. The providers are mocked: nothing is called.

mock_provider "azurerm" {
  override_during = plan

  mock_data "azurerm_client_config" {
    defaults = {
      tenant_id = "00000000-0000-0000-0000-000000000001"
      object_id = "00000000-0000-0000-0000-000000000002"
    }
  }
  mock_resource "azurerm_application_insights" {
    defaults = { connection_string = "InstrumentationKey=0" }
  }
  mock_resource "azurerm_container_app" {
    defaults = { id = "/subscriptions/1/resourceGroups/example/providers/Microsoft.App/containerApps/example-http" }
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

mock_provider "azapi" {
  override_during = plan

  mock_resource "azapi_resource" {
    defaults = {
      id = "/subscriptions/1/resourceGroups/example/providers/Microsoft.Web/sites/example"
      output = {
        host         = "example.azurewebsites.net"
        scm_host     = "example.scm.azurewebsites.net"
        verification = "VERIFY"
      }
    }
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
    condition     = { for name, value in local.app_settings : name => value if strcontains(name, "SECRET") } == { BLEEPSTORE_SECRET_KEY_URL = "https://example-secrets.vault.azure.net/secrets/root-secret-key" }
    error_message = "The secret key must come from Key Vault, and no earlier one be accepted."
  }
  assert {
    condition     = !contains(keys(local.app_settings), "AzureWebJobsStorage")
    error_message = "The host must sign in to its storage as the identity."
  }
  assert {
    condition     = azurerm_cosmosdb_account.metadata.backup[0].tier == "Continuous7Days" && azurerm_storage_account.blobs.blob_properties[0].delete_retention_policy[0].days == 8
    error_message = "The account of the bytes must keep what is deleted for a day longer than records can be restored."
  }
}

run "what_runs_is_bounded_and_watched" {
  command = plan

  assert {
    condition     = azapi_resource.function.body.properties.functionAppConfig.scaleAndConcurrency.maximumInstanceCount == 40 && !can(azapi_resource.function.body.properties.functionAppConfig.scaleAndConcurrency.alwaysReady)
    error_message = "An idle app must cost nothing, and a busy one no more than is said."
  }
  assert {
    condition     = azapi_resource.function.body.properties.httpsOnly && azapi_resource.function.body.properties.functionAppConfig.runtime.name == "custom"
    error_message = "The program is a custom handler, over TLS only."
  }
  assert {
    condition     = !can(azapi_resource.function.body.properties.siteConfig.cors)
    error_message = "Preflight requests must come through: the rules of each bucket answer them."
  }
  assert {
    condition     = alltrue([for policy in azapi_update_resource.no_passwords : !policy.body.properties.allow]) && output.publish_url == "https://example.scm.azurewebsites.net/api/publish"
    error_message = "Who publishes the package must sign in, and be told where."
  }
  assert {
    condition     = azurerm_cosmosdb_account.metadata.capabilities == toset([{ name = "EnableServerless" }]) && length(azurerm_cosmosdb_sql_container.metadata.autoscale_settings) == 0
    error_message = "An idle database must cost nothing."
  }
  assert {
    condition     = length(azurerm_container_app.http) == 0 && output.http_endpoint == null
    error_message = "The HTTP service is off unless it is asked for."
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
    domain_name    = "s3.example.com"
    website_domain = "web.example.com"
    oidc           = jsonencode([{ role = "ci" }])
  }

  assert {
    condition     = jsondecode(local.app_settings.BLEEPSTORE_OIDC)[0].role == "ci"
    error_message = "The program must know the roles for tokens of others."
  }

  assert {
    condition     = azurerm_app_service_custom_hostname_binding.bleepstore[0].hostname == "s3.example.com"
    error_message = "The app must take the domain."
  }
  assert {
    condition     = local.app_settings.BLEEPSTORE_DOMAIN == "s3.example.com" && output.endpoint == "https://s3.example.com"
    error_message = "The program must know its domain, and the output name it."
  }
  assert {
    condition     = local.app_settings.BLEEPSTORE_WEBSITE_DOMAIN == "web.example.com"
    error_message = "The program must know the domain of websites."
  }
  assert {
    condition     = output.domain_records["asuid.s3.example.com"].value == "VERIFY" && output.domain_records["s3.example.com"].value == "example.azurewebsites.net"
    error_message = "Both records must be told."
  }
}

run "a_database_with_autoscale_is_not_serverless" {
  command = plan

  variables {
    autoscale_max_throughput = 4000
  }

  assert {
    condition     = length(azurerm_cosmosdb_account.metadata.capabilities) == 0 && azurerm_cosmosdb_sql_container.metadata.autoscale_settings[0].max_throughput == 4000
    error_message = "Azure refuses throughput of a container in a serverless account."
  }
}

run "the_http_service_is_the_same_program_without_the_host" {
  command = plan

  variables {
    http_service = {
      image       = "example.azurecr.io/bleepstore@sha256:0"
      registry_id = "/subscriptions/1/resourceGroups/r/providers/Microsoft.ContainerRegistry/registries/example"
    }
  }

  assert {
    condition     = azurerm_container_app.http[0].template[0].min_replicas == 0 && azurerm_container_app.http[0].template[0].container[0].memory == "1Gi"
    error_message = "An idle service must cost nothing."
  }
  assert {
    condition     = !azurerm_container_app.http[0].ingress[0].allow_insecure_connections && azurerm_container_app.http[0].ingress[0].external_enabled
    error_message = "It is reached from outside, over TLS only."
  }
  assert {
    condition = ({ for variable in azurerm_container_app.http[0].template[0].container[0].env : variable.name => variable.value }) == merge(
      { for name, value in output.environment : name => value if !contains(["BLEEPSTORE_GC_SCHEDULE", "BLEEPSTORE_TRUST_UNENCODED_URL"], name) },
      {
        BLEEPSTORE_FRONT           = "silent"
        BLEEPSTORE_REQUEST_SECONDS = "240"
        PORT                       = tostring(azurerm_container_app.http[0].ingress[0].target_port)
      },
    )
    error_message = "It must have the stores of the function, and know the limits of its ingress."
  }
  assert {
    condition     = azurerm_container_app.http[0].registry[0].server == "example.azurecr.io" && [for role in azurerm_role_assignment.image : role.role_definition_name] == ["AcrPull"]
    error_message = "It must be able to pull its image, and nothing else of the registry."
  }
  assert {
    condition     = contains(keys(azurerm_monitor_metric_alert.service), "http-answers-5xx")
    error_message = "Errors must raise an alarm."
  }
}

run "both_ways_in_are_told_the_secret_key_before_while_that_is_accepted" {
  command = plan

  variables {
    root_secret_version    = 2
    accept_previous_secret = true
    http_service           = { image = "registry.example/bleepstore@sha256:0" }
  }

  override_resource {
    target          = azurerm_key_vault_secret.root_secret_key["1"]
    override_during = plan
    values          = { versionless_id = "https://example-secrets.vault.azure.net/secrets/root-secret-key" }
  }
  override_resource {
    target          = azurerm_key_vault_secret.root_secret_key["2"]
    override_during = plan
    values          = { versionless_id = "https://example-secrets.vault.azure.net/secrets/root-secret-key-2" }
  }

  assert {
    condition = alltrue([
      for told in [local.app_settings, { for variable in azurerm_container_app.http[0].template[0].container[0].env : variable.name => variable.value }] :
      { for name, value in told : name => value if strcontains(name, "SECRET") } == {
        BLEEPSTORE_SECRET_KEY_URL          = "https://example-secrets.vault.azure.net/secrets/root-secret-key-2"
        BLEEPSTORE_SECRET_KEY_PREVIOUS_URL = "https://example-secrets.vault.azure.net/secrets/root-secret-key"
      }
    ])
    error_message = "The function app and the HTTP service must be told both."
  }
  assert {
    condition     = toset(keys(azurerm_role_assignment.secret)) == toset(["1", "2"])
    error_message = "The program must be able to read both."
  }
}
