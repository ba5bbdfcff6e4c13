"""Rows sent to a cluster: each submission and each rubric once, later only ungraded submissions. Without Ray."""

import json
from collections.abc import Callable, Iterator

from labs_schema.models import Lab
from serving.cluster.ray_rows import RayRows


class Course:
    """Labs that are read again in each pass, like those on disk; `read` counts the reads."""

    def __init__(self, *labs: Lab) -> None:
        self.labs, self.read = labs, 0

    def __iter__(self) -> Iterator[Lab]:
        for lab in self.labs:
            self.read += 1
            yield lab


def test_labs_and_rubrics_are_sent_once_and_without_ta_ratings(
    make_lab: Callable[..., Lab],
) -> None:
    course = Course(make_lab("lab1", students=5), make_lab("lab2", students=2))
    rows = RayRows(course)
    parts = list(rows.parts(3))
    assert ([len(part) for part in parts], course.read) == ([3, 3, 1], 2)
    sent = [(row["lab"], json.loads(row["submission"])["student"]) for part in parts for row in part]
    assert sent == [("lab1", f"s00{i}") for i in range(5)] + [("lab2", "s000"), ("lab2", "s001")]
    assert all(
        row.keys() == {"lab", "submission"} and "compile" not in row["submission"] for part in parts for row in part
    )
    rubrics = {name: Lab.model_validate_json(lab) for name, lab in rows.rubrics.items()}
    assert {name: len(lab.criteria) for name, lab in rubrics.items()} == {"lab1": 2, "lab2": 2}
    assert not any(lab.submissions or lab.human_grades for lab in rubrics.values())


def test_second_pass_reads_ungraded_submissions_only(make_lab: Callable[..., Lab]) -> None:
    course = Course(make_lab("lab1", students=4), make_lab("lab2", students=2))
    rows = RayRows(course)
    list(rows.parts(100))
    rows.left.difference_update({("lab1", "s000"), ("lab1", "s002"), ("lab2", "s000"), ("lab2", "s001")})
    [part] = rows.parts(100)
    assert [json.loads(row["submission"])["student"] for row in part] == ["s001", "s003"]
    assert [(lab.name, len(lab.submissions)) for lab in rows.waiting()] == [("lab1", 2)]
    rows.left.clear()
    course.read = 0
    assert (list(rows.parts(100)), list(rows.waiting()), course.read) == ([], [], 0)
