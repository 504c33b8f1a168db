# What everything else is named after, and the root credential.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  region  = data.aws_region.current.id
  account = data.aws_caller_identity.current.account_id
  tags    = merge(var.tags, { bleepstore = var.name })

  # The settings of the program, whichever way it runs.
  environment = {
    BLEEPSTORE_REGION      = local.region
    BLEEPSTORE_TABLE       = aws_dynamodb_table.metadata.name
    BLEEPSTORE_BLOB_BUCKET = aws_s3_bucket.blobs.bucket
    BLEEPSTORE_ACCESS_KEY  = var.root_access_key
    BLEEPSTORE_LOG         = var.log_filter
    BLEEPSTORE_SIGV2       = var.sigv2
  }
}

# The root credential's secret key. It stands in Terraform's state, which therefore is a secret too. A new one:
# terraform apply -replace=random_password.root, then a new start of what runs (docs/operations.md).
resource "random_password" "root" {
  length  = 40
  special = false
}

resource "aws_ssm_parameter" "root_secret_key" {
  #checkov:skip=CKV_AWS_337:A key of the user's own is an option (kms_key_arn); otherwise the account's key of Parameter Store encrypts it.
  name        = "/${var.name}/root-secret-key"
  description = "The secret key of BleepStore's root credential"
  type        = "SecureString"
  key_id      = var.kms_key_arn
  value       = random_password.root.result
  tags        = local.tags
}
