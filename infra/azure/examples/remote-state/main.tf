# The same with its state in Blob Storage: encrypted and locked. No secret is in it. The account is made once, by hand
# or by the root that keeps your other states.

terraform {
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "5.10.0"
    }
  }

  backend "azurerm" {
    resource_group_name  = "example-terraform"
    storage_account_name = "exampleterraform"
    container_name       = "state"
    key                  = "bleepstore.tfstate"
    use_azuread_auth     = true
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
