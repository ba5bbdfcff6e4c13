"""Reads `checks.yaml` into its records, or into every fault in it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from labs_schema.checks.models import Build, Checks, Lint, ProgramTest, TestDefaults, UnitTest, Validator
from labs_schema.checks.yaml_text import Document, Place, YamlError, parse_yaml
from labs_schema.errors import IssueCollector, did_you_mean, quoted
from labs_schema.files.file_reader import read_text
from labs_schema.frozen import Frozen
from labs_schema.limits import CheckLimits
from labs_schema.reading.lab_folders import CHECKS, CHECKS_FOLDER
from labs_schema.submissions.file_names import safe_member_path

LIMITS = CheckLimits()

Entry = TypeVar("Entry", bound=Frozen)
_SECTIONS: dict[str, type[Frozen]] = {
    "build": Build,
    "defaults": TestDefaults,
    "tests": ProgramTest,
    "unit_tests": UnitTest,
    "lint": Lint,
    "validator": Validator,
}
_EXPECTED = {
    "tuple_type": "a list",
    "dict_type": "a mapping, such as in.txt: text",
    "string_type": "text",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "too_short": "at least one word",
}


class Section(NamedTuple):
    """The valid entries of `checks.yaml`, and the defaults that tests of other files have as well."""

    checks: Checks = Checks()
    defaults: TestDefaults = TestDefaults()


def read_checks_yaml(folder: Path, issues: IssueCollector) -> Section:
    """The valid entries of the file in a lab's folder; every other one is an error in `issues`."""
    text = read_text(folder / CHECKS, CHECKS, LIMITS.checks_bytes, issues)
    try:
        document = parse_yaml(text or "")
    except YamlError as error:
        issues.error("bad-checks", CHECKS, line=error.line, found=str(error))
        return Section()
    return _Reader(folder, document, issues).section()


class _Reader:
    def __init__(self, folder: Path, document: Document, issues: IssueCollector) -> None:
        self._folder, self._document, self._issues = folder, document, issues

    def section(self) -> Section:
        value = self._document.value
        if not isinstance(value, dict):
            self._wrong((), value, "a mapping of build, defaults, tests, unit_tests, lint and validator")
            return Section()
        for key in value.keys() - _SECTIONS.keys():
            self._unknown((key,), _SECTIONS)
        build = self._mapping("build")
        self._read_files(("build", "files"), build)
        own = self._mapping("defaults")
        defaults = self._validated(TestDefaults, ("defaults",), own)
        shared = own if defaults else {}
        checks = Checks(
            build=self._validated(Build, ("build",), build) or Build(),
            tests=self._entries("tests", ProgramTest, lambda each, _: shared | each),
            unit_tests=self._entries("unit_tests", UnitTest, self._with_files),
            lint=self._entries("lint", Lint, self._with_files),
            validator=self._validator() if "validator" in value else None,
        )
        return Section(checks, defaults or TestDefaults())

    def _validator(self) -> Validator | None:
        fields = self._mapping("validator")
        self._read_files(("validator", "files"), fields)
        return self._validated(Validator, ("validator",), fields)

    def _mapping(self, key: str) -> dict[str, Any]:
        value = self._document.value.get(key, {})
        if isinstance(value, dict):
            return dict(value)
        self._wrong((key,), value, "a mapping")
        return {}

    def _entries(
        self, key: str, record: type[Entry], completed: Callable[[dict[str, Any], Place], dict[str, Any]]
    ) -> tuple[Entry, ...]:
        value = self._document.value.get(key, [])
        if not isinstance(value, list):
            self._wrong((key,), value, "a list")
            return ()
        if len(value) > LIMITS.checks:
            self._wrong((key,), value, f"at most {LIMITS.checks:,} entries")
            return ()
        found = []
        for number, each in enumerate(value):
            place = (key, number)
            if not isinstance(each, dict):
                self._wrong(place, each, "a mapping with a name")
            elif (entry := self._validated(record, place, completed(dict(each), place))) is not None:
                found.append(entry)
        return tuple(found)

    def _with_files(self, check: dict[str, Any], place: Place) -> dict[str, Any]:
        self._read_files((*place, "files"), check)
        return check

    def _read_files(self, place: Place, section: dict[str, Any]) -> None:
        """Replaces the paths in `files` by the course's files; those that cannot be read are errors."""
        paths = section.get("files")
        if isinstance(paths, list):
            read = [self._course_file((*place, n), path) for n, path in enumerate(paths)]
            section["files"] = [file for file in read if file]

    def _course_file(self, place: Place, path: object) -> dict[str, str] | None:
        if not isinstance(path, str) or safe_member_path(path) != path:
            self._wrong(place, path, "a relative path in the lab's folder checks")
            return None
        own, name = self._issues.empty_copy(), f"{CHECKS_FOLDER}/{path}"
        text = read_text(self._folder / CHECKS_FOLDER / path, name, LIMITS.file_bytes, own)
        if text is None:
            self._issues.error(
                "missing-check-file",
                CHECKS,
                line=self._document.line(place),
                found=f"{own.issues()[0].found}: {quoted(name)} in {_text(place)}",
            )
        return {"path": path, "text": text or ""}

    def _validated(self, record: type[Entry], place: Place, fields: dict[str, Any]) -> Entry | None:
        try:
            return record.model_validate(fields)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_context=False):
                self._report(record, place, fault)
            return None

    def _report(self, record: type[Frozen], place: Place, fault: Mapping[str, Any]) -> None:
        where = (*place, *fault["loc"])
        if fault["type"] == "extra_forbidden":
            self._unknown(where, record.model_fields)
        elif fault["type"] == "missing":
            self._wrong(where, None, f"the field {fault['loc'][-1]}")
        else:
            message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            value = "" if fault["type"] == "value_error" and fault["loc"] == () else fault["input"]
            self._wrong(where, value, _EXPECTED.get(fault["type"], message[:1].lower() + message[1:]))

    def _wrong(self, place: Place, value: object, expected: str) -> None:
        found = f"{_described(value)} in {_text(place)}" if place else _described(value)
        self._issues.error("check-field", CHECKS, line=self._document.line(place), found=found, expected=expected)

    def _unknown(self, place: Place, known: Mapping[str, object]) -> None:
        name = str(place[-1])
        self._issues.error(
            "check-field",
            CHECKS,
            line=self._document.line(place),
            found=f"the unknown field {quoted(name)}" + (f" in {_text(place[:-1])}" if place[:-1] else ""),
            expected=f"only {', '.join(known)}",
            hint="Correct its spelling or delete it.",
            suggestion=did_you_mean(name, known),
        )


def _text(place: Place) -> str:
    """`tests[3].stdin` with the entries counted from 1, as people do."""
    words = (f"[{part + 1}]" if isinstance(part, int) else f".{part[:40]}" for part in place)
    return ascii("".join(words).removeprefix("."))[1:-1]


def _described(value: object) -> str:
    if isinstance(value, str):
        return quoted(value) if value else "nothing"
    return "a list" if isinstance(value, list | tuple) else "a mapping" if isinstance(value, dict) else "nothing"
