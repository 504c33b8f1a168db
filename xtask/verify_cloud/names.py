"""Paths that a platform may keep for itself."""

from endpoint import code, is_of_the_program
from questions import answers

# Buckets of these names are refused there, as docs/limits.md says.
REFUSED = {"gcp": {"healthz", "eventlog"}, "azure": {"admin", "runtime"}, "aws": set()}


def kept(seen, name):
    """Who answers a path of one segment, and whether a bucket of this name is refused where it is not the program."""
    is_kept = name in REFUSED[seen.place.cloud]
    for path in (f"/{name}", f"/{name}/key"):
        answer = seen.ask("GET", path)
        ours = is_of_the_program(answer) and code(answer) in ("NoSuchBucket", "InvalidBucketName")
        seen.note(f"{'the program' if ours else 'something before the program'} answered")
        if not is_kept:
            seen.expect(f"the program answers GET {path}", ours)
        elif path == f"/{name}":
            seen.expect(f"something before the program answers GET {path}, as docs/limits.md says", not ours)
    if is_kept:
        seen.place.buckets.append(name)
        answer = seen.ask("PUT", f"/{name}")
        if answer.status != 200:
            seen.place.buckets.remove(name)
        # Where the platform answers that too, nobody gets such a bucket.
        refused = code(answer) == "InvalidBucketName" or not is_of_the_program(answer)
        seen.expect("a bucket of this name is InvalidBucketName", refused)


for _name in ("healthz", "eventlog", "admin", "runtime", "statusz", "varz"):
    answers(f"name-{_name}")(lambda seen, name=_name: kept(seen, name))


@answers("health")
def health(seen):
    answer = seen.ask("GET", "/_bleepstore/health", sign=False)
    seen.expect('200 {"status":"ok"}', (answer.status, answer.body) == (200, b'{"status":"ok"}'))


@answers("timer-from-outside")
def timer_from_outside(seen):
    answer = seen.ask("POST", "/bleepstore_gc", sign=False)
    seen.expect("403 AccessDenied of the program", (answer.status, code(answer)) == (403, "AccessDenied"))


@answers("unencoded-url-spoofed")
def unencoded_url_spoofed(seen):
    seen.place.put("spoofed", b"12345\n")
    ask = seen.within_the_bucket()
    answer = ask("GET", "spoofed", unsigned=[("X-WAWS-Unencoded-URL", "/spoofed")])
    seen.expect("the object: what a client sends under this name is not believed", answer.body == b"12345\n")


@answers("forwarded-host-spoofed")
def forwarded_host_spoofed(seen):
    seen.place.put("spoofed", b"12345\n")
    ask = seen.within_the_bucket()
    answer = ask("GET", "spoofed", unsigned=[("X-Forwarded-Host", "spoofed.example")])
    seen.expect("the object: what a client sends under this name is not believed", answer.body == b"12345\n")
