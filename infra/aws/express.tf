# The same program as an HTTP server on ECS Express Mode, which gives it a load balancer, TLS and a name by itself: only
# with `express`. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-overview.html

locals {
  express_endpoint = one([for service in aws_ecs_express_gateway_service.http :
    "https://${trimsuffix(trimprefix(service.ingress_paths[0].endpoint, "https://"), "/")}"
  ])
}

# What makes the load balancer, its certificate and the security groups in ECS's name.
resource "aws_iam_role" "infrastructure" {
  count = var.express ? 1 : 0

  name                 = "${var.name}-http-infrastructure-${local.region}"
  assume_role_policy   = data.aws_iam_policy_document.assumed_by["ecs"].json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy_attachment" "infrastructure" {
  count = var.express ? 1 : 0

  role       = aws_iam_role.infrastructure[0].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSInfrastructureRoleforExpressGatewayServices"
}

resource "aws_ecs_cluster" "express" {
  #checkov:skip=CKV_AWS_65:Container Insights costs more than the tasks; the service's and the load balancer's metrics are there without.
  count = var.express ? 1 : 0

  name = "${var.name}-express"
  tags = local.tags
}

resource "aws_ecs_cluster_capacity_providers" "express" {
  count = var.express ? 1 : 0

  cluster_name       = aws_ecs_cluster.express[0].name
  capacity_providers = ["FARGATE"]
}

resource "aws_ecs_express_gateway_service" "http" {
  count = var.express ? 1 : 0

  service_name            = "${var.name}-express"
  cluster                 = aws_ecs_cluster.express[0].name
  cpu                     = var.express_size.cpu
  memory                  = var.express_size.memory_mb
  health_check_path       = "/_bleepstore/health"
  execution_role_arn      = aws_iam_role.execution[0].arn
  infrastructure_role_arn = aws_iam_role.infrastructure[0].arn
  task_role_arn           = aws_iam_role.task[0].arn
  wait_for_steady_state   = true
  tags                    = local.tags

  primary_container {
    image          = local.own_image
    container_port = local.http_port

    aws_logs_configuration {
      log_group         = aws_cloudwatch_log_group.http[0].name
      log_stream_prefix = "express"
    }

    # In the order of their names, which is that in which ECS hands them back.
    dynamic "environment" {
      for_each = merge(local.environment, {
        # The load balancer is ECS's own: it names its clients, speaks TLS with them, and gives up where no byte passes
        # for as long as its default says.
        BLEEPSTORE_FRONT           = "naming"
        BLEEPSTORE_REQUEST_SECONDS = "60"
        PORT                       = tostring(local.http_port)
      })

      content {
        name  = environment.key
        value = environment.value
      }
    }

    secret {
      name       = "BLEEPSTORE_SECRET_KEY"
      value_from = local.root_secret.arn
    }

    dynamic "secret" {
      for_each = local.previous_root_secret

      content {
        name       = "BLEEPSTORE_SECRET_KEY_PREVIOUS"
        value_from = secret.value.arn
      }
    }
  }

  dynamic "network_configuration" {
    for_each = var.express_subnet_ids == null ? [] : [var.express_subnet_ids]

    content {
      subnets = network_configuration.value
    }
  }

  scaling_target {
    auto_scaling_metric       = "AVERAGE_CPU"
    auto_scaling_target_value = 60
    min_task_count            = var.express_size.min_tasks
    max_task_count            = var.express_size.max_tasks
  }

  lifecycle {
    precondition {
      condition     = var.image_digest != null
      error_message = "There is no image: `cargo xtask deploy aws` pushes it and names its digest."
    }
  }

  # Without its policies a service neither starts nor ends.
  depends_on = [
    aws_ecs_cluster_capacity_providers.express,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.task,
    aws_iam_role_policy_attachment.infrastructure,
  ]
}
