# What people keep in S3 by Terraform, for tests/sdk/test_terraform.py.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "endpoint" {
  type = string
}

variable "bucket" {
  type = string
}

variable "folder" {
  description = "Where the file lies that is uploaded."
  type        = string
}

variable "text" {
  type    = string
  default = "first"
}

# There are no accounts to ask for, and no other services.
provider "aws" {
  region                      = "us-east-1"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  endpoints {
    s3 = var.endpoint
  }

  default_tags {
    tags = { team = "storage" }
  }
}

resource "aws_s3_bucket" "photos" {
  bucket        = var.bucket
  force_destroy = true
  tags          = { Name = "photos", "a key/+" = "a value" }
}

resource "aws_s3_bucket_versioning" "photos" {
  bucket = aws_s3_bucket.photos.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "photos" {
  bucket = aws_s3_bucket.photos.id

  rule {
    object_ownership = "ObjectWriter"
  }
}

resource "aws_s3_bucket_acl" "photos" {
  bucket     = aws_s3_bucket.photos.id
  acl        = "public-read"
  depends_on = [aws_s3_bucket_ownership_controls.photos]
}

resource "aws_s3_bucket_public_access_block" "photos" {
  bucket                  = aws_s3_bucket.photos.id
  block_public_acls       = false
  block_public_policy     = false
  ignore_public_acls      = false
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "photos" {
  statement {
    sid       = "Texts"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.photos.arn}/texts/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotEquals"
      variable = "aws:PrincipalOrgID"
      values   = ["o-example"]
    }
  }
}

resource "aws_s3_bucket_policy" "photos" {
  bucket     = aws_s3_bucket.photos.id
  policy     = data.aws_iam_policy_document.photos.json
  depends_on = [aws_s3_bucket_public_access_block.photos]
}

resource "aws_s3_bucket_cors_configuration" "photos" {
  bucket = aws_s3_bucket.photos.id

  cors_rule {
    allowed_methods = ["GET", "PUT"]
    allowed_origins = ["https://app.example"]
    allowed_headers = ["*"]
    expose_headers  = ["ETag"]
    max_age_seconds = 600
  }
}

resource "aws_s3_object" "text" {
  bucket           = aws_s3_bucket_versioning.photos.bucket
  key              = "texts/text é.txt"
  content          = var.text
  content_type     = "text/plain"
  content_language = "de"
  cache_control    = "max-age=60"
  metadata         = { color = "red" }
  tags             = { text = var.text }
}

resource "aws_s3_object" "file" {
  bucket             = aws_s3_bucket_versioning.photos.bucket
  key                = "files/file.bin"
  source             = "${var.folder}/file.bin"
  etag               = filemd5("${var.folder}/file.bin")
  storage_class      = "STANDARD_IA"
  checksum_algorithm = "SHA256"
}

resource "aws_s3_object_copy" "copy" {
  bucket = aws_s3_bucket_versioning.photos.bucket
  key    = "files/copy.bin"
  source = "${aws_s3_object.file.bucket}/${aws_s3_object.file.key}"
}

data "aws_s3_bucket" "photos" {
  bucket = aws_s3_bucket.photos.id
}

data "aws_s3_object" "text" {
  bucket = aws_s3_object.text.bucket
  key    = aws_s3_object.text.key
}

data "aws_s3_objects" "files" {
  bucket     = aws_s3_bucket.photos.id
  prefix     = "files/"
  depends_on = [aws_s3_object.file, aws_s3_object_copy.copy]
}

output "region" {
  value = data.aws_s3_bucket.photos.region
}

output "text" {
  value = data.aws_s3_object.text.body
}

output "version" {
  value = aws_s3_object.text.version_id
}

output "files" {
  value = data.aws_s3_objects.files.keys
}
