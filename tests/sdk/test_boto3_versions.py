"""boto3 and versions of objects."""

import io

import boto3
import pytest
from botocore.exceptions import WaiterError

from conftest import ENDPOINT, content_length, keep_versions, make_client
from test_boto3 import code_of, fetch, multipart_uploads_are_refused, read

INSTEAD = {"multipart": multipart_uploads_are_refused}

# No version of these tests has it.
NEVER = "0" * 32


def put(s3, bucket, key, body):
    """Puts a version; its id."""
    return s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]


@pytest.fixture
def resource(versioned):
    """The bucket as boto3's resources have it."""
    return boto3.resource("s3", endpoint_url=ENDPOINT).Bucket(versioned)


def test_the_state_of_a_bucket_is_put_and_shown(s3, bucket):
    versioning = boto3.resource("s3", endpoint_url=ENDPOINT).BucketVersioning(bucket)
    assert versioning.status is None
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    versioning.enable()
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    kept = put(s3, bucket, "k", b"kept")
    versioning.suspend()
    versioning.reload()
    assert versioning.status == "Suspended"
    s3.put_object(Bucket=bucket, Key="k", Body=b"null")
    assert read(s3, bucket, "k", VersionId="null") == b"null"
    assert read(s3, bucket, "k", VersionId=kept) == b"kept"
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"


def test_versions_are_read_by_their_ids(s3, versioned):
    at = {"Bucket": versioned, "Key": "a key/é"}
    first, second = put(s3, *at.values(), b"first"), put(s3, *at.values(), b"the second")
    current = s3.get_object(**at)
    assert (current["VersionId"], current["Body"].read()) == (second, b"the second")
    old = s3.get_object(**at, VersionId=first, Range="bytes=1-3")
    assert (old["VersionId"], old["Body"].read(), old["ContentRange"]) == (first, b"irs", "bytes 1-3/5")
    head = s3.head_object(**at, VersionId=first)
    assert (head["VersionId"], content_length(head)) == (first, 5)
    asked = {"ObjectAttributes": ["ETag", "ObjectSize"]}
    attributes = s3.get_object_attributes(**at, **asked, VersionId=first)
    assert (attributes["VersionId"], attributes["ObjectSize"]) == (first, 5)
    down = io.BytesIO()
    s3.download_fileobj(versioned, at["Key"], down, ExtraArgs={"VersionId": first})
    assert down.getvalue() == b"first"
    for signer in [s3, make_client(signature_version="s3v4")]:
        url = signer.generate_presigned_url("get_object", Params={**at, "VersionId": first})
        assert fetch(url)[:2] == (200, b"first")
    assert code_of(s3.get_object, **at, VersionId=NEVER) == (404, "NoSuchVersion")
    assert code_of(s3.head_object, **at, VersionId=NEVER) == (404, "404")
    assert code_of(s3.get_object, **at, VersionId="none") == (400, "InvalidArgument")


def test_versions_are_copied_by_their_ids(s3, versioned):
    first, second = put(s3, versioned, "k", b"first"), put(s3, versioned, "k", b"second")
    source = {"Bucket": versioned, "Key": "k", "VersionId": first}
    copied = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == first
    assert copied["VersionId"] not in (first, second)
    assert read(s3, versioned, "k") == b"first"
    # boto3's own copy asks for the length of the version first.
    s3.copy({**source, "VersionId": second}, versioned, "copy")
    assert read(s3, versioned, "copy") == b"second"
    s3.delete_object(Bucket=versioned, Key="k")
    gone = {"Bucket": versioned, "Key": "k"}
    assert code_of(s3.copy_object, Bucket=versioned, Key="x", CopySource=gone) == (404, "NoSuchKey")


def test_a_deletion_puts_a_marker_that_can_be_removed(s3, versioned):
    at = {"Bucket": versioned, "Key": "k"}
    kept = put(s3, versioned, "k", b"kept")
    deleted = s3.delete_object(**at)
    assert deleted["DeleteMarker"] is True
    assert code_of(s3.get_object, **at) == (404, "NoSuchKey")
    assert code_of(s3.get_object, **at, VersionId=deleted["VersionId"]) == (405, "MethodNotAllowed")
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    removed = s3.delete_object(**at, VersionId=deleted["VersionId"])
    assert (removed["DeleteMarker"], removed["VersionId"]) == (True, deleted["VersionId"])
    assert read(s3, versioned, "k") == b"kept"
    gone = s3.delete_object(**at, VersionId=kept)
    assert (gone["VersionId"], "DeleteMarker" in gone) == (kept, False)
    listed = s3.list_object_versions(Bucket=versioned)
    assert "Versions" not in listed and "DeleteMarkers" not in listed


def test_versions_and_markers_are_deleted_at_once(s3, versioned):
    ids = [put(s3, versioned, "a", b"x") for _ in range(2)]
    put(s3, versioned, "b", b"x")
    marker = s3.delete_object(Bucket=versioned, Key="a")["VersionId"]
    names = [{"Key": "a", "VersionId": version} for version in [marker, *ids]] + [{"Key": "b"}]
    deleted = s3.delete_objects(Bucket=versioned, Delete={"Objects": names})["Deleted"]
    of_a = {entry["VersionId"]: entry for entry in deleted if entry["Key"] == "a"}
    assert set(of_a) == {marker, *ids}
    assert of_a[marker]["DeleteMarker"] and of_a[marker]["DeleteMarkerVersionId"] == marker
    [of_b] = [entry for entry in deleted if entry["Key"] == "b"]
    assert of_b["DeleteMarker"] and "VersionId" not in of_b
    listed = s3.list_object_versions(Bucket=versioned)
    assert [entry["Key"] for entry in listed["Versions"]] == ["b"]
    [left] = listed["DeleteMarkers"]
    assert (left["VersionId"], left["IsLatest"]) == (of_b["DeleteMarkerVersionId"], True)


