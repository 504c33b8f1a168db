# A name of one's own for the endpoint. Its DNS records must be there first: Azure looks them up. Its certificate is added in the
# portal: the provider cannot bind one to an app of a flex consumption plan yet (hashicorp/terraform-provider-azurerm, issue 31884).

resource "azurerm_app_service_custom_hostname_binding" "bleepstore" {
  count = var.domain_name == null ? 0 : 1

  hostname            = var.domain_name
  app_service_name    = azapi_resource.function.name
  resource_group_name = azurerm_resource_group.bleepstore.name

  # The certificate is bound outside of Terraform.
  lifecycle {
    ignore_changes = [ssl_state, thumbprint]
  }
}
