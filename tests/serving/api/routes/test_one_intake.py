"""The same files give the same submission and the same grade by every way in: folder, archive, command line and API."""

import base64
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from labs_schema.hashes import submission_hash
from labs_schema.lab_writer import write_lab
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from labs_schema.submissions.adhoc_submission import read_adhoc_submission
from serving.api.schemas.examples import BY_LAB

PROGRAM = "int main(void) { return 0; }\n"
NAMES = ("main.c", "util.h", "src/list.c", "README.md", "node_modules/x/index.js", ".DS_Store", "n.txt", "a.py", "é.c")
TEXTS = (
    PROGRAM,
    "// Ann Lee\r\nint x;\r\n",
    "\ufeffint y;\n",
    "// é\n",
    "print(1)\n",
    "",
    "hello\n",
    "// \u4e2d\u6587\n",
)


def zipped(files: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def in_a_lab(lab: Lab, files: Mapping[str, bytes], folder: Path, *, archive: bool) -> tuple[str, ...]:
    """The hashes of the only submission, empty if it is unreadable."""
    write_lab(lab, folder)
    (folder / "language.txt").write_text("C\n")
    entry = folder / "submissions" / ("s1@cs.zip" if archive else "s1@cs")
    if archive:
        entry.parent.mkdir(exist_ok=True)
        entry.write_bytes(zipped(files))
    for name, content in () if archive else files.items():
        (entry / name).parent.mkdir(parents=True, exist_ok=True)
        (entry / name).write_bytes(content)
    return tuple(submission_hash(each) for each in load_lab(folder).submissions)


def by_api(client: TestClient, submission: Any) -> tuple[Any, ...]:
    """The hash of the program and the ratings, empty if the request was refused as unreadable."""
    answer = client.post("/grade", json={**BY_LAB, "lab": "lab1", "submission": submission})
    if answer.status_code == 422 and answer.json()["code"] == "unreadable-submission":
        return ()
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return body["provenance"]["submission_hash"], [each["rating"] and each["rating"]["id"] for each in body["criteria"]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS), min_size=1))
def test_same_files_give_the_same_grade_by_every_way_in(
    files: dict[str, str], client: TestClient, make_lab: Callable[..., Lab]
) -> None:
    raw = {name: text.encode() for name, text in files.items()}
    lab = make_lab(students=0)
    with TemporaryDirectory() as name:
        top = Path(name)
        ways = {
            "folder": in_a_lab(lab, raw, top / "one" / "lab1", archive=False),
            "archive": in_a_lab(lab, raw, top / "two" / "lab1", archive=True),
        }
        if ways["folder"]:
            submission, _ = read_adhoc_submission([top / "one/lab1/submissions/s1@cs"], "C")
            ways["command line"] = (submission_hash(submission),)
            paths = [top / "one/lab1/submissions/s1@cs" / part for part in {name.split("/")[0] for name in files}]
            if not any("/" in name for name in files):
                ways["files"] = (submission_hash(read_adhoc_submission(paths, "C")[0]),)
    inline = by_api(client, {"files": [{"filename": name, "content": text} for name, text in files.items()]})
    archive = by_api(client, {"archive": {"filename": "work.zip", "content": base64.b64encode(zipped(raw)).decode()}})
    assert inline == archive
    ways["request"] = inline[:1]
    assert len(set(ways.values())) == 1, ways


def test_readme_and_installed_packages_are_no_program(problem: Any, client: TestClient) -> None:
    only = {"files": [{"filename": "README.md", "content": "hello\n"}]}
    (error,) = problem(
        client.post("/grade", json={**BY_LAB, "lab": "lab1", "submission": only}), "unreadable-submission"
    )["errors"]
    assert error["field"] == "submission.files" and error["found"].startswith("no-source")


@pytest.mark.parametrize("name", ["./main.c", ".\\main.c", "C:\\fakepath\\main.c", "main.c"])
def test_paths_are_cleaned_as_in_archives(name: str, client: TestClient) -> None:
    plain = by_api(client, {"files": [{"filename": "main.c", "content": PROGRAM}]})
    assert by_api(client, {"files": [{"filename": name, "content": PROGRAM}]}) == plain


@pytest.mark.parametrize("name", ["../main.c", "/etc/main.c", "C:\\work\\main.c"])
def test_path_outside_the_submission_is_refused(name: str, problem: Any, client: TestClient) -> None:
    given = {"files": [{"filename": name, "content": PROGRAM}]}
    (error,) = problem(client.post("/grade", json={**BY_LAB, "submission": given}), "invalid-request")["errors"]
    assert error["field"] == "submission.files.0.filename"


@pytest.mark.parametrize(
    ("archive", "code"),
    [
        ({"filename": "work.zip", "content": "no base64!"}, "bad-archive"),
        ({"filename": "work.zip", "content": base64.b64encode(b"PK no zip").decode()}, "bad-archive"),
        (
            {"filename": "work.zip", "content": base64.b64encode(zipped({"../x.c": b"int x;"})).decode()},
            "unsafe-name",
        ),
    ],
)
def test_unreadable_archive_is_refused_with_its_code(
    archive: dict[str, str], code: str, problem: Any, client: TestClient
) -> None:
    answer = client.post("/grade", json={**BY_LAB, "lab": "lab1", "submission": {"archive": archive}})
    (error, *_) = problem(answer, "unreadable-submission")["errors"]
    assert error["found"].startswith(code)


def test_archive_in_an_archive_is_opened_as_in_a_lab(
    client: TestClient, make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    files = {"work.zip": zipped({"main.c": PROGRAM.encode()})}
    archive = {"filename": "all.zip", "content": base64.b64encode(zipped(files)).decode()}
    in_lab = in_a_lab(make_lab(students=0), files, tmp_path / "lab1", archive=True)
    assert by_api(client, {"archive": archive})[:1] == in_lab != ()
