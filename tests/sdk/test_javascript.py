"""The AWS SDK for JavaScript 3, in a program of `javascript/client.mjs`. It runs against the local server only."""

import pathlib
import shutil

import pytest

from clients import folder_with, run
from conftest import ENDPOINT

PROGRAM = pathlib.Path(__file__).parent / "javascript" / "client.mjs"


def test_javascript(s3, bucket, tmp_path):
    modules = folder_with("node_modules")
    node = shutil.which("node") or pytest.skip("Node.js is not installed")
    # Node looks for a program's modules beside it.
    (tmp_path / "node_modules").symlink_to(modules)
    program = shutil.copy(PROGRAM, tmp_path)
    done = run(node, program, ENDPOINT, bucket).splitlines()
    assert len(done) == 11
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
