"""Headers: which are rewritten, dropped or added between a client and the program."""

import base64
import email.header
import gzip
import hashlib
import zlib

from endpoint import code, is_of_the_program
from questions import answers

TEXT = b"the quick brown fox jumps over the lazy dog\n" * 500
TEXT_ETAG = f'"{hashlib.md5(TEXT).hexdigest()}"'
TRAILED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def in_chunks(*parts):
    """Bytes in the framing of HTTP/1.1's chunks."""
    return [b"%x\r\n%s\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]


@answers("host")
def host(seen):
    answer = seen.ask("GET", "/")
    seen.expect("200: the host that was signed arrived", answer.status == 200)
    seen.expect("the program answered", is_of_the_program(answer))


@answers("unsigned")
def unsigned(seen):
    answer = seen.ask("GET", "/", sign=False)
    seen.expect("403 AccessDenied of the program", (answer.status, code(answer)) == (403, "AccessDenied"))


@answers("accept-encoding")
def accept_encoding(seen):
    seen.place.put("text", TEXT)
    ask = seen.within_the_bucket()
    for value in ("identity", "gzip", "gzip, deflate, br"):
        answer = ask("GET", "text", headers=[("accept-encoding", value)])
        seen.expect(f"200 where Accept-Encoding: {value} is signed", answer.status == 200)
        seen.expect("the bytes that were stored, not compressed", answer.body == TEXT)
        seen.expect("no Content-Encoding", answer.header("content-encoding") is None)


@answers("signed-headers")
def signed_headers(seen):
    headers = [("user-agent", "verify/1 (a; b)"), ("x-amz-meta-a_b", "1"), ("content-type", "text/plain; charset=utf-8")]
    headers += [("cache-control", "no-cache"), ("x-amz-meta-spaces", "a   b")]
    ask = seen.within_the_bucket()
    answer = ask("PUT", "signed", headers=headers, body=b"x")
    seen.expect("200: they arrived as they were signed", answer.status == 200)
    answer = ask("GET", "signed")
    seen.expect("x-amz-meta-a_b: 1", answer.header("x-amz-meta-a_b") == "1")
    seen.expect("cache-control: no-cache", answer.header("cache-control") == "no-cache")


@answers("header-twice")
def header_twice(seen):
    ask = seen.within_the_bucket()
    answer = ask("PUT", "twice", headers=[("x-amz-meta-n", "1"), ("x-amz-meta-n", "2")], body=b"x")
    seen.expect("200: both arrived", answer.status == 200)
    value = ask("HEAD", "twice").header("x-amz-meta-n")
    seen.expect("x-amz-meta-n: 1,2", (value or "").replace(" ", "") == "1,2")


@answers("metadata-non-ascii")
def metadata_non_ascii(seen):
    ask = seen.within_the_bucket()
    answer = ask("PUT", "greeted", headers=[("x-amz-meta-greeting", "grüße")], body=b"x")
    seen.expect("200: UTF-8 in a header arrived as it was signed", answer.status == 200)
    value = ask("HEAD", "greeted").header("x-amz-meta-greeting") or ""
    decoded = "".join(
        part.decode(charset or "ascii", "replace") if isinstance(part, bytes) else part
        for part, charset in email.header.decode_header(value)
    )
    seen.expect("the same text comes back, as an encoded word", decoded == "grüße")


@answers("large-metadata")
def large_metadata(seen):
    ask = seen.within_the_bucket()
    answer = ask("PUT", "much", headers=[("x-amz-meta-much", "m" * 2000)], body=b"x")
    seen.expect("200 with 2,000 bytes of metadata", answer.status == 200)
    seen.expect("they come back", ask("HEAD", "much").header("x-amz-meta-much") == "m" * 2000)


@answers("expect-accepted")
def expect_accepted(seen):
    answer = seen.within_the_bucket()("PUT", "expected", body=TEXT, ask_first=True)
    seen.note(f"{answer.sent} bytes of the body were sent")
    seen.expect("100 Continue, then 200", bool(answer.before) and answer.status == 200)


@answers("expect-refused")
def expect_refused(seen):
    answer = seen.within_the_bucket()("PUT", "refused", body=TEXT, ask_first=True, secret_key="wrong")
    seen.note(f"{answer.sent} bytes of the body were sent")
    seen.expect("403 SignatureDoesNotMatch", (answer.status, code(answer)) == (403, "SignatureDoesNotMatch"))
    seen.expect("no 100 Continue, and nothing of the body is asked for", not answer.before and not answer.sent)


@answers("gzip-stored")
def gzip_stored(seen):
    ask, packed = seen.within_the_bucket(), gzip.compress(TEXT, mtime=0)
    seen.place.put("packed", packed, headers=[("content-encoding", "gzip"), ("content-type", "text/plain")])
    for wanted in (None, "gzip", "identity"):
        unsigned = [("Accept-Encoding", wanted)] if wanted else []
        seen.note(f"Accept-Encoding: {wanted}")
        answer = ask("GET", "packed", unsigned=unsigned)
        seen.expect("Content-Encoding: gzip", answer.header("content-encoding") == "gzip")
        seen.expect("the bytes that were stored, still compressed", answer.body == packed)


@answers("gzip-added")
def gzip_added(seen):
    seen.place.put("text", TEXT, headers=[("content-type", "text/plain")])
    answer = seen.within_the_bucket()("GET", "text", unsigned=[("Accept-Encoding", "gzip, br")])
    seen.expect("nothing on the way compresses what is stored as it is", answer.body == TEXT)
    seen.expect("no Content-Encoding", answer.header("content-encoding") is None)


@answers("chunked-request")
def chunked_request(seen):
    answer = seen.within_the_bucket()("PUT", "chunked", pieces=in_chunks(b"one", b"two"))
    seen.expect("501 NotImplemented", (answer.status, code(answer)) == (501, "NotImplemented"))


def trailed(seen, key, **options):
    """Puts with aws-chunked and a checksum in the trailer, as SDKs do."""
    checksum = base64.b64encode(zlib.crc32(TEXT).to_bytes(4, "big"))
    trailer = b"0\r\nx-amz-checksum-crc32:" + checksum + b"\r\n\r\n"
    body = b"%x\r\n%s\r\n%s" % (len(TEXT), TEXT, trailer)
    headers = [("content-encoding", "aws-chunked"), ("x-amz-trailer", "x-amz-checksum-crc32")]
    headers.append(("x-amz-decoded-content-length", str(len(TEXT))))
    ask = seen.within_the_bucket()
    sent = {"pieces": in_chunks(body)} if options.get("chunked") else {"body": body}
    answer = ask("PUT", key, headers=headers, payload=TRAILED, **sent)
    seen.expect("200", answer.status == 200)
    answer = ask("GET", key, headers=[("x-amz-checksum-mode", "ENABLED")])
    seen.expect("the body without its framing", answer.body == TEXT)
    seen.expect("the checksum of the trailer", answer.header("x-amz-checksum-crc32") == checksum.decode())
    seen.expect("no Content-Encoding is left", answer.header("content-encoding") is None)


@answers("aws-chunked")
def aws_chunked(seen):
    trailed(seen, "trailed")


@answers("aws-chunked-in-chunks")
def aws_chunked_in_chunks(seen):
    trailed(seen, "trailed-in-chunks", chunked=True)


@answers("etag")
def etag(seen):
    ask = seen.within_the_bucket()
    answers_of = [ask("PUT", "text", body=TEXT), ask("HEAD", "text"), ask("GET", "text")]
    seen.expect(f"ETag: {TEXT_ETAG}, with its quotes", all(answer.header("etag") == TEXT_ETAG for answer in answers_of))


@answers("range")
def range_of_bytes(seen):
    seen.place.put("text", TEXT)
    ask = seen.within_the_bucket()
    answer = ask("GET", "text", headers=[("range", "bytes=4-8")])
    seen.expect("206", answer.status == 206)
    seen.expect(f"Content-Range: bytes 4-8/{len(TEXT)}", answer.header("content-range") == f"bytes 4-8/{len(TEXT)}")
    seen.expect("Content-Length: 5", answer.header("content-length") == "5")
    seen.expect("these bytes", answer.body == TEXT[4:9])
    answer = ask("GET", "text", headers=[("range", f"bytes={len(TEXT)}-")])
    seen.expect("416 InvalidRange", (answer.status, code(answer)) == (416, "InvalidRange"))


@answers("not-modified")
def not_modified(seen):
    seen.place.put("text", TEXT)
    ask = seen.within_the_bucket()
    for method in ("GET", "HEAD"):
        answer = ask(method, "text", headers=[("if-none-match", TEXT_ETAG)])
        seen.expect(f"{method}: 304", answer.status == 304)
        seen.expect(f"{method}: the ETag", answer.header("etag") == TEXT_ETAG)
        seen.expect(f"{method}: no body", not answer.body + answer.stray)
    answer = ask("GET", "text", headers=[("if-match", '"other"')])
    seen.expect("412 PreconditionFailed", (answer.status, code(answer)) == (412, "PreconditionFailed"))


@answers("response-headers")
def response_headers(seen):
    stored = {
        "cache-control": "max-age=60",
        "content-disposition": 'attachment; filename="a b"',
        "content-language": "de",
        "content-type": "text/plain",
        "expires": "Thu, 01 Jan 2032 00:00:00 GMT",
        "x-amz-meta-mixed-case": "Kept As It Is",
    }
    seen.place.put("headed", TEXT, headers=list(stored.items()))
    answer = seen.within_the_bucket()("GET", "headed")
    for name, value in stored.items():
        seen.expect(f"{name}: {value}", answer.header(name) == value)
    for name in ("date", "last-modified", "accept-ranges", "etag", "x-amz-request-id", "x-amz-id-2"):
        seen.expect(f"a header {name}", answer.header(name) is not None)
    renamed = [name for name, _ in answer.headers if name.lower().startswith("x-amzn-remapped-")]
    seen.expect(f"no header is renamed: {', '.join(renamed)}", not renamed)
    cases = {"in small letters" if name == name.lower() else "with capitals" for name, _ in answer.headers}
    seen.note(f"names of headers arrive {' and '.join(sorted(cases))}")
