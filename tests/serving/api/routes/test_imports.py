"""POST /labs/{lab}/import: admins only, bounded, never over an existing lab."""

import io
import zipfile
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.api.middleware import body_limit
from serving.api.schemas.problems import LIMITS

ZIP = {"Content-Type": "application/zip"}


def export(**more: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in {"wrapped/s1@x.example_1_main.c": "int x;", **more}.items():
            archive.writestr(name, text)
    return out.getvalue()


@pytest.fixture
def served(course: Any) -> TestClient:
    return course.serve()


def test_import_makes_a_lab_that_is_served_at_once(course: Any, served: TestClient) -> None:
    body = export(**{"roster.csv": "SID,Email\nn1,s1@x.example\n"})
    answer = served.post("/labs/new/import?platform=autolab&like=lab1", content=body, headers=ZIP)
    assert answer.status_code == 201 and answer.json()["served"]
    report = answer.json()["report"]
    assert (report["students"], report["written"], report["matched"]) == (1, 1, 1)
    assert (course.labs / "new/submissions/n1/main.c").read_text() == "int x;"
    assert served.get("/labs/new").json()["criteria"] == served.get("/labs/lab1").json()["criteria"]


def test_dry_run_writes_nothing(course: Any, served: TestClient) -> None:
    answer = served.post("/labs/new/import?platform=autolab&dry_run=true", content=export(), headers=ZIP)
    assert answer.status_code == 201 and answer.json()["report"]["written"] is None and not answer.json()["served"]
    assert [each.name for each in course.labs.iterdir()] == ["lab1"]


def test_refusals(course: Any, problem: Any) -> None:
    course.key("admin")
    served, admin = course.serve(), {**course.key("admin"), **ZIP}
    post = "/labs/{}/import?platform=autolab"
    problem(served.post(post.format("new"), content=export(), headers={**course.key("ta"), **ZIP}), "insufficient-role")
    problem(served.post(post.format("new"), content=export(), headers=ZIP), "invalid-key")
    problem(served.post(post.format("lab1"), content=export(), headers=admin), "lab-exists")
    problem(served.post(post.format("new"), content=b"no zip", headers=admin), "export-unusable")
    problem(served.post(post.format("..%2Fnew"), content=export(), headers=admin), "unsupported-media-type")
    problem(served.post(post.format(".hidden"), content=export(), headers=admin), "invalid-request")
    json_body = {**admin, "Content-Type": "application/json"}
    problem(served.post(post.format("new"), content=b"{}", headers=json_body), "unsupported-media-type")
    problem(served.post(post.format("new") + "&like=none", content=export(), headers=admin), "unknown-lab")
    small = course.serve()
    for middleware in small.app.user_middleware:  # before the first request builds the stack
        if middleware.cls is body_limit.BodyLimit:
            middleware.kwargs["upload_bytes"] = 100
    problem(small.post(post.format("new"), content=export(), headers=admin), "too-large")
    assert LIMITS.upload_bytes > LIMITS.body_bytes and [each.name for each in course.labs.iterdir()] == ["lab1"]
