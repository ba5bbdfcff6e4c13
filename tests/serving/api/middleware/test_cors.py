"""Pages of the allowed origins may call the service from a browser, with a key and never with cookies."""

from typing import Any

import pytest

from labs_schema.errors import GraderError

PAGE = "https://course.example.edu"


def preflight(client: Any, origin: str) -> Any:
    headers = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
    return client.options("/grade", headers={"Origin": origin, **headers})


def test_an_allowed_page_may_send_a_key_and_read_every_response(course: Any) -> None:
    key = course.key("platform")
    client = course.serve(allow_origins=(PAGE,))
    assert preflight(client, PAGE).status_code == 200
    for headers, status in (({}, 401), (key, 422), ({**key, "content-encoding": "gzip"}, 415)):
        answer = client.post("/grade", json={"lab": "lab1"}, headers={"Origin": PAGE, **headers})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", PAGE + ".evil.example", "http://course.example.edu", "null"]
)
def test_no_other_page_may_read_a_response(course: Any, origin: str) -> None:
    key = course.key("platform")
    client = course.serve(allow_origins=(PAGE,))
    assert preflight(client, origin).status_code == 400
    answer = client.get("/labs", headers={"Origin": origin, **key})
    assert "access-control-allow-origin" not in answer.headers


def test_without_allowed_origins_there_are_no_cors_headers(course: Any) -> None:
    key = course.key("platform")
    assert "access-control-allow-origin" not in course.serve().get("/labs", headers={"Origin": PAGE, **key}).headers


@pytest.mark.parametrize("origin", ["*", "null", "course.example.edu", PAGE + "/", PAGE + "/page", "ftp://x", ""])
def test_only_an_exact_origin_can_be_allowed(origin: str) -> None:
    from grader.service.service import checked_origins

    assert checked_origins([PAGE, "http://LOCALHOST:8080"]) == (PAGE, "http://localhost:8080")
    with pytest.raises(GraderError) as error:
        checked_origins([PAGE, origin])
    assert error.value.code == "bad-origin"
