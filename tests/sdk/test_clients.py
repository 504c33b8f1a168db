"""Other people's clients, each for a round trip as people make it: a tree goes up and comes back, large files go in
parts, listings, deletions. They run against the local server only.
"""

import pytest

from clients import HOST, KEYS, installed, listed, python, rclone, restic, run, s5cmd, sizes
from conftest import MIB, contents, plant


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A folder as people have them, with a file that goes up in parts."""
    small = [("readme.txt", 100), ("empty", 0), ("nested/deep/er/file.bin", 70_000)]
    odd_and_large = [("nested/grüße 1+1.txt", 10), ("large.bin", 17 * MIB + 12_345)]
    return plant(tmp_path_factory.mktemp("tree"), small + odd_and_large)


def test_rclone(s3, bucket, tree, tmp_path):
    there = f"store:{bucket}/tree"
    rclone("sync", tree, there)
    assert listed(s3, bucket) == sizes(tree, "tree/")
    rclone("check", "--download", tree, there)
    names = rclone("lsf", "--recursive", "--files-only", there).splitlines()
    assert sorted(names) == sorted(contents(tree))
    assert rclone("lsf", there).splitlines() == ["empty", "large.bin", "nested/", "readme.txt"]
    rclone("copy", there, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
    rclone("moveto", f"{there}/large.bin", f"{there}/moved.bin")
    rclone("sync", "--include", "nested/**", tree, there, "--delete-excluded")
    assert sorted(listed(s3, bucket)) == ["tree/nested/deep/er/file.bin", "tree/nested/grüße 1+1.txt"]
    rclone("purge", there)
    assert listed(s3, bucket) == {}


def test_restic(s3, bucket, tree, tmp_path):
    def call(*words):
        return restic(bucket, tmp_path / "cache", *words)

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
    there = f"s3://{bucket_name}"
    s5cmd("mb", there)
    s5cmd("sync", "--part-size", 5, f"{tree}/", f"{there}/tree/")
    assert listed(s3, bucket_name) == sizes(tree, "tree/")
    assert s5cmd("sync", f"{tree}/", f"{there}/tree/") == ""
    s5cmd("cp", "--part-size", 5, f"{there}/tree/*", f"{tmp_path}/back/")
    assert contents(tmp_path / "back") == contents(tree)
    s5cmd("mv", f"{there}/tree/readme.txt", f"{there}/moved.txt")
    assert len(s5cmd("ls", f"{there}/*").splitlines()) == len(contents(tree))
    s5cmd("rm", f"{there}/*")
    assert listed(s3, bucket_name) == {}
    s5cmd("rb", there)


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
    call("settagging", f"{there}/copy.txt", "color=red&shape=round")
    assert call("gettagging", f"{there}/copy.txt").split()[2:] == ["color:", "red", "shape:", "round"]
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


MINIO = """
import io
import sys
import urllib.request
from datetime import timedelta
from minio import Minio, S3Error
from minio.commonconfig import ENABLED, REPLACE, ComposeSource, CopySource, Tags
from minio.deleteobjects import DeleteObject
from minio.versioningconfig import SUSPENDED, VersioningConfig

endpoint, access_key, secret_key, bucket, folder = sys.argv[1:]
client = Minio(endpoint.removeprefix("http://"), access_key=access_key, secret_key=secret_key, secure=False)


def put(key, body, **more):
    return client.put_object(bucket, key, io.BytesIO(body), len(body), **more)


def get(key, **more):
    answer = client.get_object(bucket, key, **more)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


