"""HTTP/1.1 byte by byte: what is sent is what the caller says, and what comes back is kept as it came."""

import socket
import ssl
from urllib.parse import urlsplit

# In seconds: how long a connection may stand still, and how long an answer to `Expect` is waited for.
PATIENCE = 90
ASKED = 10
PIECE = 64 * 1024


class Broken(Exception):
    """A connection that ended, or stood still, in the middle of an answer."""


class Answer:
    """What came back."""

    def __init__(self, status_line, headers):
        self.status_line = status_line
        # In the order and in the case of letters in which they came.
        self.headers = headers
        self.body = b""
        # Heads of the answers before this one, such as 100 Continue.
        self.before = []
        # How many bytes of the request's body went out.
        self.sent = 0
        # The bytes that came after an answer that says to have no body.
        self.stray = b""
        words = status_line.split(" ", 2)
        self.status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    def header(self, name):
        """The value of a header, None where there is none; several are joined."""
        values = [value for other, value in self.headers if other.lower() == name]
        return ", ".join(values) if values else None

    def head(self):
        return [self.status_line, *(f"{name}: {value}" for name, value in self.headers)]


def exchange(endpoint, head, pieces, *, bodiless, ask_first=False):
    """Sends a request on a connection of its own and returns the answer. `pieces` are the bytes of the body, `bodiless` says
    whether the answer to this method never has one. With `ask_first` the body waits for the answer to `Expect`."""
    try:
        with _Wire(endpoint) as wire:
            return wire.exchange(head, pieces, bodiless, ask_first)
    except OSError as error:
        raise Broken(str(error) or type(error).__name__) from error


class _Wire:
    def __init__(self, endpoint):
        url = urlsplit(endpoint)
        port = url.port or (443 if url.scheme == "https" else 80)
        self.socket = socket.create_connection((url.hostname, port), timeout=PATIENCE)
        if url.scheme == "https":
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            self.socket = context.wrap_socket(self.socket, server_hostname=url.hostname)
        self.buffer = bytearray()
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def exchange(self, head, pieces, bodiless, ask_first):
        self.socket.sendall(head)
        before, sent = [], 0
        if not ask_first or not self._within(ASKED):
            sent = self._send(pieces)
        answer = self._head()
        while 100 <= answer.status < 200:
            before.append(answer.status_line)
            if ask_first and not sent:
                sent = self._send(pieces)
            answer = self._head()
        answer.before, answer.sent = before, sent
        self._body(answer, bodiless)
        return answer

    def _send(self, pieces):
        """Sends until an answer arrives or nobody takes more; how much went out."""
        sent = 0
        for piece in pieces:
            if self._has_answer():
                break
            try:
                self.socket.sendall(piece)
            except OSError:
                break
            sent += len(piece)
        return sent

    def _fill(self):
        data = self.socket.recv(PIECE)
        self.ended = not data
        self.buffer += data
        return bool(data)

    def _has_answer(self):
        """Whether something arrived, without waiting."""
        self.socket.setblocking(False)
        try:
            self._fill()
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.ended = True
        finally:
            self.socket.settimeout(PATIENCE)
        return bool(self.buffer) or self.ended

    def _within(self, seconds):
        """Whether something arrives within this time."""
        self.socket.settimeout(seconds)
        try:
            return bool(self.buffer) or self._fill() or self.ended
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(PATIENCE)

    def _line(self):
        while b"\n" not in self.buffer:
            if not self._fill():
                raise Broken(f"the connection ended after {bytes(self.buffer[:200])!r}")
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def _head(self):
        status_line, headers = self._line(), []
        while line := self._line():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        return Answer(status_line, headers)

    def _exactly(self, length):
        while len(self.buffer) < length:
            if not self._fill():
                raise Broken(f"the body ended after {len(self.buffer)} of {length} bytes")
        data, self.buffer = bytes(self.buffer[:length]), self.buffer[length:]
        return data

    def _body(self, answer, bodiless):
        if bodiless or answer.status in (204, 304):
            # What the server sends all the same would be read as the next answer.
            if self._within(0.2):
                answer.stray = bytes(self.buffer)
        elif "chunked" in (answer.header("transfer-encoding") or "").lower():
            body = bytearray()
            while length := int(self._line().split(";")[0], 16):
                body += self._exactly(length)
                self._line()
            while self._line():
                pass
            answer.body = bytes(body)
        elif (length := answer.header("content-length")) is not None:
            answer.body = self._exactly(int(length))
        else:
            while self._fill():
                pass
            answer.body = bytes(self.buffer)
