# What someone should look at. docs/operations.md says what to do about each.
#
# Cloud Monitoring knows a metric of the log up to ten minutes after it was made, and until then refuses a policy on it:
# "Cannot find metric(s) that match type" (terraform-provider-google 11102). So what counts lines asks in PromQL, which
# can be told not to look whether the metric is there (https://cloud.google.com/monitoring/alerts/using-promql). Waiting
# would be a guess, for ten minutes of every first apply.

locals {
  of_service = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.name}\""
  of_gc_job  = "resource.type=\"cloud_scheduler_job\" AND resource.labels.job_id=\"${var.name}-gc\" AND severity>=ERROR"

  # Cloud Run's own log of requests also has those that reached no instance, with 429 or 500 and the reason in words
  # (https://cloud.google.com/run/docs/troubleshooting).
  of_turned_away = join(" AND ", [
    local.log_filter,
    "logName=\"projects/${var.project}/logs/run.googleapis.com%2Frequests\"",
    "(httpRequest.status=429 OR textPayload:(\"no available instance\" OR \"instance could not start\" OR \"failed the readiness check\"))",
  ])

  # Counted from a line of the log at the level info.
  gc_is_counted = var.alarms && can(regex("(^|,)(info|debug|trace)(,|$)", var.log_filter))

  turned_away_metric = "${var.name}-turned-away"
  slices_metric      = "${var.name}-collected-slices"

  # What they are called in PromQL.
  turned_away = "logging_googleapis_com:user_${replace(local.turned_away_metric, "-", "_")}{monitored_resource=\"cloud_run_revision\"}"
  slices      = "logging_googleapis_com:user_${replace(local.slices_metric, "-", "_")}{monitored_resource=\"cloud_run_revision\"}"
}

resource "google_monitoring_alert_policy" "answers_5xx" {
  count = var.alarms ? 1 : 0

  project               = var.project
  display_name          = "${var.name}: answers-5xx"
  combiner              = "OR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  documentation {
    content = "Clients were answered with 5xx: a store failed or was too slow."
  }

  conditions {
    display_name = "answers-5xx"

    condition_threshold {
      filter          = "${local.of_service} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      comparison      = "COMPARISON_GT"
      threshold_value = 5
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  depends_on = [google_project_service.needed]
}

# request_count leaves them out: they do not reach the service.
resource "google_logging_metric" "turned_away" {
  count = var.alarms ? 1 : 0

  project     = var.project
  name        = local.turned_away_metric
  description = "Requests that reached no instance of BleepStore"
  filter      = local.of_turned_away

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "throttles" {
  count = var.alarms ? 1 : 0

  project               = var.project
  display_name          = "${var.name}: throttles"
  combiner              = "OR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  documentation {
    content = "Requests were turned away before they reached an instance: max_instances is too low, or instances do not start."
  }

  conditions {
    display_name = "throttles"

    condition_prometheus_query_language {
      query                     = "sum(sum_over_time(${local.turned_away}[5m])) > 0"
      duration                  = "0s"
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  depends_on = [google_logging_metric.turned_away]
}

resource "google_logging_metric" "gc" {
  count = local.gc_is_counted ? 1 : 0

  project     = var.project
  name        = local.slices_metric
  description = "Slices of garbage that BleepStore collected"
  filter      = "${local.log_filter} AND jsonPayload.message=\"garbage was collected\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.needed]
}

# No slice within a day, for whatever reason: the schedule is off, slices are refused, or they do not end in time.
#
# A condition on the absence of a metric would wait for a first slice, and take a revision that is no more for silence.
# This is the sum over all revisions, zero where there is nothing to add: it holds from the first day on.
resource "google_monitoring_alert_policy" "gc" {
  count = local.gc_is_counted ? 1 : 0

  project               = var.project
  display_name          = "${var.name}: gc"
  combiner              = "OR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  documentation {
    content = "No garbage was collected for a day."
  }

  conditions {
    display_name = "gc"

    condition_prometheus_query_language {
      query                     = "(sum(sum_over_time(${local.slices}[1h])) or vector(0)) < 1"
      duration                  = "82800s" # 24 hours with the one looked at; both together may be 25
      evaluation_interval       = "300s"
      disable_metric_validation = true
    }
  }

  lifecycle {
    precondition {
      condition     = can(regex("^[^ ]+ (\\*|\\*/([1-9]|1[0-9]|2[0-3])|[0-9]+[,-][^ ]+) \\* \\* \\*$", var.gc_schedule))
      error_message = "The alarm waits for 24 hours: a gc_schedule that is watched must run on every day, in two hours of it or more."
    }
  }

  depends_on = [google_logging_metric.gc]
}

# The schedule's own failures, which show at once what the alarm above shows after a day.
resource "google_monitoring_alert_policy" "gc_failed" {
  count = var.alarms ? 1 : 0

  project               = var.project
  display_name          = "${var.name}: gc failed"
  combiner              = "OR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  documentation {
    content = "A slice of garbage was not collected: the service refused, failed, or took longer than three minutes."
  }

  conditions {
    display_name = "gc failed"

    condition_matched_log {
      filter = local.of_gc_job
    }
  }

  alert_strategy {
    notification_rate_limit {
      period = "3600s"
    }
  }

  depends_on = [google_project_service.needed]
}
