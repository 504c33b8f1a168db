variable "project" {
  description = "The id of the project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id is 6 to 30 lower-case letters, digits and hyphens, starting with a letter."
  }
}

variable "region" {
  description = "The region of everything, which requests are signed for too."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "The region must be one region such as europe-west1."
  }
}

variable "name" {
  description = "What every resource is named after. One name, one store, per project."
  type        = string
  default     = "bleepstore"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,20}[a-z0-9]$", var.name))
    error_message = "The name must be 6 to 22 lower-case letters, digits and hyphens, starting with a letter and not ending in a hyphen."
  }
}

variable "labels" {
  description = "Labels of every resource that has labels, beside `bleepstore = name`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "deletion_protection" {
  description = "The one switch that guards what is stored: the database and the service refuse to be deleted, and so does a bucket with anything in it. Apply `false` before `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}

variable "restore_window_days" {
  description = "How many days back the records can be restored, and with them the bytes: deleted ones are kept a day longer, and paid for. Firestore knows 7 days; 0 keeps nothing."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = contains([0, 7], var.restore_window_days)
    error_message = "Firestore restores the last 7 days, whatever is said: bytes that are kept for less would be missing. 0 switches it off."
  }
}

# The service

variable "image" {
  description = "The image in the registry of this root, by its digest. Without one there is no service yet: `cargo xtask deploy gcp` makes the registry first, and pushes."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image must be named by its digest: …@sha256:… A tag may mean another program tomorrow."
  }
}

variable "cpu" {
  description = "Processors of an instance."
  type        = string
  default     = "1"
  nullable    = false

  validation {
    condition     = contains(["1", "2", "4", "8"], var.cpu)
    error_message = "Cloud Run gives an instance that serves several requests 1, 2, 4 or 8 processors."
  }
}

variable "memory_mb" {
  description = "Memory of an instance. Bodies are streamed: it needs about 1 MB for each request."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_mb >= 512 && var.memory_mb <= 32768 && floor(var.memory_mb) == var.memory_mb
    error_message = "The memory must be 512 to 32768 MB."
  }
}

variable "concurrency" {
  description = "Requests that an instance answers at a time."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "Cloud Run gives an instance 1 to 1000 requests at a time."
  }
}

variable "min_instances" {
  description = "Instances that are kept, which cost while they are idle."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.min_instances >= 0 && floor(var.min_instances) == var.min_instances
    error_message = "The number of instances is whole, and not negative."
  }
}

variable "max_instances" {
  description = "The most instances, which bounds what a flood of requests costs."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.max_instances >= 1 && var.max_instances >= var.min_instances && floor(var.max_instances) == var.max_instances
    error_message = "There must be at least one instance, and no fewer at most than at least."
  }
}

variable "timeout_seconds" {
  description = "How long a request may take, with its body."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 180 && var.timeout_seconds <= 3600 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "The timeout must be 180 (a run of garbage collection) to 3600 seconds."
  }
}

variable "domain_name" {
  description = "A domain of your own, which Cloud Run serves with a certificate of Google's. It must be verified for the account, and the region must have domain mappings."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "The domain name must be a lower-case DNS name."
  }
}

variable "website_domain" {
  description = "A domain below which each bucket that is a website has a host, such as `photos.web.example.com`. It overlaps `domain_name` nowhere. The hosts reach the service by domain mappings, or by a load balancer, of your own."
  type        = string
  default     = null

  validation {
    condition     = var.website_domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.website_domain))
    error_message = "The domain of websites must be a lower-case DNS name."
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
  description = "How long the log bucket keeps the service's log. The project's own bucket keeps a copy for as long as the project says."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.log_retention_days >= 1 && var.log_retention_days <= 3650 && floor(var.log_retention_days) == var.log_retention_days
    error_message = "Cloud Logging keeps logs for 1 to 3650 days."
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

# Garbage collection

variable "gc_schedule" {
  description = "When garbage is collected, as cron writes it, in UTC. A round over a large store takes several runs. The alarm on garbage collection waits for 24 hours: what runs less than twice a day needs `alarms` off."
  type        = string
  default     = "17 */6 * * *"
  nullable    = false

  validation {
    condition     = length(split(" ", var.gc_schedule)) == 5
    error_message = "The schedule must have the five fields of cron."
  }
}

variable "abort_incomplete_uploads_after_days" {
  description = "When Cloud Storage drops the parts of a blob whose writer died. It says nothing about the uploads of BleepStore's clients, whose parts are blobs of their own."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.abort_incomplete_uploads_after_days >= 1 && floor(var.abort_incomplete_uploads_after_days) == var.abort_incomplete_uploads_after_days
    error_message = "Cloud Storage counts whole days, at least 1."
  }
}

# Alarms

variable "alarms" {
  description = "Whether there are alarms."
  type        = bool
  default     = true
  nullable    = false
}

variable "notification_channels" {
  description = "Channels of Cloud Monitoring that alarms notify. Without any, alarms only show there."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for channel in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", channel))])
    error_message = "A channel is named projects/…/notificationChannels/…"
  }
}
