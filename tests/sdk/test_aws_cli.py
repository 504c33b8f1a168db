"""The AWS command line, as a person would type it, with nothing but an endpoint and keys."""

import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.request

import pytest

from conftest import BODY_LIMIT, DEPLOYMENT, ENDPOINT, LENGTH_IS_RENAMED, MIB, RENAMED_LENGTH
from conftest import assert_names_the_limit_and_the_ways_out, contents, plant


def aws(*arguments, status=0, **variables):
    """Runs one command; what it prints on standard output."""
    command = [sys.executable, "-m", "awscli", "--endpoint-url", ENDPOINT, *map(str, arguments)]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


# More parts than the command line sends at a time; fewer where an emulated cloud would take minutes for them.
LARGE = (104 if DEPLOYMENT == "sqlite" else 24) * MIB + 12_345


def upload(size, bucket):
    """What the command line says when an upload of this size fails."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(size)
        return aws("s3", "cp", file.name, f"s3://{bucket}/k", "--no-progress", status=1)


def large_files_are_refused(s3, bucket):
    said = upload(BODY_LIMIT + 1, bucket)
    assert "(EntityTooLarge)" in said
    assert_names_the_limit_and_the_ways_out(said)
    # What does not even fit into an event is refused by Lambda itself.
    assert "(413)" in upload(7 * MIB, bucket)


def files_that_go_up_in_parts_are_refused(s3, bucket):
    said = upload(9 * MIB, bucket)
    assert "(NotImplemented)" in said
    assert_names_the_limit_and_the_ways_out(said)


def downloads_fail_for_want_of_the_length(s3, bucket):
    """`aws s3 cp` asks for the length with HEAD; `aws s3api get-object` does not ask."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"small")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ResponseMetadata"]["HTTPHeaders"][RENAMED_LENGTH] == "5"
    with tempfile.TemporaryDirectory() as folder:
        back = os.path.join(folder, "back")
        assert "'ContentLength'" in aws("s3", "cp", f"s3://{bucket}/k", back, status=1)
        aws("s3api", "get-object", "--bucket", bucket, "--key", "k", back)
        assert open(back, "rb").read() == b"small"


