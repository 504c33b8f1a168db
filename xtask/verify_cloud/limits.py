"""How much a request carries, and how the platform refuses more."""

import concurrent.futures
import os
import shutil
import subprocess
import time
from collections import Counter

from endpoint import code, is_of_the_program
from place import MIB
from questions import answers
from seen import CouldNotTell

HEALTH = "/_bleepstore/health"
S3_LARGEST = 5 * 1024 * MIB
PIECE = os.urandom(64 * 1024)
BURST, AT_ONCE = 300, 100


def edge(place):
    """How many bytes are tried, and whether docs/limits.md says that one more is refused."""
    if place.cloud == "azure":
        return 100 * MIB, True
    if place.cloud == "gcp":
        return 100_000_000, False
    return (4_500_000, True) if place.is_function_url else (20_000_000, False)


def bytes_of(length):
    """A body of this length, in pieces."""
    whole, rest = divmod(length, len(PIECE))
    yield from (PIECE for _ in range(whole))
    if rest:
        yield PIECE[:rest]


@answers("largest-bodies")
def largest_bodies(seen):
    size, _ = edge(seen.place)
    ask = seen.within_the_bucket()
    answer = ask("PUT", "edge", pieces=bytes_of(size), length=size)
    seen.note(f"{answer.sent} of {size} bytes were sent")
    seen.expect(f"PUT of {size} bytes: 200", answer.status == 200)
    answer = ask("GET", "edge")
    same = len(answer.body) == size and all(
        answer.body[at : at + len(PIECE)] == piece for at, piece in zip(range(0, size, len(PIECE)), bytes_of(size))
    )
    seen.note(f"{len(answer.body)} bytes came back")
    seen.expect("GET: the same bytes", same)


def refusal(seen, answer):
    seen.note(f"{answer.sent} bytes of the body were sent")
    seen.expect("400 EntityTooLarge of the program", (answer.status, code(answer)) == (400, "EntityTooLarge"))
    seen.expect("the program's headers", is_of_the_program(answer))


class AskedFor(Exception):
    """A body was asked for that should have been refused."""


def not_to_be_asked_for():
    raise AskedFor
    yield


@answers("too-large-asked")
def too_large_asked(seen):
    size, is_limit = edge(seen.place)
    size = size + 1 if is_limit else S3_LARGEST + 1
    seen.note(f"a body of {size} bytes is announced, with Expect: 100-continue")
    try:
        answer = seen.within_the_bucket()("PUT", "beyond", pieces=not_to_be_asked_for(), length=size, ask_first=True)
    except AskedFor:
        seen.note("it was asked for, or nothing came for 10 seconds")
        seen.expect("400 EntityTooLarge of the program, before the body is asked for", False)
        return
    seen.expect("no 100 Continue before", not answer.before)
    refusal(seen, answer)


@answers("too-large-sent")
def too_large_sent(seen):
    size, is_limit = edge(seen.place)
    if not is_limit:
        raise CouldNotTell(f"docs/limits.md knows no limit below 5 GiB of this endpoint ({seen.place.endpoint.host})")
    refusal(seen, seen.within_the_bucket()("PUT", "beyond", pieces=bytes_of(size + 1), length=size + 1))


@answers("event-too-large")
def event_too_large(seen):
    if not seen.place.is_function_url:
        raise CouldNotTell("the endpoint is no Function URL")
    answer = seen.within_the_bucket()("PUT", "beyond", pieces=bytes_of(7_000_000), length=7_000_000)
    seen.note(f"{answer.sent} of 7000000 bytes were sent")
    seen.expect("413 of Lambda, as docs/limits.md says", answer.status == 413)


@answers("long-url")
def long_url(seen):
    key = "long/" + "%E4%B8%AD" * 339
    ask = seen.within_the_bucket()
    seen.place.put(key, b"x")
    query = "response-content-disposition=" + "d" * 3000
    answer = ask("GET", key, query)
    seen.expect("200 of a target of 6,000 bytes", answer.status == 200)


@answers("http2-body")
def http2_body(seen):
    curl = shutil.which("curl")
    if curl is None:
        raise CouldNotTell("no curl")
    size = edge(seen.place)[0]
    file = seen.place.folder / "http2"
    with file.open("wb") as out:
        out.writelines(bytes_of(size))
    parameters = {"Bucket": seen.place.bucket, "Key": "http2"}
    url = seen.place.boto3(signature_version="s3v4").generate_presigned_url("put_object", Params=parameters)
    version = "http2" if url.startswith("https:") else "http2-prior-knowledge"
    # On standard input: arguments can be read by everyone on the machine.
    told = f'url = "{url}"\n{version}\nupload-file = "{file}"\nsilent\nshow-error\ndump-header = "-"\n'
    done = subprocess.run([curl, "--config", "-"], input=told, capture_output=True, text=True, timeout=900, check=False)
    seen.note("\n".join(f"< {line}" for line in done.stdout.splitlines()))
    if done.returncode:
        raise CouldNotTell(done.stderr.strip())
    lines = [line for line in done.stdout.splitlines() if line.startswith("HTTP/")]
    seen.expect(f"HTTP/2 200 of {size} bytes", bool(lines) and lines[-1].split()[:2] == ["HTTP/2", "200"])


@answers("health-burst")
def health_burst(seen):
    endpoint = seen.place.endpoint

    def once(_):
        start = time.monotonic()
        try:
            status = endpoint.ask("GET", HEALTH, sign=False).status
        except Exception as error:  # a connection that is refused is an answer too
            status = str(error)
        return status, time.monotonic() - start

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        seen_of = list(pool.map(once, range(BURST)))
    counts = Counter(status for status, _ in seen_of)
    slowest = max(seconds for _, seconds in seen_of)
    seen.note(f"{BURST} requests, {AT_ONCE} at a time: {dict(counts)}; the slowest took {slowest:.1f} s")
    seen.expect("200 throughout", set(counts) == {200})


def slowly(seconds):
    """24 bytes, in the course of so many seconds."""
    for _ in range(24):
        yield b"s"
        time.sleep(seconds / 24)


@answers("slow-upload")
def slow_upload(seen):
    only_if_slow(seen)
    start = time.monotonic()
    answer = seen.within_the_bucket()("PUT", "slow", pieces=slowly(240), length=24)
    seen.note(f"answered after {time.monotonic() - start:.0f} s, {answer.sent} of 24 bytes were sent")
    seen.expect("200 of an upload that takes four minutes and never stands still", answer.status == 200)


@answers("upload-stands-still")
def upload_stands_still(seen):
    only_if_slow(seen)

    def pieces():
        yield b"s"
        time.sleep(75)

    start = time.monotonic()
    answer = seen.within_the_bucket()("PUT", "still", pieces=pieces(), length=24)
    seen.note(f"answered after {time.monotonic() - start:.0f} s")
    seen.expect("400 RequestTimeout", (answer.status, code(answer)) == (400, "RequestTimeout"))


def only_if_slow(seen):
    if not seen.place.slow:
        raise CouldNotTell("it takes minutes, and is asked with --slow only")
