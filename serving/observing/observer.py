"""Observes one submission: builds it, runs its checks in the sandbox, and records the outcomes."""

import shlex
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from labs_schema.checks.models import BUILD, WARNINGS, Checks, Compare, ProgramTest, UnitTest, checks_hash
from labs_schema.hashes import files_hash
from labs_schema.models import Submission
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations, output_match
from serving.observing.building import MIB, BuildRun, Built, build_program
from serving.observing.comparison import ComparisonError, output_fits
from serving.observing.course_commands import run_linter, run_unit_test
from serving.observing.diagnostics import WARNING, parse_diagnostics
from serving.observing.isolation.probe import working_sandbox
from serving.observing.isolation.sandbox import Command, RunsCommands, Sandbox
from serving.observing.isolation.watching import Run, SandboxError
from serving.observing.outcomes import ENDINGS, as_text, described, measured
from serving.observing.toolchains import Toolchain
from serving.observing.validating import BuiltValidator

REPEATS = 2
"""A test that fails is repeated so often, to find programs whose outcome is not always the same."""
_REPEATS = {Outcome.PASSED: 0, Outcome.TIMEOUT: 1}
"""Timeouts take the longest and are repeated once."""


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
        yield from map(_not_run, self.checks.tests)
        yield from map(_not_run, self.checks.unit_tests)

    def _results(self, submission: Submission) -> Iterator[CheckResult]:
        build = build_program(submission, self.checks.build, self.toolchain, self.sandbox)
        yield from self._build_results(build)
        for test in self.checks.tests:
            yield self._tested(test, build.built) if build.built else _not_run(test)
        for unit_test in self.checks.unit_tests:
            yield run_unit_test(unit_test, build.built, self.sandbox) if build.built else _not_run(unit_test)
        for lint in self.checks.lint:
            yield run_linter(lint, build, self.sandbox)

    def _build_results(self, build: BuildRun) -> Iterator[CheckResult]:
        run, own = build.run, self.checks.build
        output = as_text(run.stderr)
        found = parse_diagnostics(output)
        warnings = tuple(each for each in found if each.severity == WARNING)
        errors = tuple(each for each in found if each.severity != WARNING)
        outcome = ENDINGS.get(run.ending) or (Outcome.PASSED if build.built else Outcome.FAILED)
        yield CheckResult(
            check=BUILD,
            kind=CheckKind.BUILD,
            outcome=outcome,
            visible=own.visible,
            message=None if build.built else output,
            diagnostics=errors,
            diagnostic_count=len(errors),
            **measured(run),
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


def test_outcome(test: ProgramTest, run: Run, toolchain: Toolchain) -> Outcome:
    """The outcome of one run of a test, without the decision of a validator. Raises ComparisonError."""
    if run.ending in ENDINGS:
        return ENDINGS[run.ending]
    if run.exit_status != 0:
        if toolchain.limit_text and toolchain.limit_text in run.stderr:
            return Outcome.MEMORY_LIMIT
        if run.signal is not None or (toolchain.crash_text and toolchain.crash_text in run.stderr):
            return Outcome.CRASHED
    wanted = 0 if test.stdout is None and test.exit_status is None else test.exit_status
    if wanted is not None and run.exit_status != wanted:
        return Outcome.FAILED
    return Outcome.PASSED if output_fits(test, as_text(run.stdout)) else Outcome.FAILED


test_outcome.__test__ = False  # type: ignore[attr-defined]  # pytest collects functions by this name


def _test_result(test: ProgramTest, run: Run, outcome: Outcome, message: str | None) -> CheckResult:
    actual = as_text(run.stdout)
    comparable = test.stdout is not None and test.compare not in (Compare.REGEX, Compare.VALIDATOR)
    return CheckResult(
        **described(test),
        outcome=outcome,
        points=None if test.points is None else test.points * (outcome is Outcome.PASSED),
        input=test.stdin,
        arguments=shlex.join(test.arguments) or None,
        expected=test.stdout,
        actual=actual,
        message=message,
        match=output_match(test.stdout or "", actual) if comparable else None,
        **measured(run),
    )


def _not_run(check: ProgramTest | UnitTest) -> CheckResult:
    return CheckResult(**described(check), outcome=Outcome.NOT_RUN)


def _message(run: Run) -> str | None:
    """The signal that ended the program, and what it printed as errors."""
    ended = f"ended by {signal.Signals(run.signal).name}\n" if run.signal is not None else ""
    return (ended + as_text(run.stderr)) or None
