"""Runs the commands of a course on a program: unit tests, and linters."""

from labs_schema.checks.models import Lint, Report, UnitTest
from labs_schema.observations import CheckResult, Diagnostic, Outcome
from serving.observing.building import MIB, BuildRun, Built
from serving.observing.diagnostics import WARNING, parse_diagnostics
from serving.observing.isolation.sandbox import Command, RunsCommands
from serving.observing.isolation.watching import NOT_FOUND, Run
from serving.observing.outcomes import ENDINGS, as_text, described, measured
from serving.observing.pytest_command import pytest_command
from serving.observing.unit_reports import Case, ReportError, junit_cases, tap_cases

REPORT = "report.xml"
# Only what the command itself reports counts: an older report is removed, and what the program left running is ended
# before the report is read.
_WITH_REPORT = f'exec 3>&1 1>&2; rm -f {REPORT}; "$@" 3>&-; status=$?; kill -9 -1; cat {REPORT} >&3; exit $status'


def run_unit_test(check: UnitTest, built: Built, sandbox: RunsCommands) -> CheckResult:
    """The check in a sandbox of its own, together with the program."""
    names = [file.path for file in check.files]
    if check.command is None:
        words = pytest_command(names)
    else:
        script = ["/bin/sh", "-c", _WITH_REPORT, "sh"] if check.report is not Report.TAP else []
        words = [*script, *check.command]
    words, files = built.inside(words, {file.path: file.text.encode() for file in check.files})
    run = sandbox.run(Command(words, check.seconds, check.memory_mib * MIB, files=files))
    outcome, message, cases = _unit_outcome(check, run)
    failed = [case for case in cases if not case.passed]
    points = None if check.points is None or not cases else check.points * (1 - len(failed) / len(cases))
    return CheckResult(
        **described(check),
        outcome=outcome,
        points=points,
        message=message,
        diagnostics=tuple(Diagnostic(severity="failure", text=f"{each.name}: {each.message}") for each in failed),
        diagnostic_count=len(failed),
        **measured(run),
    )


def _unit_outcome(check: UnitTest, run: Run) -> tuple[Outcome, str, list[Case]]:
    output = as_text(run.stderr if check.report is not Report.TAP else run.stdout)
    if run.ending in ENDINGS:
        return ENDINGS[run.ending], output, []
    try:
        cases = tap_cases(as_text(run.stdout)) if check.report is Report.TAP else junit_cases(run.stdout)
    except ReportError as error:
        crashed = run.signal is not None
        return Outcome.CRASHED if crashed else Outcome.ERROR, f"{error}\n{output}", []
    if run.signal is not None:
        return Outcome.CRASHED, output, []
    if check.command is None and (run.exit_status == 0) != all(case.passed for case in cases):
        return Outcome.ERROR, f"the report contradicts pytest's exit status {run.exit_status}\n{output}", []
    passed = sum(case.passed for case in cases)
    return Outcome.PASSED if passed == len(cases) else Outcome.FAILED, f"{passed} of {len(cases)} cases passed", cases


def run_linter(check: Lint, build: BuildRun, sandbox: RunsCommands) -> CheckResult:
    """The check on the files before the build. The course's files replace those of the program."""
    files = {**build.sources, **{file.path: file.text.encode() for file in check.files}}
    run = sandbox.run(Command(check.command, check.seconds, check.memory_mib * MIB, files=files))
    output = as_text(run.stdout) + as_text(run.stderr)
    outcome = ENDINGS.get(run.ending) or (Outcome.PASSED if run.succeeded else Outcome.FAILED)
    found = parse_diagnostics(output, WARNING)
    return CheckResult(
        **described(check),
        outcome=Outcome.ERROR if run.exit_status == NOT_FOUND else outcome,
        message=None if run.succeeded else output,
        diagnostics=found,
        diagnostic_count=len(found),
        **measured(run),
    )
