"""The block of a prompt that shows what happened when the program was built and run.

Outputs are written by the program, so they are as hostile as its source: each is on one line, escaped and bounded.
A model may quote its prompt in an explanation, which students read. So a check that they may not see is shown by its
outcome only, without its name, input, expected and actual output, and text of tools.
"""

from collections.abc import Iterator, Sequence

from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from prompts.quoting import quote, quote_name

NOT_OBSERVED = "not observed"
LAYOUT_VERSION = 2
"""Increment when the same observations are shown otherwise: it is part of the prompt hash."""
TEXT_CHARS = 200
"""The limit of an input, an output or a diagnostic."""
SHOWN_DIAGNOSTICS, SHOWN_TAGS = 3, 8
_GAP = "..."


def observed_text(observations: SubmissionObservations | None, max_chars: int) -> str:
    """At most `max_chars` characters, quoted: build, tests, the first failure that students may see, then
    warnings and linters.

    Lines that do not fit are left out from the end. The first line is always there, shortened if need be.
    """
    if observations is None or not observations.results:
        return NOT_OBSERVED
    first, *others = map(quote, _lines(observations))
    lines = [first[:max_chars]]
    left = max_chars - len(lines[0])
    for line in others:
        if left <= len(line):
            break
        lines.append(line)
        left -= len(line) + 1
    return "\n".join(lines)


def _lines(observations: SubmissionObservations) -> Iterator[str]:
    build, tests = observations.build, observations.tests
    yield f"build: {NOT_OBSERVED if build is None else build.outcome + _diagnostics(build)}"
    yield f"tests: {_summary(tests) if tests else NOT_OBSERVED}"
    failures = [each for each in tests if not each.passed and each.outcome is not Outcome.NOT_RUN]
    if failures:
        yield _failure(next((each for each in failures if each.visible), failures[0]))
    for each in observations.of_kind(CheckKind.WARNINGS, CheckKind.LINT):
        name = _text(each.check) if each.visible else f"hidden {each.kind}"
        yield f"{name}: {each.outcome}{_diagnostics(each)}"


def _summary(tests: Sequence[CheckResult]) -> str:
    """`7 of 9 passed (boundary 1 of 3, ordinary 6 of 6), 1 failed, 1 crashed`."""
    tags = sorted({tag for each in tests for tag in each.tags})[:SHOWN_TAGS]
    by_tag = ", ".join(f"{tag} {_share([each for each in tests if tag in each.tags])}" for tag in tags)
    others = (outcome for outcome in Outcome if outcome is not Outcome.PASSED)
    counts = {outcome: sum(each.outcome is outcome for each in tests) for outcome in others}
    listed = "".join(f", {count} {outcome}" for outcome, count in counts.items() if count)
    return f"{_share(tests)} passed{f' ({by_tag})' if tags else ''}{listed}"


def _share(tests: Sequence[CheckResult]) -> str:
    return f"{sum(each.passed for each in tests)} of {len(tests)}"


def _failure(test: CheckResult) -> str:
    ended = "" if test.outcome is Outcome.FAILED else f" {test.outcome}"
    if not test.visible:
        return f"first failure: a hidden test{ended}"
    fields = {"arguments": test.arguments, "input": test.input, "expected": test.expected, "actual": test.actual}
    shown = "".join(f" {name} {_text(text)}" for name, text in fields.items() if text is not None)
    message = f" message {_text(test.message)}" if test.message and test.actual is None else ""
    return f"first failure: {_text(test.check)}{ended}{shown}{message}"


def _diagnostics(check: CheckResult) -> str:
    """`, 4 diagnostics: main.c:3 error "..."`, with the first ones."""
    count = max(check.diagnostic_count, len(check.diagnostics))
    if not check.diagnostics or not check.visible:
        return f", {count} diagnostics" if count else ""
    shown = (
        f"{quote_name(each.filename)}:{each.line or '?'} {quote_name(each.severity)} {_text(each.text)}"
        for each in check.diagnostics[:SHOWN_DIAGNOSTICS]
    )
    return f", {count} diagnostics: {'; '.join(shown)}"


def _text(text: str) -> str:
    """`text` in double quotes on one line: line breaks, quotes and characters that cannot be seen are escaped."""
    escaped = quote_name(text[:TEXT_CHARS])
    return f'"{escaped}"{_GAP if len(text) > TEXT_CHARS else ""}'
