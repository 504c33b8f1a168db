# Garbage collection: the schedule signs in with a token, which the service checks (gcp-cloudrun/src/oidc.rs).

resource "google_cloud_scheduler_job" "gc" {
  count = length(local.service)

  project          = var.project
  region           = var.region
  name             = "${var.name}-gc"
  description      = "Collects BleepStore's garbage"
  schedule         = var.gc_schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "180s"

  # A slice that failed is begun anew by the next run, not at once.
  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "${google_cloud_run_v2_service.bleepstore[0].uri}/_bleepstore/gc"

    oidc_token {
      service_account_email = google_service_account.schedule.email
      audience              = local.gc_audience
    }
  }

  depends_on = [google_project_service.needed]
}
