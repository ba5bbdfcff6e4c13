"""The rubric of a request may have the keys of rubrics.json and of Canvas; the result is the rubric of the file."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from labs_schema.errors import IssueCollector
from labs_schema.models import Criterion
from labs_schema.rubrics.rubric_json import parse_rubric
from serving.api.schemas.requests import RubricGradeRequest

OURS = [
    {"title": "Works?", "description": "On tests", "ratings": [{"id": "A", "description": "All", "points": 2},
                                                               {"id": "B", "description": "None", "points": -1}]}
]  # fmt: skip
FILE = [
    {"Title": "Works?", "description": "On tests", "Ratings": [{"title": "A", "description": "All", "marks": 2},
                                                               {"title": "B", "description": "None", "marks": -1}]}
]  # fmt: skip
CANVAS = [
    {"id": "_1", "description": "Works?", "long_description": "On tests", "points": 2, "criterion_use_range": False,
     "ratings": [{"id": "blank", "description": "A", "long_description": "All", "points": 2, "criterion_id": "_1"},
                 {"id": "blank_2", "description": "B", "long_description": "None", "points": -1, "criterion_id": "_1"}]}
]  # fmt: skip


def requested(criteria: object) -> tuple[Criterion, ...]:
    files = [{"filename": "main.c", "content": "int x;"}]
    body = {"submission": {"files": files}, "problem": "p", "language": "C", "criteria": criteria}
    return RubricGradeRequest.model_validate(body).rubric().criteria


@pytest.mark.parametrize("criteria", [OURS, FILE, CANVAS], ids=["ours", "rubrics.json", "Canvas"])
def test_keys_of_file_api_and_canvas_give_one_rubric(criteria: list[dict[str, Any]]) -> None:
    assert requested(criteria) == requested(OURS) == parse_rubric(json.dumps(criteria), IssueCollector("lab"))


def test_single_rating_and_bonus_are_as_in_a_file() -> None:
    done = {"title": "Bonus: recursion", "ratings": [{"id": "done", "points": 1}]}
    (criterion,) = requested([done])
    assert criterion.bonus and [(r.title, r.marks) for r in criterion.ratings] == [("done", 1), ("not met", 0)]
    assert not requested([done | {"bonus": False}])[0].bonus


@pytest.mark.parametrize(
    "change",
    [{"rating": []}, {"Title": "Other"}, {"bonus": "yes"}, {"ratings": []}, {"ratings": [{"id": "A", "points": "2"}]}],
)
def test_unknown_and_repeated_keys_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        requested([OURS[0] | change])
