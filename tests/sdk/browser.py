"""Chromium without a window, which is driven through a pair of pipes by the DevTools protocol.
<https://chromedevtools.github.io/devtools-protocol/>
"""

import contextlib
import glob
import json
import os
import select
import subprocess
import sys

from clients import folder_with

# In seconds. What takes longer is a fault that must be looked for.
PATIENCE = 60

# Chromium reads commands from 3 and writes answers to 4.
START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Failed(Exception):
    """What a script of a page threw."""


class Page:
    """A tab."""

    def __init__(self, commands, answers):
        self.commands, self.answers = commands, answers
        self.asked = self.loads = 0
        self.read = b""
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    def call(self, method, **parameters):
        """Asks the browser for something; its answer."""
        self.asked += 1
        message = {"id": self.asked, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.asked:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def message(self):
        """The next answer or event."""
        while b"\0" not in self.read:
            assert select.select([self.answers], [], [], PATIENCE)[0], "the browser says nothing more"
            part = os.read(self.answers, 1 << 16)
            assert part, "the browser has ended"
            self.read += part
        first, _, self.read = self.read.partition(b"\0")
        message = json.loads(first)
        self.loads += message.get("method") == "Page.loadEventFired"
        return message

    @contextlib.contextmanager
    def loading(self):
        """Waits until what is done inside has loaded another page."""
        before = self.loads
        yield
        while self.loads == before:
            self.message()

    def go(self, url):
        with self.loading():
            wrong = self.call("Page.navigate", url=url).get("errorText")
            assert wrong is None, f"{url}: {wrong}"

    def run(self, script):
        """What an expression comes to, in the page."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise Failed(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def pick(self, selector, file):
        """Picks a file as a person does in the dialogue of an input."""
        document = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])


@contextlib.contextmanager
def browser(folder):
    """A browser with a profile of its own; its one page."""
    home = folder_with("chromium")
    near = os.path.dirname(home)
    libraries = glob.glob(f"{near}/*-linux-gnu") + glob.glob(f"{near}/*-linux-gnu/pulseaudio")
    to_read, commands = os.pipe()
    answers, to_write = os.pipe()
    # Neither is 3 or 4, which the pipes have, or something else has.
    ends = [os.dup(end) for end in (to_read, to_write)]
    command = [sys.executable, "-c", START, *map(str, ends), os.path.join(home, "chromium-headless-shell")]
    command += ["--remote-debugging-pipe", f"--user-data-dir={folder}", "--no-sandbox", "--no-proxy-server"]
    command += ["--disable-gpu", "--disable-dev-shm-usage"]
    environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(libraries)}
    with open(folder / "log", "wb") as log:
        files = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        process = subprocess.Popen(command, pass_fds=ends, env=environment, **files)
    for end in [to_read, to_write, *ends]:
        os.close(end)
    try:
        yield Page(commands, answers)
    finally:
        # It ends when nobody can command it any more.
        os.close(commands)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            os.close(answers)
