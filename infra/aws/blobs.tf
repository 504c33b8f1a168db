# The bucket of the bytes. Nobody but the program reads or writes it.

resource "aws_s3_bucket" "blobs" {
  #checkov:skip=CKV_AWS_18:Requests to BleepStore are in its own log; the bucket has one client.
  #checkov:skip=CKV_AWS_21:Versions are kept unless nothing is to be kept for restores (restore_window_days).
  #checkov:skip=CKV_AWS_144:A second region would hold bytes without the metadata that names them.
  #checkov:skip=CKV_AWS_145:A key of the user's own is an option (kms_key_arn); otherwise S3's own key encrypts.
  #checkov:skip=CKV2_AWS_62:Nobody waits for events of the blobs.
  bucket        = "${var.name}-blobs-${local.account}-${local.region}"
  force_destroy = !var.deletion_protection
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "blobs" {
  bucket                  = aws_s3_bucket.blobs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "blobs" {
  bucket = aws_s3_bucket.blobs.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "blobs" {
  bucket = aws_s3_bucket.blobs.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

# What is deleted can be brought back for as long as there is a table to restore that names it, and a day more, in which
# that is done. The program may not delete versions.
resource "aws_s3_bucket_versioning" "blobs" {
  bucket = aws_s3_bucket.blobs.id

  versioning_configuration {
    status = var.restore_window_days > 0 ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "blobs" {
  bucket = aws_s3_bucket.blobs.id

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    # All blobs.
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_incomplete_uploads_after_days
    }
  }

  rule {
    id     = "keep-for-restores"
    status = "Enabled"

    # All blobs.
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.restore_window_days + 1
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  depends_on = [aws_s3_bucket_versioning.blobs]
}

resource "aws_s3_bucket_policy" "blobs" {
  bucket = aws_s3_bucket.blobs.id
  policy = data.aws_iam_policy_document.blobs_over_tls.json

  # S3 refuses changes to both at the same time.
  depends_on = [aws_s3_bucket_public_access_block.blobs]
}

data "aws_iam_policy_document" "blobs_over_tls" {
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.blobs.arn, "${aws_s3_bucket.blobs.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
