# What someone should look at. docs/operations.md says what to do about each.

locals {
  alarms = merge(local.function_alarms, local.http_alarms)

  function_alarms = {
    function-errors = {
      description = "The function failed: it panicked, ran out of time or memory, could not start, or garbage collection was refused."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.bleepstore.function_name }
      threshold   = 0
    }
    function-throttles = {
      description = "Requests were turned away: max_concurrency or the account's quota is too low."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = aws_lambda_function.bleepstore.function_name }
      threshold   = 0
    }
    answers-5xx = {
      description = "Clients were answered with 5xx: a store failed or was too slow."
      namespace   = "AWS/Lambda"
      metric      = "Url5xxCount"
      dimensions  = { FunctionName = aws_lambda_function.bleepstore.function_name }
      threshold   = 5
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

# No slice within a day, for whatever reason: the schedule is off, slices are refused, or they do not end in time.
resource "aws_cloudwatch_metric_alarm" "gc" {
  count = local.gc_is_counted ? 1 : 0

  alarm_name          = "${var.name}-gc"
  alarm_description   = "No garbage was collected for a day."
  namespace           = aws_cloudwatch_log_metric_filter.gc[0].metric_transformation[0].namespace
  metric_name         = aws_cloudwatch_log_metric_filter.gc[0].metric_transformation[0].name
  statistic           = "Sum"
  period              = 86400
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = local.tags
}
