# Every option on, so that a plan shows every resource.

package                  = "versions.tf"
kms_key_arn              = "arn:aws:kms:eu-north-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef"
permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
http_service = {
  image             = "registry.example/bleepstore:1"
  repository_arn    = "arn:aws:ecr:eu-north-1:123456789012:repository/bleepstore"
  vpc_id            = "vpc-1"
  public_subnet_ids = ["subnet-1", "subnet-2"]
  task_subnet_ids   = ["subnet-3"]
  domain_name       = "s3.example.com"
  certificate_arn   = "arn:aws:acm:eu-north-1:123456789012:certificate/1"
}
express      = true
image_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

root_secret_version    = 2
accept_previous_secret = true
