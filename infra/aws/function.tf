# The function, behind its URL unless that is left out (`function_url`).

locals {
  # Without a URL garbage is collected, by one at a time, and nothing else happens.
  concurrency = var.function_url ? var.max_concurrency : min(var.max_concurrency, 1)
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158:A key of the user's own is an option (kms_key_arn); otherwise CloudWatch's own key encrypts.
  #checkov:skip=CKV_AWS_338:How long logs are kept is the user's choice (log_retention_days).
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

resource "aws_lambda_function" "bleepstore" {
  #checkov:skip=CKV_AWS_50:The program writes no traces of X-Ray.
  #checkov:skip=CKV_AWS_116:Requests are answered or fail; what the schedule misses, its next run does.
  #checkov:skip=CKV_AWS_117:It talks to public endpoints of AWS only; a VPC would cost NAT and start time and protect nothing.
  #checkov:skip=CKV_AWS_173:The variables are names, no secrets.
  #checkov:skip=CKV_AWS_272:The package is the caller's own build; signing it is for a pipeline to add.
  function_name                  = var.name
  description                    = "BleepStore: S3 on DynamoDB and S3"
  role                           = aws_iam_role.function.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = local.concurrency
  tags                           = local.tags

  environment {
    variables = merge(
      local.environment,
      { BLEEPSTORE_INVOKE_MODE = var.invoke_mode },
      { BLEEPSTORE_SECRET_KEY_PARAMETER = local.root_secret.name },
      { for secret in local.previous_root_secret : "BLEEPSTORE_SECRET_KEY_PREVIOUS_PARAMETER" => secret.name },
    )
  }

  # The log group is here first, or Lambda would make one that keeps logs for ever; and the first start needs the policies.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function]
}

resource "aws_lambda_function_url" "bleepstore" {
  #checkov:skip=CKV_AWS_258:Clients sign for BleepStore, which checks every request; IAM would check for AWS's own credentials.
  count = var.function_url ? 1 : 0

  function_name      = aws_lambda_function.bleepstore.function_name
  authorization_type = "NONE"
  invoke_mode        = var.invoke_mode

  # They are here first, or the provider makes both, and leaves them behind when the URL goes.
  depends_on = [aws_lambda_permission.call_url, aws_lambda_permission.invoke_by_url]
}

# A URL that anyone may call needs both permissions. Their names are those that the provider looks for when it makes the
# URL: under others it would add its own, which no state has
# (https://github.com/hashicorp/terraform-provider-aws/issues/38260).
# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
resource "aws_lambda_permission" "call_url" {
  #checkov:skip=CKV_AWS_301:The endpoint is public; BleepStore checks the signature of every request.
  count = var.function_url ? 1 : 0

  statement_id           = "FunctionURLAllowPublicAccess"
  function_name          = aws_lambda_function.bleepstore.function_name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "invoke_by_url" {
  #checkov:skip=CKV_AWS_301:The endpoint is public; BleepStore checks the signature of every request.
  count = var.function_url ? 1 : 0

  statement_id             = "FunctionURLAllowInvokeAction"
  function_name            = aws_lambda_function.bleepstore.function_name
  action                   = "lambda:InvokeFunction"
  principal                = "*"
  invoked_via_function_url = true
}

# The schedule invokes asynchronously. A slice that failed is begun anew by the next run, not at once.
resource "aws_lambda_function_event_invoke_config" "bleepstore" {
  function_name                = aws_lambda_function.bleepstore.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 3600
}
