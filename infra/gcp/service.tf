# The registry of the image, and the service.

resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:Google's own key encrypts the images, which hold no secrets.
  project       = var.project
  location      = var.region
  repository_id = var.name
  description   = "BleepStore's images"
  format        = "DOCKER"
  labels        = local.labels

  cleanup_policies {
    id     = "keep-the-last"
    action = "KEEP"

    most_recent_versions {
      keep_count = 5
    }
  }

  cleanup_policies {
    id     = "delete-the-others"
    action = "DELETE"

    condition {
      older_than = "2592000s" # 30 days
    }
  }

  depends_on = [google_project_service.needed]
}

locals {
  service     = var.image[*]
  gc_audience = "${var.name}-gc"
  environment = merge(
    {
      BLEEPSTORE_REGION             = var.region
      BLEEPSTORE_PROJECT            = var.project
      BLEEPSTORE_FIRESTORE_DATABASE = google_firestore_database.metadata.name
      BLEEPSTORE_BLOB_BUCKET        = google_storage_bucket.blobs.name
      BLEEPSTORE_ACCESS_KEY         = var.root_access_key
      BLEEPSTORE_GC_AUDIENCE        = local.gc_audience
      BLEEPSTORE_GC_SERVICE_ACCOUNT = google_service_account.schedule.email
      BLEEPSTORE_LOG                = var.log_filter
      BLEEPSTORE_ACCOUNT_ID         = var.account_id
      BLEEPSTORE_NEW_BUCKETS        = var.new_buckets
      BLEEPSTORE_SIGV2              = var.sigv2
      BLEEPSTORE_REQUEST_SECONDS    = tostring(var.timeout_seconds)
    },
    var.domain_name == null ? {} : { BLEEPSTORE_DOMAIN = var.domain_name },
    var.website_domain == null ? {} : { BLEEPSTORE_WEBSITE_DOMAIN = var.website_domain },
    var.oidc == null ? {} : { BLEEPSTORE_OIDC = var.oidc },
  )
}

resource "google_cloud_run_v2_service" "bleepstore" {
  count = length(local.service)

  project              = var.project
  name                 = var.name
  location             = var.region
  description          = "BleepStore: S3 on Firestore and Cloud Storage"
  ingress              = "INGRESS_TRAFFIC_ALL"
  invoker_iam_disabled = true # BleepStore checks the signature of every request
  deletion_protection  = var.deletion_protection
  labels               = local.labels

  template {
    service_account                  = google_service_account.service.email
    timeout                          = "${var.timeout_seconds}s"
    max_instance_request_concurrency = var.concurrency
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    labels                           = local.labels

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    containers {
      image = local.service[0]

      # HTTP/2 from end to end: over HTTP/1 bodies may have 32 MB.
      ports {
        name           = "h2c"
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = var.cpu
          memory = "${var.memory_mb}Mi"
        }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 1
        failure_threshold = 30

        tcp_socket {
          port = 8080
        }
      }

      dynamic "env" {
        for_each = local.environment

        content {
          name  = env.key
          value = env.value
        }
      }

      # By its version: a new secret is a new revision.
      env {
        name = "BLEEPSTORE_SECRET_KEY"

        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.root_secret_key.secret_id
            version = local.root_secret
          }
        }
      }

      dynamic "env" {
        for_each = local.previous_root_secret

        content {
          name = "BLEEPSTORE_SECRET_KEY_PREVIOUS"

          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.root_secret_key.secret_id
              version = env.value
            }
          }
        }
      }
    }
  }

  # The first start needs them.
  depends_on = [
    google_firestore_field.expiry,
    google_firestore_field.not_indexed,
    google_firestore_field.ordered,
    google_project_iam_member.service,
    google_secret_manager_secret_iam_member.service,
    google_storage_bucket_iam_member.service,
  ]
}

resource "google_cloud_run_domain_mapping" "bleepstore" {
  count = var.domain_name == null ? 0 : length(local.service)

  project  = var.project
  name     = var.domain_name
  location = var.region

  metadata {
    namespace = var.project
    labels    = local.labels
  }

  spec {
    route_name = google_cloud_run_v2_service.bleepstore[0].name
  }
}
