"""An endpoint of S3, and requests to it that are signed here, so that every byte of them is known."""

import datetime
import hashlib
import hmac
import html
import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

import wire

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY = hashlib.sha256(b"").hexdigest()


class Endpoint:
    """Where S3 is served, and who asks."""

    def __init__(self, url, region, access_key, secret_key):
        self.url = url.rstrip("/")
        self.host = urlsplit(self.url).netloc
        self.region, self.access_key, self.secret_key = region, access_key, secret_key

    def ask(
        self,
        method,
        path,
        query="",
        *,
        headers=(),
        unsigned=(),
        body=b"",
        pieces=None,
        length=None,
        payload=None,
        ask_first=False,
        secret_key=None,
        sign=True,
    ):
        """Sends one request and returns its answer. `path` and `query` go out as they are. `headers` are signed, `unsigned`
        ones are not. A body that is not held whole is `pieces`, with its `length`, None for chunks. `ask_first` sends
        `Expect`."""
        if payload is None:
            payload = UNSIGNED if pieces is not None else hashlib.sha256(body).hexdigest()
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        sent = [("Host", self.host), *headers]
        canonical = None
        if sign:
            sent += [("x-amz-date", now), ("x-amz-content-sha256", payload)]
            canonical, authorization = self._signed(method, path, query, sent, payload, now, secret_key)
            sent.append(("Authorization", authorization))
        sent += unsigned
        if ask_first:
            sent.append(("Expect", "100-continue"))
        if pieces is None:
            pieces, length = _cut(body), len(body)
            if method in ("GET", "HEAD", "DELETE") and not body:
                length = None
        elif length is None:
            sent.append(("Transfer-Encoding", "chunked"))
        if length is not None:
            sent.append(("Content-Length", str(length)))
        sent.append(("Connection", "close"))
        target = f"{path}?{query}" if query else path
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent)]
        head = "\r\n".join([*lines, "", ""]).encode()
        answer = wire.exchange(self.url, head, pieces, bodiless=method == "HEAD", ask_first=ask_first)
        answer.canonical = canonical
        return answer

    def _signed(self, method, path, query, headers, payload, now, secret_key):
        """The canonical request of Signature Version 4, and the header that vouches for it."""
        values = {}
        for name, value in headers:
            values.setdefault(name.lower(), []).append(" ".join(value.split()))
        names = ";".join(sorted(values))
        lines = [method, _canonical_path(path), _canonical_query(query)]
        lines += [f"{name}:{','.join(values[name])}" for name in sorted(values)]
        canonical = "\n".join([*lines, "", names, payload])
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{secret_key or self.secret_key}".encode()
        for word in scope.split("/"):
            key = _hmac(key, word)
        signature = _hmac(key, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}").hex()
        credential = f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}"
        return canonical, f"{credential}, SignedHeaders={names}, Signature={signature}"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _canonical_path(path):
    return "/".join(quote(unquote_to_bytes(segment), safe="-_.~") for segment in path.split("/"))


def _canonical_query(query):
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    coded = [tuple(quote(unquote_to_bytes(part), safe="-_.~") for part in (name, value)) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(coded))


def _cut(body):
    view = memoryview(body)
    return (view[at : at + wire.PIECE] for at in range(0, len(view), wire.PIECE))


def code(answer):
    """The code of an S3 error, None where the answer is none."""
    found = re.search(rb"<Error>.*<Code>(\w+)</Code>", answer.body, re.S)
    return found and found[1].decode()


def is_of_the_program(answer):
    """Whether the program answered, and not something before it."""
    return answer.header("x-amz-request-id") is not None


def changed_on_the_way(answer):
    """Lines of what was signed beside what arrived, where the program says what it saw."""
    found = re.search(rb"<CanonicalRequest>(.*)</CanonicalRequest>", answer.body, re.S)
    if not found or not answer.canonical:
        return []
    arrived = html.unescape(found[1].decode(errors="replace")).split("\n")
    pairs = zip(answer.canonical.split("\n"), arrived)
    return [f"signed {sent!r}, arrived {came!r}" for sent, came in pairs if sent != came]
