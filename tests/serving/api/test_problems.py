"""What a problem shows of a request: enough to find the fault, never a whole program."""

import time

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from labs_schema.frozen import Frozen
from serving.api.schemas.problems import EXCERPT, MOST_ERRORS, ProblemError, answer, busy, excerpt, install_problems


class Item(Frozen):
    name: str


def named(items: list[Item]) -> int:
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
        (10**200, "1" + "0" * (EXCERPT - 1) + "..."),
    ],
)
def test_an_excerpt_is_short_and_printable(value: object, shown: str) -> None:
    assert excerpt(value) == shown


def test_a_refusal_says_when_to_come_again() -> None:
    response = answer(busy("queue-full", "Come again.", 7))
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")


def test_a_problem_has_a_stable_name_and_the_titles_of_http() -> None:
    problem = ProblemError(404, "unknown-lab", "See GET /labs.").problem
    assert (problem.type, problem.title, problem.status) == ("urn:grader:unknown-lab", "Not Found", 404)


@pytest.mark.parametrize(("wrong", "told"), [(1, ""), (MOST_ERRORS, ""), (8000, "7980 more are left out.")])
def test_of_many_faults_the_first_are_listed_and_the_rest_counted(wrong: int, told: str) -> None:
    app = FastAPI()
    app.post("/")(named)
    install_problems(app)
    began = time.process_time()
    problem = TestClient(app).post("/", json=[{}] * wrong).json()
    assert time.process_time() - began < 1
    assert [error["field"] for error in problem["errors"]] == [f"{i}.name" for i in range(min(wrong, MOST_ERRORS))]
    assert problem["detail"].endswith(told)
    assert ("left out" in problem["detail"]) == bool(told)
