"""Local servers that a test starts for itself: with other settings than the one under test, or of somebody else.

`BLEEPSTORE_TEST_PROGRAM` names the local server's program; a test that needs it is skipped where nothing does.
"""

import contextlib
import http.server
import os
import subprocess
import threading

import boto3
import pytest
from botocore.config import Config

PROGRAM = os.environ.get("BLEEPSTORE_TEST_PROGRAM")
KEYS = {
    "BLEEPSTORE_ACCESS_KEY": os.environ["AWS_ACCESS_KEY_ID"],
    "BLEEPSTORE_SECRET_KEY": os.environ["AWS_SECRET_ACCESS_KEY"],
}


@contextlib.contextmanager
def endpoint_of(command, **variables):
    """Runs a program that prints `endpoint` and a URL once it serves, and ends it; that URL."""
    environment = {**os.environ, **variables}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([str(word) for word in command], env=environment, **pipes)
    with process:
        try:
            words = (line.split() for line in process.stdout)
            endpoint = next((found[1] for found in words if found[:1] == ["endpoint"]), None)
            assert endpoint, f"{command[0]} did not start"
            yield endpoint
        finally:
            process.terminate()
    assert process.returncode == 0, f"{command[0]} ended with {process.returncode}"


@contextlib.contextmanager
def local_server(data, *arguments):
    """A local server with data of its own and the keys of the one under test; its endpoint."""
    if not PROGRAM:
        pytest.skip("BLEEPSTORE_TEST_PROGRAM names no local server")
    command = [PROGRAM, "--listen", "127.0.0.1:0", *arguments]
    with endpoint_of(command, **KEYS, BLEEPSTORE_DATA_DIR=str(data), BLEEPSTORE_LOG="warn") as endpoint:
        yield endpoint


def client_at(endpoint, service="s3", **options):
    """A client of boto3 that does not hide errors behind retries."""
    return boto3.client(service, endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}), **options)


@contextlib.contextmanager
def pages(documents, context=None):
    """Serves documents, each its type and its body, by their paths, with a context by TLS; where, as host and port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind, body = documents.get(self.path.partition("?")[0], (None, b""))
            self.send_response(404 if kind is None else 200)
            self.send_header("content-type", kind or "text/plain")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
