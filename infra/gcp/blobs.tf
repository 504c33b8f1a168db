# The bucket of the bytes. Nobody but the program reads or writes it.

resource "google_storage_bucket" "blobs" {
  #checkov:skip=CKV_GCP_62:Requests to BleepStore are in its own log; the bucket has one client.
  #checkov:skip=CKV_GCP_78:Blobs are never overwritten, and what is deleted is kept for a while by the policy of soft deletion.
  project                     = var.project
  name                        = "${var.project}-${var.name}-blobs"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  labels                      = local.labels

  # What is deleted can be brought back for as long as there is a database to restore that names it, and a day more, in
  # which that is done.
  soft_delete_policy {
    retention_duration_seconds = var.restore_window_days == 0 ? 0 : (var.restore_window_days + 1) * 24 * 60 * 60
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = var.abort_incomplete_uploads_after_days
    }
  }

  depends_on = [google_project_service.needed]
}
