"""The same files give the same submission and the same grade by every way in: folder, archive, command line and API."""

import base64
import hashlib
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
from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import load_lab
from labs_schema.submissions.adhoc_submission import read_adhoc_submission
from serving.api.schemas.examples import BY_LAB
from serving.engines.engine import LabelScores
from tests.harness.courses.lab_folders import write_lab
from tests.serving.conftest import scores

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


def by_prompt(request: Any) -> LabelScores:
    """An answer that any other prompt changes."""
    weights = [1 + byte for byte in hashlib.sha256(repr(request.prompt).encode()).digest()[: len(request.labels)]]
    return scores(*(weight / (sum(weights) + 1) for weight in weights))


def graded(grader: Any, lab: Lab, submission: Submission) -> tuple[Any, ...]:
    """The hash of the program and the ratings with their confidence, as a batch job grades it."""
    (grade,) = grader.grade(lab, [submission])
    return submission_hash(submission), [(each.rating, each.confidence) for each in grade.criteria if each.rating]


def in_a_lab(lab: Lab, files: Mapping[str, bytes], folder: Path, *, archive: bool) -> Lab:
    """The lab with the only submission, without it if it is unreadable."""
    write_lab(lab, folder)
    (folder / "language.txt").write_text("C\n")
    entry = folder / "submissions" / ("s1@cs.zip" if archive else "s1@cs")
    if archive:
        entry.parent.mkdir(exist_ok=True)
        entry.write_bytes(zipped(files))
    for name, content in () if archive else files.items():
        (entry / name).parent.mkdir(parents=True, exist_ok=True)
        (entry / name).write_bytes(content)
    return load_lab(folder)


def by_api(client: TestClient, submission: Any) -> tuple[Any, ...]:
    """The hash of the program and the ratings with their confidence, empty if it was refused as unreadable."""
    answer = client.post("/grade", json={**BY_LAB, "lab": "lab1", "submission": submission})
    if answer.status_code == 422 and answer.json()["code"] == "unreadable-submission":
        return ()
    assert answer.status_code == 200, answer.text
    body = answer.json()
    ratings = [(each["rating"]["id"], each["confidence"]) for each in body["criteria"] if each["rating"]]
    return body["provenance"]["submission_hash"], ratings


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS), min_size=1))
def test_same_files_give_the_same_grade_by_every_way_in(
    files: dict[str, str], client: TestClient, fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab]
) -> None:
    raw = {name: text.encode() for name, text in files.items()}
    lab, ways = make_lab(students=0), {}
    fake_engine.answer = by_prompt
    with TemporaryDirectory() as name:
        top = Path(name)
        for archive, way in ((False, "folder"), (True, "archive")):
            read = in_a_lab(lab, raw, top / way / "lab1", archive=archive)
            ways[way] = graded(fake_grader, read, read.submissions[0]) if read.submissions else ()
        if ways["folder"]:
            work = top / "folder/lab1/submissions/s1@cs"
            ways["command line"] = graded(fake_grader, lab, read_adhoc_submission([work], "C")[0])
            if not any("/" in name for name in files):
                paths = [work / name for name in files]
                ways["files"] = graded(fake_grader, lab, read_adhoc_submission(paths, "C")[0])
    ways["request"] = by_api(client, {"files": [{"filename": name, "content": text} for name, text in files.items()]})
    content = base64.b64encode(zipped(raw)).decode()
    ways["archive in a request"] = by_api(client, {"archive": {"filename": "work.zip", "content": content}})
    assert all(way == ways["request"] for way in ways.values()), ways


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
    (in_lab,) = in_a_lab(make_lab(students=0), files, tmp_path / "lab1", archive=True).submissions
    assert by_api(client, {"archive": archive})[0] == submission_hash(in_lab)
