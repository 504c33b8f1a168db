"""Terraform with HashiCorp's own provider for AWS: `terraform/main.tf` is applied, has nothing to change, is changed and
destroyed. It runs against the local server only, where `BLEEPSTORE_TERRAFORM_MIRROR` names a filesystem mirror that
has the provider.
"""

import json
import os
import pathlib
import shutil

import pytest
from botocore.exceptions import ClientError

from clients import run
from conftest import ENDPOINT, plant

ROOT = pathlib.Path(__file__).parent / "terraform" / "main.tf"
MIRROR = os.environ.get("BLEEPSTORE_TERRAFORM_MIRROR")


@pytest.fixture
def terraform(bucket_name, tmp_path):
    """Runs Terraform on a copy of the root."""
    if not MIRROR:
        pytest.skip("BLEEPSTORE_TERRAFORM_MIRROR names no mirror of providers")
    program = shutil.which("terraform") or pytest.skip("Terraform is not installed")
    folder = plant(tmp_path / "root", [("file.bin", 100_000)])
    shutil.copy(ROOT, folder)
    config = tmp_path / "terraform.rc"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{MIRROR}"\n  }}\n}}\n')

    def call(*words, **variables):
        # The provider spends a third of its time on garbage of its schemas, unless it may keep more of it.
        variables["GOGC"] = "400"
        return run(
            program, f"-chdir={folder}", *words, TF_CLI_CONFIG_FILE=str(config), CHECKPOINT_DISABLE="1",
            TF_IN_AUTOMATION="1", TF_INPUT="0", TF_CLI_ARGS="-no-color", TF_VAR_endpoint=ENDPOINT,
            TF_VAR_bucket=bucket_name, TF_VAR_folder=str(folder), **variables,
        )  # fmt: skip

    return call


def tags(answer):
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def test_terraform(s3, bucket_name, terraform):
    terraform("init")
    terraform("apply", "-auto-approve")
    shown = {name: output["value"] for name, output in json.loads(terraform("output", "-json")).items()}
    at = {"Bucket": bucket_name, "Key": "texts/text é.txt"}
    first = s3.get_object(**at)
    assert shown == {
        "region": "us-east-1",
        "text": "first",
        "version": first["VersionId"],
        "files": ["files/copy.bin", "files/file.bin"],
    }
    assert first["Body"].read() == b"first"
    assert (first["ContentType"], first["ContentLanguage"], first["CacheControl"], first["Metadata"]) == (
        "text/plain", "de", "max-age=60", {"color": "red"},
    )  # fmt: skip
    file = s3.head_object(Bucket=bucket_name, Key="files/file.bin", ChecksumMode="ENABLED")
    assert (file["StorageClass"], file["ContentLength"]) == ("STANDARD_IA", 100_000)
    assert "ChecksumSHA256" in file
    assert s3.get_bucket_versioning(Bucket=bucket_name)["Status"] == "Enabled"
    granted = [grant["Permission"] for grant in s3.get_bucket_acl(Bucket=bucket_name)["Grants"]]
    assert granted == ["FULL_CONTROL", "READ"]

    assert s3.get_bucket_policy_status(Bucket=bucket_name)["PolicyStatus"]["IsPublic"] is True
    block = s3.get_public_access_block(Bucket=bucket_name)["PublicAccessBlockConfiguration"]
    assert [switch for switch, on in block.items() if on] == ["RestrictPublicBuckets"]
    rules = s3.get_bucket_cors(Bucket=bucket_name)["CORSRules"]
    assert [rule["MaxAgeSeconds"] for rule in rules] == [600]

    of_bucket = tags(s3.get_bucket_tagging(Bucket=bucket_name))
    assert of_bucket == {"Name": "photos", "a key/+": "a value", "team": "storage"}
    assert tags(s3.get_object_tagging(**at)) == {"text": "first", "team": "storage"}
    copied = s3.get_object_tagging(Bucket=bucket_name, Key="files/copy.bin")
    assert tags(copied) == {"team": "storage"}

    # Its exit code is 2 where anything would change, and `run` takes 0 only.
    terraform("plan", "-detailed-exitcode")
    changed = terraform("apply", "-auto-approve", "-refresh=false", TF_VAR_text="second")
    assert "0 added, 1 changed, 0 destroyed" in changed
    assert s3.get_object(**at)["Body"].read() == b"second"
    assert tags(s3.get_object_tagging(**at)) == {"text": "second", "team": "storage"}
    assert s3.get_object(**at, VersionId=first["VersionId"])["Body"].read() == b"first"
    # What Terraform does not know of goes with the bucket, since the root says so.
    s3.delete_object(**at)
    s3.put_object(Bucket=bucket_name, Key="unknown", Body=b"x")
    terraform("destroy", "-auto-approve", "-refresh=false")
    with pytest.raises(ClientError) as gone:
        s3.head_bucket(Bucket=bucket_name)
    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
