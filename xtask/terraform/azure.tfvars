# Every option on, so that a plan shows every resource.

name             = "example"
location         = "westeurope"
domain_name      = "s3.example.com"
package          = "versions.tf"
action_group_ids = ["/subscriptions/1/resourceGroups/r/providers/Microsoft.Insights/actionGroups/on-call"]
