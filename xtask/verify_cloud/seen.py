"""What a check sees, and what becomes of it."""

import re
from functools import partial

import endpoint
import wire

AS_EXPECTED, DIFFERS, COULD_NOT_TELL = "as expected", "differs", "could not tell"

# Of an error's body so much is shown, and of what a client says.
SHOWN = 600
# In characters: longer lines are made so by a check.
LONGEST = 300


# What gives access, by what stands before it.
SECRETS = [
    (re.compile(r"(?i)(signature['\"]?\s*[=:]\s*['\"]?)[\w%+/=-]+"), r"\1***"),
    (re.compile(r"(<SignatureProvided>)[^<]*"), r"\1***"),
    (re.compile(r"(?i)(security-token=)[^&\s]+"), r"\1***"),
    (re.compile(r"(?i)^(< set-cookie:).*"), r"\1 ***"),
]


class CouldNotTell(Exception):
    """Why a question has no answer."""


class Seen:
    """Collects what one check sees. It is given to the check with the place that it looks at."""

    def __init__(self, place):
        self.place = place
        self.lines = []
        self.unmet = []

    def note(self, text):
        """Something worth reporting."""
        self.lines += str(text).splitlines() or [""]

    def expect(self, what, holds):
        """What should be so, in words; whether it is."""
        if not holds:
            self.unmet.append(what)
        return bool(holds)

    def ask(self, method, path, query="", **options):
        """A request whose answer is noted with all of its head."""
        target = f"{path}?{query}" if query else path
        self.note(clipped(f"> {method} {target}"))
        for name, value in options.get("headers", ()):
            self.note(clipped(f"> {name}: {value}"))
        answer = self.place.endpoint.ask(method, path, query, **options)
        for line in [*answer.before, *answer.head()]:
            self.note(clipped(f"< {line}"))
        if answer.status >= 400 and answer.body:
            self.note(shortened(answer.body.decode(errors="replace")))
        for line in endpoint.changed_on_the_way(answer):
            self.note(f"changed on the way: {clipped(line)}")
        return answer

    def within_the_bucket(self):
        """As `ask`, with a key as it is to be spelled in the place of the path."""
        bucket = self.place.bucket
        return lambda method, spelled, query="", **options: self.ask(method, f"/{bucket}/{spelled}", query, **options)

    def client(self, what, call):
        """What a stock client returns; None where it fails, which is noted."""
        try:
            return call()
        except Exception as error:  # whatever a client raises is what a user of it would see
            self.note(f"{what}: {type(error).__name__}: {shortened(error)}")
            return None


def outcome(check, place):
    """Runs a check: its outcome, and the lines that say why."""
    seen = Seen(place)
    try:
        check(seen)
    except CouldNotTell as reason:
        return COULD_NOT_TELL, [*seen.lines, str(reason)]
    except wire.Broken as error:
        return COULD_NOT_TELL, [*seen.lines, f"the connection: {error}"]
    except Exception as error:  # one check that fails must not end the others
        return COULD_NOT_TELL, [*seen.lines, f"{type(error).__name__}: {shortened(error)}"]
    if seen.unmet:
        return DIFFERS, [f"expected: {what}" for what in seen.unmet] + seen.lines
    return AS_EXPECTED, seen.lines


def clipped(line):
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}… ({len(line)} characters)"


def shortened(text):
    """In one line, without what says nothing to a reader."""
    text = re.sub(r"<(StringToSign|CanonicalRequest)(Bytes)?>.*?</\1\2>", "", str(text), flags=re.S)
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def cleaned(secret_key):
    """A function that takes out of a line what must not be in a report, and what a terminal would obey."""
    return partial(_cleaned, secret_key)


def _cleaned(secret_key, line):
    line = line.replace(secret_key, "***")
    for pattern, instead in SECRETS:
        line = pattern.sub(instead, line)
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
