"""What a deployment in a cloud does that no emulator can tell: see docs/verify-on-a-real-cloud.md.

Credentials of BleepStore are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment; the cloud's own command line finds
its credentials by itself, on AWS by AWS_PROFILE or the default profile."""

import argparse
import os
import pathlib
import re
import signal
import sys

import account
import clients
import headers
import lengths
import limits
import names
import paths
import questions
import report
from endpoint import Endpoint
from place import Place
from seen import DIFFERS, cleaned, outcome
from wire import Broken

# Importing them notes their checks.
MODULES = (clients, lengths, paths, headers, limits, names, account)
# What the command line of a cloud must not take for its own.
OF_BLEEPSTORE = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")

# Ctrl-C, being asked to end, and the end of the terminal.
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main():
    options = arguments()
    try:
        asked = questions.joined(options.page)
    except ValueError as error:
        sys.exit(f"xtask: {error}")
    asked = [question for question in asked if options.cloud in (None, *question.clouds)]
    unknown = set(options.only) - {question.id for question in asked if options.list or not question.by_hand}
    if unknown:
        sys.exit(f"xtask: no such question of {options.cloud}: {', '.join(sorted(unknown))}")
    if options.list:
        try:
            report.listed(question for question in asked if not options.only or question.id in options.only)
        except BrokenPipeError:
            print_no_more()
        return 0
    # Before anything is asked: a folder that is not there must not lose the answers.
    out = open(options.report, "w", encoding="utf-8") if options.report else None
    return run(options, asked, out)


def arguments():
    parser = argparse.ArgumentParser(prog="cargo xtask verify-cloud", description=__doc__)
    parser.add_argument("cloud", nargs="?", choices=questions.CLOUDS)
    parser.add_argument("--endpoint", metavar="URL", help="where BleepStore is served")
    parser.add_argument("--region", help="what requests are signed for; AWS_REGION, AWS_DEFAULT_REGION or us-east-1 by default")
    name = os.environ.get("TF_VAR_name") or "bleepstore"
    parser.add_argument("--name", default=name, help="that of the deployment; TF_VAR_name or bleepstore by default")
    parser.add_argument("--only", metavar="ID,…", default="", help="these questions and no others")
    parser.add_argument("--slow", action="store_true", help="also the questions that take minutes")
    parser.add_argument("--report", metavar="FILE", help="write what was seen there, as Markdown")
    parser.add_argument("--list", action="store_true", help="print the questions, without a network")
    parser.add_argument("--page", type=pathlib.Path, default=questions.PAGE, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = [id for id in options.only.split(",") if id]
    if options.list:
        return options
    if options.cloud is None or options.endpoint is None:
        parser.error("a cloud and --endpoint URL are needed")
    if not re.fullmatch(r"https?://[^/@?#]+/?", options.endpoint):
        parser.error("the endpoint is http:// or https:// and a host, without a path")
    for name in OF_BLEEPSTORE[:2]:
        if not os.environ.get(name):
            parser.error(f"{name} is not set: the root credential's, from terraform output")
    return options


def run(options, asked, out):
    environment = dict(os.environ)
    region = options.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    endpoint = Endpoint(
        options.endpoint, region, environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    )
    clean = cleaned(endpoint.secret_key)
    account = {name: value for name, value in environment.items() if name not in OF_BLEEPSTORE}
    place = Place(options, endpoint, account)
    of_clients(place)
    for number in ENDS:
        signal.signal(number, signal.default_int_handler)
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    answered, interrupted, left = [], False, []
    try:
        endpoint.ask("GET", "/_bleepstore/health", sign=False)
        for question in asked:
            if question.by_hand or (options.only and question.id not in options.only):
                continue
            result, lines = outcome(questions.CHECKS[question.id], place)
            answered.append((question, result, [clean(line) for line in lines]))
            report.printed(*answered[-1])
    except Broken as error:
        sys.exit(f"xtask: {endpoint.url} cannot be reached: {error}")
    except KeyboardInterrupt:
        interrupted = True
        print("\nInterrupted.")
    except OSError:
        # Of printing: nobody reads on.
        interrupted = True
        print_no_more()
    finally:
        left = removed(place)
        for complaint in left:
            print(clean(f"It could not be removed, so remove it yourself: {complaint}"), file=sys.stderr)
    by_hand = [question for question in asked if question.by_hand]
    if out:
        with out:
            out.write(report.markdown(options, endpoint, answered, by_hand, interrupted))
    print(report.summary(answered))
    if interrupted:
        return 130
    return 1 if left or any(result == DIFFERS for _, result, _ in answered) else 0


def print_no_more():
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def removed(place):
    """Removes what was made; what was not. A second Ctrl-C would leave it behind, and each request has an end by itself."""
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)
    if place.buckets:
        print(f"Removing {', '.join(place.buckets)}.")
    return place.remove()


def of_clients(place):
    """Gives stock clients, in this process and in others, keys and nothing of what the user has configured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_") or name == "AWS_CA_BUNDLE"}
    nothing = str(place.folder / "no-configuration")
    kept |= {
        "AWS_ACCESS_KEY_ID": place.endpoint.access_key,
        "AWS_SECRET_ACCESS_KEY": place.endpoint.secret_key,
        "AWS_DEFAULT_REGION": place.endpoint.region,
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    os.environ.clear()
    os.environ.update(kept)


if __name__ == "__main__":
    sys.exit(main())
