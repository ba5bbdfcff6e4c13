"""A feedback document as Markdown (CommonMark). Texts are escaped completely: no student or tool can add structure."""

import re
from collections.abc import Iterator

from serving.feedback.feedback import Feedback, FeedbackCheck, FeedbackCriterion
from serving.feedback.wording import NOT_GRADED, PROVISIONAL, marks, percent, total

PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
"""ASCII punctuation, which a backslash makes literal (CommonMark 0.31, section 2.4)."""
BACKTICKS = re.compile("`+")


def markdown(feedback: Feedback) -> str:
    """Ends with a newline."""
    lines = [f"# {one_line(feedback.lab)}", "", f"Student: {one_line(feedback.student)}", ""]
    if reached := total(feedback):
        lines += [f"**Total: {reached}**", ""]
    if feedback.provisional:
        lines += [PROVISIONAL, ""]
    for criterion in feedback.criteria:
        lines += _criterion(criterion)
    if feedback.checks:
        lines += ["## Tests", "", *([feedback.tests, ""] if feedback.tests else [])]
    for check in feedback.checks:
        lines += _check(check)
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """`text` as literal inline text. Line ends become hard line breaks; indentation, which could start a code block, is
    removed."""
    lines = [PUNCTUATION.sub(r"\\\1", line.strip()) for line in _plain(text).splitlines()]
    return "\\\n".join(line for line in lines if line)


def one_line(text: str) -> str:
    """`text` as literal inline text without line breaks."""
    return PUNCTUATION.sub(r"\\\1", " ".join(_plain(text).split()))


def fenced(text: str) -> str:
    """A code block with a fence that is longer than any in `text`."""
    fence = "`" * max(3, *(len(run) + 1 for run in BACKTICKS.findall(text)), 3)
    return f"{fence}text\n{_plain(text)}\n{fence}"


def _plain(text: str) -> str:
    """The text without control characters, except for line ends and tabs."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text.replace("\r\n", "\n"))


def _criterion(criterion: FeedbackCriterion) -> Iterator[str]:
    yield from (f"## {one_line(criterion.title)}", "")
    rating = one_line(criterion.rating) if criterion.rating is not None else NOT_GRADED
    points = marks(criterion)
    yield f"**{rating}**{f' ({points})' if points else ''}{', provisional' if criterion.provisional else ''}"
    yield ""
    for text in (criterion.meaning, criterion.comment):
        if text:
            yield from (escaped(text), "")
    if criterion.evidence:
        yield from (f"Evidence: {'; '.join(map(one_line, criterion.evidence))}", "")
    if criterion.probabilities:
        shares = (f"{one_line(title)} {percent(share)}" for title, share in criterion.probabilities.items())
        yield from (f"Probabilities: {', '.join(shares)}", "")


def _check(check: FeedbackCheck) -> Iterator[str]:
    yield from (f"### {one_line(check.name)}: {check.outcome}", "")
    for label, text in check.texts.items():
        yield from (f"{label}:", "", fenced(text), "")
    if check.lines:
        yield from (fenced("\n".join(check.lines)), "")
