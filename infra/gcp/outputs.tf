locals {
  secret_key_command = "gcloud secrets versions access ${local.root_secret} --secret ${google_secret_manager_secret.root_secret_key.secret_id} --project ${var.project}"
}

output "endpoint" {
  description = "Where S3 is served; null without an image."
  value       = one([for service in google_cloud_run_v2_service.bleepstore : var.domain_name == null ? service.uri : "https://${var.domain_name}"])
}

output "domain_records" {
  description = "The DNS records that the domain needs; null without one."
  value       = one(google_cloud_run_domain_mapping.bleepstore[*].status)
}

output "region" {
  description = "The region that requests are signed for."
  value       = var.region
}

output "access_key" {
  description = "The access key of the root credential."
  value       = var.root_access_key
}

output "secret_key_command" {
  description = "The command that prints the secret key of the root credential, which Terraform does not know."
  value       = local.secret_key_command
}

output "database" {
  description = "The Firestore database of the metadata."
  value       = google_firestore_database.metadata.name
}

output "blob_bucket" {
  description = "The Cloud Storage bucket of the bytes."
  value       = google_storage_bucket.blobs.name
}

output "repository" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "image" {
  description = "The image that runs; null without one. `cargo xtask destroy` keeps it until the service goes."
  value       = var.image
}

output "environment" {
  description = "What the program is told by its environment, beside the secret key."
  value       = local.environment
}

output "try_it" {
  description = "A line that lists the buckets; null without an image."
  value = one([for service in google_cloud_run_v2_service.bleepstore : join(" ", [
    # First, while the command still has the credentials of the cloud. Theirs may have a token, which this one has not.
    "AWS_SECRET_ACCESS_KEY=$(${local.secret_key_command})",
    "AWS_ACCESS_KEY_ID=${var.root_access_key}",
    "AWS_SESSION_TOKEN=",
    "AWS_REGION=${var.region}",
    "AWS_DEFAULT_REGION=${var.region}",
    "aws s3 --endpoint-url ${var.domain_name == null ? service.uri : "https://${var.domain_name}"} ls",
  ])])
}
