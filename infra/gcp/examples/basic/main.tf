# The store with its defaults, in one region. `cargo xtask deploy gcp` pushes the image, and prints its digest.

terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "8.7.0"
    }
  }
}

variable "project" {
  description = "The id of your project."
  type        = string
}

variable "image" {
  description = "The image by its digest; none the first time, which makes the registry."
  type        = string
  default     = null
}

provider "google" {
  project = var.project
}

module "bleepstore" {
  source = "../.."

  project = var.project
  region  = "europe-west1"
  image   = var.image
  labels  = { team = "storage" }
}

output "repository" {
  value = module.bleepstore.repository
}

output "endpoint" {
  value = module.bleepstore.endpoint
}

output "secret_key_command" {
  value = module.bleepstore.secret_key_command
}

output "try_it" {
  value = module.bleepstore.try_it
}
