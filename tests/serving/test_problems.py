"""What a problem shows of a request: enough to find the fault, never a whole program."""

import pytest

from serving.problems import EXCERPT, ProblemError, answer, busy, excerpt


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
