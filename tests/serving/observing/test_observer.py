"""Programs of each language are built, run and judged."""

import pytest

from labs_schema.checks.models import Build, Checks, CourseFile, Lint, ProgramTest, Report, UnitTest
from labs_schema.models import Submission
from labs_schema.observations import CheckKind, Outcome, SubmissionObservations
from serving.observing.observer import Observer, find_toolchain
from serving.observing.sandbox import Sandbox
from serving.observing.toolchains import TOOLCHAINS
from tests.harness.errors import raises_code
from tests.harness.programs import submission

SUM = (ProgramTest(name="sum", stdin="2 3\n", stdout="5\n"),)


def observe(sandbox: Sandbox, language: str, work: Submission, checks: Checks) -> SubmissionObservations:
    toolchain = find_toolchain(language)
    return Observer(checks, toolchain, sandbox, {}).observe(work)


def outcomes(observed: SubmissionObservations) -> dict[str, str]:
    return {each.check: each.outcome.value for each in observed.results}


ADD_IN_C = """#include "add.h"
#include <stdio.h>
int main(void) { int a, b; scanf("%d%d", &a, &b); printf("%d\\n", add(a, b)); }
"""
ADD_IN_CPP = """#include <iostream>
int main() { int a, b; std::cin >> a >> b; std::cout << a + b << "\\n"; }
"""
ADD_IN_JAVASCRIPT = """
const [a, b] = require("fs").readFileSync(0, "utf8").split(" ").map(Number);
console.log(a + b)
"""
ADD_IN_JAVA = """package x;
import java.util.*;
public class Sum {
  public static void main(String[] a) {
    Scanner s = new Scanner(System.in);
    System.out.println(s.nextInt() + s.nextInt());
  }
}
"""
PROGRAMS = {
    "C": submission(
        main_c=ADD_IN_C,
        add_c="int add(int a, int b) { return a + b; }",
        add_h="int add(int a, int b);",
        old_c="int main(void) { return 1; }",
    ),
    "C++": submission(main_cpp=ADD_IN_CPP),
    "Python": submission(
        main_py="from add import add\nprint(add(*map(int, input().split())))",
        add_py="def add(a, b):\n return a + b\n",
    ),
    "JavaScript": submission(main_js=ADD_IN_JAVASCRIPT),
    "Java": submission(submission_java=ADD_IN_JAVA),
}


@pytest.mark.parametrize("language", PROGRAMS)
def test_programs_of_several_files_are_built_and_run(sandbox: Sandbox, language: str) -> None:
    if TOOLCHAINS[language].missing():
        pytest.skip(f"no tools for {language}")
    observed = observe(sandbox, language, PROGRAMS[language], Checks(tests=SUM))
    assert outcomes(observed) == {"build": "passed", "warnings": "passed", "sum": "passed"}, observed.results


def test_failed_build_has_diagnostics_and_no_test_is_run(sandbox: Sandbox) -> None:
    observed = observe(sandbox, "C", submission(main_c="int main(void) {\n return x; }"), Checks(tests=SUM))
    assert outcomes(observed) == {"build": "failed", "warnings": "not_run", "sum": "not_run"}
    [error] = observed.results[0].diagnostics
    assert (error.filename, error.line) == ("main.c", 2)


def test_warnings_are_a_check_of_their_own(sandbox: Sandbox) -> None:
    work = submission(main_c="int main(void) { int unused; return 0; }")
    assert outcomes(observe(sandbox, "C", work, Checks())) == {"build": "passed", "warnings": "failed"}
    silent = Checks(build=Build(warnings=False))
    assert outcomes(observe(sandbox, "C", work, silent)) == {"build": "passed"}


BEHAVIOURS = [
    ("printf(\"5\");", Outcome.PASSED),
    ("printf(\"6\");", Outcome.FAILED),
    ("printf(\"5\"); return 3;", Outcome.PASSED),
    ("printf(\"5\"); fflush(stdout); *(volatile int *)0 = 1;", Outcome.CRASHED),
    ("abort();", Outcome.CRASHED),
    ("for (;;);", Outcome.TIMEOUT),
    ("for (;;) memset(malloc(1 << 20), 1, 1 << 20);", Outcome.MEMORY_LIMIT),
    ("for (;;) puts(\"5\");", Outcome.OUTPUT_LIMIT),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), BEHAVIOURS)
