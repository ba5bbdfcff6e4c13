"""The guide to the HTTP service: its curl commands work, its responses and routes are the service's."""

import json
import math
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from labs_schema.models import Criterion, Lab, Rating
from serving.api.app import create_app
from serving.api.schemas.examples import ANSWER, LAB_RUBRIC
from serving.courses.lab_registry import LabRegistry
from serving.courses.served import OneCourse
from serving.engines.engine import LabelScores
from serving.scheduler.engine_thread import EngineThread

GUIDE = Path(__file__).parents[3] / "docs/guide"
REQUESTS, SERVICE = ((GUIDE / page).read_text(encoding="utf-8") for page in ("grading-requests.md", "serving.md"))
TEXT = REQUESTS + SERVICE
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
CURLS = [shlex.split(command) for command in re.split(r"^(?=curl)", SHELL, flags=re.MULTILINE) if "curl" in command]
GRADED, UNKNOWN = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture
def client(fake_grader: Any, fake_engine: Any, store: Any) -> Iterator[TestClient]:
    shares = (0.02, 0.11, 0.87)
    fake_engine.answer = lambda _: LabelScores(tuple(math.log(0.998 * share) for share in shares))
    [example] = LAB_RUBRIC["criteria"]
    options = tuple(Rating(title=r["id"], description=r["description"], marks=r["points"]) for r in example["ratings"])
    criterion = Criterion(title=example["title"], description=example["description"], ratings=options)
    problem = LAB_RUBRIC["problem"]
    lab = Lab(
        name="square", problem=problem, short_problem=problem, language="C", criteria=(criterion,), submissions=()
    )
    courses = OneCourse("course", LabRegistry([lab]))
    app = create_app(EngineThread(lambda: fake_grader), courses, store)
    with TestClient(app, "http://localhost") as client:
        yield client


def send(client: TestClient, curl: list[str]) -> Any:
    url = next(word for word in curl if word.startswith("http"))
    if "-d" not in curl:
        return client.get(url)
    headers = dict(curl[i + 1].split(": ") for i, word in enumerate(curl) if word == "-H")
    return client.post(url, content=curl[curl.index("-d") + 1], headers=headers)


def test_guide_commands_return_the_documented_status(client: TestClient) -> None:
    statuses = [send(client, curl).status_code for curl in CURLS]
    assert statuses == [200, 200, 200, 404, 200, 200, 200, 200]


def test_example_grade_matches_the_service(client: TestClient) -> None:
    response = send(client, CURLS[0]).json()
    assert GRADED["provenance"].keys() == response["provenance"].keys()
    for criterion in response["criteria"]:
        criterion["confidence"] = round(criterion["confidence"], 6)
        criterion["label_mass"] = round(criterion["label_mass"], 6)
        for rating in criterion["ratings"]:
            rating["probability"] = round(rating["probability"], 6)
    varying = {"provenance": 0, "grade_id": 0}
    assert response | varying == GRADED | varying == ANSWER | varying


def test_example_problem_matches_the_service(client: TestClient) -> None:
    assert send(client, CURLS[3]).json() == UNKNOWN


def test_example_rubric_matches_the_lab(client: TestClient) -> None:
    assert client.get("/labs/square").json() == LAB_RUBRIC


def test_every_route_is_listed(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    listing = TEXT.split("| route | role |")[1].split("|---|---|---|\n")[1].split("\n\n")[0]
    listed = {re.sub(r"(?<=jobs/){id}", "{job_id}", route) for route in re.findall(r"(?:GET|POST) (/[^`]*)", listing)}
    listed = {re.sub(r"(?<=grades/){id}", "{grade_id}", route) for route in listed}
    assert listed | {"/jobs/{job_id}/resume", "/jobs/{job_id}/cancel"} == set(described)
    jobs = (GUIDE / "jobs.md").read_text(encoding="utf-8")
    for route in re.findall(r"http://127.0.0.1:8000(\S+)", jobs):
        filled = route.replace("$JOB", "{job_id}").replace("$GRADE", "{grade_id}").replace("square", "{lab}")
        assert filled in described
