"""Hidden states without a model."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from grader.heads.base import HeadBase
from labs_schema.models import HumanGrade, Lab, SourceFile
from serving.head.hidden_states import Hidden

PROGRAMS = {
    "A": 'int main(void) {{ int n; scanf("%d", &n); printf("%d", n * {i}); return 0; }}',
    "B": "main() {{ gets(line); puts(line); exit({i}); }}",
}


class HashedStates:
    """Random but fixed numbers for each text."""

    width = 4

    def means(self, texts: Sequence[str]) -> Hidden:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
        return np.array([np.random.default_rng(seed).normal(size=4) for seed in seeds], np.float32)

    def close(self) -> None: ...


@pytest.fixture
def base() -> HeadBase:
    return HeadBase("tiny", None, "tiny", "0" * 64, None, (1,), "float32", HashedStates())


@pytest.fixture
def labs(make_lab: Callable[..., Lab]) -> list[Lab]:
    """Two labs of 20 programs; a program reads like its rating of the second criterion, the only rated one."""
    return [_readable(make_lab(name, students=20)) for name in ("lab1", "lab2")]


def _readable(lab: Lab) -> Lab:
    criterion = lab.criteria[1]
    submissions, grades = [], []
    for i, submission in enumerate(lab.submissions):
        rating = criterion.ratings[i % 2].title
        file = SourceFile(path="main.c", text=PROGRAMS[rating].format(i=i))
        submissions.append(submission.model_copy(update={"files": (file,)}))
        grades.append(HumanGrade(student=submission.student, criterion=criterion.title, rating=rating))
    return lab.model_copy(update={"submissions": tuple(submissions), "human_grades": tuple(grades)})
