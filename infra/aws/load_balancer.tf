# In front of the HTTP service: only with `http_service`.

resource "aws_security_group" "load_balancer" {
  count = length(local.http)

  name        = "${local.http_name}-load-balancer"
  description = "HTTPS to the load balancer of ${var.name}"
  vpc_id      = local.http[0].vpc_id
  tags        = local.tags
}

resource "aws_security_group" "tasks" {
  count = length(local.http)

  name        = "${local.http_name}-tasks"
  description = "HTTP from the load balancer to the tasks of ${var.name}"
  vpc_id      = local.http[0].vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = toset(flatten(local.http[*].allowed_cidr_ipv4s))

  security_group_id = aws_security_group.load_balancer[0].id
  description       = "HTTPS of clients"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "to_tasks" {
  count = length(local.http)

  security_group_id            = aws_security_group.load_balancer[0].id
  description                  = "HTTP to the tasks"
  referenced_security_group_id = aws_security_group.tasks[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.http_port
  to_port                      = local.http_port
  tags                         = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "from_load_balancer" {
  count = length(local.http)

  security_group_id            = aws_security_group.tasks[0].id
  description                  = "HTTP of the load balancer"
  referenced_security_group_id = aws_security_group.load_balancer[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.http_port
  to_port                      = local.http_port
  tags                         = local.tags
}

resource "aws_vpc_security_group_egress_rule" "to_aws" {
  count = length(local.http)

  security_group_id = aws_security_group.tasks[0].id
  description       = "HTTPS to DynamoDB, S3, Parameter Store, logs and the registry"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = local.tags
}

resource "aws_lb" "http" {
  #checkov:skip=CKV_AWS_91:Every request is in the program's own log.
  #checkov:skip=CKV_AWS_131:S3's user metadata may have an underscore in a header's name, which is signed: dropping it breaks the request.
  #checkov:skip=CKV2_AWS_28:A web application firewall is the user's to choose; requests without a valid signature are refused.
  count = length(local.http)

  name                       = local.http_name
  load_balancer_type         = "application"
  subnets                    = local.http[0].public_subnet_ids
  security_groups            = [aws_security_group.load_balancer[0].id]
  enable_deletion_protection = var.deletion_protection
  drop_invalid_header_fields = false
  preserve_host_header       = true # the Host is signed
  idle_timeout               = 300  # no byte passes while much is copied; the program keeps connections longer (KEEP_ALIVE)
  tags                       = local.tags
}

resource "aws_lb_target_group" "http" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; behind it only its security group reaches the tasks.
  count = length(local.http)

  name                 = local.http_name
  port                 = local.http_port
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = local.http[0].vpc_id
  deregistration_delay = 60
  tags                 = local.tags

  health_check {
    path                = "/_bleepstore/health"
    matcher             = "200"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "https" {
  count = length(local.http)

  load_balancer_arn = aws_lb.http[0].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = local.http[0].certificate_arn
  tags              = local.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http[0].arn
  }
}

# The name itself for path-style requests, and all names below it for virtual-hosted-style ones.
resource "aws_route53_record" "http" {
  for_each = toset(flatten([
    for http in local.http : [http.domain_name, "*.${http.domain_name}"] if http.hosted_zone_id != null
  ]))

  zone_id = local.http[0].hosted_zone_id
  name    = each.value
  type    = "A"

  alias {
    name                   = aws_lb.http[0].dns_name
    zone_id                = aws_lb.http[0].zone_id
    evaluate_target_health = false
  }
}
