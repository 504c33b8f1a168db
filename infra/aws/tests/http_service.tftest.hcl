# The HTTP service on Fargate, when it is asked for.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { id = "eu-north-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_ssm_parameter" {
    defaults = { arn = "arn:aws:ssm:eu-north-1:123456789012:parameter/bleepstore/root-secret-key" }
  }
  mock_resource "aws_lb" {
    defaults = {
      arn      = "arn:aws:elasticloadbalancing:eu-north-1:123456789012:loadbalancer/app/bleepstore-http/1"
      dns_name = "balancer.example"
    }
  }
  mock_resource "aws_ecr_repository" {
    defaults = {
      arn            = "arn:aws:ecr:eu-north-1:123456789012:repository/bleepstore"
      repository_url = "123456789012.dkr.ecr.eu-north-1.amazonaws.com/bleepstore"
    }
  }
  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-north-1:123456789012:targetgroup/bleepstore-http/1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/bleepstore" }
  }
  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.eu-north-1.on.aws/" }
  }
}

variables {
  package = "versions.tf" # any file
  oidc    = "[{\"role\":\"ci\"}]"
  http_service = {
    image             = "registry.example/bleepstore:1"
    vpc_id            = "vpc-1"
    public_subnet_ids = ["subnet-1", "subnet-2"]
    task_subnet_ids   = ["subnet-3"]
    domain_name       = "s3.example.com"
    website_domain    = "web.example.com"
    certificate_arn   = "arn:aws:acm:eu-north-1:123456789012:certificate/1"
    hosted_zone_id    = "Z1"
  }
}

run "it_answers_https_only_under_its_name" {
  command = plan

  assert {
    condition     = aws_lb_listener.https[0].protocol == "HTTPS" && output.http_endpoint == "https://s3.example.com" && output.endpoint == output.http_endpoint
    error_message = "Clients must be served over TLS."
  }
  assert {
    condition     = jsondecode(local.environment.BLEEPSTORE_OIDC)[0].role == "ci"
    error_message = "The program must know the roles for tokens of others."
  }
  assert {
    condition     = toset(keys(aws_route53_record.http)) == toset(["s3.example.com", "*.s3.example.com"])
    error_message = "Both styles of requests need a name."
  }
}

run "it_passes_on_what_is_signed" {
  command = plan

  assert {
    condition     = aws_lb.http[0].preserve_host_header && !aws_lb.http[0].drop_invalid_header_fields
    error_message = "The load balancer must not change the Host or drop signed headers."
  }
}

run "it_runs_the_program_with_the_same_settings" {
  command = plan

  assert {
    condition = { for entry in jsondecode(aws_ecs_task_definition.http[0].container_definitions)[0].environment : entry.name => entry.value } == merge(local.environment, {
      BLEEPSTORE_DOMAIN          = "s3.example.com"
      BLEEPSTORE_FRONT           = "naming"
      BLEEPSTORE_REQUEST_SECONDS = tostring(aws_lb.http[0].idle_timeout)
      BLEEPSTORE_WEBSITE_DOMAIN  = "web.example.com"
      PORT                       = "8080"
    })
    error_message = "The tasks must be told what the function is told."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.http[0].container_definitions)[0].secrets == [{ name = "BLEEPSTORE_SECRET_KEY", valueFrom = aws_ssm_parameter.root_secret_key["1"].arn }]
    error_message = "The secret key must come from Parameter Store."
  }
}

run "it_is_told_the_secret_key_before_while_that_is_accepted" {
  command = plan

  variables {
    root_secret_version    = 2
    accept_previous_secret = true
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.http[0].container_definitions)[0].secrets[*].name == ["BLEEPSTORE_SECRET_KEY", "BLEEPSTORE_SECRET_KEY_PREVIOUS"]
    error_message = "The tasks must be told both."
  }
}

run "without_an_image_of_its_own_it_runs_the_one_that_is_pushed" {
  command = plan

  variables {
    http_service = merge(var.http_service, { image = null })
    image_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.http[0].container_definitions)[0].image == "123456789012.dkr.ecr.eu-north-1.amazonaws.com/bleepstore@${var.image_digest}"
    error_message = "The image must be named by its digest."
  }
  assert {
    condition     = [for statement in data.aws_iam_policy_document.execution[0].statement : statement.resources if statement.sid == "Image"] == [toset([aws_ecr_repository.images[0].arn])]
    error_message = "Fargate must be let at the one repository."
  }
}

run "without_any_image_nothing_is_planned" {
  command = plan

  variables {
    http_service = merge(var.http_service, { image = null })
  }

  expect_failures = [aws_ecs_task_definition.http]
}

run "an_image_outside_ecr_needs_no_permission" {
  command = plan

  assert {
    condition     = !local.pushes_image && length(aws_ecr_repository.images) == 0
    error_message = "Nothing must be pushed where an image is named."
  }

  assert {
    condition     = toset([for statement in data.aws_iam_policy_document.execution[0].statement : statement.sid]) == toset(["Logs", "RootSecretKey"])
    error_message = "Only images in ECR need its permissions."
  }
}

run "the_http_service_is_watched_too" {
  command = plan

  assert {
    condition     = toset([for name in keys(aws_cloudwatch_metric_alarm.service) : name if startswith(name, "http-")]) == toset(["http-answers-5xx", "http-unreached", "http-unhealthy"])
    error_message = "Failures of the HTTP service must raise alarms."
  }
}

run "without_a_function_url_the_http_service_is_the_only_way_in" {
  command = plan

  variables {
    function_url = false
  }

  assert {
    condition     = length(aws_lambda_function_url.bleepstore) + length(aws_lambda_permission.call_url) + length(aws_lambda_permission.invoke_by_url) == 0
    error_message = "Nobody but the schedule may invoke the function."
  }
  assert {
    condition     = output.endpoint == "https://s3.example.com" && endswith(output.try_it, "aws s3 --endpoint-url https://s3.example.com ls")
    error_message = "What is tried must be the HTTP service."
  }
  assert {
    condition     = aws_lambda_function.bleepstore.reserved_concurrent_executions == 1 && aws_scheduler_schedule.gc.state == "ENABLED"
    error_message = "The function must still collect garbage, and no more be kept for it than that takes."
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.service)) == toset(["function-errors", "function-throttles", "http-answers-5xx", "http-unreached", "http-unhealthy", "table-read-throttles", "table-write-throttles"])
    error_message = "What is there must be watched, and nothing else."
  }
}

run "every_role_has_the_boundary_that_the_account_demands" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition = alltrue([
      for role in [aws_iam_role.function, aws_iam_role.schedule, aws_iam_role.task[0], aws_iam_role.execution[0]] :
      role.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    ])
    error_message = "An account that demands a boundary refuses a role without."
  }
}

run "the_load_balancer_can_be_closed_to_all_clients" {
  command = plan

  variables {
    http_service = merge(var.http_service, { allowed_cidr_ipv4s = [] })
  }

  assert {
    condition     = length(aws_lb.http) == 1 && length(aws_vpc_security_group_ingress_rule.clients) == 0
    error_message = "A restore must find nobody served."
  }
}