def code_of(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except S3Error as error:
        return error.code


assert not client.bucket_exists(bucket)
client.make_bucket(bucket)
assert client.bucket_exists(bucket) and bucket in [found.name for found in client.list_buckets()]
assert code_of(client.stat_object, bucket, "none") == "NoSuchKey"

body = bytes(range(256)) * (12 * 4096)
large = client.put_object(bucket, "dir/large.bin", io.BytesIO(body), -1, part_size=5 << 20, metadata={"color": "red"})
assert large.etag.endswith("-3"), large.etag
found = client.stat_object(bucket, "dir/large.bin")
assert (found.size, found.etag, found.metadata["x-amz-meta-color"]) == (len(body), large.etag, "red")
assert get("dir/large.bin") == body
assert get("dir/large.bin", offset=1000, length=5000) == body[1000:6000]
client.fget_object(bucket, "dir/large.bin", f"{folder}/large.bin")
assert open(f"{folder}/large.bin", "rb").read() == body
client.fput_object(bucket, "dir/file \\u00e9+%", f"{folder}/large.bin", content_type="text/x-file", part_size=6 << 20)
assert client.stat_object(bucket, "dir/file \\u00e9+%").content_type == "text/x-file"

client.copy_object(bucket, "copy", CopySource(bucket, "dir/large.bin"))
assert client.stat_object(bucket, "copy").metadata["x-amz-meta-color"] == "red"
replaced = {"metadata": {"color": "blue"}, "metadata_directive": REPLACE}
client.copy_object(bucket, "copy", CopySource(bucket, "dir/large.bin"), **replaced)
assert client.stat_object(bucket, "copy").metadata["x-amz-meta-color"] == "blue"
put("tail", b"tail")
pieces = [
    ComposeSource(bucket, "copy"), ComposeSource(bucket, "copy", offset=10, length=6 << 20),
    ComposeSource(bucket, "tail"),
]
client.compose_object(bucket, "composed", pieces, metadata={"color": "green"})
assert get("composed") == body + body[10 : 10 + (6 << 20)] + b"tail"
assert client.stat_object(bucket, "composed").metadata["x-amz-meta-color"] == "green"

keys = [entry.object_name for entry in client.list_objects(bucket)]
assert keys == ["composed", "copy", "tail", "dir/"], keys
sizes = {entry.object_name: entry.size for entry in client.list_objects(bucket, prefix="dir/", recursive=True)}
assert sizes == {"dir/file \\u00e9+%": len(body), "dir/large.bin": len(body)}, sizes

lifetime = timedelta(minutes=1)
put_url = urllib.request.Request(client.presigned_put_object(bucket, "a signed/key", lifetime), b"signed", method="PUT")
put_url.add_header("content-type", "")
urllib.request.urlopen(put_url).close()
named = client.presigned_get_object(bucket, "a signed/key", lifetime, {"response-content-type": "text/x-named"})
with urllib.request.urlopen(named) as answer:
    assert (answer.read(), answer.headers["content-type"]) == (b"signed", "text/x-named")

put("log", b"one,")
client.append_object(bucket, "log", io.BytesIO(b"two,"), 4)
client.append_object(bucket, "log", io.BytesIO(body), len(body), chunk_size=5 << 20)
assert get("log") == b"one,two," + body

tags = Tags.new_object_tags()
tags["color"], tags["a key/+="] = "red", "a value:@"
put("tagged", b"x", tags=tags)
client.copy_object(bucket, "tagged", CopySource(bucket, "tagged"), metadata={"a": "1"}, metadata_directive=REPLACE)
assert client.get_object_tags(bucket, "tagged") == tags
tags["color"] = "blue"
client.set_object_tags(bucket, "tagged", tags)
assert client.get_object_tags(bucket, "tagged") == tags
client.delete_object_tags(bucket, "tagged")
assert client.get_object_tags(bucket, "tagged") is None
of_bucket = Tags.new_bucket_tags()
of_bucket["team"] = "storage"
assert client.get_bucket_tags(bucket) is None
client.set_bucket_tags(bucket, of_bucket)
assert client.get_bucket_tags(bucket) == of_bucket
client.delete_bucket_tags(bucket)
assert client.get_bucket_tags(bucket) is None

client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
assert client.get_bucket_versioning(bucket).status == ENABLED
first, second = put("kept", b"first").version_id, put("kept", b"second").version_id
client.remove_object(bucket, "kept")
assert code_of(client.stat_object, bucket, "kept") == "NoSuchKey"
listed = [
    (entry.version_id, entry.is_latest, entry.is_delete_marker)
    for entry in client.list_objects(bucket, prefix="kept", include_version=True)
]
marker = next(version for version, _, is_marker in listed if is_marker)
assert sorted(listed) == sorted([(marker, "true", True), (second, "false", False), (first, "false", False)]), listed
assert get("kept", version_id=first) == b"first"
assert client.stat_object(bucket, "kept", version_id=second).size == 6
client.copy_object(bucket, "kept", CopySource(bucket, "kept", version_id=first))
assert get("kept") == b"first"
with urllib.request.urlopen(client.presigned_get_object(bucket, "kept", lifetime, version_id=second)) as answer:
    assert answer.read() == b"second"
client.set_bucket_versioning(bucket, VersioningConfig(SUSPENDED))
put("kept", b"null")
assert client.stat_object(bucket, "kept").version_id == "null"

every = client.list_objects(bucket, recursive=True, include_version=True)
names = [DeleteObject(entry.object_name, entry.version_id) for entry in every]
assert len(names) == 13, len(names)
errors = list(client.remove_objects(bucket, names))
assert errors == [], errors
client.remove_bucket(bucket)
"""


def test_minio(s3, bucket_name, tmp_path):
    python(MINIO)(bucket_name, tmp_path)
    assert bucket_name not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


OPENDAL = """
import asyncio
import sys
import urllib.request
import opendal
from opendal.exceptions import ConditionNotMatch, NotFound

endpoint, access_key, secret_key, bucket = sys.argv[1:]
options = {
    "bucket": bucket, "endpoint": endpoint, "region": "us-east-1",
    "access_key_id": access_key, "secret_access_key": secret_key,
}
store = opendal.Operator("s3", **options)


def refused(error, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except error:
        return True
    return False


store.check()
body = bytes(range(256)) * (12 * 4096)
store.write(
    "dir/large.bin", body, chunk=5 << 20, concurrent=3, content_type="text/x-large", cache_control="max-age=60",
    content_disposition="attachment", user_metadata={"color": "red"},
)
found = store.stat("dir/large.bin")
assert (found.content_length, found.content_type) == (len(body), "text/x-large")
assert found.content_disposition == "attachment"
assert found.user_metadata == {"color": "red"} and found.etag.endswith('-3"'), found
assert store.read("dir/large.bin", chunk=4 << 20, concurrent=2) == body
assert store.read("dir/large.bin", offset=1000, size=5000) == body[1000:6000]
with store.open("dir/large.bin", "rb") as file:
    file.seek(-10, 2)
    assert file.read() == body[-10:]
with store.open("dir/written", "wb") as file:
    file.write(b"written ")
    file.write(b"in pieces")
assert store.read("dir/written") == b"written in pieces"

store.write("log", b"one,", append=True)
store.write("log", b"two,", append=True)
with store.open("log", "wb", append=True) as file:
    file.write(b"three")
assert store.read("log") == b"one,two,three"
store.delete("log")

store.write("once", b"first", if_not_exists=True)
assert refused(ConditionNotMatch, store.write, "once", b"second", if_not_exists=True)
first = store.stat("once").etag
store.write("once", b"second", if_match=first)
assert refused(ConditionNotMatch, store.write, "once", b"third", if_match=first)
assert refused(ConditionNotMatch, store.read, "once", if_match=first)
assert store.read("once", if_none_match=first) == b"second"
assert refused(NotFound, store.stat, "none") and not store.exists("none")

store.copy("dir/large.bin", "a copy/\\u00e9+%")
assert store.stat("a copy/\\u00e9+%").user_metadata == {"color": "red"}
store.create_dir("empty/")
assert [entry.path for entry in store.list("/")] == ["a copy/", "dir/", "empty/", "once"]
assert [entry.path for entry in store.list("dir/") if entry.path != "dir/"] == ["dir/large.bin", "dir/written"]
every = [entry.path for entry in store.list("/", recursive=True)]
assert every == ["a copy/\\u00e9+%", "dir/large.bin", "dir/written", "empty/", "once"], every
after = [entry.path for entry in store.list("/", recursive=True, start_after="dir/written", limit=1)]
assert after == ["empty/", "once"], after


async def presigned():
    later = store.to_async_operator()
    put = await later.presign_write("signed key", 60)
    urllib.request.urlopen(urllib.request.Request(put.url, b"signed", put.headers, method=put.method)).close()
    get = await later.presign_read("signed key", 60)
    with urllib.request.urlopen(get.url) as answer:
        assert answer.read() == b"signed"


asyncio.run(presigned())
store.delete("once")
store.remove_all("/")
assert list(store.list("/", recursive=True)) == []
"""


def test_opendal(s3, bucket):
    python(OPENDAL)(bucket)
    assert listed(s3, bucket) == {}
