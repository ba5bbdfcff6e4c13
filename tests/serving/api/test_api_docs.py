"""docs/guide/serving.md tells the truth: its curl commands work, and its answers are what the service gives."""

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
from serving.api.app import BODY_BYTES, create_app
from serving.api.middleware.json_complexity import PARTS
from serving.api.schemas.examples import ANSWER, LAB_RUBRIC
from serving.api.schemas.problems import MOST_ERRORS
from serving.api.schemas.requests import (
    CRITERIA,
    DESCRIPTION_CHARS,
    FIELDS,
    FILENAME_CHARS,
    LIMITS,
    PROBLEM_CHARS,
    RATINGS,
    TITLE_CHARS,
)
from serving.courses.lab_registry import LabRegistry
from serving.engines.engine import LabelScores
from serving.scheduler.engine_thread import EngineThread

TEXT = (Path(__file__).parents[3] / "docs/guide/serving.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
CURLS = [shlex.split(command) for command in re.split(r"^(?=curl)", SHELL, flags=re.MULTILINE) if "curl" in command]
GRADED, UNKNOWN = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture
def client(fake_grader: Any, fake_engine: Any, store: Any) -> Iterator[TestClient]:
    shares = (0.02, 0.11, 0.87)
    fake_engine.answer = lambda _: LabelScores(tuple(math.log(0.998 * share) for share in shares))
    [told] = LAB_RUBRIC["criteria"]
    options = tuple(Rating(title=r["id"], description=r["description"], marks=r["points"]) for r in told["ratings"])
    criterion = Criterion(title=told["title"], description=told["description"], ratings=options)
    problem = LAB_RUBRIC["problem"]
    lab = Lab(
        name="square", problem=problem, short_problem=problem, language="C", criteria=(criterion,), submissions=()
    )
    with TestClient(
        create_app(EngineThread(lambda: fake_grader), LabRegistry([lab]), store), "http://localhost"
    ) as client:
        yield client


def send(client: TestClient, curl: list[str]) -> Any:
    url = next(word for word in curl if word.startswith("http"))
    if "-d" not in curl:
        return client.get(url)
    headers = dict(curl[i + 1].split(": ") for i, word in enumerate(curl) if word == "-H")
    return client.post(url, content=curl[curl.index("-d") + 1], headers=headers)


def test_every_command_is_answered(client: TestClient) -> None:
    statuses = [send(client, curl).status_code for curl in CURLS]
    assert statuses == [200, 200, 200, 200, 200, 200, 200, 404]


def test_the_graded_rubric_is_what_the_service_answers(client: TestClient) -> None:
    told = send(client, CURLS[0]).json()
    assert GRADED["provenance"].keys() == told["provenance"].keys()
    for criterion in told["criteria"]:
        criterion["confidence"] = round(criterion["confidence"], 6)
        criterion["label_mass"] = round(criterion["label_mass"], 6)
        for rating in criterion["ratings"]:
            rating["probability"] = round(rating["probability"], 6)
    rest = {"provenance": 0, "grade_id": 0}
    assert told | rest == GRADED | rest == ANSWER | rest


def test_the_problem_is_what_the_service_answers(client: TestClient) -> None:
    assert send(client, CURLS[-1]).json() == UNKNOWN


def test_the_rubric_in_the_openapi_description_is_that_of_the_lab(client: TestClient) -> None:
    assert client.get("/labs/square").json() == LAB_RUBRIC


def test_the_limits_it_names_are_those_that_hold() -> None:
    sizes = [f"{size // 1_000_000} MB" for size in (LIMITS.source_bytes, LIMITS.submission_bytes, BODY_BYTES)]
    assert "a file over {}, a submission over {}, a body over {}".format(*sizes) in TEXT
    assert f"more than {LIMITS.submission_files} files" in TEXT
    assert f"At most {MOST_ERRORS} are listed" in TEXT
    counts = [LIMITS.submission_files, PARTS, CRITERIA, RATINGS, FIELDS]
    lengths = [PROBLEM_CHARS, DESCRIPTION_CHARS, TITLE_CHARS, FILENAME_CHARS]
    table = TEXT.split("| a request has | at most |\n|---|---|\n")[1].split("\n\n")[0]
    assert re.findall(r"\| ([0-9,]+) \|$", table, re.MULTILINE) == [f"{most:,}" for most in counts + lengths]


def test_every_route_is_in_the_table(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    table = TEXT.split("| route | role | answers |\n|---|---|---|\n")[1].split("\n\n")[0]
    told = {re.sub(r"(?<=jobs/){id}", "{job_id}", route) for route in re.findall(r"(?:GET|POST) (/[^`]*)", table)}
    told = {re.sub(r"(?<=grades/){id}", "{grade_id}", route) for route in told}
    assert told | {"/jobs/{job_id}/resume", "/jobs/{job_id}/cancel"} == set(described)
    jobs = (Path(__file__).parents[3] / "docs/guide/jobs.md").read_text(encoding="utf-8")
    for route in re.findall(r"http://127.0.0.1:8000(\S+)", jobs):
        filled = route.replace("$JOB", "{job_id}").replace("$GRADE", "{grade_id}").replace("square", "{lab}")
        assert filled in described


def test_every_kind_of_problem_is_listed() -> None:
    source = "\n".join(path.read_text() for path in (Path(__file__).parents[3] / "serving").rglob("*.py"))
    raised = set(re.findall(r'(?:busy\(|ProblemError\(\d+, )"([a-z-]+)"', source))
    raised.discard("client-gone")  # Nobody is there to read it.
    assert raised | {"bad-request"} == set(re.findall(r"^\| \d+ \| `urn:grader:([a-z-]+)`", TEXT, re.MULTILINE))
