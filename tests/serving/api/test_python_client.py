"""`grader.client` against the real application: both clients, every kind of operation, errors and uploads."""

import asyncio
import inspect
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from grader.client import ApiError, AsyncClient, Client
from grader.client.models import FileIn, LabGradeRequest, OverrideRequest, SubmissionIn
from grader.client.operations import Operations
from tests.harness.errors import raises_code

PROGRAM = SubmissionIn(files=(FileIn(filename="main.c", content="int main(void) { return 4; }\n"),))
REQUEST = LabGradeRequest(lab="lab1", submission=PROGRAM, student="s001")


class Through(httpx.BaseTransport):
    """Sends the client's requests to an application in this process."""

    def __init__(self, app: TestClient) -> None:
        self.app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.app.request(
            request.method, str(request.url), headers=dict(request.headers), content=request.read()
        )
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def served(course: Any) -> Iterator[tuple[TestClient, str]]:
    """The application, and the key of an admin of all courses."""
    key = course.key("admin", None)["Authorization"].removeprefix("Bearer ")
    with course.serve(run_jobs=False) as client:
        yield client, key


@pytest.fixture
def client(served: Any) -> Iterator[Client]:
    app, key = served
    with Client("http://localhost/", key, "cs101", transport=Through(app)) as client:
        yield client


def test_the_clients_have_every_operation(served: Any) -> None:
    described = served[0].get("/openapi.json").json()["paths"]
    operations = {each["operationId"] for methods in described.values() for each in methods.values()}
    assert {name for name in vars(Operations) if not name.startswith("_")} == operations


def test_methods_of_both_clients_have_the_parameters_and_the_documentation_of_their_operation() -> None:
    for kind in (Client, AsyncClient):
        method = kind("http://localhost").import_lab
        parameters = list(inspect.signature(method).parameters)
        assert parameters == ["lab", "body", "platform", "assignment", "like", "dry_run"]
        assert method.__doc__ == Client.import_lab.__doc__ and "zip file" in str(method.__doc__)


def test_a_submission_is_graded_overridden_and_read_again(client: Client) -> None:
    graded = client.grade_submission(REQUEST)
    assert graded.lab == "lab1" and len(graded.criteria) == 2
    override = OverrideRequest(criterion=graded.criteria[0].title, rating="C", why="It crashes.")
    assert client.override_grade(graded.grade_id, override).new == "C"
    history = client.get_grade(graded.grade_id)
    assert history.student == "s001" and history.ratings[graded.criteria[0].title] == "C"
    assert [lab.name for lab in client.list_labs().labs] == ["lab1"]
    assert client.get_lab("lab1").criteria[0].ratings[0].id == "A"
    assert client.get_liveness().status == "alive"


def test_a_job_is_followed_and_read(client: Client) -> None:
    job = client.regrade_lab("lab1")
    assert client.get_job(job.id).state == "queued"
    assert [each.id for each in client.list_jobs(limit=5).jobs] == [job.id]
    assert client.cancel_job(job.id).state == "cancelled"
    assert client.wait_for_job(job.id).state == "cancelled"
    assert next(client.stream_job_events(job.id))["state"] == "cancelled"
    assert list(client.get_job_grades(job.id)) == []
    with raises_code("nothing-graded"):
        client.get_job_ratings(job.id)


@pytest.mark.parametrize("as_file", [True, False])
def test_an_export_is_uploaded(client: Client, tmp_path: Path, as_file: bool) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("s001/main.c", "int main(void) { return 1; }\n")
    (tmp_path / "export.zip").write_bytes(data.getvalue())
    body = tmp_path / "export.zip" if as_file else data.getvalue()
    assert client.import_lab("lab2", body, platform="folder", like="lab1", dry_run=True).report.submissions == 1


def test_a_refusal_has_code_hint_and_wrong_fields(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.grade_submission(REQUEST.model_copy(update={"lab": "lab7"}))
    assert (refused.value.code, refused.value.status) == ("unknown-lab", 404)
    assert refused.value.hint and refused.value.errors[0].field == "lab" and refused.value.request_id
    with raises_code("not-found"):
        client.get_grade("../keys")  # a path stays one segment


def test_a_wrong_key_and_a_wrong_address_are_errors(served: Any) -> None:
    with (
        Client("http://localhost", "grader_wrong", transport=Through(served[0])) as client,
        raises_code("invalid-key"),
    ):
        client.list_labs()
    for url in ("grader.test", "ftp://grader.test", "http://"):
        with raises_code("bad-address"):
            Client(url)


def test_the_asynchronous_client_does_the_same(served: Any, tmp_path: Path) -> None:
    (tmp_path / "export.zip").write_bytes(b"no zip")

    async def use() -> None:
        transport = httpx.ASGITransport(served[0].app)
        async with AsyncClient("http://localhost", served[1], transport=transport) as client:
            several = await asyncio.gather(*(client.grade_submission(REQUEST) for _ in range(3)))
            assert len({each.grade_id for each in several}) == 3
            job = await client.regrade_lab("lab1", idempotency_key="once")
            assert (await client.regrade_lab("lab1", idempotency_key="once")).id == job.id
            await client.cancel_job(job.id)
            assert (await client.wait_for_job(job.id)).state == "cancelled"
            assert [each["state"] async for each in client.stream_job_events(job.id)] == ["cancelled"]
            assert [each async for each in client.get_job_grades(job.id)] == []
            with raises_code("export-unusable"):
                await client.import_lab("lab2", tmp_path / "export.zip", platform="folder")

    asyncio.run(use())
