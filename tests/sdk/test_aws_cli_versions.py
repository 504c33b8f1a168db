"""The AWS command line and versions of objects, against the local server only."""

import json

from conftest import keep_versions
from test_aws_cli import aws


def listed(bucket, *options):
    """What `aws s3api list-object-versions` shows."""
    return json.loads(aws("s3api", "list-object-versions", "--bucket", bucket, *options) or "{}")


def test_versions_are_kept_listed_read_and_deleted(s3, bucket, tmp_path):
    there, at = f"s3://{bucket}/dir/k", ["--bucket", bucket, "--key", "dir/k"]
    enable = ["--bucket", bucket, "--versioning-configuration", "Status=Enabled"]
    aws("s3api", "put-bucket-versioning", *enable)
    assert json.loads(aws("s3api", "get-bucket-versioning", "--bucket", bucket)) == {"Status": "Enabled"}
    file, back = tmp_path / "file", tmp_path / "back"
    for text in ["one", "second"]:
        file.write_text(text)
        aws("s3", "cp", file, there, "--no-progress")
    assert aws("s3", "rm", there) == f"delete: {there}\n"
    assert aws("s3", "ls", "--recursive", f"s3://{bucket}/") == ""
    shown = listed(bucket)
    second, one = [version["VersionId"] for version in shown["Versions"]]
    [marker] = shown["DeleteMarkers"]
    assert (marker["Key"], marker["IsLatest"]) == ("dir/k", True)
    # In pages of one, up to the first version, and then the rest.
    first = listed(bucket, "--page-size", "1", "--max-items", "1")
    assert len(first["Versions"]) == 1
    rest = listed(bucket, "--page-size", "1", "--starting-token", first["NextToken"])
    entries = [page.get(kind) or [] for page in (first, rest) for kind in ("DeleteMarkers", "Versions")]
    assert sorted(entry["VersionId"] for entry in sum(entries, [])) == sorted([marker["VersionId"], second, one])

    read = json.loads(aws("s3api", "get-object", *at, "--version-id", one, back))
    assert (read["VersionId"], back.read_text()) == (one, "one")
    aws("s3api", "delete-object", *at, "--version-id", marker["VersionId"])
    source = f"{bucket}/dir/k?versionId={one}"
    aws("s3api", "copy-object", "--bucket", bucket, "--key", "copy", "--copy-source", source)
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"one"
    assert s3.get_object(Bucket=bucket, Key="dir/k")["Body"].read() == b"second"
    names = json.dumps({"Objects": [{"Key": "dir/k", "VersionId": version} for version in (one, second)]})
    deleted = json.loads(aws("s3api", "delete-objects", "--bucket", bucket, "--delete", names))
    assert {entry["VersionId"] for entry in deleted["Deleted"]} == {one, second}
    assert [version["Key"] for version in listed(bucket)["Versions"]] == ["copy"]


def test_a_bucket_with_old_versions_is_not_removed(s3, bucket_name, tmp_path):
    s3.create_bucket(Bucket=bucket_name)
    keep_versions(s3, bucket_name)
    kept = s3.put_object(Bucket=bucket_name, Key="k", Body=b"x")["VersionId"]
    refused = aws("s3", "rb", "--force", f"s3://{bucket_name}", status=1)
    assert "(BucketNotEmpty)" in refused
    marker = listed(bucket_name)["DeleteMarkers"][0]["VersionId"]
    for version in [kept, marker]:
        s3.delete_object(Bucket=bucket_name, Key="k", VersionId=version)
    assert aws("s3", "rb", f"s3://{bucket_name}") == f"remove_bucket: {bucket_name}\n"
