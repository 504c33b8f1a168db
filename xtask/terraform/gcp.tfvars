# Every option on, so that a plan shows every resource.

project     = "example-project"
region      = "europe-west1"
image       = "europe-west1-docker.pkg.dev/example-project/bleepstore/server@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
domain_name = "s3.example.com"

root_secret_version    = 2
accept_previous_secret = true
