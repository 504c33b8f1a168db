# The HTTP service on ECS Express Mode, when it is asked for.

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
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/bleepstore" }
  }
  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.eu-north-1.on.aws/" }
  }
  mock_resource "aws_ecr_repository" {
    defaults = {
      arn            = "arn:aws:ecr:eu-north-1:123456789012:repository/bleepstore"
      repository_url = "123456789012.dkr.ecr.eu-north-1.amazonaws.com/bleepstore"
    }
  }
  mock_resource "aws_ecs_express_gateway_service" {
    defaults = { ingress_paths = [{ access_type = "PUBLIC", endpoint = "bl-0123.ecs.eu-north-1.on.aws" }] }
  }
}

variables {
  package      = "versions.tf" # any file
  express      = true
  image_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "clients_are_sent_to_the_name_that_aws_gives_it" {
  command = plan

  assert {
    condition     = output.express_endpoint == "https://bl-0123.ecs.eu-north-1.on.aws" && output.endpoint == output.express_endpoint
    error_message = "The endpoint for clients of S3 must be the one without Lambda's limits."
  }
  assert {
    condition     = local.pushes_image && output.repository == "123456789012.dkr.ecr.eu-north-1.amazonaws.com/bleepstore"
    error_message = "`cargo xtask deploy` must know that it pushes an image, and where to."
  }
  assert {
    condition     = output.function_endpoint == "https://abc.lambda-url.eu-north-1.on.aws"
    error_message = "The function's URL must stay."
  }
}

run "it_runs_the_program_with_the_same_settings" {
  command = plan

  assert {
    condition = { for entry in aws_ecs_express_gateway_service.http[0].primary_container[0].environment : entry.name => entry.value } == merge(local.environment, {
      BLEEPSTORE_FRONT           = "naming"
      BLEEPSTORE_REQUEST_SECONDS = "60"
      PORT                       = "8080"
    })
    error_message = "The tasks must be told what the function is told."
  }
  assert {
    condition     = join(" ", aws_ecs_express_gateway_service.http[0].primary_container[0].environment[*].name) == join(" ", sort(aws_ecs_express_gateway_service.http[0].primary_container[0].environment[*].name))
    error_message = "ECS hands variables back in the order of their names, and another order would be a change in every plan."
  }
  assert {
    condition     = [for entry in aws_ecs_express_gateway_service.http[0].primary_container[0].secret : [entry.name, entry.value_from]] == [["BLEEPSTORE_SECRET_KEY", aws_ssm_parameter.root_secret_key["1"].arn]]
    error_message = "The secret key must come from Parameter Store."
  }
  assert {
    condition     = aws_ecs_express_gateway_service.http[0].primary_container[0].container_port == 8080 && aws_ecs_express_gateway_service.http[0].health_check_path == "/_bleepstore/health"
    error_message = "The load balancer must find the program, and whether it is well."
  }
  assert {
    condition     = aws_ecs_express_gateway_service.http[0].primary_container[0].image == "123456789012.dkr.ecr.eu-north-1.amazonaws.com/bleepstore@${var.image_digest}"
    error_message = "The image must be named by its digest."
  }
}

run "it_is_told_the_secret_key_before_while_that_is_accepted" {
  command = plan

  variables {
    root_secret_version    = 2
    accept_previous_secret = true
  }

  assert {
    condition = [for entry in aws_ecs_express_gateway_service.http[0].primary_container[0].secret : [entry.name, entry.value_from]] == [
      ["BLEEPSTORE_SECRET_KEY", aws_ssm_parameter.root_secret_key["2"].arn],
      ["BLEEPSTORE_SECRET_KEY_PREVIOUS", aws_ssm_parameter.root_secret_key["1"].arn],
    ]
    error_message = "The tasks must be told both."
  }
  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.execution[0].statement : statement if statement.sid == "RootSecretKey"]).resources) == toset([for parameter in aws_ssm_parameter.root_secret_key : parameter.arn])
    error_message = "Fargate must be able to read both."
  }
}

run "it_scales_between_the_numbers_that_are_paid_for" {
  command = plan

  variables {
    express_size = { min_tasks = 2, max_tasks = 3, cpu = 512, memory_mb = 1024 }
  }

  assert {
    condition     = aws_ecs_express_gateway_service.http[0].scaling_target[0].min_task_count == 2 && aws_ecs_express_gateway_service.http[0].scaling_target[0].max_task_count == 3
    error_message = "The number of tasks must be bounded."
  }
  assert {
    condition     = aws_ecs_express_gateway_service.http[0].cpu == "512" && aws_ecs_express_gateway_service.http[0].memory == "1024"
    error_message = "Tasks must have the size that is asked for."
  }
}

run "its_roles_have_the_boundary_that_the_account_demands" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_iam_role.infrastructure[0].permissions_boundary == var.permissions_boundary_arn
    error_message = "An account that demands a boundary refuses a role without."
  }
}

run "without_a_function_url_it_is_the_only_way_in_and_nothing_is_public" {
  command = plan

  variables {
    function_url = false
  }

  assert {
    condition     = length(aws_lambda_function_url.bleepstore) + length(aws_lambda_permission.call_url) + length(aws_lambda_permission.invoke_by_url) == 0
    error_message = "Nobody but the schedule may invoke the function."
  }
  assert {
    condition     = output.endpoint == "https://bl-0123.ecs.eu-north-1.on.aws" && output.function_endpoint == null
    error_message = "Clients must be sent to what is there."
  }
}

run "without_an_image_nothing_is_planned" {
  command = plan

  variables {
    image_digest = null
  }

  expect_failures = [aws_ecs_express_gateway_service.http]
}
