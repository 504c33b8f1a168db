variable "location" {
  description = "The region of everything, such as `westeurope`."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+[a-z0-9]*$", var.location))
    error_message = "The location must be written as Azure's tools do: westeurope."
  }
}

variable "name" {
  description = "What every resource is named after. Names of accounts are the world's: another store may have taken this one."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,15}$", var.name))
    error_message = "The name must be 3 to 16 lower-case letters and digits, starting with a letter."
  }
}

variable "tags" {
  description = "Tags of every resource, beside `bleepstore = name`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "deletion_protection" {
  description = "The one switch that guards what is stored: locks on the database's and the bytes' accounts, which Terraform itself cannot delete through, and the resource group does not go with anything in it that is not from here. Apply `false` before `terraform destroy`, and say it there too."
  type        = bool
  default     = true
  nullable    = false
}

variable "restore_window_days" {
  description = "How many days back the records can be restored, and with them the bytes: deleted ones are kept a day longer, and paid for. Cosmos DB knows 7 and 30 days."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = contains([7, 30], var.restore_window_days)
    error_message = "Cosmos DB restores the last 7 or 30 days: bytes that are kept for less would be missing."
  }
}

# The function

variable "region_name" {
  description = "The region that S3 requests are signed for."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]{1,32}$", var.region_name))
    error_message = "The region of S3 must be 1 to 32 lower-case letters, digits and hyphens."
  }
}

variable "memory_mb" {
  description = "Memory of an instance."
  type        = number
  default     = 2048
  nullable    = false

  validation {
    condition     = contains([512, 2048, 4096], var.memory_mb)
    error_message = "A flex consumption plan gives an instance 512, 2048 or 4096 MB."
  }
}

variable "concurrency" {
  description = "Requests that an instance answers at a time."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "An instance answers 1 to 1000 requests at a time."
  }
}

variable "max_instances" {
  description = "The most instances, which bounds what a flood of requests costs."
  type        = number
  default     = 40
  nullable    = false

  validation {
    condition     = var.max_instances >= 40 && var.max_instances <= 1000 && floor(var.max_instances) == var.max_instances
    error_message = "A flex consumption plan allows 40 to 1000 instances at most."
  }
}

variable "max_body_bytes" {
  description = "The largest body of a request. The host's own limit is 100 MB."
  type        = number
  default     = 104857600
  nullable    = false

  validation {
    condition     = var.max_body_bytes >= 5242880 && floor(var.max_body_bytes) == var.max_body_bytes
    error_message = "Parts of multipart uploads have 5 MiB and more."
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
    condition     = var.log_retention_days >= 30 && var.log_retention_days <= 730 && floor(var.log_retention_days) == var.log_retention_days
    error_message = "A workspace keeps logs for 30 to 730 days."
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

variable "domain_name" {
  description = "A domain of your own for the endpoint. Its DNS records (output `domain_records`) come first, its certificate last, in the portal."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "The domain name must be a lower-case DNS name."
  }
}

variable "website_domain" {
  description = "A domain below which each bucket that is a website has a host, such as `photos.web.example.com`. It overlaps `domain_name` nowhere. The hosts, or `*.` of the domain, are bound to the app by you."
  type        = string
  default     = null

  validation {
    condition     = var.website_domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.website_domain))
    error_message = "The domain of websites must be a lower-case DNS name."
  }
}

# What is stored

variable "replication" {
  description = "How the bytes are kept: LRS in one zone, ZRS in three."
  type        = string
  default     = "ZRS"
  nullable    = false

  validation {
    condition     = contains(["LRS", "ZRS"], var.replication)
    error_message = "The bytes are kept by LRS or ZRS. A second region would hold bytes without the metadata that names them."
  }
}

variable "autoscale_max_throughput" {
  description = "The most request units a second that the database serves, and the account is provisioned with autoscale: a tenth of them is paid for at least. Without it the account is serverless, costs nothing idle, and serves 5,000. An account that is there stays what it is, until you change its capacity mode in the portal."
  type        = number
  default     = null

  validation {
    condition     = var.autoscale_max_throughput == null ? true : var.autoscale_max_throughput >= 1000 && var.autoscale_max_throughput <= 1000000 && var.autoscale_max_throughput % 1000 == 0
    error_message = "Autoscale goes up to 1,000 to 1,000,000 request units a second, in thousands."
  }
}

variable "gc_schedule" {
  description = "When garbage is collected, as Functions' timers write it, in UTC. A round over a large store takes several runs. The alarm on garbage collection looks back a day, or two where the schedule is daily, which is the longest that there is: a rarer schedule needs `alarms` off."
  type        = string
  default     = "0 17 */6 * * *"
  nullable    = false

  validation {
    condition     = length(split(" ", var.gc_schedule)) == 6
    error_message = "The schedule must have the six fields of a timer, seconds first."
  }
}

# The HTTP service

variable "http_service" {
  description = "Runs the same program as an HTTP server on Container Apps too, for bodies that the host of Functions does not let through. Off by default. Idle it costs nothing with `min_replicas` 0. The function app goes on serving, and collects garbage."
  type = object({
    image        = string                # of `cargo xtask package azure --image`, by its digest
    registry_id  = optional(string)      # the Azure Container Registry of the image, which the app may then pull from
    cpu          = optional(number, 0.5) # processors of a replica, each with 2 GiB of memory
    min_replicas = optional(number, 0)
    max_replicas = optional(number, 10)
    concurrency  = optional(number, 80) # requests of a replica at a time, before there is another one
  })
  default = null

  validation {
    condition     = var.http_service == null || try(strcontains(var.http_service.image, "/") && !strcontains(var.http_service.image, "://"), false)
    error_message = "The image is named with its registry: registry.azurecr.io/bleepstore@sha256:…"
  }

  validation {
    condition     = var.http_service == null || try(var.http_service.registry_id == null ? true : strcontains(lower(var.http_service.registry_id), "/providers/microsoft.containerregistry/registries/"), false)
    error_message = "A registry is named by its whole id."
  }

  validation {
    condition     = var.http_service == null || try(var.http_service.cpu >= 0.25 && var.http_service.cpu <= 4 && floor(var.http_service.cpu * 4) == var.http_service.cpu * 4, false)
    error_message = "A replica has 0.25 to 4 processors, in quarters."
  }

  validation {
    condition     = var.http_service == null || try(var.http_service.min_replicas >= 0 && var.http_service.min_replicas <= var.http_service.max_replicas && var.http_service.max_replicas >= 1 && var.http_service.max_replicas <= 1000, false)
    error_message = "There are 1 to 1000 replicas at most, and no more at least than at most."
  }

  validation {
    condition     = var.http_service == null || try(var.http_service.concurrency >= 1 && floor(var.http_service.concurrency) == var.http_service.concurrency, false)
    error_message = "A replica answers one request at a time at least."
  }
}

# Alarms

variable "alarms" {
  description = "Whether there are alarms. Each costs about 10 cents a month, that on garbage collection 50."
  type        = bool
  default     = true
  nullable    = false
}

variable "action_group_ids" {
  description = "Action groups that alarms notify. Without any, alarms only show in the portal."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.action_group_ids : strcontains(lower(id), "/providers/microsoft.insights/actiongroups/")])
    error_message = "An action group is named by its whole id."
  }
}