INSTEAD = {
    "largest_body": large_files_are_refused,
    "multipart": files_that_go_up_in_parts_are_refused,
    "length_of_head": downloads_fail_for_want_of_the_length,
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A folder as people have them, with a file that goes up in parts."""
    files = [
        ("readme.txt", 100),
        ("empty", 0),
        ("nested/deep/er/file.bin", 70_000),
        ("nested/grüße 1+1.txt", 10),
        ("nested/7mib.bin", 7 * MIB + 1),
        ("large.bin", LARGE),
    ]
    return plant(tmp_path_factory.mktemp("tree"), files)


@pytest.fixture
def made(bucket_name):
    """A bucket made and removed by the command line itself."""
    assert aws("s3", "mb", f"s3://{bucket_name}") == f"make_bucket: {bucket_name}\n"
    yield f"s3://{bucket_name}"
    assert f"remove_bucket: {bucket_name}\n" in aws("s3", "rb", "--force", f"s3://{bucket_name}")


@pytest.mark.multipart
def test_a_tree_goes_up_and_comes_back_byte_for_byte(made, tree, tmp_path):
    aws("s3", "sync", tree, f"{made}/tree", "--no-progress")
    assert aws("s3", "sync", tree, f"{made}/tree", "--no-progress") == ""
    listed = aws("s3", "ls", "--recursive", "--summarize", made)
    assert "Total Objects: 6" in listed
    assert f"Total Size: {sum(map(len, contents(tree).values()))}" in listed
    top = [line.split(maxsplit=3)[-1] for line in aws("s3", "ls", f"{made}/tree/").splitlines()]
    assert top == ["nested/", "empty", "large.bin", "readme.txt"]

    aws("s3", "sync", f"{made}/tree", tmp_path / "back", "--no-progress")
    assert contents(tmp_path / "back") == contents(tree)


# The command line copies in parts from 8 MiB on.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("nested/deep/er/file.bin", marks=pytest.mark.length_of_head),
        pytest.param("nested/7mib.bin", marks=pytest.mark.largest_body(7 * MIB + 1)),
        pytest.param("large.bin", marks=pytest.mark.multipart),
    ],
)
def test_files_are_copied_and_moved_in_the_store(made, tree, tmp_path, name):
    source = tree / name
    aws("s3", "cp", source, f"{made}/a", "--no-progress")
    aws("s3", "cp", f"{made}/a", f"{made}/b", "--no-progress")
    aws("s3", "mv", f"{made}/b", f"{made}/c", "--no-progress")
    names = [line.split()[-1] for line in aws("s3", "ls", made).splitlines()]
    assert names == ["a", "c"]
    aws("s3", "rm", f"{made}/a")
    aws("s3", "cp", f"{made}/c", tmp_path / "back", "--no-progress")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


@pytest.mark.largest_body(7 * MIB + 1)
def test_moving_and_deleting_files(made, tree, tmp_path):
    (tmp_path / "moved").write_bytes(b"moved")
    aws("s3", "mv", tmp_path / "moved", f"{made}/moved")
    assert not (tmp_path / "moved").exists()
    aws("s3", "cp", "--recursive", tree / "nested", f"{made}/n", "--no-progress")
    aws("s3", "rm", "--recursive", f"{made}/n", "--exclude", "*.txt")
    names = [line.split(maxsplit=3)[-1] for line in aws("s3", "ls", "--recursive", made).splitlines()]
    assert names == ["moved", "n/grüße 1+1.txt"]
    (tmp_path / "empty").mkdir()
    aws("s3", "sync", "--delete", tmp_path / "empty", made)
    assert aws("s3", "ls", "--recursive", made) == ""


@pytest.mark.multipart
def test_standard_input_and_output(made):
    command = [sys.executable, "-m", "awscli", "--endpoint-url", ENDPOINT, "s3", "cp"]
    body = random.Random(1).randbytes(9 * MIB)
    subprocess.run([*command, "-", f"{made}/k"], input=body, check=True, timeout=120)
    back = subprocess.run([*command, f"{made}/k", "-"], capture_output=True, check=True, timeout=120)
    assert back.stdout == body


def test_a_presigned_url_is_fetched_without_keys(made, tmp_path):
    (tmp_path / "k").write_bytes(b"presigned")
    aws("s3", "cp", tmp_path / "k", f"{made}/k")
    url = aws("s3", "presign", f"{made}/k", "--expires-in", "60").strip()
    assert "AWSAccessKeyId=" in url, "this version of the command line presigns with version 2"
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.read() == b"presigned"


def test_plain_api_calls(made, tmp_path):
    bucket = made.removeprefix("s3://")
    (tmp_path / "k").write_bytes(b"0123456789")
    put = json.loads(
        aws("s3api", "put-object", "--bucket", bucket, "--key", "k", "--body", tmp_path / "k",
            "--metadata", "a=1,b=2", "--if-none-match", "*")
    )
    assert put["ETag"] == '"781e5e245d69b566979b86e28d23f2c7"'
    head = json.loads(aws("s3api", "head-object", "--bucket", bucket, "--key", "k"))
    assert head["Metadata"] == {"a": "1", "b": "2"}
    assert head.get("ContentLength") == (None if LENGTH_IS_RENAMED else 10)
    attributes = ["s3api", "get-object-attributes", "--bucket", bucket, "--key", "k"]
    found = json.loads(aws(*attributes, "--object-attributes", "ETag", "ObjectSize"))
    assert (found["ETag"], found["ObjectSize"]) == (put["ETag"].strip('"'), 10)
    part = tmp_path / "part"
    aws("s3api", "get-object", "--bucket", bucket, "--key", "k", "--range", "bytes=2-4", part)
    assert part.read_bytes() == b"234"
    listed = json.loads(aws("s3api", "list-objects-v2", "--bucket", bucket, "--query", "Contents[].Key"))
    assert listed == ["k"]
    again = aws("s3api", "put-object", "--bucket", bucket, "--key", "k", "--if-none-match", "*", status=255)
    assert "(PreconditionFailed)" in again
    assert "(404)" in aws("s3api", "head-object", "--bucket", bucket, "--key", "none", status=255)


def test_what_fails_says_why(bucket_name):
    missing = aws("s3", "ls", f"s3://{bucket_name}", status=255)
    assert "(NoSuchBucket)" in missing


def shown(*arguments):
    """The grants of a list, each with what it allows."""
    answer = json.loads(aws("s3api", *arguments))
    who = [grant["Grantee"].get("URI", "").rsplit("/", 1)[-1] for grant in answer["Grants"]]
    return [(name or "owner", grant["Permission"]) for name, grant in zip(who, answer["Grants"])]


def anonymously(*arguments, status=0):
    return aws("--no-sign-request", *arguments, status=status)


def test_lists_are_put_shown_and_decide(made, tmp_path):
    name = made.removeprefix("s3://")
    at = ["--bucket", name, "--key", "k"]
    file, back = tmp_path / "file", tmp_path / "back"
    file.write_bytes(b"for all")
    get = ["s3api", "get-object", *at, back]
    aws("s3", "cp", file, f"{made}/k", "--no-progress")
    assert shown("get-object-acl", *at) == [("owner", "FULL_CONTROL")]
    assert "(AccessDenied)" in anonymously(*get, status=255)

    aws("s3api", "put-object-acl", *at, "--acl", "public-read")
    assert shown("get-object-acl", *at) == [("owner", "FULL_CONTROL"), ("AllUsers", "READ")]
    anonymously(*get)
    assert back.read_bytes() == b"for all"
    kept = json.loads(aws("s3api", "get-object-acl", *at))
    aws("s3api", "put-object-acl", *at, "--acl", "private")
    assert "(AccessDenied)" in anonymously(*get, status=255)
    # The list that was shown is taken again, as the document that it came in.
    aws("s3api", "put-object-acl", *at, "--access-control-policy", json.dumps(kept))
    anonymously(*get)
    group = "uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
    aws("s3api", "put-object-acl", *at, "--grant-read", group)
    assert shown("get-object-acl", *at) == [("AuthenticatedUsers", "READ")]
    refused = aws("s3api", "put-object-acl", *at, "--acl", "public", status=255)
    assert "(InvalidArgument)" in refused

    aws("s3", "cp", file, f"{made}/public", "--acl", "public-read", "--no-progress")
    get = ["s3api", "get-object", "--bucket", name, "--key", "public", back]
    anonymously(*get)
    assert back.read_bytes() == b"for all"
    assert "(AccessDenied)" in anonymously("s3", "ls", made, status=255)
    aws("s3api", "put-bucket-acl", "--bucket", name, "--acl", "public-read")
    assert shown("get-bucket-acl", "--bucket", name) == [("owner", "FULL_CONTROL"), ("AllUsers", "READ")]
    listed = anonymously("s3", "ls", made).splitlines()
    assert [line.split()[-1] for line in listed] == ["k", "public"]


def test_the_ownership_of_a_bucket_is_stated(bucket_name):
    at = ["--bucket", bucket_name]
    aws("s3api", "create-bucket", *at, "--object-ownership", "ObjectWriter")
    stated = json.loads(aws("s3api", "get-bucket-ownership-controls", *at))
    assert stated["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "ObjectWriter"}]
    rules = json.dumps(stated["OwnershipControls"])
    aws("s3api", "delete-bucket-ownership-controls", *at)
    absent = aws("s3api", "get-bucket-ownership-controls", *at, status=255)
    assert "(OwnershipControlsNotFoundError)" in absent
    aws("s3api", "put-bucket-ownership-controls", *at, "--ownership-controls", rules)
    enforced = rules.replace("ObjectWriter", "BucketOwnerEnforced")
    aws("s3api", "put-bucket-ownership-controls", *at, "--ownership-controls", enforced)
    refused = aws("s3api", "put-bucket-acl", *at, "--acl", "public-read", status=255)
    assert "(AccessControlListNotSupported)" in refused
    aws("s3api", "delete-bucket", *at)


def test_an_object_is_renamed(made, tmp_path):
    name = made.removeprefix("s3://")
    file = tmp_path / "file"
    file.write_bytes(b"moved")
    aws("s3", "cp", file, f"{made}/folder/a", "--no-progress")
    rename = ["s3api", "rename-object", "--bucket", name, "--rename-source", "folder/a"]
    aws(*rename, "--key", "b", "--destination-if-none-match", "*")
    absent = aws(*rename, "--key", "b", status=255)
    assert "(NoSuchKey)" in absent
    assert [line.split()[-1] for line in aws("s3", "ls", "--recursive", made).splitlines()] == ["b"]
