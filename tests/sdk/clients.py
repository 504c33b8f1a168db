"""Running other people's clients.

`BLEEPSTORE_TEST_CLIENTS` names the folders that they are installed in; a test whose client is in none is skipped by its
name.
"""

import os
import shutil
import subprocess

import pytest

from conftest import ENDPOINT, contents

FOLDERS = os.environ.get("BLEEPSTORE_TEST_CLIENTS", "")
HOST = ENDPOINT.removeprefix("http://")
KEYS = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]


def installed(name):
    """The path of a client, or its test is skipped."""
    found = shutil.which(name, path=FOLDERS) if FOLDERS else None
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def folder_with(name):
    """A folder of this name in one of those that clients are installed in, or the test is skipped."""
    places = [os.path.join(folder, name) for folder in FOLDERS.split(os.pathsep) if folder]
    found = next(filter(os.path.isdir, places), None)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command, **variables):
    """Runs a client; what it prints."""
    # The endpoint has no TLS, and some clients refuse to go on with certificates that others of this machine need.
    environment = {**os.environ, **variables}
    environment.pop("AWS_CA_BUNDLE", None)
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def interpreter():
    """The Python that the libraries are installed for."""
    return os.path.join(os.path.dirname(installed("s3cmd")), "python")


def python(program):
    """Runs a program in the Python that the libraries are installed for, with what it needs to know as `sys.argv`."""
    return lambda *words, **variables: run(
        interpreter(), "-c", program, ENDPOINT, *KEYS, *words, **variables
    )


def rclone(*words):
    """Runs rclone, for which the server is `store:`."""
    return run(
        installed("rclone"), "--config", "/dev/null", "--s3-chunk-size", "5M", "--s3-upload-cutoff", "6M", *words,
        RCLONE_CONFIG_STORE_TYPE="s3", RCLONE_CONFIG_STORE_PROVIDER="Other",
        RCLONE_CONFIG_STORE_ENDPOINT=ENDPOINT, RCLONE_CONFIG_STORE_REGION="us-east-1",
        RCLONE_CONFIG_STORE_ACCESS_KEY_ID=KEYS[0], RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY=KEYS[1],
    )  # fmt: skip


def restic(bucket, cache, *words):
    """Runs restic on a repository in a bucket."""
    return run(
        installed("restic"), "--cache-dir", cache, *words,
        RESTIC_REPOSITORY=f"s3:{ENDPOINT}/{bucket}/backups", RESTIC_PASSWORD="a password",
    )  # fmt: skip


def s5cmd(*words):
    """Runs s5cmd."""
    return run(installed("s5cmd"), "--endpoint-url", ENDPOINT, *words)


def listed(s3, bucket):
    """The sizes of all objects by key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}


def sizes(tree, prefix):
    """The sizes of a folder's files by the keys that they have below a prefix."""
    return {f"{prefix}{name}": len(body) for name, body in contents(tree).items()}
