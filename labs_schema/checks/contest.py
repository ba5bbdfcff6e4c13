"""Reads the tests of a contest's problem package: `data/**/*.in` with `*.ans`, `problem.yaml`, `.timelimit`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from labs_schema.checks.models import Compare, CourseFile, ProgramTest, TestDefaults, Validator
from labs_schema.checks.yaml_text import YamlError, parse_yaml
from labs_schema.errors import IssueCollector, field_errors, quoted
from labs_schema.files.file_reader import list_folder, read_input, read_text, report_too_large
from labs_schema.limits import CheckLimits
from labs_schema.reading.lab_folders import CONTEST_DATA, OUTPUT_VALIDATORS, PROBLEM_YAML, TIME_LIMIT
from labs_schema.submissions.file_names import safe_name

LIMITS = CheckLimits()

SAMPLE = "sample"
"""The group of tests that contestants see."""
_FLOATS = ("float_tolerance", "float_absolute_tolerance", "float_relative_tolerance")


class ContestPackage(NamedTuple):
    """`validator`: the package's own output validator, None if outputs are compared with the answers."""

    tests: tuple[ProgramTest, ...] = ()
    validator: Validator | None = None


def read_contest(folder: Path, defaults: TestDefaults, issues: IssueCollector) -> ContestPackage:
    """A test for each pair of an input and its answer below `data`. Samples are visible, the others hidden.

    Time and memory limits come from the package, else from `defaults`.
    """
    package = _read_package(folder, issues)
    validator = _read_validator(folder, package.flags, issues)
    rules = {**package.rules, **_time_limit(folder, issues), "exit_status": 0}
    if validator:
        rules["compare"] = Compare.VALIDATOR
    shared = defaults.model_dump() | {key: value for key, value in rules.items() if value is not None}
    found: list[ProgramTest] = []
    size = 0
    for case in _cases(folder, issues):
        test = _test(case, shared, issues)
        size += case.bytes
        if size > LIMITS.data_bytes or len(found) == LIMITS.checks:
            what = ("bytes", LIMITS.data_bytes) if size > LIMITS.data_bytes else ("tests", LIMITS.checks)
            report_too_large("too-many-checks", CONTEST_DATA, *what, issues)
            break
        found += [test] if test else []
    return ContestPackage(tuple(found), validator)


def _read_validator(folder: Path, flags: tuple[str, ...], issues: IssueCollector) -> Validator | None:
    """The files of the only validator, which is a file or a folder in `output_validators`."""
    if not (folder / OUTPUT_VALIDATORS).is_dir():
        return None
    own = list(list_folder(folder / OUTPUT_VALIDATORS, OUTPUT_VALIDATORS, issues))
    inside = own
    if len(own) == 1 and own[0].is_dir(follow_symlinks=False):
        inside = [*list_folder(Path(own[0].path), f"{OUTPUT_VALIDATORS}/{safe_name(own[0].name)}", issues)]
    elif len(own) > 1:
        issues.error("several-validators", OUTPUT_VALIDATORS)
    files = []
    for entry in inside:
        name = f"{OUTPUT_VALIDATORS}/{safe_name(entry.name)}"
        if entry.name in ("build", "run") or entry.is_dir(follow_symlinks=False):
            issues.error("several-validators", name, found="a script or a folder of the validator")
        elif (text := read_text(Path(entry.path), name, LIMITS.file_bytes, issues)) is not None:
            files.append(CourseFile(path=safe_name(entry.name), text=text))
    return Validator(files=tuple(files), flags=flags) if files else None


class _Package(NamedTuple):
    """`flags`: of the validator. `rules`: fields of every test."""

    flags: tuple[str, ...]
    rules: dict[str, Any]


class _Case(NamedTuple):
    """`name` is the path below `data` without its suffix; `path` the file without it."""

    name: str
    path: Path
    bytes: int


