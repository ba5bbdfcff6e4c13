"""The records of a lab's checks: build, tests, unit tests and linters."""

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any

import regex
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash
from labs_schema.limits import CheckLimits
from labs_schema.observations import Tag
from labs_schema.source.languages import LANGUAGES, canonical_name
from labs_schema.submissions.file_names import safe_member_path

LIMITS = CheckLimits()
BUILD, WARNINGS = "build", "warnings"
"""Names of the checks that every lab has; no other check may have them."""


class Compare(StrEnum):
    """Rules for comparing a program's output with the expected one."""

    EXACT = "exact"
    WHITESPACE = "whitespace"
    FLOAT = "float"
    REGEX = "regex"
    VALIDATOR = "validator"


class Report(StrEnum):
    """The format in which a unit test's command reports its cases: JUnit XML in `report.xml`, or TAP as its output."""

    JUNIT = "junit"
    TAP = "tap"
    PYTEST = "pytest"


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("one line of printable text")
    return text.strip()


def _relative(path: str) -> str:
    if safe_member_path(path) != path or len(PurePosixPath(path).parts) > LIMITS.folder_levels:
        raise ValueError("a relative path such as data/in.txt, without ..")
    return path


def _words(command: object) -> object:
    """A command as text is for the shell."""
    return ("/bin/sh", "-c", command) if isinstance(command, str) and command.strip() else command


def _language(name: str) -> str:
    language = canonical_name(name)
    if language is None:
        raise ValueError(f"one of {', '.join(LANGUAGES)}")
    return language


Name = Annotated[str, AfterValidator(_printable), Field(max_length=LIMITS.name_chars)]
FilePath = Annotated[str, AfterValidator(_relative), Field(max_length=LIMITS.name_chars)]
Argument = Annotated[str, Field(max_length=LIMITS.argument_chars, pattern=r"^[^\x00]*$")]
Command = Annotated[tuple[Argument, ...], BeforeValidator(_words), Field(min_length=1, max_length=LIMITS.arguments)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=LIMITS.tags)]
Seconds = Annotated[float, Field(gt=0, le=LIMITS.seconds, allow_inf_nan=False)]
MemoryMib = Annotated[int, Field(ge=4, le=LIMITS.memory_mib)]
Points = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class CourseFile(Frozen):
    """A file of the course that is copied next to the program. `path` is relative to the lab's folder `checks`."""

    path: FilePath
    text: str


class Build(Frozen):
    """The build of a program. Everything that is left out has a default for the language."""

    language: Annotated[str, AfterValidator(_language)] | None = Field(None, description="Default: the lab's language.")
    main: FilePath | None = Field(None, description="The file that is run. Default: found in the program.")
    files: tuple[CourseFile, ...] = Field((), description="Files of the course, such as a main.c that calls functions.")
    commands: tuple[Command, ...] = Field((), description="Build commands instead of the language's default ones.")
    run: Command | None = Field(None, description="The command that runs the program. Default: by language.")
    flags: tuple[Argument, ...] = Field((), description="Further arguments of the compiler, such as -lm.")
    warnings: bool = Field(True, description="Whether the compiler's warnings are a check of its own.")
    visible: bool = Field(True, description="Whether students may see the outcome.")
    seconds: Seconds = Field(30.0, description="Time limit of each build command.")
    memory_mib: MemoryMib = Field(1024, description="Memory limit of each build command.")


class TestDefaults(Frozen):
    """Fields of a test that `defaults` sets for all tests."""

    __test__ = False

    exit_status: Annotated[int, Field(ge=0, le=255)] | None = Field(
        None, description="The exit status that is required. Default: any, but a signal is a crash."
    )
    compare: Compare = Field(Compare.WHITESPACE, description="exact, whitespace, float, regex or validator.")
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        1e-6, description="For float: largest absolute or relative difference of two numbers."
    )
    ignore_case: bool = Field(False, description="Whether upper and lower case are the same.")
    seconds: Seconds = Field(2.0, description="Limit of the processor time of the run.")
    memory_mib: MemoryMib = Field(256, description="Memory limit of the run.")
    visible: bool = Field(False, description="Whether students may see input, output and outcome.")
    points: Points | None = Field(None, description="Points of the test, for platforms that show them.")
    tags: Tags = Field((), description="Groups that the test belongs to, such as boundary.")


