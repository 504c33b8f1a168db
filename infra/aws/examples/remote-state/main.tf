# The same with its state in S3: encrypted, versioned and locked. No secret is in it. The bucket is made once, by hand
# or by the root that keeps your other states.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.69.1"
    }
  }

  backend "s3" {
    bucket       = "example-terraform-state"
    key          = "bleepstore/eu-central-1.tfstate"
    region       = "eu-central-1"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = "eu-central-1"
}

variable "package" {
  description = "The zip that `cargo xtask package aws` made."
  type        = string
}

module "bleepstore" {
  source = "../.."

  name          = "example"
  package       = var.package
  alarm_actions = ["arn:aws:sns:eu-central-1:123456789012:on-call"]
}

output "try_it" {
  value = module.bleepstore.try_it
}
