# Values that AWS would refuse late, or accept and leave to be regretted. One run for many: each costs seconds.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { id = "eu-north-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

run "values_outside_their_range_are_refused" {
  command = plan

  variables {
    name                                = "BleepStore"
    kms_key_arn                         = "arn:aws:kms:eu-north-1:123456789012:alias/mine"
    permissions_boundary_arn            = "boundary"
    package                             = "absent.zip"
    architecture                        = "riscv64"
    memory_mb                           = 64
    timeout_seconds                     = 901
    max_concurrency                     = 1
    invoke_mode                         = "STREAM"
    image_digest                        = "latest"
    express_size                        = { cpu = 100, min_tasks = 5 }
    express_subnet_ids                  = ["subnet-1"]
    table_name                          = "a table"
    log_filter                          = "info; rm"
    account_id                          = "12345"
    new_buckets                         = "closed"
    oidc                                = "issuers.json"
    sigv2                               = "v2"
    log_retention_days                  = 31
    root_access_key                     = "a/b"
    root_secret_version                 = 1.5
    restore_window_days                 = 36
    gc_schedule                         = "hourly"
    abort_incomplete_uploads_after_days = 0
    alarm_actions                       = ["on-call@example.com"]
    http_service = {
      image             = "registry.example/bleepstore:1"
      vpc_id            = "vpc-1"
      public_subnet_ids = ["subnet-1"] # one availability zone
      task_subnet_ids   = ["subnet-1"]
      domain_name       = "s3.example.com"
      certificate_arn   = "arn:aws:acm:eu-north-1:123456789012:certificate/1"
    }
  }

  expect_failures = [
    var.name,
    var.kms_key_arn,
    var.permissions_boundary_arn,
    var.package,
    var.architecture,
    var.memory_mb,
    var.timeout_seconds,
    var.max_concurrency,
    var.invoke_mode,
    var.image_digest,
    var.express_size,
    var.express_subnet_ids,
    var.table_name,
    var.log_filter,
    var.account_id,
    var.new_buckets,
    var.oidc,
    var.sigv2,
    var.log_retention_days,
    var.root_access_key,
    var.root_secret_version,
    var.restore_window_days,
    var.gc_schedule,
    var.abort_incomplete_uploads_after_days,
    var.alarm_actions,
    var.http_service,
  ]
}

run "values_that_do_not_go_together_are_refused" {
  command = plan

  variables {
    package      = "versions.tf" # any file
    function_url = false         # and no HTTP service
    kms_key_arn  = "arn:aws:kms:eu-west-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef"
    http_service = null
  }

  expect_failures = [
    var.function_url,
    var.kms_key_arn,
  ]
}

run "ecs_express_mode_is_refused_an_image_that_it_cannot_run" {
  command = plan

  variables {
    package      = "versions.tf"
    architecture = "arm64"
    express      = true
    image_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  expect_failures = [var.express]
}

run "a_rate_that_the_alarm_cannot_wait_for_is_refused" {
  command = plan

  variables {
    package     = "versions.tf"
    gc_schedule = "rate(7 days)"
  }

  expect_failures = [aws_cloudwatch_metric_alarm.gc]
}

run "a_cron_that_the_alarm_cannot_wait_for_is_refused" {
  command = plan

  variables {
    package     = "versions.tf"
    gc_schedule = "cron(0 3 ? * SUN *)"
  }

  expect_failures = [aws_cloudwatch_metric_alarm.gc]
}

run "without_alarms_any_schedule_will_do" {
  command = plan

  variables {
    package     = "versions.tf"
    gc_schedule = "cron(0 3 1 * ? *)"
    alarms      = false
  }
}

run "values_at_the_ends_of_their_range_are_accepted" {
  command = plan

  variables {
    name                     = "abc"
    kms_key_arn              = "arn:aws:kms:eu-north-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
    permissions_boundary_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
    package                  = "versions.tf"
    architecture             = "arm64"
    memory_mb                = 10240
    timeout_seconds          = 900
    max_concurrency          = -1
    root_access_key          = "ABC"
    gc_schedule              = "cron(0 3 ? * MON-FRI *)"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.gc[0].evaluation_periods == 7
    error_message = "The alarm must wait over the weekend."
  }
}
