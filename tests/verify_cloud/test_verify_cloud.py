"""`cargo xtask verify-cloud`: the server as it is, and behind fronts each of which does one thing wrong."""

import concurrent.futures
import os
import re
import signal
import subprocess
from collections import Counter

import boto3
import pytest

from conftest import COMMAND, ENDPOINT, ROOT, buckets, verify
from front import (
    AnswersExpect,
    AppendsEncoding,
    ChangesAnswers,
    ChangesPaths,
    DropsHeader,
    Every,
    Fault,
    Front,
    JoinsHeaders,
    LosesEmptyAnswers,
    OwnHost,
    Packs,
    Refuses,
    RenamesLengths,
    Unpacks,
    value_of,
)

PAGE = ROOT / "docs/verify-on-a-real-cloud.md"


# By name: what the front does wrong, and the questions whose answers must differ.
FAULTS = {
    "renamed lengths": (
        RenamesLengths(),
        {"head-length", "get-length", "empty-object", "empty-answers", "boto3-head", "range", "response-headers"},
    ),
    "empty answers lost": (
        LosesEmptyAnswers(),
        {"empty-answers", "empty-object", "etag", "not-modified", "boto3-delete", "path-space"},
    ),
    "encoded slashes decoded": (ChangesPaths(("%2F", "/")), {"path-encoded-slash"}),
    "slashes merged": (ChangesPaths(("//", "/")), {"path-double-slash", "path-leading-slash"}),
    "dots resolved": (ChangesPaths(("/./", "/"), ("/a/../", "/")), {"path-dot", "path-dot-dot"}),
    "pluses decoded": (ChangesPaths(("%2B", "%20")), {"path-encoded-plus", "presigned-v4"}),
    "percents decoded": (ChangesPaths(("%25", "%")), {"path-percent", "path-encoded-percent"}),
    "another host": (OwnHost(), {"host"}),
    "gzip unpacked": (Unpacks(), {"gzip-stored"}),
    "answers packed": (Packs(), {"gzip-added"}),
    "Expect answered": (AnswersExpect(), {"expect-refused", "too-large-asked"}),
    "underscores dropped": (DropsHeader(lambda name, _: "_" in name), {"signed-headers"}),
    "what is not ASCII dropped": (DropsHeader(lambda _, value: not value.isascii()), {"metadata-non-ascii"}),
    "headers joined": (JoinsHeaders(), {"header-twice"}),
    "ranges dropped": (DropsHeader(lambda name, _: name.lower() == "range"), {"range"}),
    "conditions dropped": (DropsHeader(lambda name, _: name.lower().startswith("if-")), {"not-modified"}),
    "ETags without quotes": (ChangesAnswers("etag", lambda value: value.strip('"')), {"etag", "empty-object"}),
    "errors renamed": (ChangesAnswers("content-type", lambda _: "text/html"), {"errors"}),
    "dates dropped": (ChangesAnswers("last-modified", lambda _: None), {"response-headers"}),
    "healthz kept": (Refuses(lambda _m, target, _h: target.startswith("/healthz"), 200), {"name-healthz"}),
    "strangers refused": (
        Refuses(lambda _, target, headers: not value_of(headers, "authorization") and "Sig" not in target, 403),
        {"unsigned", "health"},
    ),
    "chunks refused": (
        Refuses(lambda _m, _t, headers: value_of(headers, "transfer-encoding"), 501),
        {"chunked-request", "aws-chunked-in-chunks"},
    ),
    "long targets refused": (Refuses(lambda _m, target, _h: len(target) > 4096, 414), {"long-url"}),
    "long headers refused": (
        Refuses(lambda _m, _t, headers: any(len(value) > 1999 for _, value in headers), 431),
        {"large-metadata"},
    ),
    "large bodies refused": (
        Refuses(lambda _m, _t, headers: int(value_of(headers, "content-length") or 0) > 20_000_000, 413),
        {"too-large-asked"},
    ),
    "some requests failed": (Every(10, "/_bleepstore/health"), {"health-burst"}),
    # What BleepStore is made to withstand.
    "Accept-Encoding appended": (AppendsEncoding(), set()),
}
# Asked with each front, so that one that does everything wrong does not pass for one that does one thing wrong.
BYSTANDERS = {"errors", "accept-encoding", "path-space"}


