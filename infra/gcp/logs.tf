# The service's log in a bucket of its own, which keeps it for as long as is said here.

locals {
  log_filter = join(" AND ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=\"${var.name}\"",
    "resource.labels.location=\"${var.region}\"",
  ])
}

# A log bucket keeps its name for seven days after it was deleted, so that the same name could not be deployed again.
resource "random_id" "log_bucket" {
  byte_length = 4
}

resource "google_logging_project_bucket_config" "service" {
  project        = var.project
  location       = var.region
  bucket_id      = "${var.name}-${random_id.log_bucket.hex}"
  description    = "BleepStore's log"
  retention_days = var.log_retention_days

  depends_on = [google_project_service.needed]
}

resource "google_logging_project_sink" "service" {
  project                = var.project
  name                   = var.name
  description            = "BleepStore's log"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.service.id}"
  filter                 = local.log_filter
  unique_writer_identity = true
}
