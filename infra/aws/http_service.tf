# The same program as an HTTP server on Fargate, behind a load balancer that ends TLS, under a domain of one's own: only
# with `http_service`. express.tf has the one that needs neither.

locals {
  http      = var.http_service[*]
  http_port = 8080
  http_name = "${var.name}-http"
  websites  = { for domain in compact(local.http[*].website_domain) : "BLEEPSTORE_WEBSITE_DOMAIN" => domain }
}

resource "aws_ecs_cluster" "http" {
  #checkov:skip=CKV_AWS_65:Container Insights costs more than the tasks; the service's and the load balancer's metrics are there without.
  count = length(local.http)

  name = local.http_name
  tags = local.tags
}

resource "aws_ecs_task_definition" "http" {
  count = length(local.http)

  family                   = local.http_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = local.http[0].cpu
  memory                   = local.http[0].memory_mb
  task_role_arn            = aws_iam_role.task[0].arn
  execution_role_arn       = aws_iam_role.execution[0].arn
  tags                     = local.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  container_definitions = jsonencode([{
    name                   = "bleepstore"
    image                  = local.http[0].image == null ? local.own_image : local.http[0].image
    essential              = true
    readonlyRootFilesystem = true
    stopTimeout            = 60
    portMappings           = [{ containerPort = local.http_port, protocol = "tcp" }]
    environment = [
      for name, value in merge(local.environment, local.websites, {
        BLEEPSTORE_DOMAIN          = local.http[0].domain_name
        BLEEPSTORE_FRONT           = "naming"
        BLEEPSTORE_REQUEST_SECONDS = tostring(aws_lb.http[0].idle_timeout)
        PORT                       = tostring(local.http_port)
      }) : { name = name, value = value }
    ]
    secrets = concat(
      [{ name = "BLEEPSTORE_SECRET_KEY", valueFrom = local.root_secret.arn }],
      [for secret in local.previous_root_secret : { name = "BLEEPSTORE_SECRET_KEY_PREVIOUS", valueFrom = secret.arn }],
    )
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.http[0].name
        awslogs-region        = local.region
        awslogs-stream-prefix = "http"
      }
    }
  }])

  lifecycle {
    precondition {
      condition     = local.http[0].image != null || local.own_image != null
      error_message = "There is no image: `cargo xtask deploy aws` pushes it and names its digest, or http_service names one."
    }
  }
}

resource "aws_ecs_service" "http" {
  #checkov:skip=CKV_AWS_333:Tasks have public addresses only where the user says so (assign_public_ip); their security group lets in the load balancer alone.
  count = length(local.http)

  name                              = local.http_name
  cluster                           = aws_ecs_cluster.http[0].id
  task_definition                   = aws_ecs_task_definition.http[0].arn
  launch_type                       = "FARGATE"
  desired_count                     = local.http[0].min_tasks
  health_check_grace_period_seconds = 30
  propagate_tags                    = "SERVICE"
  tags                              = local.tags

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.http[0].task_subnet_ids
    security_groups  = [aws_security_group.tasks[0].id]
    assign_public_ip = local.http[0].assign_public_ip
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.http[0].arn
    container_name   = "bleepstore"
    container_port   = local.http_port
  }

  # The load turns it up and down.
  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [aws_lb_listener.https, aws_iam_role_policy.execution, aws_iam_role_policy.task]
}

resource "aws_appautoscaling_target" "http" {
  count = length(local.http)

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.http[0].name}/${aws_ecs_service.http[0].name}"
  min_capacity       = local.http[0].min_tasks
  max_capacity       = local.http[0].max_tasks
  tags               = local.tags
}

resource "aws_appautoscaling_policy" "http" {
  count = length(local.http)

  name               = "processor"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.http[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.http[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.http[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = 60

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
