"""Programs of each language are built, run and judged."""

import pytest

from labs_schema.checks.models import Build, Checks, Compare, CourseFile, Lint, ProgramTest, Validator
from labs_schema.models import SourceFile
from labs_schema.observations import Outcome
from serving.observing.isolation.sandbox import Command, Sandbox
from serving.observing.isolation.watching import Ending, Run
from serving.observing.observer import Observer
from serving.observing.tool_versions import tool_versions
from serving.observing.toolchains import TOOLCHAINS, find_toolchain
from serving.observing.validating import build_validator
from tests.harness.courses.programs import submission
from tests.harness.errors import raises_code
from tests.serving.observing.conftest import observe, outcomes

SUM = (ProgramTest(name="sum", stdin="2 3\n", stdout="5\n"),)
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
ADD_IN_GO = """package main
import "fmt"
func main() { var a, b int; fmt.Scan(&a, &b); fmt.Println(a + b) }
"""
ADD_IN_RUST = """use std::io::Read;
fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    println!("{}", text.split_whitespace().map(|n| n.parse::<i32>().unwrap()).sum::<i32>());
}
"""
SLOW_TO_BUILD = ("Java", "Go", "Rust")
PROGRAM_TEXTS = {
    "main_c": ADD_IN_C,
    "add_c": "int add(int a, int b) { return a + b; }",
    "add_h": "int add(int a, int b);",
}
PROGRAMS = {
    "C": submission(
        **PROGRAM_TEXTS,
        old_c="int main(void) { return 1; }",
    ),
    "C++": submission(main_cpp=ADD_IN_CPP),
    "Python": submission(
        main_py="from add import add\nprint(add(*map(int, input().split())))",
        add_py="def add(a, b):\n return a + b\n",
    ),
    "JavaScript": submission(main_js=ADD_IN_JAVASCRIPT),
    "Java": submission(submission_java=ADD_IN_JAVA),
    "Go": submission(main_go=ADD_IN_GO),
    "Rust": submission(main_rs=ADD_IN_RUST),
}


@pytest.mark.parametrize(
    "language", [pytest.param(name, marks=pytest.mark.slow if name in SLOW_TO_BUILD else ()) for name in PROGRAMS]
)
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


@pytest.mark.parametrize(
    ("printed", "outcome", "runs"),
    [("5", "passed", 1), ("65", "flaky", 2), ("665", "flaky", 3), ("6665", "failed", 3)],
)
def test_failing_test_is_repeated_to_find_flaky_programs(
    printed: str, outcome: str, runs: int, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = list(printed)

    def run_test(*_: object) -> Run:
        return Run(Ending.EXITED, 0, None, left.pop(0).encode(), b"", 0.1)

    monkeypatch.setattr(Observer, "run_test", run_test)
    observed = observe(sandbox, "Python", submission(main_py="print(5)"), Checks(tests=SUM))
    assert outcomes(observed)["sum"] == outcome and len(printed) - len(left) == runs


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


def test_versions_of_linters_and_validators_are_recorded(sandbox: Sandbox) -> None:
    validator = Validator(files=(CourseFile(path="v.py", text=ANY_ORDER),))
    lint = Lint(name="style", command=("/bin/sh", "-c", "gcc -Wall -c *.c && make -s"))
    checks = Checks(lint=(lint,), validator=validator)
    found = tool_versions(find_toolchain("C"), sandbox, checks, build_validator(validator, sandbox))
    assert {"observer", "gcc", "make", "python3"} <= found.keys() and "sh" not in found
    assert found["python3"].startswith("Python 3")


def test_language_without_a_toolchain() -> None:
    with raises_code("language-not-run"):
        find_toolchain("Prolog")


def test_names_and_numbers_of_files_do_not_matter(sandbox: Sandbox) -> None:
    many = {f"unused{n}_h": "" for n in range(600)}
    add = submission(**PROGRAM_TEXTS, **many)
    renamed = {"main.c": "program/main.c", "add.c": "-o add.c", "add.h": "program/add.h"}
    files = tuple(file.model_copy(update={"path": renamed.get(file.path, file.path)}) for file in add.files)
    observed = observe(sandbox, "C", add.model_copy(update={"files": files}), Checks(tests=SUM))
    assert outcomes(observed)["sum"] == "passed", observed.results


def test_files_that_cannot_exist_together_are_an_error_of_one_submission(sandbox: Sandbox) -> None:
    work = submission(main_c="int main(void) { return 0; }")
    files = (*work.files, SourceFile(path="main.c/x.c", text=""), SourceFile(path="n" * 300 + ".c", text=""))
    observed = observe(sandbox, "C", work.model_copy(update={"files": files}), Checks(tests=SUM))
    assert outcomes(observed) == {"build": "error", "sum": "not_run"}
    assert outcomes(observe(sandbox, "C", work, Checks())) == {"build": "passed", "warnings": "passed"}


def test_without_control_groups_each_process_is_limited(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sandbox
    monkeypatch.setattr("serving.observing.isolation.sandbox.find_cgroups", lambda: None)
    run = Sandbox().run(Command(["/usr/bin/python3", "-c", "bytearray(200 << 20)"], 5, 100 << 20))
    assert run.exit_status == 1 and b"MemoryError" in run.stderr


ANY_ORDER = """import sys
words, answer = sys.stdin.read().split(), open(sys.argv[2]).read().split()
assert open(sys.argv[1]).read() == "2 1" and sys.argv[4:] == ["strict"] and "broken" not in words
sys.exit(42 if sorted(words) == sorted(answer) else 43)
"""


@pytest.mark.parametrize(("printed", "outcome"), [("2 1", "passed"), ("1 1", "failed"), ("broken", "error")])
def test_validator_of_the_course_decides(printed: str, outcome: str, sandbox: Sandbox) -> None:
    validator = Validator(files=(CourseFile(path="v.py", text=ANY_ORDER),), flags=("strict",))
    tests = (ProgramTest(name="t", stdin="2 1", stdout="1 2", compare=Compare.VALIDATOR),)
    checks = Checks(tests=tests, validator=validator)
    observer = Observer(checks, find_toolchain("Python"), sandbox, {}, build_validator(validator, sandbox))
    assert outcomes(observer.observe(submission(main_py=f"print({printed!r})")))["t"] == outcome


def test_validator_that_cannot_be_built(sandbox: Sandbox) -> None:
    with raises_code("validator-failed"):
        build_validator(Validator(files=(CourseFile(path="v.c", text="int main("),)), sandbox)
