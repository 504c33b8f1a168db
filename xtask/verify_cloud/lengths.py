"""Lengths and empty bodies: what clients size downloads by."""

import time

from endpoint import code, is_of_the_program
from questions import answers

# In seconds. An empty body that takes longer was waited for.
AT_ONCE = 10


@answers("head-length")
def head_length(seen):
    for key, body in [("six", b"12345\n"), ("larger", bytes(200_000))]:
        seen.place.put(key, body)
        answer = seen.within_the_bucket()("HEAD", key)
        seen.expect("200", answer.status == 200)
        seen.expect(f"Content-Length: {len(body)}", answer.header("content-length") == str(len(body)))
        seen.expect("no body", not answer.stray)


@answers("get-length")
def get_length(seen):
    for key, body in [("six", b"12345\n"), ("larger", bytes(200_000))]:
        seen.place.put(key, body)
        answer = seen.within_the_bucket()("GET", key)
        seen.expect(f"Content-Length: {len(body)}", answer.header("content-length") == str(len(body)))
        seen.expect("the bytes that were stored", answer.body == body)


@answers("empty-object")
def empty_object(seen):
    ask = seen.within_the_bucket()
    seen.place.put("empty", b"", headers=[("content-type", "text/x-empty")])
    for method in ("HEAD", "GET"):
        start = time.monotonic()
        answer = ask(method, "empty")
        seconds = time.monotonic() - start
        seen.note(f"ended after {seconds:.1f} s")
        seen.expect(f"{method}: 200, Content-Length: 0", (answer.status, answer.header("content-length")) == (200, "0"))
        seen.expect(f"{method}: an ETag", answer.header("etag") == '"d41d8cd98f00b204e9800998ecf8427e"')
        seen.expect(f"{method}: the Content-Type that was stored", answer.header("content-type") == "text/x-empty")
        seen.expect(f"{method}: it ends at once", seconds < AT_ONCE and not answer.body)


@answers("empty-answers")
def empty_answers(seen):
    ask = seen.within_the_bucket()
    for method, status in [("PUT", 200), ("DELETE", 204)]:
        start = time.monotonic()
        answer = ask(method, "short-lived", **({"body": b"x"} if method == "PUT" else {}))
        seconds = time.monotonic() - start
        seen.note(f"ended after {seconds:.1f} s")
        seen.expect(f"{method}: {status} without a body", answer.status == status and not answer.body + answer.stray)
        seen.expect(f"{method}: the program's headers", is_of_the_program(answer))
        seen.expect(f"{method}: it ends at once", seconds < AT_ONCE)
        if method == "PUT":
            seen.expect("PUT: Content-Length: 0", answer.header("content-length") == "0")


@answers("errors")
def errors(seen):
    ask = seen.within_the_bucket()
    answer = ask("GET", "absent")
    seen.expect("404 NoSuchKey, as XML", (answer.status, code(answer)) == (404, "NoSuchKey"))
    seen.expect("Content-Type: application/xml", answer.header("content-type") == "application/xml")
    answer = ask("HEAD", "absent")
    seen.expect("404 without a body", answer.status == 404 and not answer.stray)
    seen.expect("the program's headers", is_of_the_program(answer))
