# What the root plans when nothing but the package is said. The providers are mocked: nothing is called.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { id = "eu-north-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:eu-north-1:123456789012:table/bleepstore-metadata" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::blobs" }
  }
  mock_resource "aws_ssm_parameter" {
    defaults = { arn = "arn:aws:ssm:eu-north-1:123456789012:parameter/bleepstore/root-secret-key" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-north-1:123456789012:log-group:/aws/lambda/bleepstore" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-north-1:123456789012:function:bleepstore" }
  }
  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.eu-north-1.on.aws/" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/bleepstore" }
  }
}

# Terraform's mocks know no ephemeral resources, so the provider `random` is not mocked. It calls nothing either.

variables {
  package = "versions.tf" # any file
}

run "what_is_stored_is_guarded" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.metadata.deletion_protection_enabled && !aws_s3_bucket.blobs.force_destroy
    error_message = "The table and the bucket must refuse to be deleted."
  }
  assert {
    condition = alltrue([
      aws_dynamodb_table.metadata.point_in_time_recovery[0].enabled,
      aws_dynamodb_table.metadata.point_in_time_recovery[0].recovery_period_in_days == 7,
      aws_s3_bucket_versioning.blobs.versioning_configuration[0].status == "Enabled",
      aws_s3_bucket_lifecycle_configuration.blobs.rule[1].noncurrent_version_expiration[0].noncurrent_days == 8,
    ])
    error_message = "The table must have point-in-time recovery, and the bucket keep what is deleted for a day longer."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.blobs.block_public_acls,
      aws_s3_bucket_public_access_block.blobs.block_public_policy,
      aws_s3_bucket_public_access_block.blobs.ignore_public_acls,
      aws_s3_bucket_public_access_block.blobs.restrict_public_buckets,
    ])
    error_message = "The bucket must not be public in any way."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.blobs.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The bucket must be encrypted."
  }
  assert {
    condition     = [for parameter in aws_ssm_parameter.root_secret_key : parameter.type] == ["SecureString"]
    error_message = "There must be one secret key, kept encrypted."
  }
}

run "what_costs_is_bounded" {
  command = plan

  assert {
    condition     = aws_lambda_function.bleepstore.reserved_concurrent_executions == 100
    error_message = "The concurrency must be bounded."
  }
  assert {
    condition     = aws_dynamodb_table.metadata.billing_mode == "PAY_PER_REQUEST"
    error_message = "An idle table must cost nothing but its storage."
  }
  assert {
    condition     = aws_cloudwatch_log_group.function.retention_in_days == 30
    error_message = "Logs must end."
  }
  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.blobs.rule[0].abort_incomplete_multipart_upload).days_after_initiation == 2
    error_message = "Multipart uploads of dead writers must be dropped."
  }
  assert {
    condition     = length(aws_lb.http) + length(aws_ecs_service.http) + length(aws_ecs_cluster.http) + length(aws_ecs_express_gateway_service.http) + length(aws_ecr_repository.images) + length(aws_iam_role.task) == 0
    error_message = "The HTTP services must be off unless they are asked for."
  }
}

run "the_url_is_public_and_gives_every_answer_its_length" {
  command = plan

  assert {
    condition     = aws_lambda_function_url.bleepstore[0].authorization_type == "NONE" && aws_lambda_function_url.bleepstore[0].invoke_mode == "BUFFERED"
    error_message = "The URL must be open to signed S3 requests, and keep the lengths that clients size downloads by."
  }
  assert {
    condition     = aws_lambda_permission.call_url[0].statement_id == "FunctionURLAllowPublicAccess" && aws_lambda_permission.invoke_by_url[0].statement_id == "FunctionURLAllowInvokeAction"
    error_message = "Under other names the provider adds statements of its own, which stay when the URL goes."
  }
  assert {
    condition     = length(aws_lambda_function_url.bleepstore[0].cors) == 0
    error_message = "Preflight requests must come through: the rules of each bucket answer them."
  }
  assert {
    condition     = aws_lambda_permission.call_url[0].action == "lambda:InvokeFunctionUrl" && aws_lambda_permission.call_url[0].function_url_auth_type == "NONE"
    error_message = "The URL must be callable."
  }
  assert {
    condition     = aws_lambda_permission.invoke_by_url[0].action == "lambda:InvokeFunction" && aws_lambda_permission.invoke_by_url[0].invoked_via_function_url
    error_message = "What calls the URL must be allowed to invoke the function, by the URL only."
  }
  assert {
    condition     = output.endpoint == "https://abc.lambda-url.eu-north-1.on.aws"
    error_message = "The endpoint must have no slash at its end."
  }
  assert {
    condition     = startswith(output.try_it, "AWS_SECRET_ACCESS_KEY=$(aws ssm get-parameter --with-decryption --name /bleepstore/root-secret-key --region eu-north-1 --query Parameter.Value --output text) AWS_ACCESS_KEY_ID=") && endswith(output.try_it, " AWS_SESSION_TOKEN= AWS_REGION=eu-north-1 AWS_DEFAULT_REGION=eu-north-1 aws s3 --endpoint-url https://abc.lambda-url.eu-north-1.on.aws ls")
    error_message = "The line to try must be ready to run."
  }
}

