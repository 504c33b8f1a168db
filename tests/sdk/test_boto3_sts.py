"""boto3 and aws-cli with temporary credentials. The STS that gives them has the address of S3."""

import datetime
import json
import urllib.parse

import boto3
import botocore.session
import pytest
from botocore.config import Config

from conftest import ENDPOINT, empty_and_delete, make_client
from test_aws_cli import aws
from test_boto3 import assert_presigned_urls_work, code_of, fetch, pattern, post_form, read

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/reader"
ASSUMED = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/tests"
HOUR = 3_600


@pytest.fixture
def sts(monkeypatch):
    """A client that finds STS as the variable says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", ENDPOINT)
    return boto3.client("sts", config=Config(retries={"total_max_attempts": 1}))


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, *resources):
    return {"Effect": "Allow", "Action": action, "Resource": list(resources)}


def arn(path):
    return f"arn:aws:s3:::{path}"


def keys_of(credentials):
    """Credentials that STS gave, as boto3 takes them."""
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def client_of(service, credentials, **options):
    config = Config(retries={"total_max_attempts": 1}, **options)
    return boto3.client(service, endpoint_url=ENDPOINT, config=config, **keys_of(credentials))


def assert_lasts(credentials, seconds):
    left = credentials["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert seconds - 120 < left.total_seconds() < seconds + 120


def assume(sts, **more):
    return sts.assume_role(RoleArn=ROLE, RoleSessionName="tests", **more)


@pytest.fixture
def session(sts):
    """The credentials of a session that may do all."""
    return assume(sts)["Credentials"]


def test_callers_are_told_who_they_are(sts, session):
    root = sts.get_caller_identity()
    assert (root["Account"], root["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")
    assert root["UserId"] == ACCOUNT
    inside = client_of("sts", session).get_caller_identity()
    assert (inside["Account"], inside["Arn"]) == (ACCOUNT, ASSUMED)
    assert inside["UserId"].startswith("AROA") and inside["UserId"].endswith(":tests")


def test_a_session_does_what_its_policy_allows(sts, s3, bucket):
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"open")
    s3.put_object(Bucket=bucket, Key="closed/k", Body=b"closed")
    listing = {**allow("s3:ListBucket", arn(bucket)), "Condition": {"StringLike": {"s3:prefix": "open/*"}}}
    narrowed = policy(allow(["s3:GetObject", "s3:PutObject"], arn(f"{bucket}/open/*")), listing)
    answer = assume(sts, Policy=narrowed, DurationSeconds=900)
    assert answer["AssumedRoleUser"]["Arn"] == ASSUMED
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":tests")
    assert 0 < answer["PackedPolicySize"] <= 100
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    assert_lasts(credentials, 900)

    inside = client_of("s3", credentials)
    assert read(inside, bucket, "open/k") == b"open"
    inside.put_object(Bucket=bucket, Key="open/new", Body=b"new")
    assert read(s3, bucket, "open/new") == b"new"
    listed = inside.list_objects_v2(Bucket=bucket, Prefix="open/")["Contents"]
    assert [entry["Key"] for entry in listed] == ["open/k", "open/new"]
    at = {"Bucket": bucket, "Key": "closed/k"}
    for call, arguments in [
        (inside.get_object, at),
        (inside.put_object, {**at, "Body": b"x"}),
        (inside.delete_object, {"Bucket": bucket, "Key": "open/k"}),
        (inside.copy_object, {"Bucket": bucket, "Key": "open/copy", "CopySource": at}),
        (inside.list_objects_v2, {"Bucket": bucket}),
        (inside.list_objects_v2, {"Bucket": bucket, "Prefix": "closed/"}),
        (inside.get_bucket_policy, {"Bucket": bucket}),
        (inside.list_buckets, {}),
    ]:
        assert code_of(call, **arguments) == (403, "AccessDenied")
    assert read(s3, bucket, "closed/k") == b"closed"
    assert sorted(entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]) == [
        "closed/k", "open/k", "open/new",
    ]  # fmt: skip


def test_a_session_of_the_same_rights(sts, bucket_name):
    answer = sts.get_session_token(DurationSeconds=HOUR)
    assert_lasts(answer["Credentials"], HOUR)
    inside = client_of("s3", answer["Credentials"])
    inside.create_bucket(Bucket=bucket_name)
    body = pattern(100_000)
    inside.put_object(Bucket=bucket_name, Key="k", Body=body)
    assert read(inside, bucket_name, "k") == body
    empty_and_delete(inside, bucket_name)
    # It is its account itself.
    identity = client_of("sts", answer["Credentials"]).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_of_a_session(session, s3, bucket, version):
    signer = client_of("s3", session, signature_version=version)
    assert_presigned_urls_work(signer, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert fetch(url)[:2] == (200, b"x")
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.parse_qsl(parts.query)
    (name,) = (name for name, _ in query if name.lower() == "x-amz-security-token")
    without = urllib.parse.urlencode([pair for pair in query if pair[0] != name])
    status, text, _ = fetch(parts._replace(query=without).geturl())
    assert (status, b"<Code>InvalidAccessKeyId</Code>" in text) == (403, True)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_form_of_a_session(sts, s3, bucket, version):
    narrowed = policy(allow("s3:PutObject", arn(f"{bucket}/in/*")))
    credentials = assume(sts, Policy=narrowed)["Credentials"]
    signer = client_of("s3", credentials, signature_version=version)
    post = signer.generate_presigned_post(bucket, "in/${filename}")
    assert post["fields"]["x-amz-security-token"] == credentials["SessionToken"]
    assert post_form(post, b"the file")[0] == 204
    assert read(s3, bucket, "in/a file.txt") == b"the file"
    # The policy of the session decides as well.
    status, text, _ = post_form(signer.generate_presigned_post(bucket, "out/k"), b"the file")
    assert (status, b"<Code>AccessDenied</Code>" in text) == (403, True)
    del post["fields"]["x-amz-security-token"]
    assert post_form(post, b"the file")[0] == 403


@pytest.fixture
def profiles(monkeypatch, tmp_path):
    """Profiles as people write them, one of which assumes a role with the keys of the other."""
    environment = botocore.session.get_session().get_credentials()
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text(
        f"""
