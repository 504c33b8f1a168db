variable "name" {
  description = "What every resource is named after. One name, one store, per account and region."
  type        = string
  default     = "bleepstore"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,25}[a-z0-9]$", var.name))
    error_message = "The name must be 3 to 27 lower-case letters, digits and hyphens, starting with a letter and not ending in a hyphen."
  }
}

variable "tags" {
  description = "Tags of every resource, beside `bleepstore = name`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "deletion_protection" {
  description = "The one switch that guards what is stored: the table refuses to be deleted, and so does a bucket with anything in it. Apply `false` before `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}

variable "restore_window_days" {
  description = "How many days back the records can be restored, and with them the bytes: deleted ones are kept a day longer, and paid for. DynamoDB knows 1 to 35 days; 0 keeps nothing."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.restore_window_days >= 0 && var.restore_window_days <= 35 && floor(var.restore_window_days) == var.restore_window_days
    error_message = "DynamoDB restores the last 1 to 35 days; 0 switches it off."
  }
}

variable "kms_key_arn" {
  description = "A key of KMS for the table, the bucket, the logs and the secret, instead of keys that AWS owns. Its policy must let CloudWatch Logs of the region use it. A multi-Region key is named by its replica in this region."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-)?[a-f0-9-]+$", var.kms_key_arn))
    error_message = "The KMS key must be named by the ARN of a key, not of an alias."
  }

  # Services use keys of their own region only; a multi-Region key has an ARN in each.
  validation {
    condition     = var.kms_key_arn == null || try(split(":", var.kms_key_arn)[3] == data.aws_region.current.id, false)
    error_message = "The KMS key must be of the region that this is applied to: of a multi-Region key, name the replica there."
  }
}

variable "permissions_boundary_arn" {
  description = "The policy that bounds what every role made here may do, where the account demands one. It must allow what docs/security.md lists."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "The permissions boundary must be named by the ARN of a policy."
  }
}

# The function

variable "function_url" {
  description = "Whether clients reach the function by a URL, which is public: nothing but BleepStore's signatures guards it, and service control policies may deny it. Without one `express` or `http_service` is the only way in, and the function collects garbage and nothing else."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = var.function_url || var.express || var.http_service != null
    error_message = "Nobody would reach the store: there must be the function's URL, express or http_service."
  }
}

variable "invoke_mode" {
  description = "How the URL invokes the function. `BUFFERED` gives every answer its length, which S3's clients size downloads by, and none may be longer than 4.5 MB. `RESPONSE_STREAM` sends up to 200 MB without a length: clients that ask for it by HEAD fail."
  type        = string
  default     = "BUFFERED"
  nullable    = false

  validation {
    condition     = contains(["BUFFERED", "RESPONSE_STREAM"], var.invoke_mode)
    error_message = "A Function URL is invoked BUFFERED or as RESPONSE_STREAM."
  }
}

variable "package" {
  description = "The zip that `cargo xtask package aws` made."
  type        = string

  validation {
    condition     = fileexists(var.package)
    error_message = "There is no such package: run `cargo xtask package aws`, which prints its path."
  }
}

variable "architecture" {
  description = "The processor that the package was built for."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Lambda has the architectures x86_64 and arm64."
  }
}

variable "memory_mb" {
  description = "Memory of the function, which also sets its share of a processor. It needs 20 MB, up to six times the size of a body, and up to 16 MB for garbage collection."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "Lambda gives a function 128 to 10240 MB."
  }
}

variable "timeout_seconds" {
  description = "How long a request or a run of garbage collection may take. A run that has no time to read all records and to collect a slice is begun anew by the next one, and never ends: raise this where the alarm on garbage collection says so."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 30 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "The timeout must be 30 to 900 seconds."
  }
}

variable "max_concurrency" {
  description = "The requests that are answered at a time, which bounds what a flood of them costs. -1 leaves it to the account's quota, which new accounts need: theirs is 10, and none of it can be reserved. 0 turns everything away, such as for a restore. Without `function_url` it is 1 at most."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = contains([-1, 0], var.max_concurrency) || (var.max_concurrency >= 2 && floor(var.max_concurrency) == var.max_concurrency)
    error_message = "The concurrency must be -1, 0 or at least 2: one for requests, one for garbage collection."
  }
}

variable "log_filter" {
  description = "BLEEPSTORE_LOG: a level, or `target=level` pairs. Above `info` the alarm on garbage collection has nothing to count and is left out."
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9_:=,]+$", var.log_filter))
    error_message = "The log filter is a level (error, warn, info, debug, trace) or a list of target=level."
  }
}

variable "account_id" {
  description = "BLEEPSTORE_ACCOUNT_ID: the 12 digits by which policies name the account of the root credential."
  type        = string
  default     = "000000000000"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id has 12 digits."
  }
}

