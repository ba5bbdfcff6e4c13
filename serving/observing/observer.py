"""Observes one submission: builds it, runs its checks in the sandbox, and records the outcomes."""

import re
import shlex
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from labs_schema.checks.models import BUILD, WARNINGS, Checks, Compare, Lint, ProgramTest, Report, UnitTest, checks_hash
from labs_schema.hashes import files_hash
from labs_schema.limits import ObservationLimits
from labs_schema.models import Submission
from labs_schema.observations import CheckKind, CheckResult, Diagnostic, Outcome, SubmissionObservations, output_match
from serving.observing.building import MIB, BuildRun, Built, build_program
from serving.observing.comparison import ComparisonError, output_fits
from serving.observing.diagnostics import WARNING, parse_diagnostics
from serving.observing.probe import working_sandbox
from serving.observing.pytest_command import pytest_command
from serving.observing.sandbox import Command, RunsCommands, Sandbox
from serving.observing.toolchain_files import SEARCH_PATH
from serving.observing.toolchains import Toolchain
from serving.observing.unit_reports import Case, ReportError, junit_cases, tap_cases
from serving.observing.validating import BuiltValidator
from serving.observing.watching import NOT_FOUND, Ending, Run, SandboxError

VERSION = "2"
"""Of the rules that turn a run into an outcome. A change makes stored observations outdated."""
REPEATS = 2
"""A test that fails is repeated so often, to find programs whose outcome is not always the same."""
_REPEATS = {Outcome.PASSED: 0, Outcome.TIMEOUT: 1}
"""Time-outs take the longest and are repeated once."""
REPORT = "report.xml"
_ENDINGS = {
    Ending.TIMEOUT: Outcome.TIMEOUT,
    Ending.MEMORY_LIMIT: Outcome.MEMORY_LIMIT,
    Ending.OUTPUT_LIMIT: Outcome.OUTPUT_LIMIT,
}
# Only what the command itself reports counts: an older report is removed, and what the program left running is ended
# before the report is read.
_WITH_REPORT = f'exec 3>&1 1>&2; rm -f {REPORT}; "$@" 3>&-; status=$?; kill -9 -1; cat {REPORT} >&3; exit $status'
_VERSION = {"go": "version", "java": "-version", "javac": "-version"}
_TOOL = re.compile(r"[A-Za-z0-9][\w.+-]*")
_SHELLS = ("sh", "bash", "dash", "exec", "echo", "test", "true", "false", "cd", "for", "do", "done", "if", "then", "fi")