@pytest.fixture
def history(s3, versioned):
    """A bucket with versions and markers of several keys: each key with its ids, the newest first."""
    keys = ["a", "dir/a", "dir/b", "é"]
    ids = {key: [put(s3, versioned, key, key.encode()) for _ in range(3)][::-1] for key in keys}
    for key in ["a", "é"]:
        ids[key].insert(0, s3.delete_object(Bucket=versioned, Key=key)["VersionId"])
    return versioned, ids


def test_pages_hold_every_version_once_in_order(s3, history):
    bucket, ids = history
    everything = [(key, version) for key, versions in ids.items() for version in versions]
    for size in [1, 3, 1000]:
        pages = s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": size}
        )
        found, latest = [], []
        pages = list(pages)
        for page in pages:
            entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
            found += [(entry["Key"], entry["VersionId"]) for entry in entries]
            latest += [(entry["Key"], entry["VersionId"]) for entry in entries if entry["IsLatest"]]
        assert sorted(found) == sorted(everything)
        assert sorted(latest) == sorted((key, versions[0]) for key, versions in ids.items())
        assert len(pages) == -(-len(everything) // min(size, len(everything)))
    [below] = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix="dir/")
    order = [(entry["Key"], entry["VersionId"]) for entry in below["Versions"]]
    assert order == [(key, version) for key in ["dir/a", "dir/b"] for version in ids[key]]
    folded = s3.list_object_versions(Bucket=bucket, Delimiter="/")
    assert folded["CommonPrefixes"] == [{"Prefix": "dir/"}]
    assert {entry["Key"] for entry in folded["Versions"]} == {"a", "é"}


def test_collections_of_versions_are_listed_read_and_deleted(s3, history, resource):
    bucket, ids = history
    [newest, *older] = resource.object_versions.filter(Prefix="dir/a")
    assert [version.id for version in [newest, *older]] == ids["dir/a"]
    assert (newest.is_latest, newest.size, newest.storage_class) == (True, 5, "STANDARD")
    assert older[0].get()["Body"].read() == b"dir/a"
    assert older[1].head()["VersionId"] == ids["dir/a"][2]
    newest.delete()
    assert s3.get_object(Bucket=bucket, Key="dir/a")["VersionId"] == ids["dir/a"][1]
    deleted = resource.object_versions.filter(Prefix="dir/").delete()
    assert len(deleted[0]["Deleted"]) == 5
    assert {version.object_key for version in resource.object_versions.all()} == {"a", "é"}
    # In pages, each of which is deleted by one request.
    assert [len(page["Deleted"]) for page in resource.object_versions.page_size(3).delete()] == [3, 3, 2]
    assert list(resource.object_versions.all()) == []


def test_waiters_wait_for_versions(s3, versioned):
    at = {"Bucket": versioned, "Key": "k"}
    old, new = put(s3, versioned, "k", b"old"), put(s3, versioned, "k", b"new")
    # The first answer must do: none of them changes.
    once = {"WaiterConfig": {"Delay": 0, "MaxAttempts": 1}}
    exists, gone = s3.get_waiter("object_exists"), s3.get_waiter("object_not_exists")
    exists.wait(**at, VersionId=old, **once)
    s3.delete_object(**at)
    gone.wait(**at, **once)
    exists.wait(**at, VersionId=new, **once)
    s3.delete_object(**at, VersionId=old)
    gone.wait(**at, VersionId=old, **once)
    with pytest.raises(WaiterError):
        gone.wait(**at, VersionId=new, **once)


@pytest.mark.multipart
def test_uploads_become_versions(s3, versioned):
    upload = {"Bucket": versioned, "Key": "k"}
    old = put(s3, versioned, "k", b"old")
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part_copy(
        **upload, PartNumber=1, CopySource={"Bucket": versioned, "Key": "k", "VersionId": old}
    )
    assert part["CopySourceVersionId"] == old
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert done["VersionId"] != old
    versions = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [version["VersionId"] for version in versions] == [done["VersionId"], old]
    assert read(s3, versioned, "k", VersionId=done["VersionId"]) == b"old"


def test_conditions_are_about_the_current_version(s3, versioned):
    at = {"Bucket": versioned, "Key": "k"}
    first = s3.put_object(**at, Body=b"first", IfNoneMatch="*")
    again = code_of(s3.put_object, **at, Body=b"again", IfNoneMatch="*")
    assert again == (412, "PreconditionFailed")
    s3.put_object(**at, Body=b"second", IfMatch=first["ETag"])
    assert code_of(s3.put_object, **at, Body=b"x", IfMatch=first["ETag"]) == (412, "PreconditionFailed")
    assert read(s3, versioned, "k", VersionId=first["VersionId"], IfMatch=first["ETag"]) == b"first"
    s3.delete_object(**at)
    # A key whose current version is a marker has no object.
    keep_versions(s3, versioned, "Suspended")
    s3.put_object(**at, Body=b"third", IfNoneMatch="*")
    assert read(s3, versioned, "k", VersionId="null") == b"third"
