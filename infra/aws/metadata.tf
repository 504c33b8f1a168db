# The table of the metadata: aws-lambda/src/dynamo/schema.rs has its rows and names.

resource "aws_dynamodb_table" "metadata" {
  #checkov:skip=CKV_AWS_119:A key of the user's own is an option (kms_key_arn); otherwise a key that AWS owns encrypts the table.
  name                        = coalesce(var.table_name, "${var.name}-metadata")
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "PK"
  range_key                   = "SK"
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags

  attribute {
    name = "PK"
    type = "S"
  }

  attribute {
    name = "SK"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled                 = var.restore_window_days > 0
    recovery_period_in_days = var.restore_window_days > 0 ? var.restore_window_days : null
  }

  # Disabled does not mean in the clear: AWS's own key encrypts then.
  server_side_encryption {
    enabled     = var.kms_key_arn != null
    kms_key_arn = var.kms_key_arn
  }
}
