"""Every fault in checks.yaml and in a contest package is reported with its place, all of them at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.checks.models import Compare, checks_hash
from labs_schema.checks.reading import load_checks, report_unknown_checks
from labs_schema.decided_by import OutcomeRule
from labs_schema.errors import InputError, Issue, IssueCollector
from labs_schema.models import Criterion, Rating
from tests.harness.errors import raises_code

PAGE = Path(__file__).parents[3] / "docs/reference/checks.md"
Write = Callable[[str], None]

DAMAGES = [
    ("tests:\n- {name: a, name: b}", "bad-checks", 2),
    ("tests: [unclosed", "bad-checks", 1),
    ("tests: &a [*a]", "bad-checks", 1),
    ("x: &a [1]\ny: *a", "bad-checks", 1),
    ("[" * 3000, "bad-checks", None),
    ("tests: [{name: a, stdout: \"\x01\"}]", "bad-checks", None),
    ("? [a]\n: b", "bad-checks", 1),
    ("- a", "check-field", 1),
    ("tset: []", "check-field", 1),
    ("build: gcc", "check-field", 1),
    ("tests: {name: a}", "check-field", 1),
    ("tests:\n- a", "check-field", 2),
    ("tests:\n- stdin: a", "check-field", 2),
    ("tests:\n- name: a\n  stdn: b", "check-field", 3),
    ("tests:\n- name: a\n  seconds: soon", "check-field", 3),
    ("tests:\n- name: a\n  seconds: nan", "check-field", 3),
    ("tests:\n- name: a\n  seconds: 0", "check-field", 3),
    ("tests:\n- name: a\n  memory_mib: 1e9", "check-field", 3),
    ("tests:\n- name: a\n  compare: fuzzy", "check-field", 3),
    ("tests:\n- name: a\n  visible: perhaps", "check-field", 3),
    ("tests:\n- name: a\n  exit_status: 256", "check-field", 3),
    ("tests:\n- name: a\n  arguments: 1 2", "check-field", 3),
    ("tests:\n- name: a\n  files: {../x: b}", "check-field", 3),
    ("tests:\n- name: a\n  files: {/etc/x: b}", "check-field", 3),
    ("tests:\n- name: ''", "check-field", 2),
    ("tests:\n- {name: a, compare: regex, stdout: '('}", "check-field", 2),
    ("defaults: {seconds: soon}\ntests: [{name: a}]", "check-field", 1),
    ("build: {language: Klingon}", "check-field", 1),
    ("build: {commands: ['']}", "check-field", 1),
    ("unit_tests: [{name: a, report: tap}]", "check-field", 1),
    ("unit_tests: [{name: a, report: pytest, files: [../t.py]}]", "check-field", 1),
    ("lint: [{name: a}]", "check-field", 1),
    ("validator: {flags: [a]}", "check-field", 1),
    ("tests: [{name: a, compare: validator}]", "check-field", None),
    ("tests: [{name: a}, {name: a}]", "duplicate-check", None),
    ("lint: [{name: build, command: 'true'}]", "duplicate-check", None),
    ("unit_tests: [{name: a, report: pytest, files: [t.py]}]", "missing-check-file", 1),
    ("build: {files: [main.c]}", "missing-check-file", 1),
]  # fmt: skip


def issues_of(folder: Path) -> tuple[Issue, ...]:
    with pytest.raises(InputError) as raised:
        load_checks(folder)
    for issue in raised.value.issues:
        assert issue.found and issue.expected and issue.hint and str(issue).isprintable() and len(str(issue)) < 700
    return raised.value.issues


@pytest.mark.parametrize(("text", "code", "line"), DAMAGES)
def test_faults_of_checks_yaml(tmp_path: Path, text: str, code: str, line: int | None) -> None:
    (tmp_path / "checks.yaml").write_text(text)
    found = issues_of(tmp_path)
    assert {issue.code for issue in found} == {code}
    assert found[0].line == line and found[0].path.endswith("checks.yaml")


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    valid_yaml = [text for text, code, _ in DAMAGES if code == "check-field" and text.startswith("tests:\n- name: a\n")]
    entries = [text.replace("tests:\n- name: a\n", f"- name: a{n}\n") for n, text in enumerate(valid_yaml)]
    (tmp_path / "checks.yaml").write_text("build: {flag: x}\ntests:\n" + "\n".join(entries))
    assert len(issues_of(tmp_path)) == len(entries) + 1


def test_suggests_the_field_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "checks.yaml").write_text("tests: [{name: a, stdot: b}]")
    assert "stdout" in issues_of(tmp_path)[0].hint


def test_lab_without_checks(tmp_path: Path) -> None:
    with raises_code("invalid-input"):
        load_checks(tmp_path)
    assert [issue.code for issue in issues_of(tmp_path)] == ["no-checks"]


def test_scalars_stay_the_text_that_was_written(tmp_path: Path) -> None:
    (tmp_path / "checks.yaml").write_text(
        "defaults: {seconds: 3, compare: float, tags: [shared]}\n"
        "tests:\n- {name: 1e3, stdin: 0x1F, stdout: yes, arguments: [1:20, null], seconds: 0.5}\n- {name: b}\n"
        "lint: [{name: cppcheck, command: cppcheck *.c}, {name: words, command: [cppcheck, a.c]}]"
    )
    checks = load_checks(tmp_path)
    first, second = checks.tests
    assert (first.name, first.stdin, first.stdout, first.arguments) == ("1e3", "0x1F", "yes", ("1:20", "null"))
    assert (first.seconds, second.seconds, second.compare, second.tags) == (0.5, 3, Compare.FLOAT, ("shared",))
    assert [each.command for each in checks.lint] == [("/bin/sh", "-c", "cppcheck *.c"), ("cppcheck", "a.c")]
    assert checks.names == ("build", "warnings", "1e3", "b", "cppcheck", "words")


def test_hash_changes_with_every_field_and_with_course_files(tmp_path: Path) -> None:
    text = "build: {files: [main.c]}\ntests: [{name: a, stdout: b}]"
    (tmp_path / "checks").mkdir()
    hashes = set()
    for file in ("int x;", "int y;"):
        (tmp_path / "checks/main.c").write_text(file)
        for changed in (text, text.replace("stdout: b", "stdout: c"), text.replace("name: a", "name: c")):
            (tmp_path / "checks.yaml").write_text(changed)
            hashes.add(checks_hash(load_checks(tmp_path)))
    assert len(hashes) == 6


def contest(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_contest_package_becomes_tests(tmp_path: Path) -> None:
    contest(tmp_path, **{"data/sample/1.in": "1\r\n", "data/sample/1.ans": "2\n", "data/secret/big/x.in": "3"})
    contest(tmp_path, **{"data/secret/big/x.ans": "4", "data/secret/big/x.desc": "large", ".timelimit": "7\n"})
    contest(tmp_path, **{"problem.yaml": "name: Sum\nvalidator_flags: float_tolerance 1e-4\nlimits: {memory: 64}"})
    sample, secret = load_checks(tmp_path).tests
    assert (sample.name, sample.stdin, sample.stdout, sample.visible) == ("sample/1", "1\r\n", "2\n", True)
    assert (secret.name, secret.tags, secret.visible) == ("secret/big/x", ("secret", "big"), False)
    assert (secret.compare, secret.tolerance, secret.seconds, secret.memory_mib) == (Compare.FLOAT, 1e-4, 7, 64)
    assert secret.exit_status == 0 and secret.ignore_case


CONTEST_DAMAGES = [
    ({"data/secret/1.in": "1"}, "incomplete-test"),
    ({"data/secret/1.ans": "1"}, "incomplete-test"),
    ({"data/1.in": "1", "data/1.ans": "1", "data/1.args": "x"}, "unread-check-file"),
    (
        {"data/1.in": "1", "data/1.ans": "1", "output_validators/v.py": "x", "output_validators/w.py": "x"},
        "several-validators",
    ),
    ({"data/1.in": "1", "data/1.ans": "1", "output_validators/v/build": "x"}, "several-validators"),
    ({"data/1.in": "1", "data/1.ans": "1", "problem.yaml": "validation: custom interactive"}, "interactive-problem"),
    ({"data/1.in": "1", "data/1.ans": "1", "problem.yaml": "a: [b"}, "bad-checks"),
    ({"data/1.in": "1", "data/1.ans": "1", ".timelimit": "soon"}, "check-field"),
    ({"data/1.in": "1", "data/1.ans": "x" * 4_000_001}, "file-too-big"),
]


@pytest.mark.parametrize(("files", "code"), CONTEST_DAMAGES)
def test_faults_of_a_contest_package(tmp_path: Path, files: dict[str, str], code: str) -> None:
    contest(tmp_path, **files)
    assert {issue.code for issue in issues_of(tmp_path)} == {code}


def test_output_validator_of_a_contest_package(tmp_path: Path) -> None:
    files = {"data/1.in": "1", "data/1.ans": "1", "output_validators/v/v.cpp": "x", "output_validators/v/t.h": ""}
    contest(tmp_path, **files)
    contest(tmp_path, **{"problem.yaml": "validation: custom\nvalidator_flags: case_sensitive strict"})
    checks = load_checks(tmp_path)
    assert checks.validator and [file.path for file in checks.validator.files] == ["t.h", "v.cpp"]
    assert checks.validator.flags == ("case_sensitive", "strict") and checks.tests[0].compare is Compare.VALIDATOR


def test_contest_answers_are_not_read_through_links(tmp_path: Path) -> None:
    contest(tmp_path, **{"data/1.in": "1"})
    (tmp_path / "data/1.ans").symlink_to("/etc/passwd")
    assert "symlink" in {issue.code for issue in issues_of(tmp_path)}


def test_large_packages_are_rejected_before_they_fill_memory(tmp_path: Path) -> None:
    contest(tmp_path, **{f"data/{n}.{kind}": "x" * 3_900_000 for n in range(8) for kind in ("in", "ans")})
    assert {issue.code for issue in issues_of(tmp_path)} == {"too-many-checks"}


def test_all_checks_together_are_limited(tmp_path: Path) -> None:
    entries = [[f"{{name: {kind}{n}, command: 'true', report: tap}}" for n in range(201)] for kind in ("u", "l")]
    unit, lint = (", ".join(each) for each in entries)
    (tmp_path / "checks.yaml").write_text(f"unit_tests: [{unit}]\nlint: [{lint.replace(', report: tap', '')}]")
    assert {issue.code for issue in issues_of(tmp_path)} == {"too-many-checks"}


def test_documented_example_is_valid(tmp_path: Path) -> None:
    (tmp_path / "checks.yaml").write_text(PAGE.read_text().split("```yaml")[1].split("```")[0])
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks/test_median.py").write_text("")
    assert len(load_checks(tmp_path).tests) > 3


@pytest.mark.parametrize(
    ("selector", "known"),
    [
        *((name, True) for name in ("build", "warnings", "three", "tag:edge", "kind:test")),
        *((name, False) for name in ("built", "tag:edges", "edge")),
    ],
)
def test_a_decision_by_an_unknown_check_is_reported(tmp_path: Path, selector: str, known: bool) -> None:
    (tmp_path / "checks.yaml").write_text("tests:\n- {name: three, stdin: 1, stdout: 1, tags: [edge]}")
    rules = (OutcomeRule(rating="A", all_passed=(selector,)), OutcomeRule(rating="B"))
    criterion = Criterion(title="Works?", ratings=(Rating(title="A"), Rating(title="B")), decided_by=rules)
    issues = IssueCollector("lab")
    report_unknown_checks((criterion,), load_checks(tmp_path), issues)
    assert [issue.code for issue in issues.issues()] == ([] if known else ["unknown-check"])
