# The store with its defaults, in one region. From the root of the repository:
#
#   cargo xtask package aws
#   cd infra/aws/examples/basic
#   terraform init
#   terraform apply -var package=../../../../target/package/bleepstore-aws-x86_64.zip

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.69.1"
    }
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

  name    = "example"
  package = var.package
  tags    = { team = "storage" }
}

output "endpoint" {
  value = module.bleepstore.endpoint
}

output "secret_key_command" {
  value = module.bleepstore.secret_key_command
}

output "try_it" {
  value = module.bleepstore.try_it
}
