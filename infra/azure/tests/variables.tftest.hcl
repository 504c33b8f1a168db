# Values that Azure would refuse late, or accept and leave to be regretted. One run for many: each costs seconds.

mock_provider "azapi" {
  mock_resource "azapi_resource" {
    defaults = {
      output = { host = "example.azurewebsites.net", scm_host = "example.scm.azurewebsites.net", verification = "VERIFY" }
    }
  }
}
mock_provider "azurerm" {}

run "values_outside_their_range_are_refused" {
  command = plan

  variables {
    location            = "West Europe"
    name                = "Bleep-Store"
    region_name         = "west europe"
    memory_mb           = 1024
    concurrency         = 1001
    max_instances       = 10
    max_body_bytes      = 1024
    log_filter          = "info; rm"
    account_id          = "12345"
    new_buckets         = "closed"
    oidc                = "issuers.json"
    sigv2               = "v2"
    log_retention_days  = 7
    root_access_key     = "a/b"
    root_secret_version = 1.5
    restore_window_days = 8
    domain_name         = "https://s3.example.com"
    website_domain      = "web.example.com:80"
    replication         = "GRS"
    gc_schedule         = "17 */6 * * *"
    action_group_ids    = ["on-call@example.com"]

    autoscale_max_throughput = 4500
    http_service = {
      image        = "https://example.azurecr.io/bleepstore"
      registry_id  = "example"
      cpu          = 0.6
      min_replicas = 11
      concurrency  = 0
    }
  }

  expect_failures = [
    var.location,
    var.name,
    var.region_name,
    var.memory_mb,
    var.concurrency,
    var.max_instances,
    var.max_body_bytes,
    var.log_filter,
    var.account_id,
    var.new_buckets,
    var.oidc,
    var.sigv2,
    var.log_retention_days,
    var.root_access_key,
    var.root_secret_version,
    var.restore_window_days,
    var.domain_name,
    var.website_domain,
    var.replication,
    var.gc_schedule,
    var.action_group_ids,
    var.autoscale_max_throughput,
    var.http_service,
  ]
}

run "a_schedule_that_the_alarm_cannot_look_back_to_is_refused" {
  command = plan

  variables {
    location    = "westeurope"
    name        = "example"
    gc_schedule = "0 17 3 * * 0"
  }

  expect_failures = [azurerm_monitor_scheduled_query_rules_alert_v2.gc]
}

run "the_alarm_on_garbage_collection_looks_back_two_days_where_the_schedule_is_daily" {
  command = plan

  variables {
    location    = "westeurope"
    name        = "example"
    gc_schedule = "0 17 3 * * *"
  }

  assert {
    condition     = azurerm_monitor_scheduled_query_rules_alert_v2.gc[0].window_duration == "P2D"
    error_message = "A daily schedule must not raise the alarm between its runs."
  }
}
