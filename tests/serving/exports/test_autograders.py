"""Autograders of Gradescope and PrairieLearn: their scripts run against a service, as in the platform's container."""

import base64
import io
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.errors import InputError
from labs_schema.grades import Provenance
from labs_schema.models import Lab
from serving.api.schemas.grades import GradeResponse
from serving.api.schemas.requests import LabGradeRequest
from serving.exports.autograders.package import PLACEHOLDER, AutograderRequest, autograder_zip
from tests.harness.courses.lab_folders import write_lab

Answer = tuple[int, dict[str, str], Any]
KEY = "grader_0123456789"


def grade(statuses: tuple[str, ...] = ("accepted", "accepted"), ungraded: bool = False) -> dict[str, Any]:
    """A response of the service: 2 of 2 points, and 1 of 1."""
    criteria = [
        {
            "id": f"C{at}", "title": f"C{at}", "ungraded": None, "points": 2.0 - at, "max_points": 2.0 - at,
            "rating": {"id": "A", "description": "good <b>", "points": 2.0 - at}, "ratings": [], "confidence": 0.9,
            "label_mass": 1.0, "status": status, "review_reasons": [], "reasoning": "Because.",
        }
        for at, status in enumerate(statuses)
    ]  # fmt: skip
    if ungraded:
        criteria[1] |= {"rating": None, "ungraded": "unreadable answer", "points": None, "status": "needs_review"}
    provenance = dict.fromkeys(Provenance.model_fields, "x")
    answer = {"grade_id": "g1", "lab": "lab1", "criteria": criteria, "points": 3.0, "points_range": None,
              "max_points": 3.0, "provenance": provenance}  # fmt: skip
    return GradeResponse.model_validate(answer).model_dump(mode="json")


class Service:
    """Answers in order, the last one again and again; `early` are the results files at the time of each request."""

    def __init__(self, results: Path) -> None:
        self.answers: list[Answer] = [(200, {}, grade())]
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.early: list[Any] = []
        self.results, self.url = results, ""


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """The folder that a platform mounts, with a submission of two files and a link."""
    for folder in ("submission", "student"):
        (tmp_path / folder / "src").mkdir(parents=True)
        (tmp_path / folder / "src" / "main.c").write_text("int main(void) { return 0; }")
        (tmp_path / folder / "größe.h").write_text("int x;")
        (tmp_path / folder / "link").symlink_to("/etc/passwd")
    users = [{"id": 1, "name": "Z", "email": "s1@uni.example"}, {"id": 2, "name": "Y", "email": "s2@uni.example"}]
    (tmp_path / "submission_metadata.json").write_text(json.dumps({"id": 77, "users": users}))
    return tmp_path


@pytest.fixture
def service(container: Path) -> Iterator[Service]:
    found = Service(container / "results" / "results.json")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.requests.append((dict(self.headers.items()), body))
            found.early.append(json.loads(found.results.read_text()))
            status, headers, answer = found.answers.pop(0) if len(found.answers) > 1 else found.answers[0]
            data = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(data))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(container: Path, service: Service, make_lab: Callable[..., Lab]) -> Run:
    """Extracts the autograder, puts the key in and runs it as the platform does: the results file."""

    def runs(platform: str = "gradescope-autograder", key: str = KEY, **request: Any) -> dict[str, Any]:
        given = AutograderRequest(platform=platform, **{"service": service.url, "seconds": 5} | request)
        source = container / "source"
        with zipfile.ZipFile(io.BytesIO(autograder_zip(make_lab(students=0), given))) as archive:
            archive.extractall(source)
            for info in archive.infolist():
                (source / info.filename).chmod(info.external_attr >> 16)
        (source / "key.txt").write_text(key)
        command = [sys.executable, "-I", str(source / "autograde.py"), str(container)]
        done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, check=False)
        assert done.returncode == 0
        results: dict[str, Any] = json.loads(service.results.read_text())
        assert KEY not in service.results.read_text()
        return results

    return runs


def test_zip_has_its_files_at_the_top_and_no_secret(make_lab: Callable[..., Lab]) -> None:
    request = AutograderRequest(platform="gradescope-autograder", service="https://grader.example")
    data = autograder_zip(make_lab(students=0), request)
    assert data == autograder_zip(make_lab(students=0), request)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {"setup.sh", "run_autograder", "autograde.py", "config.json", "key.txt"} == set(archive.namelist())
        assert archive.read("key.txt").decode().strip() == PLACEHOLDER
        assert archive.getinfo("run_autograder").external_attr >> 16 & 0o111
        assert b"\r" not in archive.read("setup.sh")


@pytest.mark.parametrize("url", ["", "http://grader.example", "ftp://x", "https://", "https://u:p@x.example"])
def test_key_is_only_sent_over_https(make_lab: Callable[..., Lab], url: str) -> None:
    with pytest.raises(InputError) as raised:
        autograder_zip(make_lab(students=0), AutograderRequest(platform="gradescope-autograder", service=url))
    assert raised.value.issues[0].code == "service-address"


def test_each_criterion_is_an_entry_that_students_see_after_publication(run: Run) -> None:
    results = run()
    assert [(t["name"], t["number"], t["score"], t["max_score"], t["visibility"]) for t in results["tests"]] == [
        ("C0", "1", 2.0, 2.0, "after_published"), ("C1", "2", 1.0, 1.0, "after_published"),
    ]  # fmt: skip
    assert results["tests"][0]["output"] == "A: good <b>\nBecause." and results["tests"][0]["output_format"] == "text"
    assert results["tests"][0]["extra_data"]["confidence"] == 0.9 and "score" not in results
    assert results["extra_data"]["provenance"]["model_hash"] == "x" and results["extra_data"]["grade_id"] == "g1"


