"""The command, run as `cargo xtask verify-cloud` runs it, against the server that the environment names."""

import os
import pathlib
import re
import subprocess
import sys

import boto3
import pytest

ENDPOINT = os.environ["BLEEPSTORE_TEST_ENDPOINT"]
ROOT = pathlib.Path(__file__).parents[2]
COMMAND = [sys.executable, str(ROOT / "xtask/verify_cloud")]


class Ended:
    """How it ended, and what it said."""

    def __init__(self, done):
        self.status, self.said, self.complained = done.returncode, done.stdout, done.stderr
        # By question.
        self.outcomes = dict(re.findall(r"^([a-z0-9-]+): (as expected|differs|could not tell)$", done.stdout, re.M))

    def those(self, outcome):
        return {id for id, result in self.outcomes.items() if result == outcome}


def verify(*arguments, **variables):
    environment = os.environ | variables
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    return Ended(done)


def buckets():
    s3 = boto3.client("s3", endpoint_url=ENDPOINT)
    return {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left():
    before = buckets()
    yield
    assert buckets() == before
