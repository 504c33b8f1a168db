"""boto3 with its default settings against the endpoint under test."""

import base64
import hashlib
import http.client
import io
import json
import pathlib
import re
import urllib.parse
import zlib

import boto3
import pytest
from botocore import UNSIGNED, httpchecksum
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from conftest import (
    ENDPOINT,
    MIB,
    assert_names_the_limit_and_the_ways_out,
    content_length,
    make_client,
)


def pattern(length, seed=0):
    """Bytes that differ wherever two parts could be mixed up."""
    block = b"".join(hashlib.sha256(b"%d:%d" % (seed, n)).digest() for n in range(2048))
    return (block * (length // len(block) + 1))[:length]


def code_of(call, **arguments):
    """The status and the code of the error that the call ends in."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def read(s3, bucket, key, **arguments):
    return s3.get_object(Bucket=bucket, Key=key, **arguments)["Body"].read()


def multipart_uploads_are_refused(s3, bucket):
    with pytest.raises(ClientError) as caught:
        s3.create_multipart_upload(Bucket=bucket, Key="k")
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert error["Error"]["Code"] == "NotImplemented"
    assert_names_the_limit_and_the_ways_out(error["Error"]["Message"])
    # What a program sees that hands a large file to boto3.
    with pytest.raises(ClientError) as caught:
        s3.upload_fileobj(io.BytesIO(bytes(9 * MIB)), bucket, "k")
    assert_names_the_limit_and_the_ways_out(str(caught.value))


INSTEAD = {"multipart": multipart_uploads_are_refused}


# Buckets


def test_a_bucket_is_created_listed_found_and_deleted(s3, bucket_name):
    s3.create_bucket(Bucket=bucket_name)
    assert bucket_name in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=bucket_name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_bucket_location(Bucket=bucket_name)["LocationConstraint"] is None
    s3.delete_bucket(Bucket=bucket_name)
    assert code_of(s3.head_bucket, Bucket=bucket_name) == (404, "404")
    assert bucket_name not in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]


def test_a_bucket_with_an_object_is_not_deleted(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert code_of(s3.delete_bucket, Bucket=bucket) == (409, "BucketNotEmpty")
    assert read(s3, bucket, "k") == b"x"


def test_what_is_not_there_is_named(s3, bucket):
    assert code_of(s3.get_object, Bucket=bucket, Key="none") == (404, "NoSuchKey")
    assert code_of(s3.head_object, Bucket=bucket, Key="none") == (404, "404")
    assert code_of(s3.get_object, Bucket=bucket + "x", Key="k") == (404, "NoSuchBucket")
    assert code_of(s3.list_objects_v2, Bucket=bucket + "x") == (404, "NoSuchBucket")
    assert code_of(s3.delete_bucket, Bucket=bucket + "x") == (404, "NoSuchBucket")
    upload = {"Bucket": bucket, "Key": "k", "UploadId": "none"}
    assert code_of(s3.abort_multipart_upload, **upload) == (404, "NoSuchUpload")
    assert code_of(s3.list_parts, **upload) == (404, "NoSuchUpload")


def test_configuration_that_is_not_there_is_answered_as_by_aws(s3, bucket):
    for call, code in [
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_bucket_cors, "NoSuchCORSConfiguration"),
        (s3.get_bucket_tagging, "NoSuchTagSet"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
    ]:
        assert code_of(call, Bucket=bucket) == (404, code)
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


# Objects


@pytest.mark.parametrize("length", [0, 1, 16 * 1024, 16 * 1024 + 1, 3 * MIB + 7])
def test_bytes_come_back_as_they_were_put(s3, bucket, length):
    body = pattern(length)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert (content_length(got), got["ETag"]) == (length, put["ETag"])


def test_metadata_and_headers_are_kept(s3, bucket):
    headers = {
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="a.txt"',
        "ContentEncoding": "br",
        "ContentLanguage": "de",
        "ContentType": "text/x-test",
    }
    metadata = {"one": "1", "with-hyphen": "a b"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata=metadata, **headers)
    for answer in [s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")]:
        assert {name: answer[name] for name in headers} == headers
        assert answer["Metadata"] == metadata
        assert content_length(answer) == 1


def test_the_default_checksum_is_verified_and_kept(s3, bucket):
    body = pattern(100_000)
    expected = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    # A stream goes out in chunks with the checksum in a trailer.
    put = s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(body))
    assert put["ChecksumCRC32"] == expected
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (expected, "FULL_OBJECT")
    assert read(s3, bucket, "k", ChecksumMode="ENABLED") == body


@pytest.mark.parametrize(
    "name, digest",
    [
        ("SHA1", lambda body: hashlib.sha1(body).digest()),
        ("SHA256", lambda body: hashlib.sha256(body).digest()),
        ("SHA512", lambda body: hashlib.sha512(body).digest()),
        ("CRC32", lambda body: zlib.crc32(body).to_bytes(4, "big")),
    ],
)
def test_a_chosen_checksum_is_verified_and_kept(s3, bucket, name, digest):
    body = pattern(70_000)
    value = base64.b64encode(digest(body)).decode()
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=name)
    assert put[f"Checksum{name}"] == value
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[f"Checksum{name}"] == value


@pytest.mark.parametrize(
    "name, value, wrong",
    [
        # The check values of the CRC catalogue for the nine digits.
        ("CRC32C", base64.b64encode(bytes.fromhex("e3069283")).decode(), "AAAAAA=="),
        ("CRC64NVME", base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode(), "AAAAAAAAAAA="),
        ("SHA256", base64.b64encode(hashlib.sha256(b"123456789").digest()).decode(), "A" * 43 + "="),
        ("MD5", base64.b64encode(hashlib.md5(b"123456789").digest()).decode(), "A" * 22 + "=="),
        # xxHash in its canonical form, which is big-endian.
        ("XXHASH64", base64.b64encode(bytes.fromhex("8cb841db40e6ae83")).decode(), "AAAAAAAAAAA="),
        ("XXHASH3", base64.b64encode(bytes.fromhex("72dcb18b67a17dff")).decode(), "AAAAAAAAAAA="),
        ("XXHASH128", "MxGUd+3l3NXpcWQnaB1YYA==", "A" * 22 + "=="),
    ],
)
def test_a_given_checksum_decides(s3, bucket, name, value, wrong):
    parameter = f"Checksum{name}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"123456789", **{parameter: value})
    assert put[parameter] == value
    refused = {"Bucket": bucket, "Key": "bad", "Body": b"123456789", parameter: wrong}
    assert code_of(s3.put_object, **refused) == (400, "BadDigest")
    assert code_of(s3.head_object, Bucket=bucket, Key="bad") == (404, "404")


def test_a_wrong_content_md5_is_refused(s3, bucket):
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    refused = code_of(s3.put_object, Bucket=bucket, Key="k", Body=b"body", ContentMD5=md5)
    assert refused == (400, "BadDigest")


@pytest.mark.parametrize(
    "key",
    [
        "grüße/日本語/😀.txt",
        "a b+c%20d",
        "//double//slash/",
        "./dots/../k",
        "q?a=b&c#d;e=f",
        "quote'\"<>&{}|\\^`[]~!*()$@,:",
        "line\nfeed\ttab",
        "é" * 512,
    ],
)
def test_odd_keys_are_kept_byte_for_byte(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert read(s3, bucket, key) == key.encode()
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == [key]
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert copied["CopyObjectResult"]["ETag"] == listed[0]["ETag"]
    s3.delete_object(Bucket=bucket, Key=key)
    assert code_of(s3.head_object, Bucket=bucket, Key=key) == (404, "404")


def test_a_key_over_1024_bytes_is_refused(s3, bucket):
    refused = code_of(s3.put_object, Bucket=bucket, Key="k" * 1025, Body=b"")
    assert refused == (400, "KeyTooLongError")


def test_ranges(s3, bucket):
    body = pattern(50_000)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    for text, start, end in [
        ("bytes=0-0", 0, 1),
        ("bytes=100-40099", 100, 40_100),
        ("bytes=49990-", 49_990, 50_000),
        ("bytes=-10", 49_990, 50_000),
        ("bytes=49990-99999", 49_990, 50_000),
    ]:
        got = s3.get_object(Bucket=bucket, Key="k", Range=text)
        assert got["Body"].read() == body[start:end]
        assert got["ContentRange"] == f"bytes {start}-{end - 1}/50000"
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    beyond = code_of(s3.get_object, Bucket=bucket, Key="k", Range="bytes=50000-")
    assert beyond == (416, "InvalidRange")


def test_reads_with_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert read(s3, bucket, "k", IfMatch=etag) == b"x"
    unchanged = code_of(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert unchanged == (304, "304")
    changed = code_of(s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"')
    assert changed == (412, "PreconditionFailed")


def test_writes_with_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"one", IfNoneMatch="*")["ETag"]
    again = code_of(s3.put_object, Bucket=bucket, Key="k", Body=b"two", IfNoneMatch="*")
    assert again == (412, "PreconditionFailed")
    stale = code_of(s3.put_object, Bucket=bucket, Key="k", Body=b"two", IfMatch='"other"')
    assert stale == (412, "PreconditionFailed")
    assert read(s3, bucket, "k") == b"one"
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfMatch=etag)
    assert read(s3, bucket, "k") == b"two"
    absent = code_of(s3.put_object, Bucket=bucket, Key="none", Body=b"", IfMatch=etag)
    assert absent == (404, "NoSuchKey")


def test_attributes_without_the_object(s3, bucket):
    body = pattern(MIB)
    put = s3.put_object(
        Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm="SHA256", StorageClass="STANDARD_IA"
    )
    names = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=names)
    assert found["ETag"] == put["ETag"].strip('"')
    assert found["Checksum"] == {
        "ChecksumSHA256": put["ChecksumSHA256"],
        "ChecksumType": "FULL_OBJECT",
    }
    assert found["StorageClass"] == "STANDARD_IA"
    assert found["ObjectSize"] == MIB
    assert found["LastModified"] == s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert "ObjectParts" not in found
    missing = code_of(s3.get_object_attributes, Bucket=bucket, Key="none", ObjectAttributes=names)
    assert missing == (404, "NoSuchKey")


def test_deleting_is_idempotent(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for _ in range(2):
        deleted = s3.delete_object(Bucket=bucket, Key="k")
        assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_many_objects_are_deleted_at_once(s3, bucket):
    keys = [f"k{n:03}" for n in range(25)] + ["<&>", "ü"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    names = [{"Key": key} for key in keys[1:] + ["never-there"]]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": names})
    assert sorted(entry["Key"] for entry in answer["Deleted"]) == sorted(keys[1:] + ["never-there"])
    assert "Errors" not in answer
    left = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"] for entry in left] == ["k000"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k000"}], "Quiet": True})
    assert "Deleted" not in quiet


def test_copies_keep_or_replace_metadata(s3, bucket):
    body = pattern(40_000)
    s3.put_object(Bucket=bucket, Key="a", Body=body, Metadata={"m": "1"}, ContentType="text/a")
    source = {"Bucket": bucket, "Key": "a"}
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    kept = s3.get_object(Bucket=bucket, Key="kept")
    assert (kept["Body"].read(), kept["Metadata"], kept["ContentType"]) == (body, {"m": "1"}, "text/a")
    replace = {"MetadataDirective": "REPLACE", "Metadata": {"m": "2"}, "ContentType": "text/b"}
    s3.copy_object(Bucket=bucket, Key="replaced", CopySource=source, **replace)
    replaced = s3.head_object(Bucket=bucket, Key="replaced")
    assert (replaced["Metadata"], replaced["ContentType"]) == ({"m": "2"}, "text/b")
    s3.delete_object(Bucket=bucket, Key="a")
    assert read(s3, bucket, "kept") == body
    assert read(s3, bucket, "replaced") == body
    gone = code_of(s3.copy_object, Bucket=bucket, Key="b", CopySource=source)
    assert gone == (404, "NoSuchKey")


def test_an_object_is_renamed(s3, bucket):
    s3.put_object(Bucket=bucket, Key="folder/a b", Body=b"moved", Metadata={"color": "red"})
    before = s3.head_object(Bucket=bucket, Key="folder/a b")
    # Without a token of its own boto3 makes one for each call.
    s3.rename_object(Bucket=bucket, Key="b", RenameSource="folder/a%20b", DestinationIfNoneMatch="*")
    after = s3.head_object(Bucket=bucket, Key="b")
    for name in ["ETag", "LastModified", "Metadata"]:
        assert after[name] == before[name]
    assert read(s3, bucket, "b") == b"moved"
    rename = dict(Bucket=bucket, Key="c", RenameSource=f"{bucket}/b", ClientToken="token")
    for _ in range(2):
        s3.rename_object(**rename)
    mismatch = code_of(s3.rename_object, **{**rename, "RenameSource": "other"})
    assert mismatch == (400, "IdempotencyParameterMismatch")
    assert code_of(s3.rename_object, **{**rename, "ClientToken": "another"}) == (404, "NoSuchKey")
    s3.put_object(Bucket=bucket, Key="taken", Body=b"x")
    taken = dict(Bucket=bucket, Key="taken", RenameSource="c")
    refused = code_of(s3.rename_object, **taken, DestinationIfNoneMatch="*")
    assert refused == (412, "PreconditionFailed")
    refused = code_of(s3.rename_object, **taken, SourceIfMatch="0" * 32)
    assert refused == (412, "PreconditionFailed")
    s3.rename_object(**taken, SourceIfMatch=before["ETag"])
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["taken"]
    assert read(s3, bucket, "taken") == b"moved"


def test_an_object_is_copied_onto_itself_only_with_a_change(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    same = {"Bucket": bucket, "Key": "k", "CopySource": {"Bucket": bucket, "Key": "k"}}
    assert code_of(s3.copy_object, **same) == (400, "InvalidRequest")
    s3.copy_object(**same, MetadataDirective="REPLACE", Metadata={"new": "1"})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"new": "1"}


def tags(answer):
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def tag_set(**tags):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def test_tags_are_put_copied_and_deleted(s3, bucket):
    at = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**at, Body=b"x", Tagging="color=red&a%20key%2F=a%20value%2B")
    assert tags(s3.get_object_tagging(**at)) == {"color": "red", "a key/": "a value+"}
    assert s3.get_object(**at)["TagCount"] == 2
    source = {"CopySource": at, "Bucket": bucket}
    s3.copy_object(**source, Key="kept")
    s3.copy_object(**source, Key="replaced", TaggingDirective="REPLACE", Tagging="color=blue")
    assert tags(s3.get_object_tagging(Bucket=bucket, Key="kept"))["color"] == "red"
    assert tags(s3.get_object_tagging(Bucket=bucket, Key="replaced")) == {"color": "blue"}
    s3.upload_fileobj(io.BytesIO(b"x"), bucket, "uploaded", ExtraArgs={"Tagging": "color=green"})
    assert tags(s3.get_object_tagging(Bucket=bucket, Key="uploaded")) == {"color": "green"}
    s3.put_object_tagging(**at, Tagging=tag_set(shape="round"))
    assert tags(s3.get_object_tagging(**at)) == {"shape": "round"}
    s3.delete_object_tagging(**at)
    assert tags(s3.get_object_tagging(**at)) == {}
    many = tag_set(**{f"tag{n}": "x" for n in range(11)})
    assert code_of(s3.put_object_tagging, **at, Tagging=many) == (400, "BadRequest")
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set(team="storage"))
    assert tags(s3.get_bucket_tagging(Bucket=bucket)) == {"team": "storage"}
    s3.delete_bucket_tagging(Bucket=bucket)
    assert code_of(s3.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")


# Listing

TREE = ["a", "dir/a", "dir/b", "dir/sub/c", "dir2/d", "e", "é", "z"]


@pytest.fixture
def tree(s3, bucket):
    for key in TREE:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return bucket


def folded(pages):
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    prefixes = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
    return keys, prefixes


ORDERED = sorted(TREE, key=str.encode)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_hold_every_key_once_in_order(s3, tree, operation, size):
    pages = list(s3.get_paginator(operation).paginate(Bucket=tree, PaginationConfig={"PageSize": size}))
    assert folded(pages) == (ORDERED, [])
    assert len(pages) == -(-len(TREE) // min(size, len(TREE)))
    delimited = s3.get_paginator(operation).paginate(
        Bucket=tree, Delimiter="/", PaginationConfig={"PageSize": size}
    )
    assert folded(list(delimited)) == (["a", "e", "z", "é"], ["dir/", "dir2/"])


def test_listing_below_a_prefix(s3, tree):
    page = s3.list_objects_v2(Bucket=tree, Prefix="dir/", Delimiter="/")
    assert folded([page]) == (["dir/a", "dir/b"], ["dir/sub/"])
    assert (page["KeyCount"], page["IsTruncated"]) == (3, False)
    after = s3.list_objects_v2(Bucket=tree, StartAfter="dir/b")
    assert folded([after])[0] == [key for key in ORDERED if key > "dir/b"]
    none = s3.list_objects_v2(Bucket=tree, Prefix="nothing")
    assert (none["KeyCount"], "Contents" in none) == (0, False)
    zero = s3.list_objects_v2(Bucket=tree, MaxKeys=0)
    assert (zero["KeyCount"], zero["IsTruncated"]) == (0, False)


def test_a_listing_tells_size_etag_and_owner(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"four")["ETag"]
    entry = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]
    assert (entry["Size"], entry["ETag"], entry["StorageClass"]) == (4, etag, "STANDARD")
    assert entry["Owner"]["ID"]


# Multipart uploads


@pytest.mark.multipart
def test_a_stream_goes_up_in_parts(s3, bucket):
    body = pattern(17 * MIB + 11)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    extra = {"Metadata": {"m": "1"}, "ContentType": "text/x-parts"}
    s3.upload_fileobj(io.BytesIO(body), bucket, "k", ExtraArgs=extra, Config=config)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["Metadata"], head["ContentType"]) == (
        len(body),
        {"m": "1"},
        "text/x-parts",
    )
    assert head["ETag"].endswith('-4"')
    down = io.BytesIO()
    s3.download_fileobj(bucket, "k", down, Config=config)
    assert down.getvalue() == body


def upload_part(s3, upload, number, body):
    return s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]


@pytest.mark.multipart
def test_parts_by_hand(s3, bucket):
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    first, last = pattern(5 * MIB, 1), pattern(1000, 2)
    parts = []
    for number, body in [(3, first), (7, last)]:
        upload_part(s3, upload, number, pattern(10, 3))
        parts.append({"PartNumber": number, "ETag": upload_part(s3, upload, number, body)})
    listed = s3.list_parts(**upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(3, 5 * MIB), (7, 1000)]
    open_uploads = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [entry["UploadId"] for entry in open_uploads] == [upload["UploadId"]]
    assert code_of(s3.head_object, Bucket=bucket, Key="k") == (404, "404")

    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    digests = b"".join(hashlib.md5(body).digest() for body in [first, last])
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    assert read(s3, bucket, "k") == first + last
    assert read(s3, bucket, "k", PartNumber=7) == last
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    again = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert again["ETag"] == done["ETag"]


@pytest.mark.multipart
def test_attributes_of_parts(s3, bucket):
    create = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")
    place = {"Bucket": bucket, "Key": "k", "UploadId": create["UploadId"]}
    bodies = [pattern(5 * MIB), b"end"]
    parts = []
    for number, body in enumerate(bodies, 1):
        done = s3.upload_part(**place, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        parts.append(
            {"PartNumber": number, "ETag": done["ETag"], "ChecksumSHA256": done["ChecksumSHA256"]}
        )
    s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    asked = {"Bucket": bucket, "Key": "k", "ObjectAttributes": ["ObjectParts", "Checksum"]}
    first = s3.get_object_attributes(**asked, MaxParts=1)["ObjectParts"]
    assert first["TotalPartsCount"] == 2 and first["IsTruncated"]
    rest = s3.get_object_attributes(**asked, PartNumberMarker=first["NextPartNumberMarker"])
    assert not rest["ObjectParts"]["IsTruncated"]
    assert first["Parts"] + rest["ObjectParts"]["Parts"] == [
        {"PartNumber": part["PartNumber"], "Size": len(body), "ChecksumSHA256": part["ChecksumSHA256"]}
        for part, body in zip(parts, bodies)
    ]
    assert rest["Checksum"]["ChecksumType"] == "COMPOSITE"


@pytest.mark.multipart
def test_parts_that_do_not_fit_are_refused(s3, bucket):
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etags = [upload_part(s3, upload, number, b"small") for number in [1, 2]]

    def complete(*parts):
        listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        return code_of(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": listed})

    assert complete((1, etags[0]), (2, etags[1])) == (400, "EntityTooSmall")
    assert complete((2, etags[1]), (1, etags[0])) == (400, "InvalidPartOrder")
    assert complete((1, '"0123456789abcdef0123456789abcdef"')) == (400, "InvalidPart")
    assert complete((9, etags[0])) == (400, "InvalidPart")
    s3.abort_multipart_upload(**upload)
    late = code_of(s3.upload_part, **upload, PartNumber=1, Body=b"x")
    assert late == (404, "NoSuchUpload")


# Signatures


def fetch(url, method="GET", body=None, headers=None):
    """What a program gets that adds no header of its own: urllib names a content type, which version 2 signs."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def assert_presigned_urls_work(signer, bucket):
    where = {"Bucket": bucket, "Key": "grüße & more+%.bin"}
    body = pattern(30_000)

    def url(operation, **more):
        return signer.generate_presigned_url(operation, Params={**where, **more}, ExpiresIn=60)

    assert fetch(url("put_object"), "PUT", body)[0] == 200
    assert fetch(url("get_object"))[:2] == (200, body)
    named = fetch(url("get_object", ResponseContentType="text/x-named"))
    assert named[2]["content-type"] == "text/x-named"
    typed = {"ContentType": "text/x-typed", "Metadata": {"a": "1"}}
    headers = {"content-type": "text/x-typed", "x-amz-meta-a": "1"}
    assert fetch(url("put_object", **typed), "PUT", body, headers)[0] == 200
    head = fetch(url("head_object"), "HEAD")[2]
    assert (head["content-type"], head["x-amz-meta-a"]) == ("text/x-typed", "1")
    listed = signer.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket}, ExpiresIn=60)
    assert fetch(listed)[0] == 200
    assert fetch(url("delete_object"), "DELETE")[0] == 204
    assert fetch(url("get_object"))[0] == 404


