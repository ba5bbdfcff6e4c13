"""A student's program: which files it has, whichever way and in whichever shape they were handed in."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs_schema.errors import IssueCollector, Severity
from labs_schema.models import Lab
from labs_schema.reading.validate import read_lab
from labs_schema.source.languages import language_of, majority_languages
from labs_schema.submissions.archives import read_archive
from labs_schema.submissions.file_names import safe_member_path
from labs_schema.submissions.source_files import read_source_files
from tests.harness.courses.lab_folders import write_lab
from tests.labs_schema.submissions.uploads import LIMITS, Files, codes, paths, put, read_folder, tarred, zipped

C = b"#include <stdio.h>\nint main(void) { return 0; }\n"

CMAKE = {
    "CMakeLists.txt": b"project(square C)\n",
    "CMakeCache.txt": b"x",
    "cmake-build-debug/CMakeFiles/3.25.1/CompilerIdC/CMakeCCompilerId.c": C,
    "cmake-build-debug/CMakeFiles/square.dir/compiler_depend.ts": b"# timestamp",
    "cmake-build-debug/CMakeCache.txt": b"x",
}
VENV = {"pyvenv.cfg": b"home = /usr\n", "lib/python3.11/site-packages/six.py": b"x = 1\n", "bin/tool.py": b"x = 1\n"}


@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(
    ("files", "program", "kinds"),
    [
        (CMAKE | {"main.c": C}, ["main.c"], {"build output"}),
        ({"out1/CMakeCache.txt": b"x", "out1/gen.c": C, "main.c": C}, ["main.c"], {"build output"}),
        ({f"mine/{name}": text for name, text in VENV.items()} | {"a.py": b"a = 1\n"}, ["a.py"],
         {"a virtual environment"}),
        ({"env/x.py": b"x = 1\n", "a.py": b"a = 1\n"}, ["a.py"], {"installed packages"}),
        ({"target/debug/build/private.rs": b"//\n", "src/main.rs": b"fn main() {}\n"}, ["src/main.rs"],
         {"build output"}),
        ({"dist/index.js": b"a()\n", "src/index.ts": b"a()\n"}, ["src/index.ts"], {"build output"}),
        ({"node_modules/a/i.js": b"a()", "a.min.js": b"a()", "package-lock.json": b"{}", "a.js": b"a()\n"}, ["a.js"],
         {"installed packages", "generated code", "a lock file"}),
        ({".idea/a.xml": b"<a/>", "Square/.vs/a.ipch": b"x", "Square/x64/Debug/Square.tlog": b"x",
          "Square/Square.sln": b"x",
          "Square/Square.cpp": C}, ["Square/Square.cpp"],
         {"a hidden file or folder", "build output", "a file of an editor"}),
        ({"build/main.c": C}, ["build/main.c"], set()),
        ({"build/main.c": C, "test.py": b"a = 1\n"}, ["build/main.c", "test.py"], set()),
        ({"src/com/build/Main.java": b"class Main {}", "src/Test.java": b"class Test {}"},
         ["src/Test.java", "src/com/build/Main.java"], set()),
        ({"bin/run.sh": b"echo\n", "lib/a.sh": b"echo\n"}, ["bin/run.sh", "lib/a.sh"], set()),
    ],
)  # fmt: skip
def test_generated_and_installed_files_are_not_the_program(
    tmp_path: Path, files: Files, program: list[str], kinds: set[str], as_zip: bool
) -> None:
    issues = IssueCollector("lab")
    if as_zip:
        found = read_source_files(read_archive(zipped(files), "s1.zip", issues), "s1", issues)
    else:
        found, issues = read_folder(put(tmp_path, files))
    assert paths(found) == program
    ignored = [issue for issue in issues.issues() if issue.code == "litter"]
    assert {issue.found.split(":")[0] for issue in ignored} == kinds and len(ignored) == len(kinds)


def test_ignored_files_count_against_no_limit(tmp_path: Path) -> None:
    many = {f"p/{number}.py": b"x = 1\n" for number in range(LIMITS.submission_files + 100)}
    found, issues = read_folder(
        put(tmp_path, {f"venv1/{name}": text for name, text in (VENV | many).items()} | {"a.py": C})
    )
    assert (paths(found), codes(issues)) == (["a.py"], ["litter"])
    (tmp_path / "venv1" / "bin" / "python").symlink_to("/usr/bin/python3")
    assert codes(read_folder(tmp_path)[1]) == ["litter"]
    (tmp_path / "venv1" / "pyvenv.cfg").unlink()
    assert "too-many-files" in codes(read_folder(tmp_path)[1])


def test_archives_in_archives_are_opened(tmp_path: Path) -> None:
    inner = zipped({"nested/lab.tar.gz": tarred({"src/main.c": C}), "list.c": b"int list;\n"})
    found, issues = read_folder(put(tmp_path, {"a/one.zip": inner, "a/two.zip": zipped({"two.c": b"int two;\n"})}))
    assert paths(found) == ["a/archive/list.c", "a/archive/nested/archive/src/main.c", "a/archive2/two.c"]
    assert codes(issues) == []


def test_names_in_archives_of_windows_and_macos() -> None:
    windows = zipped({"lab\\src\\main.c": C})
    mac = zipped({"my lab (1)/.DS_Store": b"x", "__MACOSX/my lab (1)/._main.c": b"x", "my lab (1)/né.c": C})
    unmarked = mac.replace("né".encode(), b"n\xc3\xa9")
    for data, expected in ((windows, ["lab/src/main.c"]), (unmarked, ["my lab (1)/n\u00e9.c"])):
        issues = IssueCollector("lab")
        found = read_source_files(read_archive(data, "s1.zip", issues), "s1", issues)
        assert paths(found) == expected


@pytest.mark.parametrize(
    ("files", "program"),
    [
        ({"main.c.txt": C}, ["main.c"]),
        ({"main.c.docx": C}, ["main.c"]),
        ({"main.c.txt": C, "main.c": b"int x;\n"}, ["main.c"]),
        ({"main": C}, ["main"]),
        ({"solution.txt": b"def square(n):\n    return n * n\n"}, ["solution.txt"]),
        ({"run": b"#!/usr/bin/env python3\nx\n"}, ["run"]),
        ({"main": C, "a.c": C}, ["a.c"]),
        ({"notes.txt": b"I could not do this exercise.\n"}, []),
        ({"main.pdf": b"%PDF-1.4"}, []),
        ({"main.c": C, "main (1).c": C, "Copy of main.c": C}, ["main.c"]),
        ({"main.c": C, "work.zip": zipped({"main.c": C})}, ["main.c"]),
        ({"main (1).c": C}, ["main (1).c"]),
        ({"main.c": C, "main - Copy.c": b"int x;\n"}, ["main - Copy.c", "main.c"]),
        ({"main.c": C + b"\0\0\0\x1a"}, ["main.c"]),
        ({"main.c": C.decode().encode("utf-16-le")}, ["main.c"]),
        ({"Main.class": b"\xca\xfe\xba\xbe"}, []),
        ({}, []),
    ],
)
def test_program_in_unusual_files(tmp_path: Path, files: Files, program: list[str]) -> None:
    found, _ = read_folder(put(tmp_path, files))
    assert paths(found) == program
    assert all("\0" not in file.text and "\x1a" not in file.text for file in found.files)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"main.pdf": b"%PDF-1.4"}, "a PDF document"),
        ({"main.rar": b"Rar!\x1a\x07"}, "a RAR archive"),
        ({"Main.class": b"\xca\xfe\xba\xbe"}, "build output"),
        ({"essay.docx": b"PK\x03\x04"}, "a Word or other Office document"),
        ({"a.ipynb": b"{"}, "an invalid notebook"),
    ],
)
def test_reason_of_a_missing_program_reaches_the_student(
    tmp_path: Path, make_lab: Callable[..., Lab], files: Files, reason: str
) -> None:
    write_lab(make_lab(), tmp_path / "lab1")
    (tmp_path / "lab1/submissions/s000@course/main.c").unlink()
    put(tmp_path / "lab1/submissions/s000@course", files)
    lab = read_lab(tmp_path / "lab1").lab
    assert lab is not None and len(lab.submissions) == 5
    (unreadable,) = lab.unreadable
    assert (unreadable.student, unreadable.code) == ("s000", "no-program")
    assert reason in unreadable.reason and next(iter(files)) in unreadable.reason


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("./src//main.c", "src/main.c"),
        (".\\src\\main.c", "src/main.c"),
        ("C:\\fakepath\\main.c", "main.c"),
        ("c:/FakePath/main.c", "main.c"),
        ("cafe\u0301.c", "caf\u00e9.c"),
        ("C:\\work\\main.c", None),
        ("..\\main.c", None),
        ("/etc/main.c", None),
        ("", None),
    ],
)
def test_paths_are_cleaned(name: str, path: str | None) -> None:
    assert safe_member_path(name) == path


@given(st.text(alphabet="ab./\\:C \u0301\u00e9\n\x00", max_size=20))
def test_cleaned_path_is_relative_normalised_and_stable(name: str) -> None:
    path = safe_member_path(name)
    if path is not None:
        assert safe_member_path(path) == path == unicodedata.normalize("NFC", path)
        assert not path.startswith("/") and ".." not in path.split("/") and path.isprintable() and "\\" not in path


parts = st.sampled_from(["a", "b", "src", "build", "\u00e9", "e\u0301", ".git", "x (1)"])
names = st.tuples(
    st.lists(parts, min_size=1, max_size=3).map("/".join), st.sampled_from([".c", ".h", ".py", ".txt", ""])
)
texts = st.sampled_from([C, b"x = 1\n", b"\xe9t\xe9\n", b"", b"\0\1"])


@given(st.dictionaries(names.map("".join), texts, max_size=6))
def test_same_files_are_the_same_program_by_every_way_in(
    tmp_path_factory: pytest.TempPathFactory, files: Files
) -> None:
    files = {name: text for name, text in files.items() if not any(other.startswith(f"{name}/") for other in files)}
    folder, issues = read_folder(put(tmp_path_factory.mktemp("work"), files))
    results = []
    for data, name in ((zipped(files), "s1.zip"), (tarred(files), "s1.tar.gz")):
        own = IssueCollector("lab")
        results.append(read_source_files(read_archive(data, name, own), "s1", own))
        assert {(i.code, i.severity) for i in own.issues()} == {(i.code, i.severity) for i in issues.issues()}
    if not any(issue.severity is Severity.ERROR for issue in issues.issues()):
        assert results == [folder, folder]


def test_program_without_extension_and_decomposed_names_are_no_warning(
    tmp_path: Path, make_lab: Callable[..., Lab]
) -> None:
    write_lab(make_lab(), tmp_path / "lab1")
    submissions = tmp_path / "lab1/submissions"
    (submissions / "s000@course/main.c").rename(submissions / "s000@course/main")
    (submissions / "s001@course").rename(submissions / "s001@e\u0301t\u0301")
    validated = read_lab(tmp_path / "lab1")
    assert not {"odd-name", "other-language"} & {issue.code for issue in validated.issues}
    assert validated.lab is not None
    first, second, *_ = validated.lab.submissions
    assert [file.path for file in first.files] == ["main"]
    assert second.folder == unicodedata.normalize("NFC", "s001@e\u0301t\u0301")


@pytest.mark.parametrize(
    ("submissions", "language"),
    [
        ([["a.m"], ["b.m"]], "MATLAB"),
        ([["a.m", "a.h"], ["b.m", "b.mm"]], "Objective-C"),
        ([["a.ts", "dist.js"], ["b.ts"]], "TypeScript"),
        ([["a.tpp", "list.h"]], "C++"),
        ([["a.pl"]], "Perl"),
        ([["a.S"]], "Assembly"),
        ([["a.ipynb"]], "Python"),
        ([["a.KT"], ["b.cs"], ["c.cs"]], "C#"),
    ],
)
def test_language_of_most_submissions(submissions: list[list[str]], language: str) -> None:
    assert majority_languages(submissions) == (language,)


def test_lab_decides_on_shared_extensions() -> None:
    assert language_of("a.m", "Objective-C") == "Objective-C" and language_of("a.m", "C") == "MATLAB"
    assert language_of("a.pl", "Prolog") == "Prolog" and language_of("a.pl", "C") == "Perl"
    assert language_of("a.h", "C++") == "C++" and language_of("a.py", "C") == "Python"