def asked_with(name):
    """The command's end, asked with a front about what should differ and about bystanders."""
    fault, expected = FAULTS[name]
    asked = expected | (BYSTANDERS if name not in ("another host", "strangers refused") else set())
    with Front(ENDPOINT, fault) as front:
        return asked, verify("aws", "--endpoint", front.endpoint, "--only", ",".join(sorted(asked)))


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """All of them, some at a time; under None everything without a front, with the report that is written."""
    folder = tmp_path_factory.mktemp("whole")
    report = folder / "report.md"
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        # No program of a cloud is found there.
        whole = pool.submit(verify, "aws", "--endpoint", ENDPOINT, "--report", report, PATH=str(folder))
        yield {None: (whole, report)} | {name: pool.submit(asked_with, name) for name in FAULTS}


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_front_does_wrong_differs_under_its_question_and_under_no_other(name, asked):
    expected, (questions, ended) = FAULTS[name][1], asked[name].result()
    assert ended.outcomes.keys() == questions, ended.complained
    assert ended.those("differs") == expected, ended.said
    assert ended.status == (1 if expected else 0)


def test_without_a_front_everything_is_as_expected_but_what_needs_an_account_or_time(asked):
    whole, report = asked[None]
    ended = whole.result()
    assert ended.those("differs") == set(), ended.said + ended.complained
    assert ended.those("could not tell") == {
        "too-large-sent",
        "event-too-large",
        "slow-upload",
        "upload-stands-still",
        "account-alarms",
        "account-gc",
        "account-role",
    }, ended.said
    assert ended.status == 0
    counts = Counter(ended.outcomes.values())
    last = f"{counts['as expected']} as expected, 0 differ, {counts['could not tell']} could not tell"
    assert ended.said.splitlines()[-1] == last
    written = report.read_text()
    assert f"{last}." in written
    assert "## head-length\n\nWhich length does HEAD tell?\n\n**as expected**\n" in written
    assert "< HTTP/1.1 200 OK\n" in written
    assert "- `schedule-runs`: " in written
    for text in (ended.said, written):
        assert os.environ["AWS_SECRET_ACCESS_KEY"] not in text
        assert not re.search(r"(?i)signature=[0-9a-z%]{8}", text)


def test_a_refusal_is_shown_with_what_was_changed_on_the_way_and_without_the_signature():
    with Front(ENDPOINT, OwnHost()) as front:
        ended = verify("gcp", "--endpoint", front.endpoint, "--only", "host,etag")
    signed = front.endpoint.removeprefix("http://")
    assert f"changed on the way: signed 'host:{signed}', arrived 'host:internal.example'" in ended.said
    assert "<SignatureProvided>***</SignatureProvided>" in ended.said
    assert ended.outcomes == {"host": "differs", "etag": "could not tell"}
    assert "no bucket could be made: HTTP/1.1 403 Forbidden, SignatureDoesNotMatch" in ended.said


@pytest.mark.parametrize(("version", "outcome"), [("HTTP/2", "as expected"), ("HTTP/1.1", "differs")])
def test_curl_is_told_on_its_standard_input_what_to_put_over_http2(version, outcome, tmp_path):
    curl = tmp_path / "curl"
    # The URL vouches for who has it, and arguments can be read by everyone.
    told = "case \"$# $*\" in '2 --config -') grep -q '^url = \".*X-Amz-Signature=' || exit 2 ;; *) exit 2 ;; esac"
    curl.write_text(f"#!/bin/sh\n{told}\nprintf '{version} 200 \\r\\n\\r\\n'\n")
    curl.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    ended = verify("gcp", "--endpoint", ENDPOINT, "--only", "http2-body", PATH=path)
    assert ended.outcomes == {"http2-body": outcome}, ended.said


