"""boto3 and aws-cli with websites, which need a domain of their own. It runs against the local server only."""

import http.client
import urllib.parse

import pytest

from conftest import new_bucket_name
from servers import client_at, local_server
from test_aws_cli import aws
from test_boto3 import code_of, read

DOMAIN = "web.example.com"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with local_server(folder / "data", "--website-domain", DOMAIN) as endpoint:
        yield endpoint


@pytest.fixture
def site(endpoint):
    """A client, and a bucket of the test's own."""
    s3, name = client_at(endpoint), new_bucket_name()
    s3.create_bucket(Bucket=name)
    return s3, name


def visit(endpoint, bucket, path, method="GET"):
    """What a visitor gets, who follows no redirect."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc, timeout=30)
    try:
        connection.request(method, path, headers={"host": f"{bucket}.{DOMAIN}"})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def publish(s3, bucket, **objects):
    for key, body in objects.items():
        arguments = {"ContentType": "text/html", "ACL": "public-read"}
        s3.put_object(Bucket=bucket, Key=key.replace("__", "/") + ".html", Body=body, **arguments)


def test_a_configuration_comes_back_as_it_was_put(site):
    s3, bucket = site
    assert code_of(s3.get_bucket_website, Bucket=bucket) == (404, "NoSuchWebsiteConfiguration")
    pages = {
        "IndexDocument": {"Suffix": "index.html"},
        "ErrorDocument": {"Key": "errors/404.html"},
        "RoutingRules": [
            {
                "Condition": {"KeyPrefixEquals": "old/", "HttpErrorCodeReturnedEquals": "404"},
                "Redirect": {
                    "HostName": "example.org",
                    "HttpRedirectCode": "302",
                    "Protocol": "https",
                    "ReplaceKeyPrefixWith": "new/",
                },
            },
            {"Redirect": {"ReplaceKeyWith": "é & more"}},
        ],
    }
    elsewhere = {"RedirectAllRequestsTo": {"HostName": "example.org", "Protocol": "https"}}
    for configuration in [pages, elsewhere]:
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)
        found = s3.get_bucket_website(Bucket=bucket)
        del found["ResponseMetadata"]
        assert found == configuration
    s3.delete_bucket_website(Bucket=bucket)
    s3.delete_bucket_website(Bucket=bucket)
    assert code_of(s3.get_bucket_website, Bucket=bucket) == (404, "NoSuchWebsiteConfiguration")


def test_what_is_no_configuration_is_refused(site):
    s3, bucket = site
    suffix = {"IndexDocument": {"Suffix": "a/b"}}
    rule = {"Condition": {"HttpErrorCodeReturnedEquals": "200"}, "Redirect": {"HostName": "x"}}
    for configuration, expected in [
        (suffix, (400, "InvalidArgument")),
        ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [rule]}, (400, "InvalidRequest")),
        ({"ErrorDocument": {"Key": "e"}}, (400, "InvalidArgument")),
    ]:
        refused = code_of(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=configuration)
        assert refused == expected, configuration
    assert code_of(s3.get_bucket_website, Bucket=bucket) == (404, "NoSuchWebsiteConfiguration")


def test_visitors_get_pages_and_errors(site, endpoint):
    s3, bucket = site
    publish(s3, bucket, index=b"home", docs__index=b"docs", error=b"not here")
    s3.put_object(Bucket=bucket, Key="private", Body=b"x")
    assert visit(endpoint, bucket, "/")[0] == 404
    configuration = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)
    status, body, headers = visit(endpoint, bucket, "/")
    assert (status, body, headers["content-type"]) == (200, b"home", "text/html")
    assert headers["etag"] == s3.head_object(Bucket=bucket, Key="index.html")["ETag"]
    status, _, headers = visit(endpoint, bucket, "/docs")
    assert (status, headers["location"]) == (302, "/docs/")
    assert visit(endpoint, bucket, "/docs/")[:2] == (200, b"docs")
    assert visit(endpoint, bucket, "/docs/", "HEAD")[:2] == (200, b"")
    # Nobody but the owner may list the bucket.
    for path in ["/none", "/private"]:
        status, body, headers = visit(endpoint, bucket, path)
        assert (status, body, headers["x-amz-error-code"]) == (403, b"not here", "AccessDenied")
    assert visit(endpoint, bucket, "/", "POST")[0] == 405
    s3.delete_bucket_website(Bucket=bucket)
    assert visit(endpoint, bucket, "/")[0] == 404


def test_visitors_are_sent_elsewhere(site, endpoint):
    s3, bucket = site
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "403"},
            "Redirect": {"HostName": "example.org", "Protocol": "https", "HttpRedirectCode": "307"},
        },
    ]
    configuration = {"IndexDocument": {"Suffix": "index.html"}, "RoutingRules": rules}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)
    moved = {"WebsiteRedirectLocation": "/new/page", "ACL": "public-read"}
    s3.put_object(Bucket=bucket, Key="moved", Body=b"x", **moved)
    assert s3.head_object(Bucket=bucket, Key="moved")["WebsiteRedirectLocation"] == "/new/page"
    assert read(s3, bucket, "moved") == b"x"
    for path, expected in [
        ("/old/page", (301, f"http://{bucket}.{DOMAIN}/new/page")),
        ("/none", (307, "https://example.org/none")),
        ("/moved", (301, "/new/page")),
    ]:
        status, _, headers = visit(endpoint, bucket, path)
        assert (status, headers["location"]) == expected
    everybody = {"RedirectAllRequestsTo": {"HostName": "example.org"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=everybody)
    status, _, headers = visit(endpoint, bucket, "/a/b")
    assert (status, headers["location"]) == (301, "http://example.org/a/b")


def test_the_command_line_makes_a_website(site, endpoint, tmp_path):
    _, bucket = site
    here = ["--endpoint-url", endpoint, "s3"]
    (tmp_path / "index.html").write_bytes(b"home")
    (tmp_path / "404.html").write_bytes(b"not here")
    documents = ["--index-document", "index.html", "--error-document", "404.html"]
    aws(*here, "website", f"s3://{bucket}", *documents)
    aws(*here, "cp", tmp_path, f"s3://{bucket}/", "--recursive", "--acl", "public-read", "--no-progress")
    assert visit(endpoint, bucket, "/")[:2] == (200, b"home")
    assert visit(endpoint, bucket, "/none")[:2] == (403, b"not here")


def test_without_a_domain_there_are_no_websites(s3, bucket):
    configuration = {"IndexDocument": {"Suffix": "index.html"}}
    refused = code_of(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=configuration)
    assert refused == (501, "NotImplemented")