@dataclass(frozen=True)
class Observer:
    """Observes submissions of a lab. May be used by several threads. `tools`: tool -> version.

    `validator`: the built one of the checks, if they have one.
    """

    checks: Checks
    toolchain: Toolchain
    sandbox: RunsCommands
    tools: Mapping[str, str]
    validator: BuiltValidator | None = None

    def observe(self, submission: Submission) -> SubmissionObservations:
        """A submission that cannot be placed in a working sandbox, as by its file names, has an error as its build.

        Raises SandboxError if the sandbox stopped working.
        """
        try:
            results = tuple(self._results(submission))
        except SandboxError as error:
            if not isinstance(self.sandbox, Sandbox):
                raise
            working_sandbox(self.sandbox)
            results = tuple(self._no_results(str(error)))
        return SubmissionObservations(
            submission=files_hash(submission),
            checks=checks_hash(self.checks),
            tools=dict(self.tools),
            results=results,
        )

    def _no_results(self, message: str) -> Iterator[CheckResult]:
        build = self.checks.build
        yield CheckResult(
            check=BUILD, kind=CheckKind.BUILD, outcome=Outcome.ERROR, visible=build.visible, message=message
        )
        yield from (_not_run(test, CheckKind.TEST) for test in self.checks.tests)
        yield from (_not_run(unit_test, CheckKind.UNIT_TEST) for unit_test in self.checks.unit_tests)

    def _results(self, submission: Submission) -> Iterator[CheckResult]:
        build = build_program(submission, self.checks.build, self.toolchain, self.sandbox)
        yield from self._build_results(build)
        for test in self.checks.tests:
            yield self._tested(test, build.built) if build.built else _not_run(test, CheckKind.TEST)
        for unit_test in self.checks.unit_tests:
            yield (
                self._unit_tested(unit_test, build.built) if build.built else _not_run(unit_test, CheckKind.UNIT_TEST)
            )
        for lint in self.checks.lint:
            yield self._linted(lint, build)

    def _build_results(self, build: BuildRun) -> Iterator[CheckResult]:
        run, own = build.run, self.checks.build
        output = _text(run.stderr)
        found = parse_diagnostics(output)
        warnings = tuple(each for each in found if each.severity == WARNING)
        errors = tuple(each for each in found if each.severity != WARNING)
        outcome = _ENDINGS.get(run.ending) or (Outcome.PASSED if build.built else Outcome.FAILED)
        yield CheckResult(
            check=BUILD,
            kind=CheckKind.BUILD,
            outcome=outcome,
            visible=own.visible,
            message=None if build.built else output,
            diagnostics=errors,
            diagnostic_count=len(errors),
            **_measured(run),
        )
        if own.warnings:
            compiled = Outcome.FAILED if warnings else Outcome.PASSED
            yield CheckResult(
                check=WARNINGS,
                kind=CheckKind.WARNINGS,
                outcome=compiled if build.built else Outcome.NOT_RUN,
                visible=own.visible,
                diagnostics=warnings,
                diagnostic_count=len(warnings),
            )

    def _tested(self, test: ProgramTest, built: Built) -> CheckResult:
        """A failing test is repeated: it is flaky if it passes then."""
        run = self.run_test(test, built)
        try:
            outcome = self._outcome(test, run)
            for _ in range(_REPEATS.get(outcome, REPEATS)):
                if self._outcome(test, self.run_test(test, built)) is Outcome.PASSED:
                    outcome = Outcome.FLAKY
                    break
        except ComparisonError as error:
            return _test_result(test, run, Outcome.ERROR, str(error))
        return _test_result(test, run, outcome, _message(run))

    def _outcome(self, test: ProgramTest, run: Run) -> Outcome:
        """Raises ComparisonError."""
        outcome = test_outcome(test, run, self.toolchain)
        if outcome is Outcome.PASSED and test.compare is Compare.VALIDATOR and self.validator:
            return Outcome.PASSED if self.validator.accepts(test, run.stdout) else Outcome.FAILED
        return outcome

    def run_test(self, test: ProgramTest, built: Built) -> Run:
        """One run of the program. The expected output stays outside of the sandbox."""
        memory = test.memory_mib * MIB
        files = {path: text.encode(errors="replace") for path, text in test.files.items()}
        words, files = built.inside(built.command(memory, test.arguments), files)
        return self.sandbox.run(
            Command(
                words=words,
                seconds=test.seconds,
                memory_bytes=memory + self.toolchain.overhead_bytes,
                stdin=test.stdin.encode(errors="replace"),
                files=files,
            )
        )

    def _unit_tested(self, check: UnitTest, built: Built) -> CheckResult:
        names = [file.path for file in check.files]
        if check.command is None:
            words = pytest_command(names)
        else:
            script = ["/bin/sh", "-c", _WITH_REPORT, "sh"] if check.report is not Report.TAP else []
            words = [*script, *check.command]
        words, files = built.inside(words, {file.path: file.text.encode() for file in check.files})
        run = self.sandbox.run(Command(words, check.seconds, check.memory_mib * MIB, files=files))
        outcome, message, cases = _unit_outcome(check, run)
        failed = [case for case in cases if not case.passed]
        points = None if check.points is None or not cases else check.points * (1 - len(failed) / len(cases))
        return CheckResult(
            check=check.name,
            kind=CheckKind.UNIT_TEST,
            outcome=outcome,
            visible=check.visible,
            tags=check.tags,
            points=points,
            max_points=check.points,
            message=message,
            diagnostics=tuple(Diagnostic(severity="failure", text=f"{each.name}: {each.message}") for each in failed),
            diagnostic_count=len(failed),
            **_measured(run),
        )

    def _linted(self, check: Lint, build: BuildRun) -> CheckResult:
        run = self.sandbox.run(Command(check.command, check.seconds, check.memory_mib * MIB, files=build.sources))
        output = _text(run.stdout) + _text(run.stderr)
        outcome = _ENDINGS.get(run.ending) or (Outcome.PASSED if run.succeeded else Outcome.FAILED)
        found = parse_diagnostics(output, WARNING)
        return CheckResult(
            check=check.name,
            kind=CheckKind.LINT,
            outcome=Outcome.ERROR if run.exit_status == NOT_FOUND else outcome,
            visible=check.visible,
            tags=check.tags,
            message=None if run.succeeded else output,
            diagnostics=found,
            diagnostic_count=len(found),
            **_measured(run),
        )


