# Every option on, so that a plan shows every resource.

name        = "example"
location    = "westeurope"
domain_name = "s3.example.com"
http_service = {
  image       = "example.azurecr.io/bleepstore@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  registry_id = "/subscriptions/1/resourceGroups/r/providers/Microsoft.ContainerRegistry/registries/example"
}
autoscale_max_throughput = 4000

action_group_ids = ["/subscriptions/1/resourceGroups/r/providers/Microsoft.Insights/actionGroups/on-call"]

root_secret_version    = 2
accept_previous_secret = true
