# Values that Google Cloud would refuse late, or accept and leave to be regretted. One run for many: each costs seconds.

mock_provider "google" {}

run "values_outside_their_range_are_refused" {
  command = plan

  variables {
    project                             = "Example"
    region                              = "eu"
    name                                = "Bleep"
    image                               = "europe-west1-docker.pkg.dev/example-project/bleepstore/server:latest"
    cpu                                 = "0.5"
    memory_mb                           = 128
    concurrency                         = 1001
    min_instances                       = -1
    timeout_seconds                     = 30
    domain_name                         = "https://s3.example.com"
    website_domain                      = "web.example.com:80"
    log_filter                          = "info; rm"
    account_id                          = "12345"
    new_buckets                         = "closed"
    oidc                                = "issuers.json"
    sigv2                               = "v2"
    log_retention_days                  = 0
    root_access_key                     = "a/b"
    gc_schedule                         = "hourly"
    abort_incomplete_uploads_after_days = 0
    notification_channels               = ["on-call@example.com"]
    restore_window_days                 = 3
    root_secret_version                 = 1.5
  }

  expect_failures = [
    var.project,
    var.region,
    var.name,
    var.image,
    var.cpu,
    var.memory_mb,
    var.concurrency,
    var.min_instances,
    var.timeout_seconds,
    var.domain_name,
    var.website_domain,
    var.log_filter,
    var.account_id,
    var.new_buckets,
    var.oidc,
    var.sigv2,
    var.log_retention_days,
    var.root_access_key,
    var.gc_schedule,
    var.abort_incomplete_uploads_after_days,
    var.notification_channels,
    var.restore_window_days,
    var.root_secret_version,
  ]
}

run "a_schedule_that_the_alarm_cannot_wait_for_is_refused" {
  command = plan

  variables {
    project     = "example-project"
    region      = "europe-west1"
    gc_schedule = "17 3 * * *"
  }

  expect_failures = [google_monitoring_alert_policy.gc]
}

run "without_alarms_any_schedule_will_do" {
  command = plan

  variables {
    project     = "example-project"
    region      = "europe-west1"
    gc_schedule = "17 3 * * 0"
    alarms      = false
  }
}

run "fewer_instances_at_most_than_at_least_are_refused" {
  command = plan

  variables {
    project       = "example-project"
    region        = "europe-west1"
    min_instances = 3
    max_instances = 2
  }

  expect_failures = [var.max_instances]
}

run "a_secret_key_before_the_first_one_cannot_be_accepted" {
  command = plan

  variables {
    project                = "example-project"
    region                 = "europe-west1"
    accept_previous_secret = true
  }

  expect_failures = [var.accept_previous_secret]
}
