"""Waiting for an endpoint that was made just now: permissions, names and the first start take their time on every cloud."""

import http.client
import random
import sys
import time
import urllib.error
import urllib.request

# What serves says so here, without a signature.
HEALTH = "/_bleepstore/health"
# In seconds. What takes longer is a fault that must be looked for.
PATIENCE = 300
LONGEST_PAUSE = 15
# What one front end of a cloud knows, the next one may not know yet.
ANSWERS_IN_A_ROW = 3


def until_it_answers(endpoint, clock=time.monotonic, sleep=time.sleep):
    """Asks for the endpoint's health, with growing pauses, until it is well several times in a row. Ends the program where that
    takes too long, with the last answer."""
    end, pause, well = clock() + PATIENCE, 1, 0
    while True:
        wrong = what_is_wrong(endpoint + HEALTH)
        if wrong is None:
            well += 1
            if well == ANSWERS_IN_A_ROW:
                return
            continue
        if clock() + pause > end:
            sys.exit(f"{endpoint} does not serve after {PATIENCE} seconds: {wrong}. What was applied stays.")
        well = 0
        sleep(pause * random.uniform(0.5, 1))
        pause = min(2 * pause, LONGEST_PAUSE)


def what_is_wrong(url):
    """What is wrong with the answer, in a line; None where it is well."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            body = answer.read(1000)
            return None if b'"ok"' in body else f"{answer.status} {body!r}"
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.reason}"
    except (OSError, http.client.HTTPException) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