variable "new_buckets" {
  description = "BLEEPSTORE_NEW_BUCKETS: what a new bucket has whose creator does not say it: `open` (nothing) or `private` (AWS's default: no public access, no lists)."
  type        = string
  default     = "open"
  nullable    = false

  validation {
    condition     = contains(["open", "private"], var.new_buckets)
    error_message = "new_buckets is open or private."
  }
}

variable "oidc" {
  description = "BLEEPSTORE_OIDC: roles that whoever has a token of OpenID Connect may assume, as JSON: docs/temporary-credentials.md says how each is written."
  type        = string
  default     = null

  validation {
    condition     = var.oidc == null || can(tolist(jsondecode(var.oidc))[0].role)
    error_message = "oidc is a JSON list of roles."
  }
}

variable "sigv2" {
  description = "BLEEPSTORE_SIGV2: which requests may be signed with Signature Version 2: `on` (all), `presigned` (presigned URLs) or `off`."
  type        = string
  default     = "presigned"
  nullable    = false

  validation {
    condition     = contains(["on", "presigned", "off"], var.sigv2)
    error_message = "Signature Version 2 is on, presigned or off."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 or more days, from its own list."
  }
}

# Access

variable "root_access_key" {
  description = "The access key of the root credential, which owns the store. Its secret key is generated, and is in no state."
  type        = string
  default     = "BLEEPSTOREROOT"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9]{3,128}$", var.root_access_key))
    error_message = "The access key must be 3 to 128 letters and digits."
  }
}

variable "root_secret_version" {
  description = "The number of the root credential's secret key. Each has its own, which is generated once: the next number is a new secret key."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.root_secret_version >= 1 && floor(var.root_secret_version) == var.root_secret_version
    error_message = "The versions are 1, 2, 3 and so on."
  }
}

variable "accept_previous_secret" {
  description = "Whether the secret key with the number before is accepted too, while clients are told the new one. Without it that one is destroyed."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.accept_previous_secret || var.root_secret_version > 1
    error_message = "There is no secret key before version 1: raise root_secret_version."
  }
}

# What is stored

variable "table_name" {
  description = "The name of the table; `{name}-metadata` without one. Another one is for a restore, which makes a new table."
  type        = string
  default     = null

  validation {
    condition     = var.table_name == null || can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.table_name))
    error_message = "A table's name has 3 to 255 letters, digits, underscores, dots and hyphens."
  }
}

# Garbage collection

variable "gc_enabled" {
  description = "Whether garbage is collected. Off is for a restore: until then bytes that nothing names are kept, and the alarm on garbage collection fires."
  type        = bool
  default     = true
  nullable    = false
}

variable "gc_schedule" {
  description = "When garbage is collected, as EventBridge Scheduler writes it. A round over a large store takes several runs. The alarm on garbage collection waits for as long as the schedule needs, and CloudWatch for 7 days at most: a rarer schedule needs `alarms` off."
  type        = string
  default     = "rate(6 hours)"
  nullable    = false

  validation {
    condition     = can(regex("^(rate\\([1-9][0-9]* (minute|hour|day)s?\\)|cron\\([^ ]+( [^ ]+){5}\\))$", var.gc_schedule))
    error_message = "The schedule must be rate(number unit) or cron(…) with six fields."
  }
}

variable "abort_incomplete_uploads_after_days" {
  description = "When S3 drops the parts of a blob whose writer died. It says nothing about the uploads of BleepStore's clients, whose parts are blobs of their own."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.abort_incomplete_uploads_after_days >= 1 && floor(var.abort_incomplete_uploads_after_days) == var.abort_incomplete_uploads_after_days
    error_message = "S3 counts whole days, at least 1."
  }
}

# Alarms

variable "alarms" {
  description = "Whether there are alarms. CloudWatch's first 10 are free."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_actions" {
  description = "ARNs that alarms notify, such as an SNS topic's. Without any, alarms only show in CloudWatch."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_actions : startswith(arn, "arn:")])
    error_message = "Alarms notify ARNs."
  }
}

# HTTP on Fargate

variable "express" {
  description = "Runs the same program as an HTTP server on ECS Express Mode too, for bodies and answers of any size: AWS gives it a load balancer, TLS and a name. This is the endpoint for stock clients of S3, by path-style requests. It costs about 40 dollars a month idle and never scales to zero. Its image, which is of x86-64, is pushed by `cargo xtask deploy aws`. It needs the account's default VPC, unless `express_subnet_ids` name others."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.express || var.architecture == "x86_64"
    error_message = "ECS Express Mode runs images of x86-64 only."
  }
}

