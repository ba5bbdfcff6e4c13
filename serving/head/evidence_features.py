"""Observations as named numbers from 0 to 1, with the same meaning in every lab."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labs_schema.observations import (
    CONCLUSIVE,
    CheckKind,
    CheckResult,
    Match,
    Outcome,
    SubmissionObservations,
)

VERSION = 2
"""Increment when the same observations give other numbers."""
Evidence = Mapping[str, float]
"""Name -> value; a missing name is 0. Empty if nothing was observed."""
MAX_COLUMNS = 1000
MIN_PROGRAMS = 2
"""Rarer features are ignored."""
SINGLE = 0.3
"""The value of a passed test of one lab: smaller than 1, so that shares of tests are preferred (L2 penalty)."""
MANY_DIAGNOSTICS = 20
_ABNORMAL = (Outcome.CRASHED, Outcome.TIMEOUT, Outcome.MEMORY_LIMIT, Outcome.OUTPUT_LIMIT)
_CLOSENESS = (Match.EXACT, Match.WHITESPACE, Match.WORDS, Match.VALUES)
"""Each includes those before it."""


class EvidenceMatrix(NamedTuple):
    """`values` (n, e). `observed` (n,): whether anything was observed of the program."""

    values: NDArray[np.float64]
    observed: NDArray[np.bool_]


def evidence_features(observations: SubmissionObservations | None, lab: str) -> Evidence:
    """Outcomes that say nothing about the program (`not_run`, `error`, `flaky`) are left out; tests that did not run
    because the program was not built count as failed. `lab` names the features of single tests, which do not transfer.
    """
    if observations is None:
        return {}
    build = observations.build
    failed_build = build is not None and not build.passed and build.outcome in CONCLUSIVE
    tests = [
        t for t in observations.tests if t.outcome in CONCLUSIVE or (failed_build and t.outcome is Outcome.NOT_RUN)
    ]
    found = {**_tools(observations), **_tests(tests)}
    if build is not None and build.outcome in CONCLUSIVE:
        found |= {"build: passed": float(build.passed), "build: failed": float(not build.passed)}
    if not found:
        return {}
    found |= {f"test {lab}/{t.check}": SINGLE for t in tests if t.passed}
    return {"observed": 1.0, **{name: value for name, value in found.items() if value}}


def _tools(observations: SubmissionObservations) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind in (CheckKind.WARNINGS, CheckKind.LINT):
        results = [each for each in observations.of_kind(kind) if each.outcome in CONCLUSIVE]
        if results:
            count = sum(max(each.diagnostic_count, len(each.diagnostics)) for each in results)
            found |= _shares(kind, [each.passed for each in results])
            found[f"{kind}: diagnostics"] = min(log1p(count) / log1p(MANY_DIAGNOSTICS), 1.0)
    return found


def _tests(tests: Sequence[CheckResult]) -> dict[str, float]:
    if not tests:
        return {}
    found = _shares("tests", [t.passed for t in tests])
    for tag in sorted({tag for t in tests for tag in t.tags}):
        found |= _shares(f"tests {tag}", [t.passed for t in tests if tag in t.tags])
    right = [(t, t.passed or t.match in _CLOSENESS) for t in tests]
    found |= _shares("values", [each for _, each in right])
    found |= _shares("format", list(_formats(right)))
    compared = [_CLOSENESS.index(t.match) if t.match in _CLOSENESS else len(_CLOSENESS) for t in tests if t.match]
    for degree, match in enumerate(_CLOSENESS):
        found |= _shares(f"output {match}", [each <= degree for each in compared])
    for outcome in _ABNORMAL:
        share = sum(t.outcome is outcome for t in tests) / len(tests)
        found |= {f"{outcome}: share": share, f"{outcome}: any": float(share > 0)}
    abnormal = [t.outcome in _ABNORMAL for t in tests]
    found |= {"ends: all": float(not any(abnormal)), "ends: share": 1 - sum(abnormal) / len(tests)}
    if first := next((t for t in tests if not t.passed), None):
        found[f"first failure: {first.outcome}"] = 1.0
    if points := sum(t.max_points or 0.0 for t in tests):
        found["points"] = min(max(sum(t.points or 0.0 for t in tests) / points, 0.0), 1.0)
    return found


def _shares(name: str, passed: Sequence[bool]) -> dict[str, float]:
    """The share of `passed`, and whether it is all or none: rubrics distinguish these."""
    if not passed:
        return {}
    share = sum(passed) / len(passed)
    return {f"{name}: share": share, f"{name}: all": float(share == 1), f"{name}: none": float(share == 0)}


def _formats(tests: Sequence[tuple[CheckResult, bool]]) -> Iterator[bool]:
    """Whether the output passed every test of an input, for each input with the right values in the output."""
    by_input: dict[tuple[str | None, str | None, str], list[tuple[CheckResult, bool]]] = {}
    for test, right in tests:
        alone = test.check if test.input is None and test.arguments is None else ""
        by_input.setdefault((test.input, test.arguments, alone), []).append((test, right))
    for group in by_input.values():
        if any(right for _, right in group):
            yield all(t.passed and t.match in (None, Match.EXACT) for t, _ in group)


def evidence_columns(programs: Sequence[Evidence]) -> tuple[str, ...]:
    """The most frequent names, sorted."""
    counts = Counter(name for program in programs for name in program)
    common = sorted((name for name, n in counts.items() if n >= MIN_PROGRAMS), key=lambda name: (-counts[name], name))
    return tuple(sorted(common[:MAX_COLUMNS]))


def evidence_matrix(programs: Sequence[Evidence], columns: Sequence[str]) -> EvidenceMatrix:
    values = np.array([[program.get(name, 0.0) for name in columns] for program in programs], np.float64)
    observed = np.array([bool(program) for program in programs], np.bool_) & (len(columns) > 0)
    return EvidenceMatrix(values.reshape(len(programs), len(columns)), observed)
