"""Reads the checks of a lab: `checks.yaml`, a contest's `data` folder, or both."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from labs_schema.checks.checks_yaml import Section, read_checks_yaml
from labs_schema.checks.contest import read_contest
from labs_schema.checks.models import BUILD, WARNINGS, Checks, Compare
from labs_schema.decided_by import KIND, TAG
from labs_schema.errors import InputError, IssueCollector, Severity, did_you_mean, quoted
from labs_schema.files.file_reader import report_too_large
from labs_schema.limits import CheckLimits
from labs_schema.models import Criterion, Submission
from labs_schema.reading.lab_folders import CHECKS, CONTEST_DATA
from labs_schema.rubrics.rubric_json import RUBRIC
from labs_schema.submissions.file_names import safe_name

LIMITS = CheckLimits()
NOT_RUN = "the lab has checks that were not run on this program"


def has_checks(folder: Path) -> bool:
    """Whether a lab's folder has `checks.yaml` or a contest's `data` folder."""
    return any(os.path.lexists(folder / name) for name in (CHECKS, CONTEST_DATA))


def read_checks(folder: Path, issues: IssueCollector) -> Checks | None:
    """The checks in a lab's folder; None if it has none or, with every fault in `issues`, if they cannot be used."""
    own = issues.empty_copy()
    checks, defaults = read_checks_yaml(folder, own) if os.path.lexists(folder / CHECKS) else Section()
    if os.path.lexists(folder / CONTEST_DATA):
        contest = read_contest(folder, defaults, own)
        tests, validator = (*checks.tests, *contest.tests), checks.validator or contest.validator
        checks = checks.model_copy(update={"tests": tests, "validator": validator})
    _report_repeated(checks, own)
    if len(checks.own_names) > LIMITS.checks:
        report_too_large("too-many-checks", CHECKS, "checks", LIMITS.checks, own)
    if not own.failed and checks.validator is None and any(t.compare is Compare.VALIDATOR for t in checks.tests):
        own.error("check-field", CHECKS, found="compare: validator without a validator", expected="the field validator")
    issues.add_all(own)
    return checks if has_checks(folder) and not own.failed else None


def load_checks(folder: Path) -> Checks:
    """The checks in a lab's folder. Raises InputError with every fault, or with `no-checks` if there are none."""
    issues = IssueCollector(safe_name(folder.absolute().name) or "/")
    checks = read_checks(folder, issues)
    if checks is not None:
        return checks
    if not issues.failed:
        issues.error("no-checks", "")
    raise InputError([issue for issue in issues.issues() if issue.severity is Severity.ERROR])


def report_unknown_checks(criteria: Sequence[Criterion], checks: Checks, issues: IssueCollector) -> None:
    """Warns of names in `decided_by` that no check has. Names of a unit test's cases are known only when it runs."""
    known = {*checks.names, *(f"{TAG}{tag}" for each in checks.named for tag in each.tags)}
    for criterion in criteria:
        for selector in dict.fromkeys(name for rule in criterion.decided_by for name in rule.selectors):
            named = selector in known or selector.startswith(KIND)
            if not named and (selector.startswith(TAG) or not checks.unit_tests):
                found = f"{quoted(selector)} in decided_by of {quoted(criterion.title)}"
                issues.warning("unknown-check", RUBRIC, found=found, suggestion=did_you_mean(selector, known))


def _report_repeated(checks: Checks, issues: IssueCollector) -> None:
    """Ratings are decided by the names of checks, so that each name means one check."""
    counts = Counter([BUILD, WARNINGS, *checks.own_names])
    for name, count in counts.items():
        if count > 1:
            issues.error("duplicate-check", CHECKS, found=f"the name {quoted(name)} for several checks")


def mark_unobserved(submissions: Iterable[Submission], lab_folder: Path) -> tuple[Submission, ...]:
    """`submissions` of a lab; in a lab with checks, those without observations get the reason, so that their
    grades need human review."""
    reason = NOT_RUN if has_checks(lab_folder) else ""
    return tuple(each if each.observations else each.model_copy(update={"unobserved": reason}) for each in submissions)
