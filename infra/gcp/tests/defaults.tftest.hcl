# What the root plans when nothing but project, region and image are said. The providers are mocked: nothing is called.

mock_provider "google" {
  override_during = plan

  mock_resource "google_cloud_run_v2_service" {
    defaults = { uri = "https://bleepstore-abc.a.run.app" }
  }
  mock_resource "google_service_account" {
    defaults = {
      email  = "bleepstore@example-project.iam.gserviceaccount.com"
      member = "serviceAccount:bleepstore@example-project.iam.gserviceaccount.com"
    }
  }
  mock_resource "google_secret_manager_secret_version" {
    defaults = { version = "1" }
  }
}

# Terraform's mocks know no ephemeral resources, so this one is not mocked. It calls nothing either.
override_resource {
  target          = random_id.log_bucket
  override_during = plan
  values          = { hex = "0123abcd" }
}

variables {
  project = "example-project"
  region  = "europe-west1"
  image   = "europe-west1-docker.pkg.dev/example-project/bleepstore/server@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "what_is_stored_is_guarded_and_costs_are_bounded" {
  command = plan

  assert {
    condition = alltrue([
      google_firestore_database.metadata.delete_protection_state == "DELETE_PROTECTION_ENABLED",
      google_cloud_run_v2_service.bleepstore[0].deletion_protection,
      !google_storage_bucket.blobs.force_destroy,
    ])
    error_message = "The database, the service and the bucket must refuse to be deleted."
  }
  assert {
    condition     = google_firestore_database.metadata.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED" && google_firestore_database.metadata.concurrency_mode == "OPTIMISTIC"
    error_message = "The database must have point-in-time recovery, and readers must not hold up writers."
  }
  assert {
    condition     = google_storage_bucket.blobs.uniform_bucket_level_access && google_storage_bucket.blobs.public_access_prevention == "enforced" && google_storage_bucket.blobs.soft_delete_policy[0].retention_duration_seconds == 8 * 86400
    error_message = "The bucket must not be public, and keep what is deleted for a day longer than records can be restored."
  }
  assert {
    condition     = google_cloud_run_v2_service.bleepstore[0].template[0].scaling[0].min_instance_count == 0 && google_cloud_run_v2_service.bleepstore[0].template[0].scaling[0].max_instance_count == 10
    error_message = "An idle service must cost nothing, and a busy one no more than is said."
  }
  assert {
    condition     = google_cloud_run_v2_service.bleepstore[0].template[0].containers[0].ports[0].name == "h2c" && google_cloud_run_v2_service.bleepstore[0].invoker_iam_disabled
    error_message = "The service must speak HTTP/2, to everyone."
  }
  assert {
    condition = [
      for env in google_cloud_run_v2_service.bleepstore[0].template[0].containers[0].env :
      [env.name, env.value_source[0].secret_key_ref[0].secret, env.value_source[0].secret_key_ref[0].version] if length(env.value_source) > 0
    ] == [["BLEEPSTORE_SECRET_KEY", "bleepstore-root-secret-key", "1"]]
    error_message = "The secret key must come from Secret Manager, and no earlier one be accepted."
  }
  assert {
    condition     = google_cloud_scheduler_job.gc[0].http_target[0].uri == "https://bleepstore-abc.a.run.app/_bleepstore/gc" && google_cloud_scheduler_job.gc[0].http_target[0].oidc_token[0].audience == local.environment.BLEEPSTORE_GC_AUDIENCE
    error_message = "The schedule must sign in as the service expects."
  }
  assert {
    condition     = google_project_iam_member.service.condition[0].expression == "resource.name == 'projects/example-project/databases/bleepstore'"
    error_message = "The role must hold for the one database."
  }
  assert {
    condition = alltrue([
      length(google_monitoring_alert_policy.answers_5xx) == 1,
      length(google_monitoring_alert_policy.throttles) == 1,
      length(google_monitoring_alert_policy.gc) == 1,
      length(google_monitoring_alert_policy.gc_failed) == 1,
    ])
    error_message = "Errors, throttles and failures of garbage collection must raise alarms."
  }
  assert {
    condition = alltrue([
      for policy in concat(google_monitoring_alert_policy.throttles, google_monitoring_alert_policy.gc) :
      policy.conditions[0].condition_prometheus_query_language[0].disable_metric_validation
    ])
    error_message = "A policy must not need its metric of the log to be known before the policy is made."
  }
  assert {
    condition     = google_monitoring_alert_policy.gc[0].conditions[0].condition_prometheus_query_language[0].query == "(sum(sum_over_time(logging_googleapis_com:user_bleepstore_collected_slices{monitored_resource=\"cloud_run_revision\"}[1h])) or vector(0)) < 1" && google_monitoring_alert_policy.gc[0].conditions[0].condition_prometheus_query_language[0].duration == "82800s"
    error_message = "A day without a slice must raise the alarm, of all revisions together, and also where there never was a slice."
  }
  assert {
    condition     = google_monitoring_alert_policy.throttles[0].conditions[0].condition_prometheus_query_language[0].query == "sum(sum_over_time(logging_googleapis_com:user_bleepstore_turned_away{monitored_resource=\"cloud_run_revision\"}[5m])) > 0" && strcontains(google_logging_metric.turned_away[0].filter, "logName=\"projects/example-project/logs/run.googleapis.com%2Frequests\" AND (httpRequest.status=429 OR textPayload:(\"no available instance\" OR ")
    error_message = "What reached no instance must be counted from Cloud Run's log of requests."
  }
  assert {
    condition     = google_logging_project_bucket_config.service.bucket_id == "bleepstore-0123abcd"
    error_message = "A log bucket must have a name that no deleted one keeps."
  }
  assert {
    condition     = output.endpoint == "https://bleepstore-abc.a.run.app" && startswith(output.try_it, "AWS_SECRET_ACCESS_KEY=$(gcloud secrets versions access 1 --secret bleepstore-root-secret-key --project example-project) AWS_ACCESS_KEY_ID=") && endswith(output.try_it, " AWS_SESSION_TOKEN= AWS_REGION=europe-west1 AWS_DEFAULT_REGION=europe-west1 aws s3 --endpoint-url https://bleepstore-abc.a.run.app ls")
    error_message = "The line to try must be ready to run."
  }
}

