"""boto3 with tokens of an OpenID Connect issuer, which the local server trusts by `--oidc`. It runs against the local
server only.
"""

import json
import time

import boto3
import pytest

from issuer import Elliptic, Issuer, Rsa
from servers import client_at, local_server
from test_boto3 import code_of, read
from test_boto3_sts import allow, arn, keys_of, policy

ROLE = "arn:aws:iam::000000000000:role/deploy"
UNTRUSTED = "arn:aws:iam::000000000000:role/untrusted"
BUCKET = "web-identity"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    with Issuer(tmp_path_factory.mktemp("issuer"), [Rsa("rsa"), Elliptic("elliptic")]).serving() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def endpoint(issuer, tmp_path_factory):
    """A server with two roles: one that trusts the issuer, and one that takes it for an impostor."""
    folder = tmp_path_factory.mktemp("server")
    impostor = Issuer(folder, [])
    statements = [allow(["s3:GetObject", "s3:PutObject"], arn(f"{BUCKET}/*")), allow("s3:ListBucket", arn(BUCKET))]
    role = {
        "role": "deploy",
        "issuer": issuer.url,
        "certificates": issuer.certificates,
        "audiences": ["bleepstore", "another"],
        "subjects": ["repo:photos:*"],
        "policy": json.loads(policy(*statements)),
    }
    untrusted = {**role, "role": "untrusted", "certificates": impostor.certificates}
    (folder / "roles.json").write_text(json.dumps([role, untrusted]))
    with local_server(folder / "data", "--oidc", folder / "roles.json") as endpoint:
        owner = client_at(endpoint)
        owner.create_bucket(Bucket=BUCKET)
        owner.put_object(Bucket=BUCKET, Key="k", Body=b"of the owner")
        yield endpoint


@pytest.fixture
def without_keys(monkeypatch):
    """Nobody has keys, as on the machines that such tokens are for."""
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]:
        monkeypatch.delenv(name)


@pytest.fixture
def sts(endpoint, without_keys):
    return client_at(endpoint, "sts")


def assume(sts, token, **more):
    arguments = {"RoleArn": ROLE, "RoleSessionName": "build-7", "WebIdentityToken": token, **more}
    return sts.assume_role_with_web_identity(**arguments)


@pytest.mark.parametrize("key", [0, 1], ids=["RS256", "ES256"])
def test_a_token_gives_the_credentials_of_the_role(sts, issuer, endpoint, key):
    token = issuer.token(issuer.keys[key], aud=["unheard of", "another"])
    answer = assume(sts, token, DurationSeconds=900)
    assert answer["SubjectFromWebIdentityToken"] == "repo:photos:main"
    assert (answer["Audience"], answer["Provider"]) == ("another", issuer.url)
    assumed = "arn:aws:sts::000000000000:assumed-role/deploy/build-7"
    assert answer["AssumedRoleUser"]["Arn"] == assumed
    keys = keys_of(answer["Credentials"])
    assert client_at(endpoint, "sts", **keys).get_caller_identity()["Arn"] == assumed
    s3 = client_at(endpoint, **keys)
    s3.put_object(Bucket=BUCKET, Key="built", Body=b"by a token")
    assert read(s3, BUCKET, "built") == b"by a token"
    assert read(s3, BUCKET, "k") == b"of the owner"
    # What the role does not allow, nobody has.
    assert code_of(s3.delete_object, Bucket=BUCKET, Key="k") == (403, "AccessDenied")
    assert code_of(s3.create_bucket, Bucket="another-bucket") == (403, "AccessDenied")


def test_the_policy_of_a_session_narrows_the_role(sts, issuer, endpoint):
    narrowed = policy(allow("s3:*", arn(f"{BUCKET}/in/*")))
    answer = assume(sts, issuer.token(), Policy=narrowed)
    assert 0 < answer["PackedPolicySize"] <= 100
    s3 = client_at(endpoint, **keys_of(answer["Credentials"]))
    s3.put_object(Bucket=BUCKET, Key="in/k", Body=b"x")
    assert read(s3, BUCKET, "in/k") == b"x"
    assert code_of(s3.get_object, Bucket=BUCKET, Key="k") == (403, "AccessDenied")
    # The session's policy allows this, but the role does not.
    assert code_of(s3.delete_object, Bucket=BUCKET, Key="in/k") == (403, "AccessDenied")
    broken = code_of(assume, sts=sts, token=issuer.token(), Policy="{}")
    assert broken == (400, "MalformedPolicyDocument")


def test_tokens_that_are_not_taken(sts, issuer):
    past = int(time.time()) - 3_600
    key = issuer.keys[1]
    forged = Elliptic(key.name)
    mixed = issuer.token(sub="repo:photos:other").split(".")[:2] + issuer.token().split(".")[2:]
    for token, role, expected in [
        (issuer.token(aud="somebody else"), ROLE, (400, "InvalidIdentityToken")),
        (issuer.token(sub="repo:videos:main"), ROLE, (403, "AccessDenied")),
        (issuer.token(iat=past, exp=past + 60), ROLE, (400, "ExpiredTokenException")),
        (issuer.token(nbf=past + 7_200), ROLE, (400, "InvalidIdentityToken")),
        (issuer.token(Rsa("unknown")), ROLE, (400, "InvalidIdentityToken")),
        (issuer.token(forged), ROLE, (400, "InvalidIdentityToken")),
        (issuer.token(iss=f"{issuer.url}/other"), ROLE, (400, "InvalidIdentityToken")),
        (".".join(mixed), ROLE, (400, "InvalidIdentityToken")),
        ("no.token.atall", ROLE, (400, "InvalidIdentityToken")),
        (issuer.token(), f"{ROLE}-2", (403, "AccessDenied")),
        (issuer.token(), ROLE.replace("0000", "1111"), (403, "AccessDenied")),
        (issuer.token(), UNTRUSTED, (400, "IDPCommunicationError")),
    ]:
        assert code_of(assume, sts=sts, token=token, RoleArn=role) == expected, token


def assert_is_the_role(session):
    s3 = session.client("s3")
    s3.put_object(Bucket=BUCKET, Key="provided", Body=b"by a file")
    assert read(s3, BUCKET, "provided") == b"by a file"
    who = session.client("sts").get_caller_identity()["Arn"]
    assert who.startswith("arn:aws:sts::000000000000:assumed-role/deploy/")
    assert session.get_credentials().method == "assume-role-with-web-identity"


def test_variables_name_the_role_and_the_file_of_the_token(monkeypatch, tmp_path, without_keys, issuer, endpoint):
    token = tmp_path / "token"
    token.write_text(issuer.token())
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert_is_the_role(boto3.Session())
    token.write_text(issuer.token(aud="somebody else"))
    assert code_of(boto3.Session().client("s3").list_objects_v2, Bucket=BUCKET) == (400, "InvalidIdentityToken")


def test_a_profile_names_the_role_and_the_file_of_the_token(monkeypatch, tmp_path, without_keys, issuer, endpoint):
    token, config = tmp_path / "token", tmp_path / "config"
    token.write_text(issuer.token(issuer.keys[1]))
    lines = ["[profile deploy]", f"role_arn = {ROLE}", f"web_identity_token_file = {token}"]
    lines += ["role_session_name = build-8", f"endpoint_url = {endpoint}"]
    config.write_text("\n".join(lines))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert_is_the_role(boto3.Session(profile_name="deploy"))
