# Who may do what. docs/security.md has the reason for each line.

resource "google_service_account" "service" {
  project      = var.project
  account_id   = "${var.name}-run"
  display_name = "BleepStore ${var.name}: the service"
}

# Creates, reads, lists and deletes objects in the one bucket.
resource "google_storage_bucket_iam_member" "service" {
  bucket = google_storage_bucket.blobs.name
  role   = "roles/storage.objectUser"
  member = google_service_account.service.member
}

# Reads and writes documents of the one database. Roles of Firestore are the project's: the condition narrows this one.
resource "google_project_iam_member" "service" {
  #checkov:skip=CKV_GCP_49:The role cannot impersonate anyone.
  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.service.member

  condition {
    title      = "${var.name}-database"
    expression = "resource.name == 'projects/${var.project}/databases/${google_firestore_database.metadata.name}'"
  }
}

# Reads the one secret.
resource "google_secret_manager_secret_iam_member" "service" {
  project   = var.project
  secret_id = google_secret_manager_secret.root_secret_key.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.service.member
}

# May do nothing: its name, in a token, is what the service knows the schedule by.
resource "google_service_account" "schedule" {
  project      = var.project
  account_id   = "${var.name}-gc"
  display_name = "BleepStore ${var.name}: the schedule of garbage collection"
}
