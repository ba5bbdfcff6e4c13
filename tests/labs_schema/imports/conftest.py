"""Exports of course platforms, written as folders or zip files from a mapping of paths to contents."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from labs_schema.imports.importer import ImportSource, import_lab
from labs_schema.imports.records import ImportReport

Files = Mapping[str, str | bytes]
Import = Callable[..., tuple[ImportReport, set[str], Path]]


def write_folder(files: Files, folder: Path) -> Path:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def write_zip(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def run_import(tmp_path: Path) -> Import:
    """Imports `files` as an export of `platform`: the report, the codes of the issues and the lab's folder.

    `roster` and `grades` are the texts of tables. The export is a zip file in a wrapper folder if `zipped`.
    """

    def run(
        platform: str,
        files: Files,
        roster: str | None = None,
        grades: Files | None = None,
        lab: Path | None = None,
        assignment: str | None = None,
        zipped: bool = False,
    ) -> tuple[ImportReport, set[str], Path]:
        if zipped:
            export = write_zip({f"wrapper/{path}": content for path, content in files.items()}, tmp_path / "export.zip")
        else:
            export = write_folder(files, tmp_path / "export")
        roster_file = None if roster is None else write_folder({"roster.csv": roster}, tmp_path / "r") / "roster.csv"
        tables = () if grades is None else (write_folder(grades, tmp_path / "tables"),)
        out = tmp_path / "labs" / "lab1"
        source = ImportSource(platform, export, roster_file, tables, lab, assignment)
        report, issues = import_lab(source, out)
        assert report.written == report.students
        assert [each.name for each in out.parent.iterdir()] == ["lab1"]
        return report, {issue.code for issue in issues}, out

    return run


def submitted(lab: Path) -> dict[str, list[str]]:
    """Student -> paths of the files."""
    return {
        folder.name: sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
        for folder in sorted((lab / "submissions").iterdir())
    }
