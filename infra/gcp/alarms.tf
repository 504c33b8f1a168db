# What someone should look at. docs/operations.md says what to do about each.

locals {
  of_service = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.name}\""
  of_gc_job  = "resource.type=\"cloud_scheduler_job\" AND resource.labels.job_id=\"${var.name}-gc\" AND severity>=ERROR"

  alarms = {
    answers-5xx = {
      description = "Clients were answered with 5xx: a store failed or was too slow, or the service could not start."
      filter      = "${local.of_service} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      threshold   = 5
    }
    throttles = {
      description = "Requests were turned away: max_instances is too low."
      filter      = "${local.of_service} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code = \"429\""
      threshold   = 0
    }
  }

  # Counted from a line of the log at the level info.
  gc_is_counted = var.alarms && can(regex("(^|,)(info|debug|trace)(,|$)", var.log_filter))
}

resource "google_monitoring_alert_policy" "service" {
  for_each = { for name, alarm in local.alarms : name => alarm if var.alarms }

  project               = var.project
  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  documentation {
    content = each.value.description
  }

  conditions {
    display_name = each.key

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
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

resource "google_logging_metric" "gc" {
  count = local.gc_is_counted ? 1 : 0

  project     = var.project
  name        = "${var.name}-collected-slices"
  description = "Slices of garbage that BleepStore collected"
  filter      = "${local.log_filter} AND jsonPayload.message=\"garbage was collected\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

# No slice within a day, for whatever reason: the schedule is off, slices are refused, or they do not end in time.
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

    condition_absent {
      filter   = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.gc[0].name}\""
      duration = "84600s" # the longest that there is: 23.5 hours

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_DELTA"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = can(regex("^[^ ]+ (\\*|\\*/([1-9]|1[0-9]|2[0-3])|[0-9]+[,-][^ ]+) \\* \\* \\*$", var.gc_schedule))
      error_message = "Cloud Monitoring waits for 23.5 hours at most: a gc_schedule that is watched must run on every day, in two hours of it or more."
    }
  }
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
