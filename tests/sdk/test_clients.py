"""Other people's clients, each for a round trip as people make it: a tree goes up and comes back, large files go in parts,
listings, deletions.

`BLEEPSTORE_TEST_CLIENTS` names the folders that they are installed in; one that is in none is skipped by its name. They run
against the local server only.
"""

import os
import shutil
import subprocess

import pytest

from conftest import ENDPOINT, MIB, contents, plant

FOLDERS = os.environ.get("BLEEPSTORE_TEST_CLIENTS", "")
HOST = ENDPOINT.removeprefix("http://")
KEYS = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]


def installed(name):
    """The path of a client, or its test is skipped."""
    found = shutil.which(name, path=FOLDERS) if FOLDERS else None
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


def python(program):
    """Runs a program in the Python that the libraries are installed for, with what it needs to know as `sys.argv`."""
    interpreter = os.path.join(os.path.dirname(installed("s3cmd")), "python")
    return lambda *words: run(interpreter, "-c", program, ENDPOINT, *KEYS, *words)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A folder as people have them, with a file that goes up in parts."""
    small = [("readme.txt", 100), ("empty", 0), ("nested/deep/er/file.bin", 70_000)]
    odd_and_large = [("nested/grüße 1+1.txt", 10), ("large.bin", 17 * MIB + 12_345)]
    return plant(tmp_path_factory.mktemp("tree"), small + odd_and_large)


def listed(s3, bucket):
    """The sizes of all objects by key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}


def sizes(tree, prefix):
    return {f"{prefix}{name}": len(body) for name, body in contents(tree).items()}


