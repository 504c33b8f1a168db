# The database of the metadata: gcp-cloudrun/src/firestore/schema.rs has its documents, names and queries.

resource "google_firestore_database" "metadata" {
  #checkov:skip=CKV_GCP_147:Google's own key encrypts the database; a key of the user's own is not an option yet.
  project                           = var.project
  name                              = var.name
  location_id                       = var.region
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "OPTIMISTIC" # or readers hold up writers
  point_in_time_recovery_enablement = var.restore_window_days == 0 ? "POINT_IN_TIME_RECOVERY_DISABLED" : "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = "DELETE"

  depends_on = [google_project_service.needed]
}

# Nothing is indexed but what is queried: every index is paid for with each write.
resource "google_firestore_field" "not_indexed" {
  for_each = toset(["bleepstore", "objects", "parts", "versions"])

  project    = var.project
  database   = google_firestore_database.metadata.name
  collection = each.value
  field      = "*"

  index_config {}
}

resource "google_firestore_field" "ordered" {
  for_each = {
    bleepstore = "listed_as"
    objects    = "key"
  }

  project    = var.project
  database   = google_firestore_database.metadata.name
  collection = each.key
  field      = each.value

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION"
    }
  }
}

resource "google_firestore_field" "expiry" {
  for_each = { bleepstore = "expires_at" }

  project    = var.project
  database   = google_firestore_database.metadata.name
  collection = each.key
  field      = each.value

  ttl_config {}
  index_config {}
}
