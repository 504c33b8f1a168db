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

# The root credential's secret key. Terraform makes it up, hands it to Secret Manager and keeps it nowhere. Each number
# has a version of the secret of its own, which is written when it is made and never again: docs/operations.md says how
# to rotate.
locals {
  root_secrets = toset([
    for number in range(var.root_secret_version - (var.accept_previous_secret ? 1 : 0), var.root_secret_version + 1) : tostring(number)
  ])
  root_secret          = google_secret_manager_secret_version.root_secret_key[tostring(var.root_secret_version)].version
  previous_root_secret = [for number in local.root_secrets : google_secret_manager_secret_version.root_secret_key[number].version if number != tostring(var.root_secret_version)]
}

ephemeral "random_password" "root" {
  for_each = local.root_secrets

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
  for_each = local.root_secrets

  secret                 = google_secret_manager_secret.root_secret_key.id
  secret_data_wo         = ephemeral.random_password.root[each.key].result
  secret_data_wo_version = "1"

  lifecycle {
    # What runs is told of the next one first.
    create_before_destroy = true
    # Never written again, and not because an earlier release wrote it in the open either.
    ignore_changes = [secret_data, secret_data_wo_version]
  }
}

# Release 0.1.0 kept the secret key in the state. It stays what it is.
removed {
  from = random_password.root

  lifecycle {
    destroy = false
  }
}

moved {
  from = google_secret_manager_secret_version.root_secret_key
  to   = google_secret_manager_secret_version.root_secret_key["1"]
}
