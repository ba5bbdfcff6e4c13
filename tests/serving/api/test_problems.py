"""Problem details: the registry of codes, excerpts of requests, and the limit of listed errors."""

import re
import time
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from labs_schema.frozen import Frozen
from serving.api.error_handlers import install_error_handlers
from serving.api.schemas.problems import LIMITS, PROBLEMS, ProblemError, excerpt, problem_response

SERVING = Path(__file__).parents[3] / "serving"


class Item(Frozen):
    name: str


def takes_items(items: list[Item]) -> int:
    return len(items)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("lab2", '"lab2"'),
        ("a\nb\x1b[31m", '"a\\nb\\u001b[31m"'),
        ("\ud800", '"\\ud800"'),
        ("x" * 1000, "text of 1000 characters"),
        (b"abc", "3 bytes that are not JSON"),
        ([1, 2], "a list of 2"),
        ({"secret": 1}, "an object"),
        (None, "null"),
        (float("nan"), "NaN"),
        (10**200, "1" + "0" * (LIMITS.excerpt_chars - 1) + "..."),
    ],
)
def test_an_excerpt_is_short_and_printable(value: object, shown: str) -> None:
    assert excerpt(value) == shown


def test_retry_after_is_a_header() -> None:
    response = problem_response(ProblemError("queue-full", "The queue is full.", retry_after=7))
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")


def test_a_problem_takes_type_title_status_and_hint_from_the_registry() -> None:
    problem, kind = ProblemError("unknown-lab", "No such lab.").problem, PROBLEMS["unknown-lab"]
    assert (problem.type, problem.code, problem.status) == ("urn:grader:unknown-lab", "unknown-lab", 404)
    assert (problem.title, problem.hint, problem.detail) == (kind.title, kind.hint, "No such lab.")


def test_every_registered_code_is_used_and_kebab_case() -> None:
    source = "\n".join(path.read_text() for path in SERVING.rglob("*.py") if path.name != "problems.py")
    used = {code for code in PROBLEMS if f'"{code}"' in source}
    from_proxy = {code for code, kind in PROBLEMS.items() if kind.proxy}
    assert used | from_proxy | {"too-large"} == set(PROBLEMS)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", code) for code in PROBLEMS)


@pytest.mark.parametrize("wrong", [1, LIMITS.listed_errors, 8000])
def test_the_first_invalid_fields_are_listed_and_the_rest_counted(wrong: int) -> None:
    app = FastAPI()
    app.post("/")(takes_items)
    install_error_handlers(app)
    began = time.process_time()
    problem = TestClient(app).post("/", json=[{}] * wrong).json()
    assert time.process_time() - began < 1
    listed = min(wrong, LIMITS.listed_errors)
    assert [error["field"] for error in problem["errors"]] == [f"{i}.name" for i in range(listed)]
    assert (f"{wrong - listed} more" in problem["detail"]) == (wrong > listed)