def test_rclone(s3, bucket, tree, tmp_path):
    rclone = installed("rclone")

    def call(*words):
        return run(
            rclone, "--config", "/dev/null", "--s3-chunk-size", "5M", "--s3-upload-cutoff", "6M", *words,
            RCLONE_CONFIG_STORE_TYPE="s3", RCLONE_CONFIG_STORE_PROVIDER="Other",
            RCLONE_CONFIG_STORE_ENDPOINT=ENDPOINT, RCLONE_CONFIG_STORE_REGION="us-east-1",
            RCLONE_CONFIG_STORE_ACCESS_KEY_ID=KEYS[0], RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY=KEYS[1],
        )  # fmt: skip

    there = f"store:{bucket}/tree"
    call("sync", tree, there)
    assert listed(s3, bucket) == sizes(tree, "tree/")
    call("check", "--download", tree, there)
    names = call("lsf", "--recursive", "--files-only", there).splitlines()
    assert sorted(names) == sorted(contents(tree))
    assert call("lsf", there).splitlines() == ["empty", "large.bin", "nested/", "readme.txt"]
    call("copy", there, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
    call("moveto", f"{there}/large.bin", f"{there}/moved.bin")
    call("sync", "--include", "nested/**", tree, there, "--delete-excluded")
    assert sorted(listed(s3, bucket)) == ["tree/nested/deep/er/file.bin", "tree/nested/grüße 1+1.txt"]
    call("purge", there)
    assert listed(s3, bucket) == {}


def test_restic(s3, bucket, tree, tmp_path):
    restic = installed("restic")

    def call(*words):
        return run(
            restic, "--cache-dir", tmp_path / "cache", *words,
            RESTIC_REPOSITORY=f"s3:{ENDPOINT}/{bucket}/backups", RESTIC_PASSWORD="a password",
        )  # fmt: skip

    call("init")
    call("backup", tree)
    call("backup", tree, "--tag", "again")
    assert "\n2 snapshots\n" in call("snapshots", "--compact")
    call("check", "--read-data")
    call("restore", "latest", "--target", tmp_path / "back")
    assert contents(f"{tmp_path}/back{tree}") == contents(tree)
    call("forget", "--keep-last", "1", "--prune")
    assert "\n1 snapshots\n" in call("snapshots", "--compact")
    assert "backups/config" in listed(s3, bucket)


def test_s5cmd(s3, bucket_name, tree, tmp_path):
    s5cmd = installed("s5cmd")

    def call(*words):
        return run(s5cmd, "--endpoint-url", ENDPOINT, *words)

    there = f"s3://{bucket_name}"
    call("mb", there)
    call("sync", "--part-size", 5, f"{tree}/", f"{there}/tree/")
    assert listed(s3, bucket_name) == sizes(tree, "tree/")
    assert call("sync", f"{tree}/", f"{there}/tree/") == ""
    call("cp", "--part-size", 5, f"{there}/tree/*", f"{tmp_path}/back/")
    assert contents(tmp_path / "back") == contents(tree)
    call("mv", f"{there}/tree/readme.txt", f"{there}/moved.txt")
    assert len(call("ls", f"{there}/*").splitlines()) == len(contents(tree))
    call("rm", f"{there}/*")
    assert listed(s3, bucket_name) == {}
    call("rb", there)


def test_s3cmd(s3, bucket_name, tree, tmp_path):
    s3cmd = installed("s3cmd")

    def call(*words):
        return run(
            s3cmd, "--config", "/dev/null", "--no-ssl", "--host", HOST, "--host-bucket", HOST,
            "--access_key", KEYS[0], "--secret_key", KEYS[1], "--region", "us-east-1",
            "--no-progress", *words,
        )  # fmt: skip

    there = f"s3://{bucket_name}"
    call("mb", there)
    call("sync", "--multipart-chunk-size-mb", 5, f"{tree}/", f"{there}/tree/")
    assert listed(s3, bucket_name) == sizes(tree, "tree/")
    assert len(call("ls", "--recursive", there).splitlines()) == len(contents(tree))
    (tmp_path / "back").mkdir()
    call("sync", f"{there}/tree/", f"{tmp_path}/back/")
    assert contents(tmp_path / "back") == contents(tree)
    call("cp", f"{there}/tree/readme.txt", f"{there}/copy.txt")
    call("modify", "--mime-type", "text/x-copy", f"{there}/copy.txt")
    assert "text/x-copy" in call("info", f"{there}/copy.txt")
    call("del", "--recursive", "--force", there)
    assert listed(s3, bucket_name) == {}
    call("rb", there)


PYARROW = """
import sys
import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as parquet

endpoint, access_key, secret_key, bucket = sys.argv[1:]
s3 = fs.S3FileSystem(
    access_key=access_key, secret_key=secret_key, endpoint_override=endpoint, region="us-east-1",
    allow_bucket_creation=True, allow_bucket_deletion=True,
)
s3.create_dir(bucket)
body = bytes(range(256)) * (12 * 4096)
with s3.open_output_stream(f"{bucket}/dir/large.bin") as stream:
    for start in range(0, len(body), 1 << 20):
        stream.write(body[start : start + (1 << 20)])
with s3.open_input_file(f"{bucket}/dir/large.bin") as file:
    assert file.size() == len(body)
    assert file.read_at(1000, 5_000_000) == body[5_000_000:5_001_000]
    file.seek(0)
    assert file.read() == body
table = pa.table({"n": list(range(10_000)), "s": [str(n) for n in range(10_000)]})
parquet.write_table(table, f"{bucket}/dir/table.parquet", filesystem=s3)
assert parquet.read_table(f"{bucket}/dir/table.parquet", filesystem=s3).equals(table)
s3.copy_file(f"{bucket}/dir/large.bin", f"{bucket}/dir/copy.bin")
s3.move(f"{bucket}/dir/copy.bin", f"{bucket}/dir/moved.bin")
found = s3.get_file_info(fs.FileSelector(f"{bucket}/dir"))
assert sorted((info.base_name, info.size) for info in found if info.is_file)[:2] == [
    ("large.bin", len(body)), ("moved.bin", len(body)),
], found
assert s3.get_file_info(f"{bucket}/none").type == fs.FileType.NotFound
s3.delete_dir(f"{bucket}/dir")
s3.delete_dir(bucket)
"""


def test_pyarrow(s3, bucket_name):
    python(PYARROW)(bucket_name)
    assert bucket_name not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


OBSTORE = """
import sys
import obstore
from obstore.exceptions import AlreadyExistsError, NotFoundError
from obstore.store import S3Store

endpoint, access_key, secret_key, bucket = sys.argv[1:]
store = S3Store(
    bucket, endpoint=endpoint, access_key_id=access_key, secret_access_key=secret_key, region="us-east-1",
    client_options={"allow_http": True}, virtual_hosted_style_request=False,
)
body = bytes(range(256)) * (12 * 4096)
store.put("dir/large.bin", body, use_multipart=True, chunk_size=5 << 20)
assert bytes(store.get("dir/large.bin").bytes()) == body
assert bytes(store.get_range("dir/large.bin", start=100, end=200)) == body[100:200]
ranges = store.get_ranges("dir/large.bin", starts=[0, 9_000_000], ends=[10, 9_000_010])
assert [bytes(piece) for piece in ranges] == [body[:10], body[9_000_000:9_000_010]]
store.put("dir/once", b"first", mode="create")
try:
    store.put("dir/once", b"second", mode="create")
    raise AssertionError("created twice")
except AlreadyExistsError:
    pass
first = store.head("dir/once")
store.put("dir/once", b"second", mode={"e_tag": first["e_tag"]})
store.copy("dir/once", "dir/copy")
store.rename("dir/copy", "renamed")
assert bytes(store.get("renamed").bytes()) == b"second"
listing = store.list_with_delimiter()
assert list(listing["common_prefixes"]) == ["dir"]
assert [entry["path"] for entry in listing["objects"]] == ["renamed"]
paths = sorted(entry["path"] for page in store.list() for entry in page)
assert paths == ["dir/large.bin", "dir/once", "renamed"], paths
store.delete(paths)
try:
    store.head("renamed")
    raise AssertionError("still there")
except (NotFoundError, FileNotFoundError):
    pass
"""


def test_obstore(s3, bucket):
    python(OBSTORE)(bucket)
    assert listed(s3, bucket) == {}
