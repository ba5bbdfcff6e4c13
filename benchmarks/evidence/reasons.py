"""Fixed rules on the checks, and reasons why head + evidence differs from the TA: parts of the page on evidence.

Run: python -m benchmarks.evidence.reasons WORK prints the table of the rules and of `decided_by` for the labs with
observations in WORK, as benchmarks/evidence/agreement.py leaves them there.

Time: seconds. Figures: docs/measurements/evidence.md.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from labs_schema.decided_by import OutcomeRule, decide
from labs_schema.models import Lab
from labs_schema.observations import CheckResult, Match, Outcome, SubmissionObservations
from labs_schema.reading.lab_folders import OBSERVATIONS
from labs_schema.reading.validate import load_lab
from serving.measures.decisions import Decision

COURSE_OPTIONS = "the compiler options of the course"
ABNORMAL = (Outcome.CRASHED, Outcome.TIMEOUT, Outcome.MEMORY_LIMIT, Outcome.OUTPUT_LIMIT)
EXACT = ", exact"
"""Ends the name of the test that compares the output for an input character by character."""
REASONS = {
    "stricter": "The TA rated lower than the checks. An input of the TA fails that no check resembles.",
    "text": "The TA rated lower than the checks, and some output has other text or white space around the right "
    "values: the TA may count it as wrong.",
    "lenient": "The TA rated higher than the checks: a check fails that no input of the TA resembles.",
    "head": "The checks give the TA's rating, but the head decided otherwise.",
    "other": "Checks, head and TA give three different ratings.",
}
MOST_FREQUENT = 5
Observed = Mapping[tuple[str, str], SubmissionObservations]
"""(lab, student) -> observations."""
Explained = tuple[Decision, str, list[str]]
"""A decision, the key of its reason, and the checks that fail although the TA rated higher."""


def by_checks(observations: SubmissionObservations, criterion: str) -> str | None:
    """The rating by the fixed rule; None for criteria about style."""
    built = observations.build is not None and observations.build.passed
    tests = observations.tests
    if criterion == "Does the program compile?":
        strict = observations.result(COURSE_OPTIONS)
        return "A" if strict and strict.passed else "B" if built else "C"
    rules: dict[str, Callable[[], str]] = {
        "Is the program correct on ordinary inputs?": lambda: _share(t.passed for t in tests if "ordinary" in t.tags),
        "Are boundary cases handled?": lambda: _share(t.passed for t in tests if "boundary" in t.tags),
        "Is the output format exact?": lambda: _format(observations),
        "Does the program end normally on every input?": lambda: (
            "B" if any(t.outcome in ABNORMAL for t in tests) else "A"
        ),
    }
    return None if criterion not in rules else rules[criterion]() if built else "C"


def _share(passed: Iterable[bool]) -> str:
    found = list(passed)
    return "A" if all(found) else "B" if any(found) else "C"


def _format(observations: SubmissionObservations) -> str:
    """Of the inputs for which the values are right."""
    right = [t for t in observations.tests if "format" in t.tags and _has_values(observations, t)]
    return "C" if not right else "A" if all(t.passed for t in right) else "B"


def _has_values(observations: SubmissionObservations, test: CheckResult) -> bool:
    values = observations.result(test.check.removesuffix(EXACT))
    return values is not None and values.passed


def is_style(criterion: str) -> bool:
    return by_checks(SubmissionObservations(submission="0" * 64, results=()), criterion) is None


def _graded(selector: str) -> tuple[OutcomeRule, ...]:
    built = OutcomeRule(rating="C", none_passed=("build",))
    most = OutcomeRule(rating="A", all_passed=(selector,)), OutcomeRule(rating="C", none_passed=(selector,))
    return (built, *most, OutcomeRule(rating="B"))


DECIDED_BY = {
    "Does the program compile?": (
        OutcomeRule(rating="A", all_passed=(COURSE_OPTIONS,)),
        OutcomeRule(rating="B", all_passed=("build",)),
        OutcomeRule(rating="C"),
    ),
    "Is the program correct on ordinary inputs?": _graded("tag:ordinary"),
    "Are boundary cases handled?": _graded("tag:boundary"),
    "Is the output format exact?": _graded("tag:format"),
    "Does the program end normally on every input?": (
        OutcomeRule(rating="C", none_passed=("build",)),
        OutcomeRule(rating="A", all_ended=("kind:test",)),
        OutcomeRule(rating="B"),
    ),
}
"""As a course would write them into `rubrics.json`."""


def observed_in(labs: Sequence[Lab]) -> Observed:
    return {(lab.name, s.student): s.observations for lab in labs for s in lab.submissions if s.observations}


def rules_table(labs: Sequence[Lab], observed: Observed) -> str:
    """Agreement of the fixed rule and of `decided_by`, with 95 % intervals over students, and what is undecided."""
    right: dict[str, dict[str, list[tuple[bool, bool | None]]]] = {}
    for lab in labs:
        for student, given in lab.ratings_by_student.items():
            for title, rating in given.items():
                observations = observed.get((lab.name, student))
                if observations and (rule := by_checks(observations, title)):
                    decided = decide(DECIDED_BY[title], observations).rating
                    agrees = None if decided is None else decided == rating
                    right.setdefault(title, {}).setdefault(student, []).append((rule == rating, agrees))
    lines = ["| criterion | decisions | fixed rule | `decided_by` | undecided |", "|---|---|---|---|---|"]
    for title, students in right.items():
        pairs = [pair for found in students.values() for pair in found]
        rule = _over_students([[one for one, _ in found] for found in students.values()])
        own = _over_students([[one for _, one in found if one is not None] for found in students.values()])
        lines.append(f"| {title} | {len(pairs):,} | {rule} | {own} | {sum(one is None for _, one in pairs)} |")
    return "\n".join(lines)


def _over_students(found: Sequence[Sequence[bool]], resamples: int = 2000) -> str:
    """The share and its percentile bootstrap interval."""
    hits, counts = np.array([sum(each) for each in found]), np.array([len(each) for each in found])
    chosen = np.random.default_rng(0).integers(0, len(found), (resamples, len(found)))
    shares = hits[chosen].sum(1) / np.maximum(1, counts[chosen].sum(1))
    low, high = np.quantile(shares, (0.025, 0.975))
    return f"{hits.sum() / counts.sum():.3f} [{low:.3f}, {high:.3f}]"


def explain(decision: Decision, observed: Observed) -> Explained | None:
    observations = observed.get((decision.lab, decision.student))
    rule = by_checks(observations, decision.criterion) if observations else None
    if observations is None or rule is None:
        return None
    by_rule = "ABC".index(rule)  # all criteria about behaviour have these ratings
    if by_rule == decision.human:
        return decision, "head", []
    if by_rule != decision.grader:
        return decision, "other", []
    if by_rule > decision.human:
        return decision, "lenient", [t.check for t in observations.tests if not t.passed and "format" not in t.tags]
    inexact = any(t.match not in (None, Match.EXACT, Match.NONE) for t in observations.tests)
    return decision, "text" if inexact else "stricter", []


def reasons_table(explained: Sequence[Explained]) -> str:
    titles = [title for title, _ in Counter(d.criterion for d, _, _ in explained).most_common()]
    lines = [f"| reason | {' | '.join(titles)} |", "|---" * (1 + len(titles)) + "|"]
    counts = Counter((key, d.criterion) for d, key, _ in explained)
    lines += [f"| {text} | {' | '.join(str(counts[key, t]) for t in titles)} |" for key, text in REASONS.items()]
    return "\n".join(lines)


def failing_table(explained: Sequence[Explained]) -> str:
    """The checks that fail most often where the TA rated higher."""
    counts = Counter((d.lab, check) for d, _, checks in explained for check in checks)
    lines = [
        "Checks that fail most often where the TA rated higher:",
        "",
        "| lab | check | decisions |",
        "|---|---|---|",
    ]
    lines += [f"| {lab} | {check} | {count} |" for (lab, check), count in counts.most_common(MOST_FREQUENT)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    labs = [load_lab(path.parent) for path in sorted(parser.parse_args().work.glob(f"*/{OBSERVATIONS}"))]
    print(rules_table(labs, observed_in(labs)))  # noqa: T201


if __name__ == "__main__":
    main()