variable "express_size" {
  description = "What a task of `express` has, and how many there are: units of processor (1024 are one), memory, tasks."
  type = object({
    cpu       = optional(number, 256)
    memory_mb = optional(number, 512)
    min_tasks = optional(number, 1)
    max_tasks = optional(number, 4)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.express_size.cpu) && contains(range(512, 8193, 512), var.express_size.memory_mb)
    error_message = "A task of ECS Express Mode has 256, 512, 1024, 2048 or 4096 units of processor, and 512 to 8192 MB."
  }

  validation {
    condition     = 1 <= var.express_size.min_tasks && var.express_size.min_tasks <= var.express_size.max_tasks
    error_message = "There must be at least one task, and no fewer at most than at least."
  }
}

variable "express_subnet_ids" {
  description = "Where the load balancer and the tasks of `express` are: public subnets of two availability zones or more. Without any, the public ones of the account's default VPC."
  type        = list(string)
  default     = null

  validation {
    condition     = var.express_subnet_ids == null || try(length(var.express_subnet_ids) >= 2, false)
    error_message = "A load balancer needs subnets in two availability zones."
  }
}

variable "image_digest" {
  description = "The digest of the image in the repository that is made here: `cargo xtask deploy aws` pushes it and sets this."
  type        = string
  default     = null

  validation {
    condition     = var.image_digest == null || can(regex("^sha256:[0-9a-f]{64}$", var.image_digest))
    error_message = "A digest is sha256: and 64 hex digits."
  }
}

variable "http_service" {
  description = "Runs the same program as an HTTP server on Fargate behind a load balancer of its own too, like `express`, but under your domain, in your VPC, on either processor, and closed to whom you like. Off by default: it costs about 35 dollars a month idle, public addresses among it. Its `allowed_cidr_ipv4s` bound who reaches the load balancer, and not who reaches the Function URL, before which AWS has no such filter."
  type = object({
    image             = optional(string)      # in a registry that the tasks reach; the one that `cargo xtask deploy aws` pushes without
    repository_arn    = optional(string)      # of the image's repository, where that is in ECR
    vpc_id            = string                # where it runs
    public_subnet_ids = list(string)          # of the load balancer, in two availability zones or more
    task_subnet_ids   = list(string)          # of the tasks; they must reach DynamoDB, S3, SSM, logs and the registry
    assign_public_ip  = optional(bool, false) # true in subnets whose way out is an internet gateway
    domain_name       = string                # the endpoint's name
    certificate_arn   = string                # of ACM, for that name (and `*.` of it, for virtual-hosted-style requests)
    hosted_zone_id    = optional(string)      # of Route 53, where the name's records are to be made
    website_domain    = optional(string)      # below which each website has a host; its certificate (of the listener) and records are yours
    cpu               = optional(number, 256) # 1024 are one processor
    memory_mb         = optional(number, 512)
    min_tasks         = optional(number, 1)
    max_tasks         = optional(number, 4)
    # The clients that the load balancer lets in; none closes it, such as for a restore. A Function URL has no filter like it.
    allowed_cidr_ipv4s = optional(list(string), ["0.0.0.0/0"])
  })
  default = null

  validation {
    condition     = var.http_service == null || try(length(var.http_service.public_subnet_ids) >= 2, false)
    error_message = "A load balancer needs subnets in two availability zones."
  }

  validation {
    condition     = var.http_service == null || try(contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.http_service.cpu), false)
    error_message = "Fargate has 256, 512, 1024, 2048, 4096, 8192 or 16384 units of processor."
  }

  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
  validation {
    condition = var.http_service == null || try(contains({
      256   = [512, 1024, 2048]
      512   = range(1024, 4097, 1024)
      1024  = range(2048, 8193, 1024)
      2048  = range(4096, 16385, 1024)
      4096  = range(8192, 30721, 1024)
      8192  = range(16384, 61441, 4096)
      16384 = range(32768, 122881, 8192)
    }[tostring(var.http_service.cpu)], var.http_service.memory_mb), false)
    error_message = "Fargate does not have this memory for this many units of processor."
  }

  validation {
    condition     = var.http_service == null || try(1 <= var.http_service.min_tasks && var.http_service.min_tasks <= var.http_service.max_tasks, false)
    error_message = "There must be at least one task, and no fewer at most than at least."
  }

  validation {
    condition     = var.http_service == null || try(alltrue([for cidr in var.http_service.allowed_cidr_ipv4s : can(cidrnetmask(cidr))]), false)
    error_message = "Clients are allowed by blocks of IPv4 addresses such as 203.0.113.0/24."
  }

  validation {
    condition     = var.http_service == null || can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", var.http_service.certificate_arn))
    error_message = "The certificate must be named by its ARN in AWS Certificate Manager."
  }

  validation {
    condition     = var.http_service == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.http_service.domain_name))
    error_message = "The domain name must be a lower-case DNS name."
  }

  validation {
    condition     = try(var.http_service.website_domain, null) == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.http_service.website_domain))
    error_message = "The domain of websites must be a lower-case DNS name."
  }
}
