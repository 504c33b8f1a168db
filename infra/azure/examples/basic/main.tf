# The store with its defaults, in one region: terraform init, then terraform apply.

terraform {
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "5.10.0"
    }
  }
}

module "bleepstore" {
  source = "../.."

  name     = "example"
  location = "westeurope"
}

output "try_it" {
  value = module.bleepstore.try_it
}
