# The root credential's secret key over its life: made once, written never again, replaced when that is asked for.

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email  = "bleepstore@example-project.iam.gserviceaccount.com"
      member = "serviceAccount:bleepstore@example-project.iam.gserviceaccount.com"
    }
  }
}

variables {
  project             = "example-project"
  region              = "europe-west1"
  image               = "europe-west1-docker.pkg.dev/example-project/bleepstore/server@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  deletion_protection = false
}

run "the_first_is_in_no_state" {
  assert {
    condition     = keys(google_secret_manager_secret_version.root_secret_key) == ["1"] && google_secret_manager_secret_version.root_secret_key["1"].secret_data == null
    error_message = "There must be one secret key, and Terraform must not know it."
  }
}

run "it_stays_when_nothing_is_said" {
  assert {
    condition     = output.secret_key_command == run.the_first_is_in_no_state.secret_key_command
    error_message = "An apply without a change must not make another secret key."
  }
}

run "the_next_one_is_another_and_both_are_accepted" {
  variables {
    root_secret_version    = 2
    accept_previous_secret = true
  }

  assert {
    condition     = output.secret_key_command != run.the_first_is_in_no_state.secret_key_command
    error_message = "The next version must be another secret key."
  }
  assert {
    condition = strcontains(run.the_first_is_in_no_state.secret_key_command, one([
      for env in google_cloud_run_v2_service.bleepstore[0].template[0].containers[0].env :
      "access ${env.value_source[0].secret_key_ref[0].version} --secret" if env.name == "BLEEPSTORE_SECRET_KEY_PREVIOUS"
    ]))
    error_message = "The service must be told the secret key that was there before."
  }
}

run "the_one_before_goes_at_last" {
  variables {
    root_secret_version = 2
  }

  assert {
    condition     = keys(google_secret_manager_secret_version.root_secret_key) == ["2"] && output.secret_key_command == run.the_next_one_is_another_and_both_are_accepted.secret_key_command
    error_message = "The secret key before must go, and the newest stay."
  }
  assert {
    condition     = !contains(google_cloud_run_v2_service.bleepstore[0].template[0].containers[0].env[*].name, "BLEEPSTORE_SECRET_KEY_PREVIOUS")
    error_message = "The service must not be told a secret key that is gone."
  }
}