def _cases(folder: Path, issues: IssueCollector) -> Iterator[_Case]:
    """In the order of their names. An input without an answer and an answer without an input are errors."""
    for name, files in sorted(_files(folder / CONTEST_DATA, "", issues, LIMITS.folder_levels)):
        suffixes = {Path(each).suffix for each in files}
        where = f"{CONTEST_DATA}/{name}"
        if suffixes >= {".in", ".ans"}:
            stem = folder / CONTEST_DATA / name
            sizes = [os.lstat(stem.with_name(stem.name + each)).st_size for each in (".in", ".ans")]
            yield _Case(safe_name(name), stem, sum(sizes))
            if extra := sorted(suffixes & {".args", ".files"}):
                issues.error("unread-check-file", safe_name(f"{where}{extra[0]}"))
        elif suffixes & {".in", ".ans"}:
            own, other = (".in", ".ans") if ".in" in suffixes else (".ans", ".in")
            issues.error("incomplete-test", safe_name(where + own), found=f"no {quoted(Path(name).name + other)}")


def _files(folder: Path, prefix: str, issues: IssueCollector, levels: int) -> Iterator[tuple[str, list[str]]]:
    """Path without suffix -> file names, for every file below `folder`."""
    by_stem: dict[str, list[str]] = {}
    for entry in list_folder(folder, safe_name(f"{CONTEST_DATA}/{prefix}".rstrip("/")), issues):
        if entry.is_dir(follow_symlinks=False) and not entry.name.endswith(".files"):
            if levels:
                yield from _files(Path(entry.path), f"{prefix}{entry.name}/", issues, levels - 1)
        else:
            by_stem.setdefault(prefix + Path(entry.name).stem, []).append(entry.name)
    yield from by_stem.items()


def _test(case: _Case, shared: dict[str, Any], issues: IssueCollector) -> ProgramTest | None:
    texts = {}
    for field, suffix in (("stdin", ".in"), ("stdout", ".ans")):
        where = f"{CONTEST_DATA}/{case.name}{suffix}"
        texts[field] = read_input(case.path.with_name(case.path.name + suffix), where, LIMITS.file_bytes, issues)
    group = case.name.split("/")[:-1]
    fields = shared | {"name": case.name, "visible": group[:1] == [SAMPLE], "tags": group} | texts
    try:
        return ProgramTest.model_validate(fields)
    except ValidationError as error:
        where, expected = f"{CONTEST_DATA}/{case.name}", field_errors(error)[0]
        issues.error("check-field", where, found=quoted(case.name), expected=expected)
        return None


def _read_package(folder: Path, issues: IssueCollector) -> _Package:
    """The validation and limits in `problem.yaml`."""
    if not os.path.lexists(folder / PROBLEM_YAML):
        return _Package((), {"compare": Compare.WHITESPACE, "ignore_case": True})
    try:
        value = parse_yaml(read_text(folder / PROBLEM_YAML, PROBLEM_YAML, 100_000, issues) or "").value
    except YamlError as error:
        issues.error("bad-checks", PROBLEM_YAML, line=error.line, found=str(error))
        value = {}
    fields = value if isinstance(value, dict) else {}
    kinds = f"{fields.get('validation', '')} {fields.get('type', '')}".split()
    flags = str(fields.get("validator_flags", "")).split()
    sizes = fields.get("limits")
    own = sizes if isinstance(sizes, dict) else {}
    tolerances = [flags[n + 1] for n, flag in enumerate(flags[:-1]) if flag in _FLOATS]
    exact = "space_change_sensitive" in flags
    rules = {
        "compare": Compare.FLOAT if tolerances else Compare.EXACT if exact else Compare.WHITESPACE,
        "ignore_case": "case_sensitive" not in flags,
        "tolerance": max(tolerances, key=_number, default=None),
        "memory_mib": own.get("memory"),
        "seconds": own.get("time_limit"),
    }
    if {"interactive", "multi-pass", "multipass"} & set(kinds):
        issues.error("interactive-problem", PROBLEM_YAML)
    return _Package(tuple(flags), rules)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _time_limit(folder: Path, issues: IssueCollector) -> dict[str, Any]:
    """The seconds in `.timelimit`, one number."""
    if not os.path.lexists(folder / TIME_LIMIT):
        return {}
    return {"seconds": (read_text(folder / TIME_LIMIT, TIME_LIMIT, 100, issues) or "").strip()}
