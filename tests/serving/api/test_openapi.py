"""The description of the API: an example for everything, and every example true."""

import json

from starlette.testclient import TestClient

from serving.api.schemas.examples import (
    ANSWER,
    BY_LAB,
    BY_RUBRIC,
    COMPARISON,
    HISTORY,
    JOB,
    LAB_LIST,
    LAB_RUBRIC,
    OVERRIDE,
    RESULT,
)
from serving.api.schemas.grades import GradeResponse, LabList, LabRubric
from serving.api.schemas.jobs import GradeHistory, JobOut, OverrideOut
from serving.jobs.results import JobComparison, Result


def test_the_openapi_description_has_a_valid_example_for_every_operation(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    operations = [(path, method) for path, methods in described["paths"].items() for method in methods]
    assert len(operations) == 17
    for path, method in operations:
        operation = described["paths"][path][method]
        for status, answer in operation["responses"].items():
            for content in answer["content"].values():
                assert content["schema"]
                assert "example" in content, (path, status)
    body = described["paths"]["/grade"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == {"registered lab", "inline rubric"}
    assert "FieldProblem" in described["components"]["schemas"]


def test_the_examples_are_what_the_service_takes_and_gives(client: TestClient) -> None:
    assert client.post("/grade", json=BY_RUBRIC).status_code == 200
    assert client.post("/grade", json={**BY_LAB, "lab": "lab1"}).status_code == 200
    told = ((GradeResponse, ANSWER), (LabList, LAB_LIST), (LabRubric, LAB_RUBRIC), (JobOut, JOB))
    kept = ((JobComparison, COMPARISON), (GradeHistory, HISTORY), (OverrideOut, OVERRIDE), (Result, RESULT))
    for model, example in (*told, *kept):
        assert model.model_validate_json(json.dumps(example)).model_dump(mode="json") == example