run "without_an_image_the_registry_is_made_and_no_service" {
  command = plan

  variables {
    image = null
  }

  assert {
    condition     = length(google_cloud_run_v2_service.bleepstore) == 0 && length(google_cloud_scheduler_job.gc) == 0 && output.try_it == null
    error_message = "There is nothing to run yet."
  }
}

run "one_switch_opens_all_guards" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition = alltrue([
      google_firestore_database.metadata.delete_protection_state == "DELETE_PROTECTION_DISABLED",
      !google_cloud_run_v2_service.bleepstore[0].deletion_protection,
      google_storage_bucket.blobs.force_destroy,
    ])
    error_message = "Without protection, terraform destroy must succeed."
  }
}

run "nothing_is_kept_for_restores_where_there_are_none" {
  command = plan

  variables {
    restore_window_days = 0
  }

  assert {
    condition     = google_firestore_database.metadata.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_DISABLED" && google_storage_bucket.blobs.soft_delete_policy[0].retention_duration_seconds == 0
    error_message = "What is deleted must be gone."
  }
}

run "the_service_knows_its_domains_and_the_roles_for_tokens_of_others" {
  command = plan

  variables {
    domain_name    = "s3.example.com"
    website_domain = "web.example.com"
    oidc           = jsonencode([{ role = "ci" }])
  }

  assert {
    condition     = local.environment.BLEEPSTORE_DOMAIN == "s3.example.com" && local.environment.BLEEPSTORE_WEBSITE_DOMAIN == "web.example.com"
    error_message = "The program must know its domains."
  }
  assert {
    condition     = jsondecode(local.environment.BLEEPSTORE_OIDC)[0].role == "ci"
    error_message = "The program must know the roles for tokens of others."
  }
}
