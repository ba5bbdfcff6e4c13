"""Reports of unit tests and linters are read, and a program that forges one does not decide."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.checks.models import Build, Checks, CourseFile, Lint, Report, UnitTest
from labs_schema.decided_by import OutcomeRule, decide
from labs_schema.observations import CheckKind, SubmissionObservations
from serving.observing.isolation import sandbox as sandboxes
from serving.observing.isolation import toolchain_files
from serving.observing.isolation.sandbox import Sandbox
from tests.harness.courses.programs import submission
from tests.serving.observing.conftest import observe, outcomes


def test_linters_and_unit_tests(sandbox: Sandbox) -> None:
    shell = "/bin/sh", "-c"
    case = '<testcase name="a"/><testcase name="b"><failure message="no"/></testcase>'
    junit = f"echo '<testsuite>{case}</testsuite>' >report.xml"
    checks = Checks(
        unit_tests=(
            UnitTest(name="tap", report=Report.TAP, command=(*shell, "./program; echo 1..1; echo ok 1 - runs")),
            UnitTest(name="junit", report=Report.JUNIT, command=(*shell, junit), points=4),
            UnitTest(name="no report", report=Report.JUNIT, command=(*shell, "true")),
        ),
        lint=(
            Lint(name="strict", command=(*shell, "gcc -Wall -Werror -c *.c -o /tmp/a.o")),
            Lint(name="absent", command=(*shell, "no-such-linter *.c")),
            Lint(
                name="configured",
                command=("grep", "-q", "course", "rules.cfg"),
                files=(CourseFile(path="rules.cfg", text="course"),),
            ),
        ),
    )
    observed = observe(sandbox, "C", submission(main_c="int main(void) { int x; return 0; }"), checks)
    found = outcomes(observed)
    assert (found["tap"], found["junit"], found["no report"]) == ("passed", "failed", "error")
    assert (found["strict"], found["absent"], found["configured"]) == ("failed", "error", "passed")
    assert observed.result("junit").points == 2  # type: ignore[union-attr]
    assert [each.line for each in observed.of_kind(CheckKind.LINT)[0].diagnostics] == [1]


GRADED = "from work import two\n\ndef test_two():\n    assert two() == 2\n"
PASSES = "<testsuites><testsuite><testcase name='test_two'/></testsuite></testsuites>"
DAEMON = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    while True:
        parent = "/proc/%d/" % os.getppid()
        for path in ("report.xml", "/tmp/report.xml", *(parent + "fd/%d" % n for n in range(9)), parent + "mem"):
            try: open(path, "w").write({PASSES!r})
            except OSError: pass
        time.sleep(0.001)
"""
HOOK = """
def pytest_pyfunc_call(pyfuncitem): return True
"""
QUICK = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
FORGERIES = {
    "a right program": ({"work_py": "def two(): return 2"}, "passed"),
    "a wrong program": ({"work_py": "def two(): return 3"}, "failed"),
    "a hook in conftest.py": ({"work_py": "def two(): return 3", "conftest_py": HOOK}, "failed"),
    "a module instead of pytest": ({"work_py": "two = 0", "pytest_py": f"print({PASSES!r})"}, "failed"),
    "a process that replaces the report": ({"work_py": f"{DAEMON}\ndef two(): return 3"}, "failed"),
    "the end of the process": ({"work_py": "import os\nos._exit(0)"}, "error"),
}
IN_PROCESS = {
    "an object that equals everything": "class Any:\n def __eq__(self, other): return True\ndef two(): return Any()",
    "a report on the descriptor of pytest": f"""
import os
for number in range(3, 20):
    try: os.write(number, {PASSES!r}.encode())
    except OSError: pass
os._exit(0)
""",
    "a changed function of pytest": """
import _pytest.python
_pytest.python.Function.runtest = lambda self: None
def two(): return 3
""",
}


@pytest.fixture
def run_pytest(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SubmissionObservations]:
    """Observes a program with a unit test. pytest is not installed for programs here: the sandbox shows ours."""
    packages = str(Path(pytest.__file__).parent.parent)
    shown = [*toolchain_files.toolchain_arguments(), "--ro-bind", packages, "/packages"]
    monkeypatch.setattr(sandboxes, "toolchain_arguments", lambda: shown)
    monkeypatch.setattr(sandboxes, "ENVIRONMENT", {**sandboxes.ENVIRONMENT, "PYTHONPATH": "/packages", **QUICK})
    check = UnitTest(name="unit", report=Report.PYTEST, files=(CourseFile(path="test_work.py", text=GRADED),))
    checks = Checks(unit_tests=(check,))
    return lambda **files: observe(sandboxes.Sandbox(), "Python", submission(**files), checks)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORGERIES)
def test_program_does_not_forge_the_report_from_outside_of_pytest(
    name: str, run_pytest: Callable[..., SubmissionObservations]
) -> None:
    files, outcome = FORGERIES[name]
    observed = run_pytest(**files)
    assert outcomes(observed)["unit"] == outcome, observed.result("unit").message


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_PROCESS)
def test_report_that_a_program_forges_from_inside_is_marked(
    name: str, run_pytest: Callable[..., SubmissionObservations]
) -> None:
    """No sandbox separates a module from the process that imports it. So a passed unit test does not decide alone."""
    observed = run_pytest(work_py=IN_PROCESS[name])
    rule = OutcomeRule(rating="A", all_passed=("unit",))
    assert decide([rule], observed).not_isolated == ("unit",) * (outcomes(observed)["unit"] == "passed")
    assert outcomes(observed)["unit"] == "passed", "the attack no longer works: say so in docs/guide/checks.md"


EVERYWHERE = f"""
import glob, os, time
if os.fork() == 0:
    os.setsid()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for path in glob.glob("@PLACES@"):
            try: open(path, "w").write({PASSES!r})
            except OSError: pass
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("places", ["report.xml", "/proc/[0-9]*/fd/*"])
def test_report_that_a_process_forges_during_a_command_does_not_decide(places: str, sandbox: Sandbox) -> None:
    """A process of the program can replace the report between its last line and the end of the command. It does so in
    some runs only. A passed unit test does not decide alone, so the rating goes to review."""
    fails = "<testsuite><testcase name='a'><failure message='no'/></testcase></testsuite>"
    command = ("/bin/sh", "-c", f'python3 main.py & wait; sleep 0.2; echo "{fails}" >report.xml')
    checks = Checks(unit_tests=(UnitTest(name="unit", report=Report.JUNIT, command=command),))
    observed = observe(sandbox, "Python", submission(main_py=EVERYWHERE.replace("@PLACES@", places)), checks)
    rule = OutcomeRule(rating="A", all_passed=("unit",))
    assert decide([rule], observed).not_isolated == ("unit",) * (outcomes(observed)["unit"] == "passed")


def test_older_report_is_not_read(sandbox: Sandbox) -> None:
    checks = Checks(unit_tests=(UnitTest(name="junit", report=Report.JUNIT, command=("true",)),))
    build = Build(commands=(("/bin/sh", "-c", f"echo '{PASSES}' >report.xml"),), run=("true",))
    program = submission(main_c="int main(void) { return 0; }")
    assert outcomes(observe(sandbox, "C", program, checks.model_copy(update={"build": build})))["junit"] == "error"