run "the_function_answers_as_its_url_invokes_it" {
  command = plan

  variables {
    invoke_mode = "RESPONSE_STREAM"
  }

  assert {
    condition     = aws_lambda_function_url.bleepstore[0].invoke_mode == "RESPONSE_STREAM" && aws_lambda_function.bleepstore.environment[0].variables.BLEEPSTORE_INVOKE_MODE == "RESPONSE_STREAM"
    error_message = "A stream behind a buffered URL, and the other way round, is no answer."
  }
}

run "the_secret_key_is_in_no_variable_of_the_function" {
  command = plan

  assert {
    condition     = { for name, value in aws_lambda_function.bleepstore.environment[0].variables : name => value if strcontains(name, "SECRET") } == { BLEEPSTORE_SECRET_KEY_PARAMETER = "/bleepstore/root-secret-key" }
    error_message = "The function's variables can be read by those who may not read the parameter."
  }
}

run "garbage_collection_is_scheduled_and_watched" {
  command = plan

  assert {
    condition     = jsondecode(aws_scheduler_schedule.gc.target[0].input) == { bleepstore = "gc" }
    error_message = "The schedule must send the event that the program knows."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.gc[0].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.gc[0].period == 86400 && aws_cloudwatch_metric_alarm.gc[0].evaluation_periods == 1
    error_message = "A day of silence must raise the alarm."
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.service)) == toset(["function-errors", "function-throttles", "answers-5xx", "table-read-throttles", "table-write-throttles"])
    error_message = "Errors and throttles must raise alarms."
  }
}

run "the_alarm_on_garbage_collection_waits_longer_than_its_schedule" {
  command = plan

  variables {
    gc_schedule = "rate(3 days)"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.gc[0].period * aws_cloudwatch_metric_alarm.gc[0].evaluation_periods == 4 * 86400 && aws_cloudwatch_metric_alarm.gc[0].alarm_description == "No garbage was collected for 4 days."
    error_message = "A schedule of three days must not raise the alarm between its runs."
  }
}

run "no_policy_allows_everything" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-north-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef"
  }

  assert {
    condition = alltrue(flatten([
      for document in [
        data.aws_iam_policy_document.stores,
        data.aws_iam_policy_document.root_secret,
        data.aws_iam_policy_document.function_logs,
        data.aws_iam_policy_document.invoke,
      ] : [for statement in document.statement : [for resource in statement.resources : resource != "*"]]
    ]))
    error_message = "A permission must name what it is for."
  }
  assert {
    condition     = aws_dynamodb_table.metadata.server_side_encryption[0].kms_key_arn == var.kms_key_arn && aws_cloudwatch_log_group.function.kms_key_id == var.kms_key_arn && aws_ssm_parameter.root_secret_key["1"].key_id == var.kms_key_arn
    error_message = "The user's key must encrypt everything."
  }
  assert {
    condition = [
      for statement in data.aws_iam_policy_document.stores.statement :
      [statement.resources, one(statement.condition).variable, one(statement.condition).values] if statement.sid == "Key"
    ] == [[toset([var.kms_key_arn]), "kms:ViaService", tolist([for service in ["dynamodb", "s3"] : "${service}.eu-north-1.amazonaws.com"])]]
    error_message = "The program must use the user's key, of one region or several, through the stores alone."
  }
  assert {
    condition = [
      for statement in data.aws_iam_policy_document.root_secret.statement :
      [statement.resources, statement.actions, one(statement.condition).values] if statement.sid == "Key"
    ] == [[toset([var.kms_key_arn]), toset(["kms:Decrypt"]), tolist(["ssm.eu-north-1.amazonaws.com"])]]
    error_message = "Who reads the parameter, and nobody else, must use the user's key through Parameter Store."
  }
}

run "one_switch_opens_all_guards" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = !aws_dynamodb_table.metadata.deletion_protection_enabled && aws_s3_bucket.blobs.force_destroy
    error_message = "Without protection, terraform destroy must succeed."
  }
}

run "a_restore_stops_the_service_on_a_new_table_and_keeps_all_bytes" {
  command = plan

  variables {
    max_concurrency = 0
    gc_enabled      = false
    table_name      = "bleepstore-restored"
    log_filter      = "info,bleepstore::access=off"
  }

  assert {
    condition     = aws_lambda_function.bleepstore.reserved_concurrent_executions == 0 && aws_scheduler_schedule.gc.state == "DISABLED"
    error_message = "Nothing must be served or collected."
  }
  assert {
    condition     = aws_dynamodb_table.metadata.name == "bleepstore-restored" && aws_lambda_function.bleepstore.environment[0].variables.BLEEPSTORE_TABLE == "bleepstore-restored"
    error_message = "The program must use the table that is named."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.gc) == 1
    error_message = "Garbage collection must be watched under every filter that lets it be logged."
  }
}
