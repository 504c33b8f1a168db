"""What is asked where a platform has limits and names of its own: fronts keep them as docs/limits.md says, or otherwise."""

import os
import sys
import types

import pytest

from conftest import ENDPOINT, ROOT, verify
from front import Fault, First, Front, Limits, Refuses, value_of

# A Function URL is known by its host, which no loopback address has: there the checks run in this process.
sys.path.append(str(ROOT / "xtask/verify_cloud"))

import limits  # notes its checks
from endpoint import Endpoint
from place import Place
from questions import CHECKS
from seen import AS_EXPECTED, DIFFERS, outcome


def is_longer(length):
    return lambda method, _, headers: method == "PUT" and int(value_of(headers, "content-length") or 0) > length


EVENT = Refuses(is_longer(6_000_000), 413)
URL = Limits(is_longer(4_500_000), "EntityTooLarge")
LIMITS = {"largest-bodies", "too-large-asked", "too-large-sent", "event-too-large"}


@pytest.mark.parametrize(
    ("fault", "differs"),
    [
        (First(EVENT, URL), set()),
        (Fault(), {"too-large-asked", "too-large-sent", "event-too-large"}),
        (Refuses(is_longer(4_500_000), 413), {"too-large-asked", "too-large-sent"}),
        (First(EVENT, Limits(is_longer(4_499_999), "EntityTooLarge")), {"largest-bodies"}),
    ],
    ids=["as documented", "none", "the platform's own", "a byte less"],
)
def test_the_limits_of_a_function_url_are_tried_at_their_edge(fault, differs):
    keys = (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    options = types.SimpleNamespace(cloud="aws", name="bleepstore", slow=False)
    with Front(ENDPOINT, fault) as front:
        place = Place(options, Endpoint(front.endpoint, "us-east-1", *keys), account={})
        place.is_function_url = True
        outcomes = {id: outcome(CHECKS[id], place) for id in LIMITS}
        assert place.remove() == []
    expected = {id: DIFFERS if id in differs else AS_EXPECTED for id in LIMITS}
    assert {id: result for id, (result, _) in outcomes.items()} == expected, outcomes


def of(*names):
    return lambda method, target, _: method == "GET" and target.split("/")[1] in names


def made(*names):
    return lambda method, target, _: method == "PUT" and target.strip("/") in names


@pytest.mark.parametrize(
    ("cloud", "fault", "differs"),
    [
        ("gcp", First(Refuses(of("healthz", "eventlog"), 404), Limits(made("healthz", "eventlog"), "InvalidBucketName")), set()),
        ("gcp", Refuses(of("healthz", "eventlog"), 404), {"name-healthz", "name-eventlog"}),
        ("gcp", Limits(made("healthz", "eventlog"), "InvalidBucketName"), {"name-healthz", "name-eventlog"}),
        ("azure", Refuses(lambda method, target, _: target.split("/")[1] in ("admin", "runtime"), 401), set()),
        ("azure", Refuses(of("admin", "runtime", "varz"), 404), {"name-admin", "name-runtime", "name-varz"}),
    ],
    ids=["as documented", "not refused", "not kept", "the host's", "one more"],
)
def test_names_that_a_platform_keeps_are_refused_and_no_others(cloud, fault, differs):
    names = {f"name-{name}" for name in ("healthz", "eventlog", "admin", "runtime", "statusz", "varz")}
    with Front(ENDPOINT, fault) as front:
        ended = verify(cloud, "--endpoint", front.endpoint, "--only", ",".join(sorted(names)))
    assert ended.those("differs") == differs, ended.said
    assert ended.those("as expected") == names - differs
