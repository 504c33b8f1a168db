"""Whether an endpoint serves S3: waits until it answers; then create, put, get, head, list, delete.

usage: smoke.py ENDPOINT        (credentials and region as boto3 finds them)
"""

import sys
import uuid

import boto3
from botocore.config import Config

from waiting import until_it_answers


def main():
    (endpoint,) = sys.argv[1:]
    until_it_answers(endpoint)
    config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "max_attempts": 5})
    s3 = boto3.client("s3", endpoint_url=endpoint, config=config)
    bucket, key, body = f"smoke-{uuid.uuid4()}", "a key/with \u00e9", uuid.uuid4().bytes * 64
    s3.create_bucket(Bucket=bucket)
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        check("get", s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body)
        # A Function URL has another name for the length: only what arrives under its own is compared.
        head = s3.head_object(Bucket=bucket, Key=key)["ResponseMetadata"]["HTTPHeaders"]
        length = head.get("x-amzn-remapped-content-length", head.get("content-length"))
        check("head", length == str(len(body)))
        listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        check("list", listed == [key])
        s3.delete_object(Bucket=bucket, Key=key)
        check("delete", "Contents" not in s3.list_objects_v2(Bucket=bucket))
    finally:
        s3.delete_object(Bucket=bucket, Key=key)
        s3.delete_bucket(Bucket=bucket)
    print(f"{endpoint}: create, put, get, head, list and delete work")


def check(what, holds):
    if not holds:
        sys.exit(f"smoke: {what} does not answer as it should")


if __name__ == "__main__":
    main()
