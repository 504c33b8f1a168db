"""A front that passes requests on to a server and answers back, and changes both in ways that platforms are known for."""

import gzip
import http.client
import socket
import socketserver
import threading
from urllib.parse import urlsplit

BODILESS = (204, 304)


class Fault:
    """What a front does to requests and answers; this one does nothing."""

    def target(self, target):
        return target

    def headers(self, headers):
        """Of a request: pairs, of which the first is the host."""
        return headers

    def instead(self, method, target, headers):
        """The front's own answer: status line, headers and body, None where the server is asked."""
        return None

    def answer(self, method, status, headers, body):
        """What becomes of the server's answer."""
        return status, headers, body

    # Whether the front itself answers `Expect: 100-continue`.
    answers_expect = False


class Front(socketserver.ThreadingTCPServer):
    """Listens on loopback in a thread of its own, until it is closed."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, server, fault):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.behind, self.fault = urlsplit(server), fault
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Clients leave, and some of what is asked here is meant to break."""


class _Connection(socketserver.StreamRequestHandler):
    """One request; then the connection is closed."""

    def handle(self):
        line, headers = self._head(self.rfile)
        if not line:
            return
        fault = self.server.fault
        method, target, version = line.split(" ")
        instead = fault.instead(method, target, headers)
        if instead is not None:
            self._send(method, *instead)
            return
        headers = [pair for pair in fault.headers(headers) if pair[0].lower() != "connection"]
        if fault.answers_expect and any(name.lower() == "expect" for name, _ in headers):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            headers = [pair for pair in headers if pair[0].lower() != "expect"]
        address = (self.server.behind.hostname, self.server.behind.port)
        with socket.create_connection(address, timeout=60) as behind:
            lines = [f"{method} {fault.target(target)} {version}"]
            lines += [f"{name}: {value}" for name, value in [*headers, ("Connection", "close")]]
            behind.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            threading.Thread(target=self._pass_on, args=(behind,), daemon=True).start()
            self._answer(method, behind.makefile("rb"))

    def _pass_on(self, behind):
        """Whatever more the client sends."""
        try:
            while data := self.rfile.read1(65536):
                behind.sendall(data)
        except (OSError, ValueError):
            pass

    def _answer(self, method, back):
        line, headers = self._head(back)
        while line.split(" ")[1].startswith("1"):
            self.wfile.write(f"{line}\r\n\r\n".encode())
            line, headers = self._head(back)
        status = int(line.split(" ")[1])
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        bodiless = method == "HEAD" or status in BODILESS
        body = b"" if bodiless else back.read(int(length)) if length else self._unchunked(back, headers)
        self._send(method, *self.server.fault.answer(method, status, headers, body))

    def _unchunked(self, back, headers):
        if not any(name.lower() == "transfer-encoding" for name, _ in headers):
            return back.read()
        body = b""
        while length := int(back.readline(), 16):
            body += back.read(length)
            back.readline()
        return body

    def _send(self, method, status, headers, body):
        """Headers as they are; a body that has no length comes in chunks."""
        names = {name.lower() for name, _ in headers}
        if body and not names & {"content-length", "transfer-encoding"}:
            headers = [*headers, ("Transfer-Encoding", "chunked")]
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        line = f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"
        headers = [pair for pair in headers if pair[0].lower() != "connection"]
        lines = [line, *(f"{name}: {value}" for name, value in headers), "Connection: close", "", ""]
        self.wfile.write("\r\n".join(lines).encode("latin-1") + (b"" if method == "HEAD" else body))
        # Now, and not once the client is gone, which another thread still reads from.
        self.connection.shutdown(socket.SHUT_WR)

    @staticmethod
    def _head(file):
        line, headers = file.readline().decode("latin-1").strip(), []
        while more := file.readline().decode("latin-1").strip():
            name, _, value = more.partition(":")
            headers.append((name, value.strip()))
        return line, headers


def value_of(headers, name):
    return next((value for other, value in headers if other.lower() == name), None)


def without(headers, name):
    return [pair for pair in headers if pair[0].lower() != name]