def test_request_is_one_of_the_service_and_results_were_written_before(run: Run, service: Service) -> None:
    run()
    [(headers, body)] = service.requests
    request = LabGradeRequest.model_validate(body)
    assert headers["Authorization"] == f"Bearer {KEY}" and len(headers["Idempotency-Key"]) == 64
    assert (request.lab, request.student) == ("lab1", "s1@uni.example")
    assert service.early[0]["tests"][0]["visibility"] == "visible" and "score" not in service.early[0]["tests"][0]
    archive = request.submission.archive
    assert archive is not None
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(archive.content))) as content:
        assert content.namelist() == ["größe.h", "src/main.c"]


def test_criteria_that_need_review_are_hidden(run: Run, service: Service) -> None:
    service.answers = [(200, {}, grade(("accepted", "needs_review")))]
    assert [each["visibility"] for each in run()["tests"]] == ["after_published", "hidden"]


def test_ungraded_criterion_has_no_score_and_hides_the_total(run: Run, service: Service) -> None:
    service.answers = [(200, {}, grade(ungraded=True))]
    first, ungraded, note = run()["tests"]
    assert first["score"] == 2 and "score" not in ungraded and ungraded["visibility"] == "hidden"
    assert (note["max_score"], note["visibility"]) == (0, "hidden")


@pytest.mark.parametrize(("status", "reason"), [(401, "401"), (404, "404"), (302, "302"), (503, "503"), (429, "429")])
def test_service_that_does_not_grade_leaves_a_note_and_no_grade(
    run: Run, service: Service, status: int, reason: str
) -> None:
    service.answers = [(status, {"Location": f"{service.url}/other", "Retry-After": "60"}, {"code": "x"})]
    visible, hidden = run()["tests"]
    assert visible["visibility"] == "visible" and "score" not in visible and "saved" in visible["output"]
    assert hidden["visibility"] == "hidden" and reason in hidden["output"] and hidden["max_score"] == 3
    assert len(service.requests) == 1


def test_service_that_is_away_leaves_a_note(run: Run) -> None:
    visible, hidden = run(service="http://127.0.0.1:9", seconds=1)["tests"]
    assert "saved" in visible["output"] and "could not be reached" in hidden["output"]


def test_busy_service_gets_the_same_idempotency_key_again(run: Run, service: Service) -> None:
    service.answers = [(503, {"Retry-After": "1"}, {}), (200, {}, grade())]
    assert len(run()["tests"]) == 2
    assert len({headers["Idempotency-Key"] for headers, _ in service.requests}) == 1 and len(service.requests) == 2


def test_unreadable_submission_is_reported_to_the_student(run: Run, service: Service) -> None:
    service.answers = [(422, {}, {"code": "unreadable-submission"})]
    assert "No readable program" in run()["tests"][0]["output"]


def test_placeholder_as_key_is_reported_to_the_staff(run: Run, service: Service) -> None:
    visible, hidden = run(key=PLACEHOLDER)["tests"]
    assert service.requests == [] and "key.txt" in hidden["output"] and "key" not in visible["output"]


def test_tests_of_the_course_are_added_and_cannot_change_the_grade(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    tests = {"tests": [{"name": "unit", "score": 1.0, "max_score": 1.0}], "score": 100, "execution_time": "0.12"}
    script = f"""#!{sys.executable}
import pathlib
here = pathlib.Path(__file__).parent.parent
assert not (here / "key.txt").exists()
(here.parent / "results" / "results.json").write_text({json.dumps(json.dumps(tests))})
"""
    (own / "run_autograder").write_text(script)
    results = run(tests=own)
    assert [each["name"] for each in results["tests"]] == ["C0", "C1", "unit"] and "score" not in results


def test_prairielearn_scores_accepted_grades_only(run: Run, service: Service) -> None:
    results = run("prairielearn-grader")
    assert results["gradable"] and results["score"] == 1.0 and [t["points"] for t in results["tests"]] == [2.0, 1.0]
    service.answers = [(200, {}, grade(("accepted", "needs_review")))]
    results = run("prairielearn-grader")
    assert results["gradable"] is False and len(results["format_errors"]) == 1 and "score" not in results


@pytest.mark.parametrize(("platform", "minutes", "accepted"), [
    ("gradescope-autograder", 30, True), ("gradescope-autograder", 31, False), ("prairielearn-grader", 6, True),
    ("prairielearn-grader", 7, False),
])  # fmt: skip
def test_the_wait_for_the_service_is_within_the_platforms_time_limit(
    platform: str, minutes: int, accepted: bool, make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    """Gradescope ends an autograder after 40 minutes at most, PrairieLearn after 10."""
    write_lab(make_lab(students=1), tmp_path / "lab1")
    out = tmp_path / "a.zip"
    given = ["export", platform, str(tmp_path / "lab1"), "--service", "https://grader.example", "--out", str(out)]
    assert (CliRunner().invoke(app, [*given, "--wait", str(minutes)]).exit_code == 0) is accepted is out.exists()
    if accepted:
        with zipfile.ZipFile(out) as archive:
            config = json.loads(archive.read("config.json"))
            assert config["seconds"] == 60 * minutes
            if "info.json" in archive.namelist():
                assert json.loads(archive.read("info.json"))["externalGradingOptions"]["timeout"] <= 600