def test_presigned_urls(s3, bucket):
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert "AWSAccessKeyId=" in url, "boto3 presigns with version 2 unless it is told otherwise"
    assert_presigned_urls_work(s3, bucket)
    # What version 2 moves into the query need not be sent.
    where = {"Bucket": bucket, "Key": "moved", "ContentType": "text/x-moved", "ACL": "public-read"}
    assert fetch(s3.generate_presigned_url("put_object", Params=where), "PUT", b"x")[0] == 200
    status, _, headers = fetch(f"{ENDPOINT}/{bucket}/moved?")
    assert (status, headers["content-type"]) == (200, "text/x-moved")


def test_presigned_urls_of_version_4(bucket):
    assert_presigned_urls_work(make_client(signature_version="s3v4"), bucket)


@pytest.mark.parametrize(
    "version, expires, longer",
    [(None, r"&Expires=\d+", "&Expires=2147483647"), ("s3v4", "X-Amz-Expires=60", "X-Amz-Expires=61")],
)
def test_a_changed_presigned_url_is_refused(s3, bucket, version, expires, longer):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    signer = make_client(signature_version=version)
    where = {"Bucket": bucket, "Key": "k"}
    url = signer.generate_presigned_url("get_object", Params=where, ExpiresIn=60)
    assert fetch(url)[0] == 200 and re.search(expires, url)
    for changed, method in [(re.sub(expires, longer, url), "GET"), (url, "DELETE")]:
        status, text, _ = fetch(changed, method)
        assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in text
    assert read(s3, bucket, "k") == b"x"