def tool_versions(
    toolchain: Toolchain, sandbox: RunsCommands, checks: Checks, validator: BuiltValidator | None = None
) -> dict[str, str]:
    """The first line that each tool of the checks prints about its version, and the version of the rules."""
    versions = {"observer": VERSION}
    questions = {tool: [tool, _VERSION.get(tool, "--version")] for tool in toolchain.tools}
    questions |= {tool: [tool, "--version"] for tool in _named_tools(checks)}
    if validator:
        questions |= {tool: [tool, _VERSION.get(tool, "--version")] for tool in validator.built.toolchain.tools}
    if any(each.report is Report.PYTEST for each in checks.unit_tests):
        questions["pytest"] = ["python3", "-s", "-m", "pytest", "--version"]
    for tool, words in list(questions.items())[: ObservationLimits().tools - 1]:
        run = sandbox.run(Command(words, 10, 512 * MIB))
        lines = _text(run.stdout or run.stderr).splitlines()
        versions[tool] = lines[0] if lines else "unknown"
    return versions


def _named_tools(checks: Checks) -> list[str]:
    """The programs in the commands of linters, unit tests and builds."""
    commands = [each.command for each in checks.lint] + [each.command or () for each in checks.unit_tests]
    words = [part for command in [*commands, *checks.build.commands] for word in command for part in word.split()]
    found = dict.fromkeys(word for word in words if _TOOL.fullmatch(word))
    return [word for word in found if word not in _SHELLS and shutil.which(word, path=SEARCH_PATH)]


def test_outcome(test: ProgramTest, run: Run, toolchain: Toolchain) -> Outcome:
    """The outcome of one run of a test, without the decision of a validator. Raises ComparisonError."""
    if run.ending in _ENDINGS:
        return _ENDINGS[run.ending]
    if run.exit_status != 0:
        if toolchain.limit_text and toolchain.limit_text in run.stderr:
            return Outcome.MEMORY_LIMIT
        if run.signal is not None or (toolchain.crash_text and toolchain.crash_text in run.stderr):
            return Outcome.CRASHED
    wanted = 0 if test.stdout is None and test.exit_status is None else test.exit_status
    if wanted is not None and run.exit_status != wanted:
        return Outcome.FAILED
    return Outcome.PASSED if output_fits(test, _text(run.stdout)) else Outcome.FAILED


test_outcome.__test__ = False  # type: ignore[attr-defined]  # pytest collects functions by this name


def _test_result(test: ProgramTest, run: Run, outcome: Outcome, message: str | None) -> CheckResult:
    actual = _text(run.stdout)
    comparable = test.stdout is not None and test.compare not in (Compare.REGEX, Compare.VALIDATOR)
    return CheckResult(
        check=test.name,
        kind=CheckKind.TEST,
        outcome=outcome,
        visible=test.visible,
        tags=test.tags,
        points=None if test.points is None else test.points * (outcome is Outcome.PASSED),
        max_points=test.points,
        input=test.stdin,
        arguments=shlex.join(test.arguments) or None,
        expected=test.stdout,
        actual=actual,
        message=message,
        match=output_match(test.stdout or "", actual) if comparable else None,
        **_measured(run),
    )


def _unit_outcome(check: UnitTest, run: Run) -> tuple[Outcome, str, list[Case]]:
    output = _text(run.stderr if check.report is not Report.TAP else run.stdout)
    if run.ending in _ENDINGS:
        return _ENDINGS[run.ending], output, []
    try:
        cases = tap_cases(_text(run.stdout)) if check.report is Report.TAP else junit_cases(run.stdout)
    except ReportError as error:
        crashed = run.signal is not None
        return Outcome.CRASHED if crashed else Outcome.ERROR, f"{error}\n{output}", []
    if run.signal is not None:
        return Outcome.CRASHED, output, []
    if check.command is None and (run.exit_status == 0) != all(case.passed for case in cases):
        return Outcome.ERROR, f"the report contradicts pytest's exit status {run.exit_status}\n{output}", []
    passed = sum(case.passed for case in cases)
    return Outcome.PASSED if passed == len(cases) else Outcome.FAILED, f"{passed} of {len(cases)} cases passed", cases


def _not_run(check: ProgramTest | UnitTest, kind: CheckKind) -> CheckResult:
    return CheckResult(
        check=check.name,
        kind=kind,
        outcome=Outcome.NOT_RUN,
        visible=check.visible,
        tags=check.tags,
        max_points=check.points,
    )


def _message(run: Run) -> str | None:
    """The signal that ended the program, and what it printed as errors."""
    ended = f"ended by {signal.Signals(run.signal).name}\n" if run.signal is not None else ""
    return (ended + _text(run.stderr)) or None


def _measured(run: Run) -> dict[str, float | int | None]:
    return {
        "exit_status": run.exit_status,
        "signal": run.signal,
        "seconds": round(run.seconds, 4),
        "memory_bytes": run.memory_bytes,
    }


def _text(output: bytes) -> str:
    return output.decode(errors="replace")
