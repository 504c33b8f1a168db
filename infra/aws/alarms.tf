# What someone should look at. docs/operations.md says what to do about each.

locals {
  alarms = merge(local.function_alarms, local.url_alarms, local.http_alarms)

  function_alarms = {
    function-errors = {
      description = "The function failed: it panicked, ran out of time or memory, could not start, or garbage collection was refused."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.bleepstore.function_name }
      threshold   = 0
    }
    function-throttles = {
      description = "Requests or garbage collection were turned away: max_concurrency or the account's quota is too low."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = aws_lambda_function.bleepstore.function_name }
      threshold   = 0
    }
    table-read-throttles = {
      description = "DynamoDB throttled reads: one bucket or prefix is read faster than a partition serves."
      namespace   = "AWS/DynamoDB"
      metric      = "ReadThrottleEvents"
      dimensions  = { TableName = aws_dynamodb_table.metadata.name }
      threshold   = 10
    }
    table-write-throttles = {
      description = "DynamoDB throttled writes: one bucket is written faster than a partition takes."
      namespace   = "AWS/DynamoDB"
      metric      = "WriteThrottleEvents"
      dimensions  = { TableName = aws_dynamodb_table.metadata.name }
      threshold   = 10
    }
  }

  url_alarms = { for name, alarm in {
    answers-5xx = {
      description = "Clients were answered with 5xx: a store failed or was too slow."
      namespace   = "AWS/Lambda"
      metric      = "Url5xxCount"
      dimensions  = { FunctionName = aws_lambda_function.bleepstore.function_name }
      threshold   = 5
    }
  } : name => alarm if var.function_url }

  http_alarms = merge([for balancer in aws_lb.http : {
    http-answers-5xx = {
      description = "Clients of the HTTP service were answered with 5xx: a store failed or was too slow."
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_Target_5XX_Count"
      dimensions  = { LoadBalancer = balancer.arn_suffix }
      threshold   = 5
    }
    http-unreached = {
      description = "The load balancer itself answered with 5xx: it reached no task."
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_ELB_5XX_Count"
      dimensions  = { LoadBalancer = balancer.arn_suffix }
      threshold   = 5
    }
    http-unhealthy = {
      description = "Tasks of the HTTP service do not answer their health check."
      namespace   = "AWS/ApplicationELB"
      metric      = "UnHealthyHostCount"
      dimensions  = { LoadBalancer = balancer.arn_suffix, TargetGroup = aws_lb_target_group.http[0].arn_suffix }
      threshold   = 0
      statistic   = "Minimum"
    }
  }]...)

  # Counted from a line of the log at the level info.
  gc_is_counted = var.alarms && can(regex("(^|,)(info|debug|trace)(,|$)", var.log_filter))

  # How long the alarm waits for a slice, in whole days: longer than the schedule does, by an hour at least. 8 stands for what
  # CloudWatch cannot wait for or is not read here: a cron of one day of the week, of days of the month, of months.
  gc_rate = try(regex("^rate\\(([0-9]+) (minute|hour|day)s?\\)$", var.gc_schedule), null)
  gc_alarm_days = try(
    floor(tonumber(local.gc_rate[0]) / { minute = 1440, hour = 24, day = 1 }[local.gc_rate[1]] + 1 / 24) + 1,
    can(regex("^cron\\([^ ]+ [^ ]+ [*?] \\* [*?] \\*\\)$", var.gc_schedule)) ? 2 :
    can(regex("^cron\\([^ ]+ [^ ]+ \\? \\* [A-Z0-9]+[,-][A-Z0-9,-]+ \\*\\)$", var.gc_schedule)) ? 7 : 8,
  )
}

resource "aws_cloudwatch_metric_alarm" "service" {
  for_each = { for name, alarm in local.alarms : name => alarm if var.alarms }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = try(each.value.statistic, "Sum")
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = local.tags
}

resource "aws_cloudwatch_log_metric_filter" "gc" {
  count = local.gc_is_counted ? 1 : 0

  name           = "${var.name}-gc"
  log_group_name = aws_cloudwatch_log_group.function.name
  pattern        = "{ $.fields.message = \"garbage was collected\" }"

  metric_transformation {
    namespace = "BleepStore/${var.name}"
    name      = "CollectedSlices"
    value     = "1"
  }
}

# No slice for a day, or longer where the schedule is rarer, for whatever reason: the schedule is off, slices are refused, or
# they do not end in time. Alarms of whole days look back 7 of them at most.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
resource "aws_cloudwatch_metric_alarm" "gc" {
  count = local.gc_is_counted ? 1 : 0

  alarm_name          = "${var.name}-gc"
  alarm_description   = "No garbage was collected for ${local.gc_alarm_days == 1 ? "a day" : "${local.gc_alarm_days} days"}."
  namespace           = aws_cloudwatch_log_metric_filter.gc[0].metric_transformation[0].namespace
  metric_name         = aws_cloudwatch_log_metric_filter.gc[0].metric_transformation[0].name
  statistic           = "Sum"
  period              = 86400
  evaluation_periods  = local.gc_alarm_days
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = local.tags

  lifecycle {
    precondition {
      condition     = local.gc_alarm_days <= 7
      error_message = "CloudWatch looks back 7 days at most: a gc_schedule that is watched must be a rate(…) of less than 7 days, or a cron(…) of every day or of several days of the week."
    }
  }
}
