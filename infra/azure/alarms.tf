# What someone should look at. docs/operations.md says what to do about each.

locals {
  alarms = merge({
    answers-5xx = {
      description = "Clients were answered with 5xx: a store failed or was too slow, or the program could not start."
      scope       = azapi_resource.function.id
      namespace   = "Microsoft.Web/sites"
      metric      = "Http5xx"
      aggregation = "Total"
      threshold   = 5
      dimension   = {}
    }
    throttles = {
      description = "Cosmos DB throttled requests: more was asked of it than it serves."
      scope       = azurerm_cosmosdb_account.metadata.id
      namespace   = "Microsoft.DocumentDB/databaseAccounts"
      metric      = "TotalRequests"
      aggregation = "Count"
      threshold   = 10
      dimension   = { StatusCode = ["429"] }
    }
    }, var.http_service == null ? {} : {
    http-answers-5xx = {
      description = "Clients of the HTTP service were answered with 5xx."
      scope       = azurerm_container_app.http[0].id
      namespace   = "Microsoft.App/containerApps"
      metric      = "Requests"
      aggregation = "Total"
      threshold   = 5
      dimension   = { statusCodeCategory = ["5xx"] }
    }
  })

  # Counted from a line of the log at the level info.
  gc_is_counted = var.alarms && can(regex("(^|,)(info|debug|trace)(,|$)", var.log_filter))

  # Whether it runs in several hours of a day: then a day without a slice is too long.
  gc_is_frequent = can(regex("^[^ ]+ [^ ]+ (\\*|\\*/([1-9]|1[0-9]|2[0-3])|[0-9]+[,-][^ ]+) ", var.gc_schedule))
}

resource "azurerm_monitor_metric_alert" "service" {
  for_each = { for name, alarm in local.alarms : name => alarm if var.alarms }

  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.bleepstore.name
  description         = each.value.description
  scopes              = [each.value.scope]
  severity            = 2
  frequency           = "PT5M"
  window_size         = "PT5M"
  tags                = local.tags

  criteria {
    metric_namespace = each.value.namespace
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = "GreaterThan"
    threshold        = each.value.threshold

    dynamic "dimension" {
      for_each = each.value.dimension

      content {
        name     = dimension.key
        operator = "Include"
        values   = dimension.value
      }
    }
  }

  dynamic "action" {
    for_each = var.action_group_ids

    content {
      action_group_id = action.value
    }
  }
}

# No slice for a day, or for two where the schedule is daily, for whatever reason: the timer is off, slices are refused, or they
# do not end in time. Two days is the longest that there is.
resource "azurerm_monitor_scheduled_query_rules_alert_v2" "gc" {
  count = local.gc_is_counted ? 1 : 0

  name                 = "${var.name}-gc"
  location             = var.location
  resource_group_name  = azurerm_resource_group.bleepstore.name
  description          = "No garbage was collected for ${local.gc_is_frequent ? "a day" : "two days"}."
  scopes               = [azurerm_application_insights.function.id]
  severity             = 2
  evaluation_frequency = "PT1H"
  window_duration      = local.gc_is_frequent ? "P1D" : "P2D"
  tags                 = local.tags

  criteria {
    query                   = "traces | where message has \"garbage was collected\""
    time_aggregation_method = "Count"
    operator                = "LessThan"
    threshold               = 1
  }

  action {
    action_groups = var.action_group_ids
  }

  lifecycle {
    precondition {
      condition     = can(regex("^[^ ]+ [^ ]+ [^ ]+ \\* \\* \\*$", var.gc_schedule))
      error_message = "Azure Monitor looks back 2 days at most: a gc_schedule that is watched must run on every day."
    }
  }
}