def test_what_cannot_be_removed_is_named_and_fails():
    before = buckets()
    with Front(ENDPOINT, Refuses(lambda method, target, _: method == "DELETE" and target.count("/") == 1, 500)) as front:
        ended = verify("aws", "--endpoint", front.endpoint, "--only", "etag")
    (left,) = buckets() - before
    assert f"It could not be removed, so remove it yourself: {left}: " in ended.complained
    assert (ended.status, ended.outcomes) == (1, {"etag": "as expected"})
    boto3.client("s3", endpoint_url=ENDPOINT).delete_bucket(Bucket=left)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_removes_what_it_made_and_reports_what_it_saw(number, tmp_path):
    report = tmp_path / "report.md"
    arguments = ["aws", "--endpoint", ENDPOINT, "--only", "etag,slow-upload", "--slow", "--report", str(report)]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        # Its next question takes four minutes.
        while "etag: " not in running.stdout.readline():
            assert running.poll() is None
        running.send_signal(number)
        said, complained = running.communicate(timeout=60)
    assert running.returncode == 130, complained
    assert said.endswith("1 as expected, 0 differ, 0 could not tell\n")
    assert "the run was interrupted" in report.read_text()


def test_what_was_made_is_removed_too_where_nobody_reads_what_is_printed(tmp_path):
    report = tmp_path / "report.md"
    arguments = ["aws", "--endpoint", ENDPOINT, "--only", "etag,range", "--report", str(report)]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        assert (running.stderr.read(), running.wait(60)) == (b"", 130)
    assert "the run was interrupted" in report.read_text()


def test_an_endpoint_that_is_not_there_is_said_in_one_line():
    with Front(ENDPOINT, Fault()) as front:
        endpoint = front.endpoint
    ended = verify("aws", "--endpoint", endpoint)
    assert ended.status == 1
    assert ended.complained == f"xtask: {endpoint} cannot be reached: [Errno 111] Connection refused\n"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (("- `etag` (all): ", "- `etags` (all): "), "etags has no check, and is not marked as by hand; etag has a check"),
        (("- `etag` (all): ", "- `etag` (all, by hand): "), "etag has a check and is not on the page, or is marked"),
        (("- `sigterm` (gcp, by hand): ", "- `sigterm` (gcp): "), "sigterm has no check, and is not marked as by hand"),
        (("- `sigterm` (gcp, by hand): ", "- `etag` (gcp, by hand): "), "etag is there twice"),
        (("- `sigterm` (gcp, by hand): ", "- `sigterm` (mars, by hand): "), "sigterm is of no cloud that is known: mars"),
    ],
)
def test_a_page_that_has_other_questions_than_the_command_is_refused(changed, complaint, tmp_path):
    assert verify("--list").status == 0
    page = tmp_path / "page.md"
    text = PAGE.read_text()
    assert changed[0] in text
    page.write_text(text.replace(*changed))
    ended = verify("--list", "--page", page)
    assert ended.status == 1
    assert complaint in ended.complained


def test_only_the_questions_that_are_asked_for_are_listed():
    ended = verify("aws", "--list", "--only", "etag,head-length")
    assert [line.split(" ")[0] for line in ended.said.splitlines()] == ["head-length", "etag"]


def test_the_secret_key_is_taken_from_the_environment_and_from_nowhere_else():
    ended = verify("aws", "--endpoint", ENDPOINT, AWS_SECRET_ACCESS_KEY="")
    assert ended.status == 2
    assert "AWS_SECRET_ACCESS_KEY is not set" in ended.complained


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "http://127.0.0.1:9000/bucket", "ftp://example"])
def test_what_is_no_endpoint_is_refused(endpoint):
    assert verify("aws", "--endpoint", endpoint).status == 2