def post_form(post, file, filename="a file.txt"):
    """Sends what generate_presigned_post returned as a browser does."""
    boundary = "----boundary"
    parts = [(f'name="{name}"', value.encode()) for name, value in post["fields"].items()]
    parts.append((f'name="file"; filename="{filename}"', file))
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
        for head, value in parts
    )
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    return fetch(post["url"] + "?", "POST", body + f"--{boundary}--\r\n".encode(), headers)


def test_a_form(s3, bucket):
    post = s3.generate_presigned_post(bucket, "grüße & more+%.bin")
    assert "AWSAccessKeyId" in post["fields"], "boto3 signs forms with version 2 unless it is told otherwise"
    body = pattern(30_000)
    assert post_form(post, body)[:2] == (204, b"")
    assert read(s3, bucket, "grüße & more+%.bin") == body


@pytest.mark.parametrize("version", [None, "s3v4"])
def test_a_form_with_conditions(s3, bucket, version):
    fields = {"acl": "public-read", "Content-Type": "text/x-form", "success_action_status": "201"}
    conditions = [{name: value} for name, value in fields.items()]
    conditions.append(["content-length-range", 1, 10])
    signer = make_client(signature_version=version)
    where = {"Bucket": bucket, "Key": "in/${filename}", "Fields": fields, "Conditions": conditions}
    post = signer.generate_presigned_post(**where, ExpiresIn=60)
    assert ("x-amz-signature" in post["fields"]) == (version == "s3v4")
    status, text, headers = post_form(post, b"the file")
    assert status == 201 and b"<Key>in/a file.txt</Key>" in text
    status, body, headers = fetch(f"{ENDPOINT}/{bucket}/in/a%20file.txt?")
    assert (status, body, headers["content-type"]) == (200, b"the file", "text/x-form")
    for file, code in [(b"", b"EntityTooSmall"), (b"a longer file", b"EntityTooLarge")]:
        status, text, _ = post_form(post, file)
        assert status == 400 and b"<Code>" + code + b"</Code>" in text
    post["fields"]["acl"] = "private"
    status, text, _ = post_form(post, b"the file")
    assert status == 403 and b"Policy Condition failed" in text
    assert read(s3, bucket, "in/a file.txt") == b"the file"


