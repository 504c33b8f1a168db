# The same program as an HTTP server on Container Apps, whose ingress ends TLS: only with `http_service`.

locals {
  http      = var.http_service[*]
  http_port = 8080

  # How long the ingress lets a request take: https://learn.microsoft.com/azure/container-apps/network-proxy#timeouts
  http_request_seconds = 240

  of_functions = ["BLEEPSTORE_GC_SCHEDULE", "BLEEPSTORE_TRUST_UNENCODED_URL"]
  http_environment = merge({ for name, value in local.environment : name => value if !contains(local.of_functions, name) }, {
    BLEEPSTORE_FRONT           = "silent"
    PORT                       = tostring(local.http_port)
    BLEEPSTORE_REQUEST_SECONDS = tostring(local.http_request_seconds)
  })
}

resource "azurerm_container_app_environment" "http" {
  count = length(local.http)

  name                       = "${var.name}-http"
  location                   = var.location
  resource_group_name        = azurerm_resource_group.bleepstore.name
  logs_destination           = "log-analytics"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.log.id
  tags                       = local.tags

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }

  # What Azure adds to both was taken for a change with each plan (hashicorp/terraform-provider-azurerm, issues 27481
  # and 31840).
  lifecycle {
    ignore_changes = [infrastructure_resource_group_name, workload_profile]
  }
}

resource "azurerm_container_app" "http" {
  count = length(local.http)

  name                         = "${var.name}-http"
  resource_group_name          = azurerm_resource_group.bleepstore.name
  container_app_environment_id = azurerm_container_app_environment.http[0].id
  workload_profile_name        = "Consumption"
  revision_mode                = "Single"
  tags                         = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.function.id]
  }

  dynamic "registry" {
    for_each = local.http[0].registry_id[*]

    content {
      server   = split("/", local.http[0].image)[0]
      identity = azurerm_user_assigned_identity.function.id
    }
  }

  ingress {
    external_enabled           = true
    target_port                = local.http_port
    transport                  = "http"
    allow_insecure_connections = false

    traffic_weight {
      latest_revision = true
      percentage      = 100
    }
  }

  template {
    min_replicas                     = local.http[0].min_replicas
    max_replicas                     = local.http[0].max_replicas
    termination_grace_period_seconds = local.http_request_seconds

    http_scale_rule {
      name                = "requests"
      concurrent_requests = tostring(local.http[0].concurrency)
    }

    container {
      name   = "bleepstore"
      image  = local.http[0].image
      cpu    = local.http[0].cpu
      memory = "${2 * local.http[0].cpu}Gi"

      dynamic "env" {
        for_each = local.http_environment

        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        transport               = "HTTP"
        port                    = local.http_port
        path                    = "/_bleepstore/health"
        interval_seconds        = 1
        failure_count_threshold = 30
      }

      liveness_probe {
        transport = "HTTP"
        port      = local.http_port
        path      = "/_bleepstore/health"
      }
    }
  }

  # The first start needs them.
  depends_on = [
    azurerm_cosmosdb_sql_container.metadata,
    azurerm_cosmosdb_sql_role_assignment.rows,
    azurerm_role_assignment.blobs,
    azurerm_role_assignment.image,
    azurerm_role_assignment.secret,
  ]
}
