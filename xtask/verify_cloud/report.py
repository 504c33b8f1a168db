"""What is printed of the answers, and written as Markdown."""

import datetime
import platform
from collections import Counter

from seen import AS_EXPECTED, COULD_NOT_TELL, DIFFERS


def listed(questions):
    for question in questions:
        by_hand = ", by hand" if question.by_hand else ""
        print(f"{question.id} ({', '.join(question.clouds)}{by_hand}): {question.text}", flush=True)


def printed(question, result, lines):
    print(f"\n{question.id}: {result}\n  {question.text}")
    for line in lines:
        print(f"    {line}")


def summary(answered):
    counts = Counter(result for _, result, _ in answered)
    return f"\n{counts[AS_EXPECTED]} as expected, {counts[DIFFERS]} differ, {counts[COULD_NOT_TELL]} could not tell"


def markdown(options, endpoint, answered, by_hand, interrupted):
    now = datetime.datetime.now(datetime.timezone.utc)
    lines = [f"# BleepStore on {options.cloud}, {now:%Y-%m-%d}", ""]
    lines += [f"Endpoint `{endpoint.url}`, region `{endpoint.region}`, Python {platform.python_version()}."]
    lines += [summary(answered).strip() + ("; the run was interrupted." if interrupted else "."), ""]
    lines += ["| question | outcome |", "|---|---|"]
    lines += [f"| [{question.id}](#{question.id}) | {result} |" for question, result, _ in answered]
    for question, result, seen in answered:
        lines += ["", f"## {question.id}", "", question.text, "", f"**{result}**", "", "```text"]
        lines += [line.replace("```", "'''") for line in seen] + ["```"]
    if by_hand:
        lines += ["", "## Left to be asked by hand", ""]
        lines += [f"- `{question.id}`: {question.text}" for question in by_hand]
    return "\n".join([*lines, ""])
