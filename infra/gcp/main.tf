# What everything else is named after, the services of Google that it needs, and the root credential.

locals {
  labels = merge(var.labels, { bleepstore = var.name })
}

resource "google_project_service" "needed" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "cloudscheduler.googleapis.com",
    "firestore.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
  ])

  project = var.project
  service = each.value
  # Others may use them too.
  disable_on_destroy = false
}

# The root credential's secret key. It stands in Terraform's state, which therefore is a secret too. A new one:
# terraform apply -replace=random_password.root, which also starts new instances.
resource "random_password" "root" {
  length  = 40
  special = false
}

resource "google_secret_manager_secret" "root_secret_key" {
  project             = var.project
  secret_id           = "${var.name}-root-secret-key"
  labels              = local.labels
  deletion_protection = false # another one can be made

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_secret_manager_secret_version" "root_secret_key" {
  secret      = google_secret_manager_secret.root_secret_key.id
  secret_data = random_password.root.result
}
