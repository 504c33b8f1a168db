locals {
  secret_key_command = "az keyvault secret show --id ${local.root_secret} --query value --output tsv"
  endpoint           = "https://${var.domain_name == null ? azapi_resource.function.output.host : var.domain_name}"
}

output "endpoint" {
  description = "Where S3 is served."
  value       = local.endpoint
}

output "http_endpoint" {
  description = "Where the HTTP service serves S3; null without `http_service`."
  value       = try("https://${azurerm_container_app.http[0].ingress[0].fqdn}", null)
}

output "publish_url" {
  description = "Where `cargo xtask deploy` posts the package to."
  value       = "https://${azapi_resource.function.output.scm_host}/api/publish"
}

output "domain_records" {
  description = "The DNS records that the domain needs; null without one. They point to the app, and prove whose the domain is."
  value = var.domain_name == null ? null : {
    (var.domain_name)          = { type = "CNAME", value = azapi_resource.function.output.host }
    "asuid.${var.domain_name}" = { type = "TXT", value = azapi_resource.function.output.verification }
  }
}

output "region" {
  description = "The region that requests are signed for."
  value       = var.region_name
}

output "access_key" {
  description = "The access key of the root credential."
  value       = var.root_access_key
}

output "secret_key_command" {
  description = "The command that prints the secret key of the root credential, which Terraform does not know."
  value       = local.secret_key_command
}

output "cosmos_endpoint" {
  description = "The Cosmos DB account of the metadata."
  value       = azurerm_cosmosdb_account.metadata.endpoint
}

output "database" {
  description = "The database of the metadata."
  value       = azurerm_cosmosdb_sql_database.metadata.name
}

output "blob_container" {
  description = "The container of the bytes."
  value       = "${azurerm_storage_account.blobs.primary_blob_endpoint}${azurerm_storage_container.blobs.name}"
}

output "environment" {
  description = "What the program is told by its environment."
  value       = local.environment
}

output "try_it" {
  description = "A line that lists the buckets."
  value = join(" ", [
    # First, while the command still has the credentials of the cloud. Theirs may have a token, which this one has not.
    "AWS_SECRET_ACCESS_KEY=$(${local.secret_key_command})",
    "AWS_ACCESS_KEY_ID=${var.root_access_key}",
    "AWS_SESSION_TOKEN=",
    "AWS_REGION=${var.region_name}",
    "AWS_DEFAULT_REGION=${var.region_name}",
    "aws s3 --endpoint-url ${local.endpoint} ls",
  ])
}
