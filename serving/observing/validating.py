"""Runs the course's output validator, in a sandbox of its own, after the student's program has ended."""

from typing import NamedTuple

from labs_schema.checks.models import Build, ProgramTest, Validator
from labs_schema.errors import GraderError
from labs_schema.models import SourceFile, Submission
from labs_schema.source.languages import majority_languages
from serving.observing.building import MIB, Built, build_program
from serving.observing.comparison import ComparisonError
from serving.observing.isolation.sandbox import Command, RunsCommands
from serving.observing.toolchains import find_toolchain

RIGHT, WRONG = 42, 43
_INPUT, _ANSWER, _FEEDBACK = "judge.in", "judge.ans", "feedback"


class BuiltValidator(NamedTuple):
    """A validator that can be run."""

    validator: Validator
    built: Built
    sandbox: RunsCommands

    def accepts(self, test: ProgramTest, output: bytes) -> bool:
        """Raises ComparisonError if the validator does not decide."""
        memory = self.validator.memory_mib * MIB
        arguments = (_INPUT, _ANSWER, f"{_FEEDBACK}/", *self.validator.flags)
        judged = {_INPUT: test.stdin.encode(), _ANSWER: (test.stdout or "").encode(), f"{_FEEDBACK}/empty": b""}
        words, files = self.built.inside(self.built.command(memory, arguments), judged)
        overhead = self.built.toolchain.overhead_bytes
        run = self.sandbox.run(Command(words, self.validator.seconds, memory + overhead, output, files))
        if run.exit_status not in (RIGHT, WRONG):
            errors = run.stderr.decode(errors="replace")[:500]
            raise ComparisonError(f"the validator ended with {run.exit_status or run.signal or run.ending}. {errors}")
        return run.exit_status == RIGHT


def build_validator(validator: Validator, sandbox: RunsCommands) -> BuiltValidator:
    """Raises GraderError if it cannot be built."""
    files = tuple(SourceFile(path=file.path, text=file.text) for file in validator.files)
    languages = majority_languages([[file.path for file in files]])
    toolchain = find_toolchain(languages[0] if languages else "an unknown language")
    build = Build(seconds=validator.seconds, memory_mib=validator.memory_mib, warnings=False)
    done = build_program(Submission(student="", folder="", files=files), build, toolchain, sandbox)
    if done.built is None:
        errors = done.run.stderr.decode(errors="replace")[:2000]
        raise GraderError(f"the validator of the lab cannot be built:\n{errors}", code="validator-failed")
    return BuiltValidator(validator, done.built, sandbox)