def test_outcomes_of_a_test(sandbox: Sandbox, body: str, expected: Outcome) -> None:
    if expected is Outcome.MEMORY_LIMIT and not sandbox.limits_all_processes:
        pytest.skip("no control groups: a process that cannot allocate more ends as it likes")
    code = f"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint main(void) {{ {body} }}"
    tests = (ProgramTest(name="t", stdout="5", seconds=0.5, memory_mib=64),)
    observed = observe(sandbox, "C", submission(main_c=code), Checks(tests=tests))
    assert observed.result("t").outcome is expected, observed.result("t")  # type: ignore[union-attr]


def test_exception_is_a_crash_with_a_message(sandbox: Sandbox) -> None:
    observed = observe(sandbox, "Python", submission(main_py="print(1 // 0)"), Checks(tests=SUM))
    result = observed.result("sum")
    assert result and result.outcome is Outcome.CRASHED and "ZeroDivisionError" in (result.message or "")


def test_outcome_that_changes_between_runs_is_flaky(sandbox: Sandbox) -> None:
    # 0.9 % of programs would pass three times and 0.9 % fail three times: take the bit from what the kernel counts.
    code = "import os, time\nprint(5 if int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e9) % 8 < 4 else 6)"
    outcomes_seen = {
        observe(sandbox, "Python", submission(main_py=code), Checks(tests=SUM)).result("sum").outcome  # type: ignore[union-attr]
        for _ in range(12)
    }
    assert Outcome.FLAKY in outcomes_seen


def test_arguments_files_and_exit_status(sandbox: Sandbox) -> None:
    code = "import sys\nprint(open(sys.argv[1]).read())\nsys.exit(4)"
    tests = (
        ProgramTest(name="file", arguments=("d/in.txt",), files={"d/in.txt": "hello"}, stdout="hello", exit_status=4),
        ProgramTest(name="status", arguments=("in.txt",), files={"in.txt": "hello"}, stdout="hello", exit_status=0),
        ProgramTest(name="no output expected", arguments=("in.txt",), files={"in.txt": ""}),
    )
    observed = outcomes(observe(sandbox, "Python", submission(main_py=code), Checks(tests=tests)))
    assert [observed[test.name] for test in tests] == ["passed", "failed", "failed"]


def test_course_files_and_own_build_commands(sandbox: Sandbox) -> None:
    main = CourseFile(path="main.c", text='#include <stdio.h>\nint f(void);\nint main(void) { printf("%d", f()); }')
    tests = (ProgramTest(name="f", stdout="7"),)
    work = submission(f_c="int f(void) { return 7; }", main_c="int main(void) { return 9; }")
    with_main = observe(sandbox, "C", work, Checks(build=Build(files=(main,)), tests=tests))
    commands = Build(files=(main,), commands=(("/bin/sh", "-c", "gcc *.c -o it"),), run=("/bin/sh", "-c", "./it"))
    own = observe(sandbox, "C", work, Checks(build=commands, tests=tests))
    assert outcomes(with_main)["f"] == outcomes(own)["f"] == "passed"


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
        ),
    )
    observed = observe(sandbox, "C", submission(main_c="int main(void) { int x; return 0; }"), checks)
    found = outcomes(observed)
    assert (found["tap"], found["junit"], found["no report"]) == ("passed", "failed", "error")
    assert (found["strict"], found["absent"]) == ("failed", "error")
    assert observed.result("junit").points == 2  # type: ignore[union-attr]
    assert [each.line for each in observed.of_kind(CheckKind.LINT)[0].diagnostics] == [1]


def test_language_without_a_toolchain() -> None:
    with raises_code("language-not-run"):
        find_toolchain("Prolog")
