"""Hostile, broken and odd submissions. Each ends in its named issue; nothing is followed, extracted or guessed."""

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs_schema.errors import IssueCollector, Severity
from labs_schema.files.file_reader import read_bytes
from labs_schema.reading.validate import read_lab
from labs_schema.submissions.archives import read_archive
from labs_schema.submissions.source_files import read_source_files
from tests.harness.courses.lab_folders import write_lab

Damage = Callable[[Path], object]
"""Changes the folder `submissions` of a lab whose students are s000@course to s005@course."""
ERROR, WARNING = Severity.ERROR, Severity.WARNING
PROGRAM = b"int main(void) { return 0; }\n"


def put(path: str, data: bytes = PROGRAM) -> Damage:
    def damage(submissions: Path) -> None:
        (submissions / path).parent.mkdir(parents=True, exist_ok=True)
        (submissions / path).write_bytes(data)

    return damage


def zipped(members: Mapping[str, bytes], mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return data.getvalue()


def tarred(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = PROGRAM, mode: str = "w:gz") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd" if kind != tarfile.REGTYPE else ""
        info.size = len(content) if kind == tarfile.REGTYPE else 0
        archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def nested(levels: int) -> bytes:
    return zipped({"a.zip": nested(levels - 1)} if levels else {"main.c": PROGRAM})


def encrypted() -> bytes:
    data = bytearray(zipped({"main.c": PROGRAM}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def linked(path: str, target: str) -> Damage:
    return lambda submissions: (submissions / path).symlink_to(target)


def emptied(submissions: Path) -> None:
    (submissions / "s000@course/main.c").unlink()


def as_link(submissions: Path) -> None:
    submissions.rename(submissions.parent.parent / "elsewhere")
    submissions.symlink_to(submissions.parent.parent / "elsewhere")


def as_file(submissions: Path) -> None:
    submissions.rename(submissions.parent.parent / "elsewhere")
    submissions.write_text("")


def removed(submissions: Path) -> None:
    submissions.rename(submissions.parent.parent / "elsewhere")


def odd_bytes(submissions: Path) -> None:
    Path(os.fsdecode(os.fsencode(submissions) + b"/s006\xe9@course.c")).write_bytes(PROGRAM)


def template(submissions: Path) -> None:
    put("template/main.c")(submissions.parent)
    put("s000@course/main.c", PROGRAM.replace(b" ", b"  "))(submissions)


def half_python(submissions: Path) -> None:
    for number in range(3):
        (submissions / f"s00{number}@course/main.c").rename(submissions / f"s00{number}@course/main.py")


BOMB = bytes(3_000_000)
DAMAGES: list[tuple[str, Damage, str, Severity]] = [
    ("no submissions", removed, "no-submissions", WARNING),
    ("submissions that are a link", as_link, "symlink", ERROR),
    ("submissions that are a file", as_file, "unreadable", ERROR),
    ("a link to a file", linked("s000@course/passwd.c", "/etc/passwd"), "symlink", WARNING),
    ("a link to a folder", linked("s000@course/etc", "/etc"), "symlink", WARNING),
    ("a link to nothing", linked("s000@course/gone.c", "nowhere"), "symlink", WARNING),
    ("a link in a circle", linked("s000@course/self", "."), "symlink", WARNING),
    ("a student that is a link", linked("s006@course", "s000@course"), "symlink", WARNING),
    ("a pipe", lambda s: os.mkfifo(s / "s000@course/pipe.c"), "special-file", WARNING),
    ("a student that is a pipe", lambda s: os.mkfifo(s / "s006@course.c"), "special-file", WARNING),
    ("a student twice", put("s000.c"), "duplicate-student", WARNING),
    ("a student as folder and file", put("s000@course.c"), "duplicate-student", WARNING),
    ("a folder of @course", put("@course/main.c"), "empty-student", WARNING),
    ("a file of 2 MB", put("s000@course/big.c", b"x" * 2_000_000), "file-too-big", WARNING),
    ("six files of 0.9 MB", lambda s: [put(f"s000@course/{i}.c", b"x" * 900_000)(s) for i in range(6)],
     "submission-too-big", WARNING),
    ("501 files", lambda s: [put(f"s000@course/{i}.c", b"x")(s) for i in range(501)], "too-many-files", WARNING),
    ("30 nested folders", put(f"s000@course/{'d/' * 30}main.c"), "too-deep", WARNING),
    ("one of six unreadable", emptied, "unreadable-submissions", WARNING),
    ("two of six unreadable", lambda s: (emptied(s), put("s006@course.zip", b"")(s)), "many-unreadable", WARNING),
    ("a document in place of a folder", put("s006@course.pdf", b"%PDF-1.4"), "no-program", WARNING),
    ("a folder without files", emptied, "no-program", WARNING),
    ("a word document only", lambda s: (emptied(s), put("s000@course/work.docx", b"PK\x03\x04")(s)),
     "no-program", WARNING),
    ("an empty file", put("s000@course/empty.c", b""), "empty-file", WARNING),
    ("a blank file", put("s000@course/blank.c", b" \r\n\t"), "empty-file", WARNING),
    ("Latin-1", put("s000@course/main.c", b"// caf\xe9\n" + PROGRAM), "not-utf-8", WARNING),  # codespell:ignore caf
    ("UTF-16", put("s000@course/main.c", PROGRAM.decode().encode("utf-16")), "not-utf-8", WARNING),
    ("CR LF", put("s000@course/main.c", b"int a;\r\nint b;\r\n"), "line-ends", WARNING),
    ("NULs in a source file", put("s000@course/main.c", b"int a\0;"), "binary", WARNING),
    ("NULs behind the first page", put("s000@course/main.c", b"x" * 9000 + b"\0;"), "binary", WARNING),
    ("an ELF program called .h", put("s000@course/list.h", b"\x7fELF\x02\x01\x01" + bytes(99)), "binary", WARNING),
    ("a class file", put("s000@course/Main.class", b"\xca\xfe\xba\xbe"), "litter", WARNING),
    ("an image", put("s000@course/shot.png", b"\x89PNG"), "binary", WARNING),
    ("an image called .c", put("s000@course/shot.c", b"\x89PNG\r\n"), "binary", WARNING),
    ("an object file", put("s000@course/main.o"), "litter", WARNING),
    ("an editor's copy", put("s000@course/main.c~"), "litter", WARNING),
    ("a repository", put("s000@course/.git/config"), "litter", WARNING),
    ("installed packages", put("s000@course/node_modules/a/index.js"), "litter", WARNING),
    ("__MACOSX", put("s000@course/__MACOSX/._main.c"), "litter", WARNING),
    (".DS_Store among the students", put(".DS_Store"), "litter", WARNING),
    ("a readme", put("s000@course/README.txt"), "other-file", WARNING),
    ("a stray list", put("students.txt"), "stray-file", WARNING),
    ("a Python file in a C lab", put("s000@course/main.py"), "other-language", WARNING),
    ("half of them Python", half_python, "language-tie", ERROR),
    ("an unknown encoding", put("../encoding.txt", b"rot13\n"), "unknown-encoding", ERROR),
    ("an unknown language", put("../language.txt", b"Cobol\n"), "unknown-language", ERROR),
    ("two languages", put("../language.txt", b"C\nJava\n"), "unknown-language", ERROR),
    ("no language in its file", put("../language.txt", b"\n"), "unknown-language", ERROR),
    ("identical programs", put("s000@course/main.c", b"int main(void) {\n    return 1;\n}\n"), "identical-submissions",
     WARNING),
    ("the template as it was", template, "untouched-template", WARNING),
    ("a name with an escape code", put("s000@course/\x1b[2Jmain.c\n"), "other-file", WARNING),
    ("a student's name in Latin-1", odd_bytes, "odd-name", WARNING),
    ("a broken zip", put("s006@course.zip", b"PK\x03\x04 and no more"), "bad-archive", WARNING),
    ("a zip cut short", put("s006@course.zip", zipped({"main.c": PROGRAM})[:-9]), "bad-archive", WARNING),
    ("a zip that is text", put("s006@course.zip", b"hello"), "bad-archive", WARNING),
    ("an empty zip file", put("s006@course.zip", b""), "bad-archive", WARNING),
    ("a zip of nothing", put("s006@course.zip", zipped({})), "no-program", WARNING),
    ("a zip with a password", put("s006@course.zip", encrypted()), "encrypted-archive", WARNING),
    ("a zip with a link", put("s006@course.zip", zipped({"a.c": b"/etc/passwd"}, stat.S_IFLNK | 0o777)),
     "archive-link", WARNING),
    ("a zip with a device", put("s006@course.zip", zipped({"a.c": b""}, stat.S_IFCHR)), "special-file", WARNING),
    ("a zip with a program whose mode is a folder's", put("s006@course.zip", zipped({"a.c": PROGRAM}, stat.S_IFDIR)),
     "special-file", WARNING),
    ("a zip that climbs", put("s006@course.zip", zipped({"../../main.c": PROGRAM})), "unsafe-name", WARNING),
    ("a zip that climbs by backslash", put("s006@course.zip", zipped({"..\\main.c": PROGRAM})), "unsafe-name", WARNING),
    ("a zip with an absolute name", put("s006@course.zip", zipped({"/etc/main.c": PROGRAM})), "unsafe-name", WARNING),
    ("a zip with a drive", put("s006@course.zip", zipped({"C:\\main.c": PROGRAM})), "unsafe-name", WARNING),
    ("a zip bomb", put("s006@course.zip", zipped({"main.c": BOMB})), "compression-bomb", WARNING),
    ("a zip bomb in a folder", put("s000@course/w.zip", zipped({"main.c": BOMB})), "compression-bomb", WARNING),
    ("a zip of a big file", put("s006@course.zip", zipped({"main.c": b"x" * 1_100_000}, method=0)), "file-too-big",
     WARNING),
    ("zips five levels deep", put("s006@course.zip", nested(6)), "nested-archives", WARNING),
    ("51 zips", put("s006@course.zip", zipped({f"{i}.zip": zipped({}) for i in range(51)})), "nested-archives",
     WARNING),
    ("a zip bomb in a zip in a folder", put("s000@course/a/w.zip", zipped({"a.zip": zipped({"main.c": BOMB})})),
     "compression-bomb", WARNING),
    ("a RAR archive called zip", put("s006@course.zip", b"Rar!\x1a\x07\x01\0"), "unknown-archive", WARNING),
    ("a web page called zip", put("s006@course.zip", b"\n<!DOCTYPE html><html>Log in</html>"), "unknown-archive",
     WARNING),
    ("a PDF file only", lambda s: (emptied(s), put("s000@course/main.pdf", b"%PDF-1.4")(s)), "binary", WARNING),
    ("an invalid notebook", put("s000@course/a.ipynb", b'{"cells": ['), "bad-notebook", WARNING),
    ("a copy of a file", put("s000@course/main (1).c", b"int main(void) {\n    return 0;\n}\n"), "copy-of-file",
     WARNING),
    ("a version of a file", put("s000@course/Copy of main.c"), "file-versions", WARNING),
    ("a zip of 501 files", put("s006@course.zip", zipped({f"{i}.c": b"x" for i in range(501)})), "too-many-files",
     WARNING),
    ("a zip with one name twice", put("s006@course.zip", zipped({"a.c": PROGRAM, "./a.c": PROGRAM})), "duplicate-path",
     WARNING),
    ("an archive of 21 MB", put("s006@course.zip", bytes(21_000_000)), "archive-too-big", WARNING),
    ("a RAR archive", put("s006@course.rar", b"Rar!"), "unknown-archive", WARNING),
    ("a RAR archive in a folder", put("s000@course/w.rar", b"Rar!"), "archive-inside", WARNING),
    ("a tar with a link", put("s006@course.tar.gz", tarred("a.c", tarfile.SYMTYPE)), "archive-link", WARNING),
    ("a tar with a hard link", put("s006@course.tgz", tarred("a.c", tarfile.LNKTYPE)), "archive-link", WARNING),
    ("a tar with a pipe", put("s006@course.tar.xz", tarred("a.c", tarfile.FIFOTYPE, mode="w:xz")), "special-file",
     WARNING),
    ("a tar that climbs", put("s006@course.tar.bz2", tarred("../a.c", mode="w:bz2")), "unsafe-name", WARNING),
    ("a tar bomb", put("s006@course.tar.gz", tarred("main.c", content=BOMB)), "compression-bomb", WARNING),
    ("a tar cut short", put("s006@course.tar.gz", tarred("main.c")[:-20]), "bad-archive", WARNING),
    ("a gzip that holds no tar", put("s006@course.tar.gz", gzip.compress(b"x" * 2000)), "bad-archive", WARNING),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "code", "severity"), [d[1:] for d in DAMAGES], ids=[d[0] for d in DAMAGES])
def test_damaged_submission_reports_its_code(damage, code, severity, issues_after) -> None:
    assert (code, severity) in issues_after(lambda lab: damage(lab / "submissions"))


def test_file_without_permission_is_reported(tmp_path, make_lab, monkeypatch) -> None:
    write_lab(make_lab(), tmp_path / "lab1")
    really = os.open

    def refusing(path: Path, flags: int) -> int:
        if Path(path).name in ("main.c", "rubrics.json"):
            raise PermissionError(13, "Permission denied")
        return really(path, flags)

    monkeypatch.setattr("labs_schema.files.file_reader.os.open", refusing)
    issues = [issue for issue in read_lab(tmp_path / "lab1").issues if issue.code == "unreadable"]
    assert len(issues) == 7 and issues[0].found == "Permission denied"


def test_file_replaced_by_a_link_during_reading_is_not_followed(tmp_path, monkeypatch) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    issues = IssueCollector("lab")
    with monkeypatch.context() as patch:
        patch.setattr("labs_schema.files.file_reader.os.lstat", os.stat)
        assert read_bytes(tmp_path / "link", "link", 9, issues) is None
    assert [issue.code for issue in issues.issues()] == ["unreadable"]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from([".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz"]))
def test_damaged_archives_never_raise(data: st.DataObject, suffix: str) -> None:
    kinds = {".tar": "w", ".tar.gz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}
    whole = zipped({"a.c": PROGRAM, "b/c.c": b"x"}) if suffix == ".zip" else tarred("a.c", mode=kinds[suffix])
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    issues = IssueCollector("lab")
    entries = read_archive(bytes(broken), "x" + suffix, issues)
    found = read_source_files(entries, "x" + suffix, issues)
    assert all(".." not in file.path.split("/") and "\0" not in file.text for file in found.files)
