"""A browser: forms, requests of pages of other origins, and websites. It runs against the local server only."""

import html
import json
import urllib.parse

import pytest

from browser import Failed, browser
from conftest import make_client
from servers import client_at, local_server, pages

HTML = "text/html; charset=utf-8"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture(scope="module")
def documents():
    """What is served at `/`, at both origins."""
    return {"/": (HTML, b"<title>a page</title>"), "/done": (HTML, b"<title>done</title>")}


@pytest.fixture(scope="module")
def origin(documents):
    with pages(documents) as host:
        yield f"http://{host}"


@pytest.fixture(scope="module")
def other_origin(documents):
    with pages(documents) as host:
        yield f"http://{host}"


def form_of(post):
    """A form as people write it."""
    fields = ((name, html.escape(value)) for name, value in post["fields"].items())
    inputs = [f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields]
    return f"""<!doctype html><title>a form</title>
        <form action="{post["url"]}" method="post" enctype="multipart/form-data">
        {"".join(inputs)}<input type="file" name="file"><button>send</button></form>"""


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_form_sends_a_file(s3, bucket, tmp_path, page, documents, origin, version):
    signer = make_client(signature_version=version)
    fields = {"Content-Type": "image/x-photo", "success_action_redirect": f"{origin}/done", "x-amz-meta-by": "a form"}
    conditions = [{name: value} for name, value in fields.items()] + [["content-length-range", 1, 100_000]]
    post = signer.generate_presigned_post(bucket, "in/${filename}", Fields=fields, Conditions=conditions)
    assert ("x-amz-signature" in post["fields"]) == (version == "s3v4")
    documents["/form"] = HTML, form_of(post).encode()
    file = tmp_path / "a photo é+%.bin"
    file.write_bytes(bytes(range(256)) * 200)
    page.go(f"{origin}/form")
    page.pick("input[type=file]", file)
    with page.loading():
        page.run("document.querySelector('button').click()")
    assert page.run("document.title") == "done"
    found = s3.get_object(Bucket=bucket, Key=f"in/{file.name}")
    assert (found["ContentType"], found["Metadata"]) == ("image/x-photo", {"by": "a form"})
    assert found["Body"].read() == file.read_bytes()
    there = urllib.parse.urlsplit(page.run("location.href"))
    assert there._replace(query="").geturl() == f"{origin}/done"
    told = {"bucket": bucket, "key": f"in/{file.name}", "etag": found["ETag"]}
    assert dict(urllib.parse.parse_qsl(there.query)) == told


def test_a_form_that_is_refused_shows_the_error(s3, bucket, tmp_path, page, documents, origin):
    post = s3.generate_presigned_post(bucket, "k", Conditions=[["content-length-range", 1, 10]])
    documents["/form"] = HTML, form_of(post).encode()
    (tmp_path / "file").write_bytes(b"more than ten")
    page.go(f"{origin}/form")
    page.pick("input[type=file]", tmp_path / "file")
    with page.loading():
        page.run("document.querySelector('button').click()")
    assert page.run("document.querySelector('Code').textContent") == "EntityTooLarge"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


SHOWN = """async answer => [answer.status, await answer.text(),
    ...["etag", "x-amz-meta-color", "x-amz-request-id"].map(name => answer.headers.get(name))]"""


def fetched(page, url, **options):
    """What a script of the page is shown of an answer: status, body, and three headers."""
    return page.run(f"fetch({json.dumps(url)}, {json.dumps(options)}).then({SHOWN})")


def is_refused(page, url, **options):
    with pytest.raises(Failed, match="TypeError: Failed to fetch"):
        fetched(page, url, **options)
    return True


def test_pages_of_other_origins_are_shown_what_the_rules_allow(s3, bucket, page, origin, other_origin):
    rule = {
        "AllowedOrigins": [origin],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["content-type", "x-amz-meta-*"],
        "ExposeHeaders": ["ETag", "x-amz-meta-color"],
        "MaxAgeSeconds": 60,
    }
    signer = make_client(signature_version="s3v4")
    etag = s3.put_object(Bucket=bucket, Key="k", Body="é".encode(), Metadata={"color": "red"})["ETag"]

    def url(operation, key="k", **more):
        return signer.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": key, **more})

    # Nothing is allowed without rules.
    page.go(origin)
    assert is_refused(page, url("get_object"))
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert fetched(page, url("get_object")) == [200, "é", etag, "red", None]
    # Errors are shown as well.
    status, body, *_ = fetched(page, url("get_object", "none"))
    assert (status, "<Code>NoSuchKey</Code>" in body) == (404, True)

    # The browser asks before it sends these.
    typed = url("put_object", "new", ContentType="text/x-page", Metadata={"color": "blue"})
    headers = {"content-type": "text/x-page", "x-amz-meta-color": "blue"}
    put = fetched(page, typed, method="PUT", body="of a page", headers=headers)
    found = s3.get_object(Bucket=bucket, Key="new")
    assert put == [200, "", found["ETag"], None, None]
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (
        b"of a page", "text/x-page", {"color": "blue"},
    )  # fmt: skip
    assert is_refused(page, url("put_object"), method="PUT", body="x", headers={"x-other": "1"})
    assert is_refused(page, url("delete_object"), method="DELETE")

    page.go(other_origin)
    assert is_refused(page, url("get_object"))
    assert is_refused(page, typed, method="PUT", body="x", headers=headers)
    sizes = {entry["Key"]: entry["Size"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert sizes == {"k": 2, "new": 9}


SITE = {
    "index.html": (HTML, "<title>before</title><script src='app.js'></script>"),
    "app.js": ("text/javascript", "document.title = 'home'"),
    "docs/index.html": (HTML, "<title>docs</title>"),
    "new/a page.html": (HTML, "<title>new</title>"),
    "error.html": (HTML, "<title>not here</title>"),
}
STATUS = "performance.getEntriesByType('navigation')[0].responseStatus"
RULES = [
    {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
    {"Condition": {"HttpErrorCodeReturnedEquals": "403"}, "Redirect": {"ReplaceKeyWith": "error.html"}},
]


def test_a_website(page, tmp_path):
    with local_server(tmp_path / "data", "--website-domain", "web.localhost") as endpoint:
        s3 = client_at(endpoint)
        s3.create_bucket(Bucket="photos")
        s3.put_bucket_acl(Bucket="photos", ACL="public-read")
        for key, (kind, text) in SITE.items():
            s3.put_object(Bucket="photos", Key=key, Body=text.encode(), ContentType=kind, ACL="public-read")
        s3.put_object(Bucket="photos", Key="private", Body=b"x")
        site = {
            "IndexDocument": {"Suffix": "index.html"},
            "ErrorDocument": {"Key": "error.html"},
            "RoutingRules": RULES,
        }
        s3.put_bucket_website(Bucket="photos", WebsiteConfiguration=site)
        host = f"http://photos.web.localhost:{urllib.parse.urlsplit(endpoint).port}"
        for path, expected in [
            ("/", ("home", 200, "/")),
            ("/docs", ("docs", 200, "/docs/")),
            ("/none", ("not here", 404, "/none")),
            ("/old/a page.html", ("new", 200, "/new/a%20page.html")),
            ("/private", ("not here", 200, "/error.html")),
        ]:
            page.go(host + path)
            shown = page.run(f"[document.title, {STATUS}, location.pathname]")
            assert tuple(shown) == expected, path
        # No bucket, no website; the browser shows the page that says so.
        page.go(host.replace("photos", "videos"))
        assert "NoSuchBucket" in page.run("document.body.textContent") and page.run(STATUS) == 404
