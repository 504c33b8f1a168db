"""Clients for the endpoint under test, which is named in the environment and nowhere else.

A deployment that does not carry all of S3 says so there too. A test is marked with what it needs; where the deployment
does not carry that, the check that the test's module has in `INSTEAD` for the mark runs in its place:

- `largest_body(n)`: a request body of n bytes,
- `multipart`: multipart uploads, whose parts have 5 MiB at least,
- `length_of_head`: the length of an object in the answer to HEAD.
"""

import contextlib
import os
import random
import sys
import uuid

import boto3
import pytest
from botocore.config import Config

ENDPOINT = os.environ["BLEEPSTORE_TEST_ENDPOINT"]
DEPLOYMENT = os.environ.get("BLEEPSTORE_TEST_DEPLOYMENT", "")
BODY_LIMIT = int(os.environ.get("BLEEPSTORE_TEST_BODY_LIMIT") or sys.maxsize)
OUTCOMES = os.environ.get("BLEEPSTORE_TEST_OUTCOMES")
MIB = 1024 * 1024
# Other people's clients run against the local server only, and so does what would only be slow elsewhere.
LOCAL = [
    "test_aws_cli_versions.py", "test_browser.py", "test_client_versions.py", "test_clients.py",
    "test_iceberg.py", "test_javascript.py", "test_terraform.py", "test_web_identity.py", "test_websites.py",
]  # fmt: skip
collect_ignore = [] if DEPLOYMENT == "sqlite" else LOCAL
# A Function URL in streaming mode gives the length that a function sets this name.
LENGTH_IS_RENAMED = DEPLOYMENT == "aws_lambda_stream"
RENAMED_LENGTH = "x-amzn-remapped-content-length"
# When planted files were changed, in seconds.
CHANGED = 1_700_000_000


def make_client(**options):
    """A client as a new user makes it, which does not hide errors behind retries."""
    config = Config(retries={"total_max_attempts": 1}, **options)
    return boto3.client("s3", endpoint_url=ENDPOINT, config=config)


def content_length(answer):
    """The length of an object, from where the deployment puts it."""
    if LENGTH_IS_RENAMED:
        assert "ContentLength" not in answer
        return int(answer["ResponseMetadata"]["HTTPHeaders"][RENAMED_LENGTH])
    return answer["ContentLength"]


def assert_names_the_limit_and_the_ways_out(text):
    for part in [
        "BleepStore on AWS Lambda",
        f"request bodies of at most {BODY_LIMIT} bytes",
        "Use smaller objects, or run the same program as an HTTP server",
    ]:
        assert part in text


def contents(folder):
    """The files below a folder by relative path."""
    return {
        os.path.relpath(os.path.join(path, name), folder): open(os.path.join(path, name), "rb").read()
        for path, _, names in os.walk(folder)
        for name in names
    }


def plant(folder, files):
    """Makes files of these names and lengths below a folder, whose bytes are the same in every run."""
    source = random.Random(20240607)
    for name, length in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(length))
        # Older than its object, whose time has no fraction: what compares both does not send it again.
        os.utime(path, (CHANGED, CHANGED))
    return folder


@pytest.fixture(scope="session")
def s3():
    return make_client()


def empty_and_delete(client, bucket):
    for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for entry in page.get("Versions", []) + page.get("DeleteMarkers", []):
            client.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])
    client.delete_bucket(Bucket=bucket)


def new_bucket_name():
    return f"sdk-{uuid.uuid4().hex}"


@contextlib.contextmanager
def temporary_bucket(client):
    name = new_bucket_name()
    client.create_bucket(Bucket=name)
    yield name
    empty_and_delete(client, name)


@pytest.fixture
def bucket_name():
    """A name that no other test uses."""
    return new_bucket_name()


@pytest.fixture
def bucket(s3):
    """A bucket of the test's own, gone afterwards."""
    with temporary_bucket(s3) as name:
        yield name


def keep_versions(client, bucket, status="Enabled"):
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


@pytest.fixture
def versioned(s3, bucket):
    """A bucket of the test's own that keeps versions."""
    keep_versions(s3, bucket)
    return bucket


def not_carried(item):
    """The mark of what the test needs and the deployment does not carry, if any."""
    body = item.get_closest_marker("largest_body")
    if item.get_closest_marker("multipart") and BODY_LIMIT < 5 * MIB:
        return "multipart"
    if body and body.args[0] > BODY_LIMIT:
        return "largest_body"
    if item.get_closest_marker("length_of_head") and LENGTH_IS_RENAMED:
        return "length_of_head"
    return None


def pytest_configure(config):
    for mark in ["largest_body(bytes)", "multipart", "length_of_head"]:
        config.addinivalue_line("markers", f"{mark}: see conftest.py")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    mark = not_carried(pyfuncitem)
    if mark is None:
        return None
    with temporary_bucket(make_client()) as name:
        pyfuncitem.module.INSTEAD[mark](make_client(), name)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Notes what became of the test, for the table of compatibility."""
    report = (yield).get_result()
    if OUTCOMES and call.when == "call" and report.passed:
        words = {None: "held", "length_of_head": "differs"}
        word = words.get(not_carried(item), "refused")
        with open(OUTCOMES, "a", encoding="utf-8") as file:
            file.write(f"{word} {item.module.__name__}::{item.name}::{DEPLOYMENT}\n")