def test_a_client_of_another_region_is_sent_here(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for name in ["get_object", "head_object"]:
        # Each client learns the region anew.
        elsewhere = boto3.client("s3", endpoint_url=ENDPOINT, region_name="eu-west-1")
        assert getattr(elsewhere, name)(Bucket=bucket, Key="k")["ETag"]
    for name in ["head_bucket", "list_objects_v2"]:
        elsewhere = boto3.client("s3", endpoint_url=ENDPOINT, region_name="eu-west-1")
        getattr(elsewhere, name)(Bucket=bucket)
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    arns = [entry["BucketArn"] for entry in s3.list_buckets()["Buckets"]]
    assert f"arn:aws:s3:::{bucket}" in arns


def test_no_client_is_told_to_leave_out_a_check():
    """Every client checks what it checks by default: ETags, lengths and checksums, when it writes and when it reads."""
    # Patterns that do not match themselves.
    options = [
        "checksum[_]calculation", "checksum[_]validation", "when[_]required", "payload[_]signing", "no[-]check",
        "ignore[-]checksum", "ignore[-]size", "disable[-]checksum", "size[-]only", "no[-]verify",
    ]  # fmt: skip
    folder = pathlib.Path(__file__).parent
    for file in [file for ending in ("py", "rs", "mjs", "tf") for file in folder.rglob(f"*.{ending}")]:
        told = [option for option in options if re.search(option, file.read_text(), re.IGNORECASE)]
        assert not told, f"{file.name}: {told}"


def test_what_is_read_is_checked_by_default(s3, bucket):
    body = pattern(20_000)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    # Asked for by default, and compared with the bytes as they are read.
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
    assert isinstance(got["Body"], httpchecksum.StreamingChecksumBody)
    assert got["Body"].read() == body
    assert got["LastModified"] == s3.head_object(Bucket=bucket, Key="k")["LastModified"]


def test_wrong_keys_are_refused(bucket):
    def client(access_key, secret_key):
        return boto3.client(
            "s3", endpoint_url=ENDPOINT, aws_access_key_id=access_key, aws_secret_access_key=secret_key
        )

    unknown = client("unknown-key", "secret")
    assert code_of(unknown.list_objects_v2, Bucket=bucket) == (403, "InvalidAccessKeyId")
    forged = client(boto3.Session().get_credentials().access_key, "not-the-secret")
    assert code_of(forged.list_objects_v2, Bucket=bucket) == (403, "SignatureDoesNotMatch")
    refused = code_of(forged.put_object, Bucket=bucket, Key="k", Body=pattern(2 * MIB))
    assert refused == (403, "SignatureDoesNotMatch")


# Access control lists


ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


def grants(acl):
    """Who may do what."""
    return [
        (grant["Grantee"].get("ID") or grant["Grantee"]["URI"], grant["Permission"])
        for grant in acl["Grants"]
    ]


def test_lists_are_put_and_come_back(s3, bucket):
    own = s3.list_buckets()["Owner"]["ID"]
    other = "a" * 64
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", GrantRead=f'id="{other}", uri="{ALL_USERS}"')
    expected = [(other, "READ"), (ALL_USERS, "READ")]
    assert grants(s3.get_object_acl(Bucket=bucket, Key="k")) == expected
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    acl = s3.get_object_acl(Bucket=bucket, Key="k")
    assert acl["Owner"]["ID"] == own
    assert grants(acl) == [(own, "FULL_CONTROL"), (ALL_USERS, "READ")]
    # The list that was shown, with a grant more, on the bucket.
    policy = {"Owner": acl["Owner"], "Grants": acl["Grants"]}
    policy["Grants"].append({"Grantee": {"Type": "CanonicalUser", "ID": other}, "Permission": "WRITE"})
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy)
    assert grants(s3.get_bucket_acl(Bucket=bucket))[2:] == [(other, "WRITE")]
    wrong = {**policy, "Owner": {"ID": other}}
    refused = code_of(s3.put_bucket_acl, Bucket=bucket, AccessControlPolicy=wrong)
    assert refused == (403, "AccessDenied")


