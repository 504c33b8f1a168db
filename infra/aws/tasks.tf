# What the tasks of both HTTP services share: the image's repository, the log, and the roles. The task's is the
# program's, the execution's belongs to Fargate, which fetches image and secret for it.

locals {
  tasks = var.express || var.http_service != null

  # Whether an image is pushed here: `cargo xtask deploy aws` asks for this before it packages.
  pushes_image = var.express || try(var.http_service.image == null, false)

  # The image that `cargo xtask deploy aws` pushes, where no other one is named.
  own_image = one([for repository in aws_ecr_repository.images : "${repository.repository_url}@${var.image_digest}" if var.image_digest != null])

  repositories = concat(aws_ecr_repository.images[*].arn, compact(local.http[*].repository_arn))
}

resource "aws_ecr_repository" "images" {
  #checkov:skip=CKV_AWS_51:Services name their image by its digest, which no tag changes.
  #checkov:skip=CKV_AWS_136:The image is the program, and no secret.
  count = local.pushes_image ? 1 : 0

  name                 = var.name
  force_delete         = true # the image can be made again
  image_tag_mutability = "MUTABLE"
  tags                 = local.tags

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "images" {
  count = length(aws_ecr_repository.images)

  repository = aws_ecr_repository.images[0].name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "The images of the last ten releases are kept"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_cloudwatch_log_group" "http" {
  #checkov:skip=CKV_AWS_158:A key of the user's own is an option (kms_key_arn); otherwise CloudWatch's own key encrypts.
  #checkov:skip=CKV_AWS_338:How long logs are kept is the user's choice (log_retention_days).
  count = local.tasks ? 1 : 0

  name              = "/ecs/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

data "aws_iam_policy_document" "execution" {
  count = local.tasks ? 1 : 0

  statement {
    sid       = "Logs"
    resources = ["${aws_cloudwatch_log_group.http[0].arn}:*"]
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
  }

  statement {
    sid       = "RootSecretKey"
    resources = [for secret in aws_ssm_parameter.root_secret_key : secret.arn]
    actions   = ["ssm:GetParameters"]
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

  dynamic "statement" {
    for_each = length(local.repositories) > 0 ? ["Image"] : []

    content {
      sid       = statement.value
      resources = local.repositories
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }
  }

  dynamic "statement" {
    for_each = length(local.repositories) > 0 ? ["ImageToken"] : []

    content {
      sid       = statement.value
      resources = ["*"] # AWS knows no other resource for this action
      actions   = ["ecr:GetAuthorizationToken"]
    }
  }
}

resource "aws_iam_role" "task" {
  count = local.tasks ? 1 : 0

  name                 = "${var.name}-http-task-${local.region}"
  assume_role_policy   = data.aws_iam_policy_document.assumed_by["ecs-tasks"].json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "task" {
  count = local.tasks ? 1 : 0

  name   = "stores"
  role   = aws_iam_role.task[0].id
  policy = data.aws_iam_policy_document.stores.json
}

resource "aws_iam_role" "execution" {
  count = local.tasks ? 1 : 0

  name                 = "${var.name}-http-execution-${local.region}"
  assume_role_policy   = data.aws_iam_policy_document.assumed_by["ecs-tasks"].json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "execution" {
  count = local.tasks ? 1 : 0

  name   = "start"
  role   = aws_iam_role.execution[0].id
  policy = data.aws_iam_policy_document.execution[0].json
}

