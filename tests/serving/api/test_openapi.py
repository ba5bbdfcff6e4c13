"""The OpenAPI description: stable operation ids, tags, true examples, and a client generated from it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.api.schemas.examples import (
    ANSWER,
    BY_LAB,
    BY_RUBRIC,
    COMPARISON,
    DEAD_MESSAGE,
    HISTORY,
    JOB,
    LAB_LIST,
    LAB_RUBRIC,
    OVERRIDE,
    REGRADE_REQUEST,
    RESULT,
    WEBHOOK,
)
from serving.api.schemas.grades import GradeResponse, LabList, LabRubric
from serving.api.schemas.jobs import GradeHistory, JobStatus, OverrideRecord
from serving.api.schemas.regrade_requests import RegradeRequestRecord
from serving.jobs.results.results import JobComparison, Result
from serving.webhooks.endpoints import DeadMessage, WebhookEndpoint

CLIENT_CONFIG = Path(__file__).parents[3] / "deploy" / "openapi-python-client.yaml"
OPERATIONS = {
    "grading": {"grade_submission"},
    "labs": {"list_labs", "get_lab", "import_lab"},
    "grades": {"get_grade", "override_grade"},
    "regrade requests": {
        "submit_regrade_request",
        "list_regrade_requests",
        "get_regrade_request",
        "answer_regrade_request",
        "create_student_link",
    },
    "jobs": {
        "regrade_lab",
        "list_jobs",
        "get_job",
        "stream_job_events",
        "pause_job",
        "resume_job",
        "cancel_job",
        "get_job_grades",
        "get_job_ratings",
        "compare_job",
    },
    "webhooks": {
        "list_webhooks",
        "add_webhook",
        "rotate_webhook_secret",
        "disable_webhook",
        "enable_webhook",
        "list_dead_messages",
        "replay_dead_messages",
    },
    "health": {"get_liveness", "get_readiness"},
}
"""Operation ids become the function names of generated clients: changing one breaks them."""


@pytest.fixture
def described(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


def test_operation_ids_and_tags_are_stable(described: Any) -> None:
    found: dict[str, set[str]] = {}
    for methods in described["paths"].values():
        for operation in methods.values():
            [tag] = operation["tags"]
            found.setdefault(tag, set()).add(operation["operationId"])
    assert found == OPERATIONS
    assert [tag["name"] for tag in described["tags"]] == list(OPERATIONS)


def test_grade_keeps_its_path(described: Any) -> None:
    assert described["paths"]["/grade"]["post"]["operationId"] == "grade_submission"


def test_every_response_has_a_schema_and_an_example(described: Any) -> None:
    for path, methods in described["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                for content in response["content"].values():
                    assert content["schema"]
                    assert "example" in content or content["examples"], (path, status)
    body = described["paths"]["/grade"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == {"registered lab", "inline rubric"}
    assert "FieldProblem" in described["components"]["schemas"]


def test_bounds_are_those_of_json_schema(described: Any) -> None:
    """pydantic writes `ge` instead of `minimum` where one bound replaces another, and clients ignore it."""
    text = json.dumps(described)
    assert not [name for name in ("ge", "gt", "le", "lt") if f'"{name}": ' in text]


def test_every_field_parameter_and_response_is_described(described: Any) -> None:
    missing = [
        (name, field)
        for name, schema in described["components"]["schemas"].items()
        for field, found in schema.get("properties", {}).items()
        if not found.get("description")
    ]
    for path, operations in described["paths"].items():
        for operation in operations.values():
            missing += [(path, each["name"]) for each in operation.get("parameters", []) if not each.get("description")]
            described_as = {status: each["description"] for status, each in operation["responses"].items()}
            missing += [(path, status) for status, text in described_as.items() if text in ("", "Successful Response")]
    assert not missing


def test_the_examples_are_valid_requests_and_responses(client: TestClient) -> None:
    assert client.post("/grade", json=BY_RUBRIC).status_code == 200
    assert client.post("/grade", json={**BY_LAB, "lab": "lab1"}).status_code == 200
    for model, example in (
        (GradeResponse, ANSWER),
        (LabList, LAB_LIST),
        (LabRubric, LAB_RUBRIC),
        (JobStatus, JOB),
        (JobComparison, COMPARISON),
        (GradeHistory, HISTORY),
        (OverrideRecord, OVERRIDE),
        (RegradeRequestRecord, REGRADE_REQUEST),
        (Result, RESULT),
        (WebhookEndpoint, WEBHOOK),
        (DeadMessage, DEAD_MESSAGE),
    ):
        assert model.model_validate_json(json.dumps(example)).model_dump(mode="json") == example


def test_a_generated_client_has_every_operation_without_a_warning(described: Any, tmp_path: Path) -> None:
    """openapi-python-client omits what it cannot express, with a warning.

    requirements/cuda.txt omits it: 0.29 declares typer<0.28, though it works with the pinned 0.29.
    """
    pytest.importorskip("openapi_python_client")
    document, out, commands = tmp_path / "openapi.json", tmp_path / "client", Path(sys.executable).parent
    document.write_text(json.dumps(described))
    command = [str(commands / "openapi-python-client"), "generate", "--path", str(document), "--meta", "none"]
    done = subprocess.run(
        [*command, "--output-path", str(out), "--config", str(CLIENT_CONFIG)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"},  # it formats its output with ruff
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0 and not re.search("warning|unsupported|skipping", output, re.IGNORECASE), output
    for tag, operations in OPERATIONS.items():
        assert {path.stem for path in (out / "api" / tag.replace(" ", "_")).glob("*.py")} - {"__init__"} == operations
