"""Proposes the checks of a lab from a reference solution: its outputs become the expected ones."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from grader.observe.observe_lab import make_observer
from labs_schema.checks.models import LIMITS, Build, Checks, ProgramTest
from labs_schema.checks.reading import load_checks
from labs_schema.checks.writing import checks_yaml
from labs_schema.errors import GraderError, InputError, IssueCollector, error_issue
from labs_schema.file_reader import read_text
from labs_schema.observations import Outcome
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
    """A test without an expected output for each file; one with an empty input if there is none."""
    files = [file for path in inputs for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    issues = IssueCollector("inputs")
    names: set[str] = set()
    for file in files:
        text = read_text(file, safe_name(str(file)), LIMITS.file_bytes, issues)
        name = safe_name(file.name)[: LIMITS.name_chars]
        name = name.removesuffix(".in").removesuffix(".txt")
        if name in names or not name:
            name = safe_name(file.name)
        names.add(name)
        yield ProgramTest(name=name, stdin=text or "", seconds=REFERENCE_SECONDS)
    if issues.failed:
        raise InputError(issues.issues())
    if not files:
        yield ProgramTest(name="no input", seconds=REFERENCE_SECONDS)


def _with_output(test: ProgramTest, built: Built, observer: Observer) -> ProgramTest:
    """The test with the output of the reference, and a time limit that follows from its time."""
    first, second = (observer.run_test(test, built) for _ in range(2))
    outcome = test_outcome(test, first, observer.toolchain)
    if outcome is not Outcome.PASSED or first.stdout != second.stdout:
        what = "prints something else each time" if outcome is Outcome.PASSED else f"ends with {outcome.value}"
        errors = first.stderr.decode(errors="replace")[:500]
        raise GraderError(
            f"the reference solution {what} on the input {test.name!r}. {errors}".strip(), code="reference-failed"
        )
    seconds = max(SHORTEST_SECONDS, math.ceil(first.seconds * TIME_FACTOR))
    return test.model_copy(update={"stdout": first.stdout.decode(errors="replace"), "seconds": seconds})
