"""Neither the model nor the log sees anything that identifies a student."""

import json
import logging
from typing import Any

import pytest

from labs_schema.models import SourceFile
from labs_schema.reading.validate import load_lab
from tests.harness.courses.lab_folders import write_lab

TEXT = "// s77 and Mario Rossi wrote this\nint rossi(long s77);\n"
HIDDEN = "// student and student wrote this\nint rossi(long s77);\n"
SECRETS = ("ZEBRA-ID", "ZEBRA_CODE", "ZEBRA_FILE")


def submission(text: str, filename: str = "a.c") -> dict[str, Any]:
    return {"files": [{"filename": filename, "content": text}]}


def shown(grader: Any) -> list[str]:
    """Every prompt so far."""
    return [grader.encoder._tokenizer.decode(each.prompt) for call in grader.engine.calls for each in call]


def with_roster(course: Any) -> None:
    (course.labs / "roster.csv").write_text("student,name\nu1,Mario Rossi\n")


def test_student_of_the_request_is_redacted_without_a_roster(course: Any, fake_grader: Any) -> None:
    with course.serve() as client:
        body = {"lab": "lab1", "student": "s77x", "submission": submission("// by S77X, not s77xx\nint s77x;\n")}
        assert client.post("/grade", json=body).status_code == 200
    assert all("// by student, not s77xx\nint s77x;\n" in prompt for prompt in shown(fake_grader))


@pytest.mark.parametrize("own_rubric", [False, True])
def test_the_roster_is_redacted_and_the_stored_program_is_not(course: Any, fake_grader: Any, own_rubric: bool) -> None:
    with_roster(course)
    request: dict[str, Any] = {"lab": "lab1"}
    if own_rubric:
        ratings = [{"id": "a", "description": "Yes"}, {"id": "b", "description": "No"}]
        request = {"problem": "Do.", "language": "C", "criteria": [{"title": "Good?", "ratings": ratings}]}
    with course.serve() as client:
        answer = client.post("/grade", json={**request, "student": "s77", "submission": submission(TEXT)})
        assert answer.status_code == 200
        stored = course.store.read_submission(answer.json()["grade_id"])
    assert stored.files[0].text == TEXT
    assert shown(fake_grader) and all(HIDDEN in prompt and "Rossi" not in prompt for prompt in shown(fake_grader))


def test_a_job_redacts_the_roster(course: Any, fake_grader: Any) -> None:
    lab = load_lab(course.labs / "lab1")
    files = (SourceFile(path="Mario_Rossi.c", text="// Mario Rossi, with s001\nint x;\n"),)
    work = (lab.submissions[0].model_copy(update={"files": files}), *lab.submissions[1:])
    write_lab(lab.model_copy(update={"submissions": work, "name": "lab2"}), course.labs / "lab2")
    with_roster(course)
    with course.serve() as client:
        job = client.post("/labs/lab2/regrade").json()["id"]
        for thread in course.threads:
            thread.join(20)
        assert client.get(f"/jobs/{job}").json()["state"] == "done"
    prompts = shown(fake_grader)
    assert not any("Rossi" in prompt or "s001" in prompt for prompt in prompts)
    assert any("// student, with student\nint x;" in prompt and "student.c" in prompt for prompt in prompts)


@pytest.mark.parametrize("fails", [False, True])
def test_no_log_line_has_a_key_an_id_or_a_program(
    course: Any, fake_grader: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], fails: bool
) -> None:
    key = course.key("admin")
    caplog.set_level(logging.DEBUG)
    if fails:

        def broken(_: Any) -> Any:
            raise ValueError("ZEBRA_CODE of ZEBRA-ID")

        fake_grader.engine.score = broken
    body = {"lab": "lab1", "student": "ZEBRA-ID", "submission": submission("int ZEBRA_CODE;", "ZEBRA_FILE.c")}
    with course.serve() as client:
        headers = {**key, "Idempotency-Key": "ZEBRA-ID"}
        answer = client.post("/grade", json=body, headers=headers)
        assert answer.status_code == (503 if fails else 200)
        client.post("/grade", content=json.dumps(body)[:-9], headers=key)
        client.get("/grades/ZEBRA-ID", headers=key)
        client.get("/labs/ZEBRA-ID?student=ZEBRA-ID", headers={"Authorization": "Bearer ZEBRA-ID"})
        client.post("/labs/lab1/regrade", headers=key)
        for thread in course.threads:
            thread.join(20)
    seen = capfd.readouterr()
    own = [record for record in caplog.records if not record.name.startswith("httpx")]  # the client's own
    lines = [record.getMessage() + str(record.exc_text or "") for record in own] + [seen.out, seen.err]
    assert sum("/grade" in line for line in lines) >= 2
    token = key["Authorization"].removeprefix("Bearer ")
    assert [line for line in lines for secret in (*SECRETS, token) if secret in line] == []