class ProgramTest(TestDefaults):
    """One run of the program with an input and the expected output."""

    name: Name = Field(description="Unique among all checks of the lab.")
    stdin: str = Field("", description="The standard input.")
    arguments: Annotated[tuple[Argument, ...], Field(max_length=LIMITS.arguments)] = Field(
        (), description="Arguments of the program."
    )
    files: dict[FilePath, str] = Field(default_factory=dict, description="Files in the working folder: path to text.")
    stdout: str | None = Field(
        None, description="The expected output. Without it the test passes if the program exits with status 0."
    )

    @model_validator(mode="after")
    def _valid_pattern(self) -> "ProgramTest":
        if self.compare is Compare.REGEX and self.stdout is not None:
            try:
                regex.compile(self.stdout, regex.MULTILINE)
            except regex.error as error:
                raise ValueError(f"a regular expression in stdout ({error})") from None
        return self


class UnitTest(Frozen):
    """A test program of the course, such as a file for pytest, that reports several cases."""

    name: Name = Field(description="Unique among all checks of the lab.")
    files: tuple[CourseFile, ...] = Field((), description="Files of the lab's folder `checks` that the command needs.")
    report: Report = Field(description="junit, tap or pytest.")
    command: Command | None = Field(None, description="The command. Default for pytest: python3 -m pytest FILES.")
    seconds: Seconds = Field(30.0, description="Time limit of the command.")
    memory_mib: MemoryMib = Field(1024, description="Memory limit of the command.")
    visible: bool = Field(False, description="Whether students may see the outcome.")
    points: Points | None = Field(None, description="Points of all cases together.")
    tags: Tags = Field((), description="Groups that the cases belong to.")

    @model_validator(mode="after")
    def _has_command(self) -> "UnitTest":
        if self.command is None and (self.report is not Report.PYTEST or not self.files):
            raise ValueError("a command, or report: pytest with files")
        return self


class Validator(Frozen):
    """A program of the course that decides whether an output is right, as the output validators of contests.

    Called with the paths of the input, of the expected output and of a folder, then `flags`; the output is its standard
    input. It exits with status 42 for a right output and 43 for a wrong one.
    """

    files: Annotated[tuple[CourseFile, ...], Field(min_length=1)] = Field(
        description="Its source files, in a language that programs can have."
    )
    flags: tuple[Argument, ...] = Field((), description="Further arguments.")
    seconds: Seconds = Field(10.0, description="Time limit of its build and of each run.")
    memory_mib: MemoryMib = Field(1024, description="Memory limit of its build and of each run.")


class Lint(Frozen):
    """A linter. It passes if the command exits with status 0."""

    name: Name = Field(description="Unique among all checks of the lab.")
    files: tuple[CourseFile, ...] = Field(
        (), description="Files of the lab's folder `checks`, such as the linter's configuration."
    )
    command: Command = Field(description="The command, run in the program's folder.")
    seconds: Seconds = Field(30.0, description="Time limit of the command.")
    memory_mib: MemoryMib = Field(1024, description="Memory limit of the command.")
    visible: bool = Field(True, description="Whether students may see the outcome.")
    tags: Tags = Field((), description="Groups that the check belongs to.")


class Checks(Frozen):
    """All checks of a lab. Names are unique."""

    build: Build = Build()
    tests: tuple[ProgramTest, ...] = ()
    unit_tests: tuple[UnitTest, ...] = ()
    lint: tuple[Lint, ...] = ()
    validator: Validator | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all checks: `build`, `warnings`, then those of the tests, unit tests and linters."""
        return (BUILD, *([WARNINGS] if self.build.warnings else []), *self.own_names)

    @property
    def named(self) -> tuple[ProgramTest | UnitTest | Lint, ...]:
        """The tests, unit tests and linters."""
        return (*self.tests, *self.unit_tests, *self.lint)

    @property
    def own_names(self) -> tuple[str, ...]:
        """The names of tests, unit tests and linters."""
        return tuple(each.name for each in self.named)


def checks_hash(checks: Checks) -> str:
    """Changes with every field of the checks and every file of the course that they use. SHA-256, in hexadecimal."""
    fields: dict[str, Any] = checks.model_dump(mode="json", exclude_defaults=True)
    return canonical_hash(fields)
