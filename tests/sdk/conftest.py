"""Clients for the endpoint under test, which is named in the environment and nowhere else."""

import os
import uuid

import boto3
import pytest
from botocore.config import Config

ENDPOINT = os.environ["BLEEPSTORE_TEST_ENDPOINT"]


def make_client(**options):
    """A client that addresses buckets in the path and does not hide errors behind retries."""
    config = Config(
        s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, **options
    )
    return boto3.client("s3", endpoint_url=ENDPOINT, config=config)


@pytest.fixture(scope="session")
def s3():
    return make_client()


def empty_and_delete(client, bucket):
    for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            client.delete_object(Bucket=bucket, Key=entry["Key"])
    client.delete_bucket(Bucket=bucket)


@pytest.fixture
def bucket_name():
    """A name that no other test uses."""
    return f"sdk-{uuid.uuid4().hex}"


@pytest.fixture
def bucket(s3, bucket_name):
    """A bucket of the test's own, gone afterwards."""
    s3.create_bucket(Bucket=bucket_name)
    yield bucket_name
    empty_and_delete(s3, bucket_name)
