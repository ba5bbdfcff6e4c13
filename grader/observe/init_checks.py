"""Proposes the checks of a lab from a reference solution: its outputs become the expected ones."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import yaml

from grader.observe.observe_lab import make_observer
from labs_schema.checks.models import BUILD, LIMITS, WARNINGS, Build, Checks, ProgramTest
from labs_schema.checks.reading import load_checks
from labs_schema.errors import GraderError, InputError, IssueCollector, error_issue, raise_errors
from labs_schema.files.file_reader import read_input
from labs_schema.observations import Outcome, unique_names
from labs_schema.reading.lab_folders import CHECKS
from labs_schema.reading.validate import load_rubric
from labs_schema.submissions.adhoc_submission import read_adhoc_submission
from labs_schema.submissions.file_names import safe_name
from serving.observing.building import Built, build_program
from serving.observing.observer import Observer, test_outcome

REFERENCE_SECONDS = 10.0
SHORTEST_SECONDS = 2.0
TIME_FACTOR = 5.0
"""Students' programs get this multiple of the reference's time."""
HEADER = "# See docs/reference/checks.md. Proposed by grader init-checks: review every expected output.\n"


def init_checks(
    lab_folder: Path, reference: Path, inputs: Sequence[Path], progress: Callable[[int, int], None] = lambda *_: None
) -> Checks:
    """Writes `checks.yaml` with a test for each input, and returns it.

    Every input is run twice: an output that changes between the runs cannot be expected. Raises GraderError, also if
    the lab has checks, and InputError.
    """
    path = lab_folder / CHECKS
    if path.exists():
        raise InputError([error_issue("output-exists", path, hint="Delete or rename it to propose a new one.")])
    lab = load_rubric(lab_folder)
    solution, _ = read_adhoc_submission([reference], lab.language)
    observer = make_observer(lab_folder, lab, Checks(build=Build(language=lab.language)))
    build = build_program(solution, observer.checks.build, observer.toolchain, observer.sandbox)
    if build.built is None:
        output = build.run.stderr.decode(errors="replace")[:2000]
        raise GraderError(f"the reference solution cannot be built:\n{output}", code="reference-failed")
    tests = []
    proposed = list(_tests(inputs))
    for number, test in enumerate(proposed, start=1):
        tests.append(_with_output(test, build.built, observer))
        progress(number, len(proposed))
    path.write_text(checks_yaml(Checks(tests=tuple(tests))), encoding="utf-8")
    return load_checks(lab_folder)


def _tests(inputs: Sequence[Path]) -> Iterator[ProgramTest]:
    """A test without an expected output for each file; one with an empty input if there is none.

    Raises InputError for files that cannot be passed to a program unchanged.
    """
    issues = IssueCollector("inputs")
    files = list(_input_files(inputs))
    texts = [read_input(file, safe_name(str(file)), LIMITS.file_bytes, issues) for file in files]
    raise_errors(issues.issues())
    names = [safe_name(file.name)[: LIMITS.name_chars].removesuffix(".in").removesuffix(".txt") for file in files]
    unique = unique_names([BUILD, WARNINGS, *(name or "input" for name in names)])[2:]
    for name, text in zip(unique or ["no input"], texts or [""], strict=True):
        yield ProgramTest(name=name, stdin=text, seconds=REFERENCE_SECONDS)


def _input_files(inputs: Sequence[Path]) -> Iterator[Path]:
    """The files of folders, without hidden ones and the answers next to inputs, as in the data of contests."""
    for path in inputs:
        inside = sorted(path.iterdir()) if path.is_dir() else []
        stems = {file.stem for file in inside if file.suffix == ".in"}
        answers = [file for file in inside if file.suffix in (".ans", ".out") and file.stem in stems]
        yield from (file for file in inside if file not in answers and not file.name.startswith("."))
        yield from () if path.is_dir() else (path,)


def _with_output(test: ProgramTest, built: Built, observer: Observer) -> ProgramTest:
    """The test with the output and exit status of the reference, and a time limit that follows from its time."""
    first, second = (observer.run_test(test, built) for _ in range(2))
    wanted = test.model_copy(update={"exit_status": first.exit_status or None})
    outcome = test_outcome(wanted, first, observer.toolchain)
    same = (first.stdout, first.exit_status) == (second.stdout, second.exit_status)
    if outcome is not Outcome.PASSED or not same:
        what = "prints different output each time" if outcome is Outcome.PASSED else f"ends with {outcome.value}"
        raise _reference_error(f"{what} on the input {test.name!r}. {first.stderr.decode(errors='replace')[:500]}")
    try:
        output = first.stdout.decode()
    except UnicodeDecodeError:
        raise _reference_error(f"prints bytes that are not UTF-8 on the input {test.name!r}") from None
    seconds = max(SHORTEST_SECONDS, math.ceil(first.seconds * TIME_FACTOR))
    return wanted.model_copy(update={"stdout": output, "seconds": seconds})


def _reference_error(what: str) -> GraderError:
    return GraderError(f"the reference solution {what}".strip(), code="reference-failed")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represented)


def checks_yaml(checks: Checks) -> str:
    """The text of `checks.yaml`, without the fields that have their defaults."""
    fields = checks.model_dump(mode="json", exclude_defaults=True)
    return HEADER + yaml.dump(fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
