# What everything else is named after, and the root credential.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  region  = data.aws_region.current.id
  account = data.aws_caller_identity.current.account_id
  tags    = merge(var.tags, { bleepstore = var.name })

  # The settings of the program, whichever way it runs.
  oidc = var.oidc == null ? {} : { BLEEPSTORE_OIDC = var.oidc }
  environment = merge(local.oidc, {
    BLEEPSTORE_REGION      = local.region
    BLEEPSTORE_TABLE       = aws_dynamodb_table.metadata.name
    BLEEPSTORE_BLOB_BUCKET = aws_s3_bucket.blobs.bucket
    BLEEPSTORE_ACCESS_KEY  = var.root_access_key
    BLEEPSTORE_LOG         = var.log_filter
    BLEEPSTORE_ACCOUNT_ID  = var.account_id
    BLEEPSTORE_NEW_BUCKETS = var.new_buckets
    BLEEPSTORE_SIGV2       = var.sigv2
  })
}

# The root credential's secret key. Terraform makes it up, hands it to Parameter Store and keeps it nowhere. Each number
# has a parameter of its own, which is written when it is made and never again: docs/operations.md says how to rotate.
locals {
  root_secrets = toset([
    for number in range(var.root_secret_version - (var.accept_previous_secret ? 1 : 0), var.root_secret_version + 1) : tostring(number)
  ])
  root_secret          = aws_ssm_parameter.root_secret_key[tostring(var.root_secret_version)]
  previous_root_secret = [for number in local.root_secrets : aws_ssm_parameter.root_secret_key[number] if number != tostring(var.root_secret_version)]
}

ephemeral "random_password" "root" {
  for_each = local.root_secrets

  length  = 40
  special = false
}

resource "aws_ssm_parameter" "root_secret_key" {
  #checkov:skip=CKV_AWS_337:A key of the user's own is an option (kms_key_arn); otherwise the account's key of Parameter Store encrypts it.
  for_each = local.root_secrets

  name             = each.key == "1" ? "/${var.name}/root-secret-key" : "/${var.name}/root-secret-key-${each.key}"
  description      = "The secret key of BleepStore's root credential"
  type             = "SecureString"
  key_id           = var.kms_key_arn
  value_wo         = ephemeral.random_password.root[each.key].result
  value_wo_version = 1
  tags             = local.tags

  lifecycle {
    # What runs is told of the next one first.
    create_before_destroy = true
    # Never written again, and not because an earlier release wrote it in the open either.
    ignore_changes = [value, value_wo_version]
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
  from = aws_ssm_parameter.root_secret_key
  to   = aws_ssm_parameter.root_secret_key["1"]
}
