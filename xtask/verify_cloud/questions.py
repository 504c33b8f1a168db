"""The questions of docs/verify-on-a-real-cloud.md, and the checks that answer them."""

import dataclasses
import pathlib
import re

PAGE = pathlib.Path(__file__).parents[2] / "docs/verify-on-a-real-cloud.md"
CLOUDS = ("aws", "gcp", "azure")
ENTRY = re.compile(r"^- `([a-z0-9-]+)` \(([a-z, ]+)\): (.*)")

# By the id of their question.
CHECKS = {}


@dataclasses.dataclass(frozen=True)
class Question:
    id: str
    clouds: tuple
    by_hand: bool
    text: str


def answers(id):
    """Marks a check with the question that it answers."""

    def mark(check):
        if id in CHECKS:
            raise ValueError(f"two checks answer {id}")
        CHECKS[id] = check
        return check

    return mark


def of_page(page):
    """The questions of the page, in its order; what is wrong with one is an error."""
    found = []
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("- `") and (entry := ENTRY.match(line)):
            id, words, text = entry[1], entry[2].split(", "), [entry[3]]
            # A question ends with its first question mark or full stop at the end of a line or before a space.
            for more in lines[number + 1 :]:
                if re.search(r"[.?]( |$)", text[-1]) or not more.startswith("  "):
                    break
                text.append(more.strip())
            whole = " ".join(text)
            first = re.match(r".*?[.?](?= |$)", whole)
            by_hand = words[-1] == "by hand"
            clouds = words[:-1] if by_hand else words
            if clouds == ["all"]:
                clouds = CLOUDS
            if not clouds or not set(clouds) <= set(CLOUDS):
                raise ValueError(f"{page.name}: {id} is of no cloud that is known: {', '.join(words)}")
            found.append(Question(id, tuple(clouds), by_hand, first[0] if first else whole))
    return found


def joined(page=PAGE):
    """The questions, each of which has its check unless it is asked by hand."""
    questions = of_page(page)
    ids = [question.id for question in questions]
    asked = {question.id for question in questions if not question.by_hand}
    wrong = [f"{id} is there twice" for id in sorted({id for id in ids if ids.count(id) > 1})]
    wrong += [f"{id} has no check, and is not marked as by hand" for id in sorted(asked - set(CHECKS))]
    wrong += [f"{id} has a check and is not on the page, or is marked as by hand" for id in sorted(set(CHECKS) - asked)]
    if wrong:
        raise ValueError(f"{page.name}: " + "; ".join(wrong))
    return questions
