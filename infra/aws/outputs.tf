locals {
  function_endpoint  = one([for url in aws_lambda_function_url.bleepstore : trimsuffix(url.function_url, "/")])
  own_endpoint       = one([for http in local.http : "https://${http.domain_name}"])
  http_endpoint      = local.own_endpoint == null ? local.express_endpoint : local.own_endpoint
  endpoint           = local.http_endpoint == null ? local.function_endpoint : local.http_endpoint
  secret_key_command = "aws ssm get-parameter --with-decryption --name ${local.root_secret.name} --region ${local.region} --query Parameter.Value --output text"
}

output "endpoint" {
  description = "Where clients of S3 are served: by `http_service`, else by `express`, else by the function's URL."
  value       = local.endpoint
}

output "function_endpoint" {
  description = "The function's URL, without the slash at its end: objects up to 4.5 MB; null without `function_url`."
  value       = local.function_endpoint
}

output "express_endpoint" {
  description = "The endpoint of the service on ECS Express Mode, which has S3's own limits; null without `express`."
  value       = local.express_endpoint
}

output "http_endpoint" {
  description = "The endpoint of the HTTP service under a domain of one's own, which has S3's own limits; null without `http_service`."
  value       = local.own_endpoint
}

output "repository" {
  description = "The repository that the image of the HTTP services is pushed to; null where there is none."
  value       = one(aws_ecr_repository.images[*].repository_url)
}

output "load_balancer" {
  description = "What the name of the HTTP service must point to, where its records are not made here; null without `http_service`."
  value       = one(aws_lb.http[*].dns_name)
}

output "region" {
  description = "The region that requests are signed for."
  value       = local.region
}

output "access_key" {
  description = "The access key of the root credential."
  value       = var.root_access_key
}

output "secret_key_command" {
  description = "The command that prints the secret key of the root credential, which Terraform does not know."
  value       = local.secret_key_command
}

output "secret_key_parameter" {
  description = "The parameter of Parameter Store that the program reads the secret key from."
  value       = local.root_secret.name
}

output "table" {
  description = "The DynamoDB table of the metadata."
  value       = aws_dynamodb_table.metadata.name
}

output "blob_bucket" {
  description = "The S3 bucket of the bytes."
  value       = aws_s3_bucket.blobs.bucket
}

output "function" {
  description = "The Lambda function."
  value       = aws_lambda_function.bleepstore.function_name
}

output "log_group" {
  description = "The function's log."
  value       = aws_cloudwatch_log_group.function.name
}

output "environment" {
  description = "What the program is told by its environment, on Lambda."
  value       = aws_lambda_function.bleepstore.environment[0].variables
}

output "try_it" {
  description = "A line that lists the buckets."
  value = join(" ", [
    # First, while the command still has the credentials of the cloud. Theirs may have a token, which this one has not.
    "AWS_SECRET_ACCESS_KEY=$(${local.secret_key_command})",
    "AWS_ACCESS_KEY_ID=${var.root_access_key}",
    "AWS_SESSION_TOKEN=",
    "AWS_REGION=${local.region}",
    "AWS_DEFAULT_REGION=${local.region}",
    "aws s3 --endpoint-url ${local.endpoint} ls",
  ])
}
