# The same with its state in Cloud Storage: versioned and locked. No secret is in it. The bucket is made once, by hand
# or by the root that keeps your other states.

terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "8.7.0"
    }
  }

  backend "gcs" {
    bucket = "example-terraform-state"
    prefix = "bleepstore/europe-west1"
  }
}

provider "google" {
  project = "example-project"
}

module "bleepstore" {
  source = "../.."

  project               = "example-project"
  region                = "europe-west1"
  image                 = "europe-west1-docker.pkg.dev/example-project/bleepstore/server@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  notification_channels = ["projects/example-project/notificationChannels/1234"]
}

output "try_it" {
  value = module.bleepstore.try_it
}
