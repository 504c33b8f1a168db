# What the program may do: a permission for each call that it makes, on the one table, the one bucket and the one
# parameter. A test holds this file against the calls in aws-lambda/src.

data "aws_iam_policy_document" "stores" {
  statement {
    sid       = "Metadata"
    resources = [aws_dynamodb_table.metadata.arn]
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem", # also each row of a TransactWriteItems
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
  }

  statement {
    sid       = "Blobs"
    resources = ["${aws_s3_bucket.blobs.arn}/*"]
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject", # DeleteObject and DeleteObjects
      "s3:GetObject",
      "s3:PutObject", # PutObject, and all of a multipart upload but its abort
    ]
  }

  statement {
    sid       = "BlobList"
    resources = [aws_s3_bucket.blobs.arn]
    actions   = ["s3:ListBucket"] # ListObjectsV2
  }

  dynamic "statement" {
    for_each = var.kms_key_arn[*]

    content {
      sid       = "Key"
      resources = [statement.value]
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"] # in the name of the services that hold the data

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [for service in ["dynamodb", "s3"] : "${service}.${local.region}.amazonaws.com"]
      }
    }
  }
}

data "aws_iam_policy_document" "root_secret" {
  statement {
    sid       = "RootSecretKey"
    resources = [for secret in aws_ssm_parameter.root_secret_key : secret.arn]
    actions   = ["ssm:GetParameter"]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn[*]

    content {
      sid       = "Key"
      resources = [statement.value]
      actions   = ["kms:Decrypt"]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["ssm.${local.region}.amazonaws.com"]
      }
    }
  }
}

data "aws_iam_policy_document" "function_logs" {
  statement {
    sid       = "Logs"
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"] # Lambda's, in the function's name
  }
}

# Services that take a role for this account only.
data "aws_iam_policy_document" "assumed_by" {
  for_each = toset(["ecs", "ecs-tasks", "scheduler"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "assumed_by_lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  name                 = "${var.name}-function-${local.region}"
  assume_role_policy   = data.aws_iam_policy_document.assumed_by_lambda.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "function" {
  for_each = {
    logs        = data.aws_iam_policy_document.function_logs.json
    root-secret = data.aws_iam_policy_document.root_secret.json
    stores      = data.aws_iam_policy_document.stores.json
  }

  name   = each.key
  role   = aws_iam_role.function.id
  policy = each.value
}