def path_of(target):
    path, mark, query = target.partition("?")
    return path, mark + query


class RenamesLengths(Fault):
    """A Function URL in streaming mode."""

    def answer(self, method, status, headers, body):
        length = value_of(headers, "content-length")
        return status, [*without(headers, "content-length"), ("x-amzn-Remapped-Content-Length", length)], body


class LosesEmptyAnswers(Fault):
    def answer(self, method, status, headers, body):
        return (status, headers, body) if body or method == "HEAD" else (200, [("Content-Length", "0")], b"")


class ChangesPaths(Fault):
    """Replaces what a path has after its bucket."""

    def __init__(self, *replaced):
        self.replaced = replaced

    def target(self, target):
        path, query = path_of(target)
        for old, new in self.replaced:
            path = path.replace(old, new)
        return path + query


class OwnHost(Fault):
    def headers(self, headers):
        return [("Host", "internal.example"), *headers[1:]]


class Unpacks(Fault):
    """Decompresses what is compressed."""

    def answer(self, method, status, headers, body):
        if value_of(headers, "content-encoding") != "gzip":
            return status, headers, body
        headers = without(without(headers, "content-encoding"), "content-length")
        return status, headers, gzip.decompress(body)


class Packs(Fault):
    """Compresses text for who takes it."""

    def headers(self, headers):
        self.packs = "gzip" in (value_of(headers, "accept-encoding") or "")
        return headers

    def answer(self, method, status, headers, body):
        if not self.packs or value_of(headers, "content-type") != "text/plain" or status != 200:
            return status, headers, body
        return status, [*without(headers, "content-length"), ("Content-Encoding", "gzip")], gzip.compress(body)


class AnswersExpect(Fault):
    answers_expect = True


class DropsHeader(Fault):
    """Drops headers of requests whose names or values are such."""

    def __init__(self, drops):
        self.drops = drops

    def headers(self, headers):
        return [pair for pair in headers if not self.drops(*pair)]


class JoinsHeaders(Fault):
    """Joins headers that are there twice, with a comma and a space."""

    def headers(self, headers):
        joined = {}
        for name, value in headers:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return list(joined.items())


class AppendsEncoding(Fault):
    """Google's front end."""

    def headers(self, headers):
        return [(name, f"{value},gzip(gfe)" if name.lower() == "accept-encoding" else value) for name, value in headers]


class ChangesAnswers(Fault):
    """Changes one header of answers."""

    def __init__(self, name, change):
        self.name, self.change = name, change

    def answer(self, method, status, headers, body):
        changed = [(name, self.change(value) if name.lower() == self.name else value) for name, value in headers]
        return status, [pair for pair in changed if pair[1] is not None], body


class Refuses(Fault):
    """Answers itself what is such, in the words of a platform."""

    def __init__(self, such, status):
        self.such, self.status = such, status

    def instead(self, method, target, headers):
        if not self.such(method, target, headers):
            return None
        body = b'{"Message":"of the platform"}'
        return self.status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body


class First(Fault):
    """Several that answer instead of the server: the first that does."""

    def __init__(self, *faults):
        self.faults = faults

    def instead(self, method, target, headers):
        answers = (fault.instead(method, target, headers) for fault in self.faults)
        return next((answer for answer in answers if answer), None)


class Limits(Fault):
    """The program where it knows a platform's limit: refuses with an error of S3 what is such."""

    def __init__(self, such, code):
        self.such, self.code = such, code

    def instead(self, method, target, headers):
        if not self.such(method, target, headers):
            return None
        body = f"<Error><Code>{self.code}</Code></Error>".encode()
        return 400, [("x-amz-request-id", "1"), ("Content-Length", str(len(body)))], body


class Every(Fault):
    """Answers itself each so many-th request of a path."""

    def __init__(self, number, path):
        self.number, self.path, self.seen, self.lock = number, path, 0, threading.Lock()

    def instead(self, method, target, headers):
        if target != self.path:
            return None
        with self.lock:
            self.seen += 1
            return (503, [("Content-Length", "0")], b"") if self.seen % self.number == 0 else None