def test_what_is_public_needs_no_keys(s3, bucket):
    nobody = make_client(signature_version=UNSIGNED)
    s3.put_object(Bucket=bucket, Key="public", Body=b"for all", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="private", Body=b"for me")
    assert read(nobody, bucket, "public") == b"for all"
    assert code_of(nobody.get_object, Bucket=bucket, Key="private") == (403, "AccessDenied")
    assert code_of(nobody.list_objects_v2, Bucket=bucket) == (403, "AccessDenied")
    assert code_of(nobody.put_object, Bucket=bucket, Key="new", Body=b"x") == (403, "AccessDenied")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    nobody.put_object(Bucket=bucket, Key="new", Body=b"x", ACL="bucket-owner-full-control")
    keys = [entry["Key"] for entry in nobody.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["new", "private", "public"]
    assert read(s3, bucket, "new") == b"x"
    refused = code_of(nobody.put_object, Bucket=bucket, Key="private", Body=b"x")
    assert refused == (403, "AccessDenied")


def test_a_policy_opens_a_bucket_and_a_block_closes_it(s3, bucket):
    nobody = make_client(signature_version=UNSIGNED)
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"for all")
    s3.put_object(Bucket=bucket, Key="k", Body=b"for me")
    statement = {
        "Sid": "Open",
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/open/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert code_of(s3.get_bucket_policy, Bucket=bucket) == (404, "NoSuchBucketPolicy")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert read(nobody, bucket, "open/k") == b"for all"
    assert code_of(nobody.get_object, Bucket=bucket, Key="k") == (403, "AccessDenied")

    block = dict.fromkeys(
        ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True
    )
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == block
    assert code_of(nobody.get_object, Bucket=bucket, Key="open/k") == (403, "AccessDenied")
    assert code_of(s3.put_bucket_policy, Bucket=bucket, Policy=policy) == (403, "AccessDenied")
    s3.delete_public_access_block(Bucket=bucket)
    assert read(nobody, bucket, "open/k") == b"for all"
    s3.delete_bucket_policy(Bucket=bucket)
    assert code_of(nobody.get_object, Bucket=bucket, Key="open/k") == (403, "AccessDenied")
    wrong = policy.replace("s3:GetObject", "s3:Fly")
    assert code_of(s3.put_bucket_policy, Bucket=bucket, Policy=wrong) == (400, "MalformedPolicy")


def test_enforced_ownership_turns_lists_off(s3, bucket):
    rule = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rule)
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == rule
    refused = code_of(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    assert refused == (400, "AccessControlListNotSupported")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    s3.delete_bucket_ownership_controls(Bucket=bucket)
