# Garbage collection: the schedule sends the function the event that aws-lambda/src/event.rs knows.

data "aws_iam_policy_document" "invoke" {
  statement {
    sid       = "Invoke"
    resources = [aws_lambda_function.bleepstore.arn]
    actions   = ["lambda:InvokeFunction"]
  }
}

resource "aws_iam_role" "schedule" {
  name                 = "${var.name}-schedule-${local.region}"
  assume_role_policy   = data.aws_iam_policy_document.assumed_by["scheduler"].json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "schedule" {
  name   = "invoke"
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.invoke.json
}

resource "aws_scheduler_schedule" "gc" {
  #checkov:skip=CKV_AWS_297:The schedule holds no secret.
  name                = "${var.name}-gc"
  description         = "Collects BleepStore's garbage"
  schedule_expression = var.gc_schedule
  state               = var.gc_enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }

  target {
    arn      = aws_lambda_function.bleepstore.arn
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode({ bleepstore = "gc" })

    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 3600
    }
  }

  depends_on = [aws_iam_role_policy.schedule]
}
