"""Hostile exports and interrupted imports: bounded work, nothing outside of the lab, nothing half written."""

import multiprocessing
import os
import signal
import stat
import zipfile
from pathlib import Path

import pytest

from labs_schema.errors import InputError
from labs_schema.imports.importer import ImportSource, import_lab
from labs_schema.limits import ImportLimits
from labs_schema.reading.lab_folders import labs_inside
from tests.labs_schema.imports.conftest import Import, submitted, write_folder, write_zip

WORK = {f"s{i}@x.example_1_main.c": f"int x{i};" for i in range(5)}


def imported(export: Path, out: Path) -> set[str]:
    """The codes of the issues."""
    return {issue.code for issue in import_lab(ImportSource("autolab", export), out)[1]}


def test_zip_bomb_links_and_escapes_are_skipped_and_reported(tmp_path: Path) -> None:
    path = write_zip({**WORK, "../s8@x.example_1_main.c": "x", "/s9@x.example_1_main.c": "x"}, tmp_path / "e.zip")
    link = zipfile.ZipInfo("s6@x.example_1_main.c")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("s7@x.example_1_main.c", b"\0" * 50_000_000)
    assert imported(path, tmp_path / "labs" / "lab") == {"skipped-file"}
    assert len(submitted(tmp_path / "labs" / "lab")) == 5
    assert sorted(each.name for each in tmp_path.iterdir()) == ["e.zip", "labs"]


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    export = write_folder(WORK, tmp_path / "export")
    (export / "s6@x.example_1_main.c").symlink_to("/etc/passwd")
    (export / "loop").symlink_to(export)
    assert imported(export, tmp_path / "lab") == {"skipped-file"}
    assert len(submitted(tmp_path / "lab")) == 5


def test_a_file_of_the_copied_lab_that_is_skipped_is_named_by_that_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labs_schema.imports.writer.ImportLimits", lambda: ImportLimits(file_bytes=20))
    export = write_folder(WORK, tmp_path / "export")
    lab = write_folder({"ps.txt": "Print the sum of two numbers."}, tmp_path / "last_year")
    _, issues = import_lab(ImportSource("autolab", export, lab=lab), tmp_path / "lab")
    assert [issue.path for issue in issues if issue.code == "skipped-file"] == ["export/last_year/ps.txt"]


ALIASES = "a: &a [x, x]\n" + "".join(
    f"k{i}: &{new} [*{old}, *{old}, *{old}]\n" for i, (old, new) in enumerate(zip("abcdefgh", "bcdefghi", strict=True))
)


@pytest.mark.parametrize("yaml", [
    ALIASES,
    "[" * 100_000,
    "submission_1: &a\n  :submitters: *a\n",
    "submission_1:\n  :submitters: {a: b}\n",
    "submission_1:\n  :submitters:\n  - :sid: [x]\n",
    "!!python/object/apply:os.system ['true']",
    "? [a]\n: b\n",
    "\ttabs: x",
])  # fmt: skip
def test_hostile_metadata_is_an_error_or_a_submission_without_owner(run_import: Import, yaml: str) -> None:
    try:
        report, _, lab = run_import("gradescope", {"submission_metadata.yml": yaml, "submission_1/main.c": "x"})
    except InputError as error:
        assert [issue.code for issue in error.issues] == ["bad-export"]
    else:
        assert "1" in submitted(lab) and report.unmatched


@pytest.mark.parametrize("yaml", [
    "submission_1:\n  :submitters:\n  - :sid: s2\n  :submitters:\n  - :sid: s3\n",
    "submission_1:\n  :submitters:\n  - :sid: s2\n    :sid: s3\n",
    "submission_1:\n  :submitters:\n  - :sid: s2\nsubmission_1:\n  :submitters:\n  - :sid: s3\n",
])  # fmt: skip
def test_metadata_with_a_key_twice_does_not_choose_a_student(run_import: Import, yaml: str) -> None:
    with pytest.raises(InputError) as raised:
        run_import("gradescope", {"submission_metadata.yml": yaml, "submission_1/main.c": "x"})
    assert [issue.code for issue in raised.value.issues] == ["bad-export"]


def test_zip_without_utf_8_flag_keeps_accented_names(tmp_path: Path) -> None:
    path = tmp_path / "e.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Zoe Roe_1_assignsubmission_file_/caf#.c", "x")
    data = path.read_bytes().replace(b"caf#.c", b"caf\xe9.c")  # Latin-1 is not UTF-8: code page 437
    path.write_bytes(data)
    import_lab(ImportSource("moodle", path), tmp_path / "lab")
    assert submitted(tmp_path / "lab") == {"1": ["caf\u0398.c"]}


def test_missing_and_damaged_exports_are_errors(tmp_path: Path) -> None:
    (tmp_path / "damaged.zip").write_bytes(b"PK\x03\x04" + b"x" * 100)
    for name in ("none.zip", "damaged.zip"):
        with pytest.raises(InputError) as raised:
            imported(tmp_path / name, tmp_path / "lab")
        assert raised.value.issues[0].code == "no-export"


def test_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    export = write_folder(WORK, tmp_path / "export")

    def fail(*step: object) -> None:
        if step[1] == 3:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        import_lab(ImportSource("autolab", export), tmp_path / "labs" / "lab", fail)
    assert list((tmp_path / "labs").iterdir()) == []


def _killed(export: Path, out: Path) -> None:
    import_lab(
        ImportSource("autolab", export),
        out,
        lambda _, done, __: os.kill(os.getpid(), signal.SIGKILL) if done == 3 else None,
    )


def test_killed_import_leaves_no_lab_and_can_be_repeated(tmp_path: Path) -> None:
    export, out = write_folder(WORK, tmp_path / "export"), tmp_path / "labs" / "lab"
    process = multiprocessing.get_context("spawn").Process(target=_killed, args=(export, out))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not out.exists() and labs_inside(out.parent) == []
    assert imported(export, out) == set() and len(submitted(out)) == 5
    assert labs_inside(out.parent) == ["lab"]