[profile base]
region = us-east-1

[profile reader]
region = us-east-1
endpoint_url = {ENDPOINT}
role_arn = {ROLE}
role_session_name = tests
source_profile = base
duration_seconds = 900
"""
    )
    credentials.write_text(
        f"""
[base]
aws_access_key_id = {environment.access_key}
aws_secret_access_key = {environment.secret_key}
"""
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))


def test_a_profile_assumes_a_role(profiles, s3, bucket):
    session = boto3.Session(profile_name="reader")
    inside = session.client("s3")
    inside.put_object(Bucket=bucket, Key="k", Body=b"by a role")
    assert read(s3, bucket, "k") == b"by a role"
    credentials = session.get_credentials()
    assert credentials.method == "assume-role"
    assert credentials.get_frozen_credentials().access_key.startswith("ASIA")
    assert session.client("sts").get_caller_identity()["Arn"] == ASSUMED


def test_what_is_refused_has_the_codes_of_sts(sts, session, bucket):
    unknown = {"AccessKeyId": "AKIAUNKNOWN", "SecretAccessKey": "x", "SessionToken": None}
    wrong = {**session, "SecretAccessKey": "x" * 40}
    changed = {**session, "SessionToken": session["SessionToken"][:-8] + "AAAAAAAA"}
    for credentials, of_sts, of_s3 in [
        (unknown, (403, "InvalidClientTokenId"), (403, "InvalidAccessKeyId")),
        (wrong, (403, "SignatureDoesNotMatch"), (403, "SignatureDoesNotMatch")),
        (changed, (403, "InvalidClientTokenId"), (400, "InvalidToken")),
    ]:
        assert code_of(client_of("sts", credentials).get_caller_identity) == of_sts
        assert code_of(client_of("s3", credentials).list_objects_v2, Bucket=bucket) == of_s3
    # A session begins none.
    inside = client_of("sts", session)
    role = {"RoleArn": ROLE, "RoleSessionName": "tests"}
    assert code_of(inside.get_session_token) == (403, "AccessDenied")
    assert code_of(inside.assume_role, **role) == (403, "AccessDenied")
    of_others = {**role, "RoleArn": "arn:aws:iam::111122223333:role/reader"}
    assert code_of(sts.assume_role, **of_others) == (403, "AccessDenied")
    for arguments in [{"RoleSessionName": "not a name"}, {"DurationSeconds": 43_201}, {"Policy": "x" * 2_049}]:
        assert code_of(sts.assume_role, **{**role, **arguments}) == (400, "ValidationError")
    for text in ["{", "{}", policy({**allow("s3:*", "*"), "Effect": "allow"})]:
        assert code_of(sts.assume_role, **role, Policy=text) == (400, "MalformedPolicyDocument")


def test_the_command_line_with_a_session(s3, bucket):
    identity = json.loads(aws("sts", "get-caller-identity"))
    assert identity == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    narrowed = policy(allow("s3:ListBucket", arn(bucket)))
    role = ["--role-arn", ROLE, "--role-session-name", "tests", "--policy", narrowed]
    answer = json.loads(aws("sts", "assume-role", *role))
    assert answer["AssumedRoleUser"]["Arn"] == ASSUMED
    credentials = {
        "AWS_ACCESS_KEY_ID": answer["Credentials"]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": answer["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": answer["Credentials"]["SessionToken"],
    }
    assert json.loads(aws("sts", "get-caller-identity", **credentials))["Arn"] == ASSUMED
    assert aws("s3", "ls", f"s3://{bucket}", **credentials).split()[-1] == "k"
    deletion = ["s3api", "delete-object", "--bucket", bucket, "--key", "k"]
    assert "(AccessDenied)" in aws(*deletion, status=255, **credentials)
    assert read(s3, bucket, "k") == b"x"


def test_a_client_of_the_session_needs_no_more_than_variables(monkeypatch, session, s3, bucket):
    """As programs are given credentials by what starts them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", session["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", session["SessionToken"])
    make_client().put_object(Bucket=bucket, Key="k", Body=b"x")
    assert read(s3, bucket, "k") == b"x"
