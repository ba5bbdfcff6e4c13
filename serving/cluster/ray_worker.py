"""A worker on a machine of the cluster: rows of submissions in, rows of grades out."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.engines.engine import EngineDownError
from serving.engines.prefixes import MeteredEngine
from serving.grading.grader import Grader
from serving.grading.retries import PROBE, all_ungraded, grade_isolated, summary

Rows = Mapping[str, Any]
"""Column -> values, of equal number."""


class RayWorker:
    """Loads its model once, with `load`. `labs`: name -> the lab as JSON, without submissions.

    Errors of the model are returned in the column `failure`, with the machine's name: an exception would come back with
    a traceback that quotes a student's program.
    """

    def __init__(self, load: Callable[[], Grader], labs: Mapping[str, str], *, reasoning: bool) -> None:
        self._labs = {name: Lab.model_validate_json(lab) for name, lab in labs.items()}
        self._reasoning, self._failure = reasoning, ""
        try:
            self._grader = load()
            self._grader.engine = self._meter = MeteredEngine(self._grader.engine)
        except (GraderError, OSError) as error:
            self._failure = str(error)
        except Exception as error:  # otherwise the process ends, and that is all that Ray reports
            self._failure = f"the model cannot be loaded: {type(error).__name__}: {error}"

    def __call__(self, rows: Rows) -> Rows:
        """Columns `lab` and `submission` (JSON) in; `grade` (JSON), or only a `failure`, out."""
        if self._failure:
            return self._rows([], self._failure, (0, 0, 0))
        before, grades = self._counts(), []
        try:
            for name, members in groupby(
                zip(rows["lab"], rows["submission"], strict=True), key=lambda row: str(row[0])
            ):
                submissions = [Submission.model_validate_json(submission) for _, submission in members]
                grades += self._graded(self._labs[name], submissions)
        except GraderError as error:
            return self._rows([], str(error), (0, 0, 0))
        counts = tuple(now - then for now, then in zip(self._counts(), before, strict=True))
        return self._rows([grade.model_dump_json() for grade in grades], "", counts)

    def _graded(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        """The grades; without ratings for a submission that also failed alone. Raises EngineDownError."""
        grade = partial(self._grader.grade, lab, reasoning=self._reasoning)
        outcomes = grade_isolated(grade, submissions)
        if failed := [each for each in outcomes if isinstance(each, Exception)]:
            try:
                grade([PROBE])
            except Exception:
                raise EngineDownError(f"The engine cannot grade any program: {summary(failed[0])}.") from failed[0]
        return [
            outcome if isinstance(outcome, Grade) else self._ungraded(lab, submission, outcome)
            for submission, outcome in zip(submissions, outcomes, strict=True)
        ]

    def _ungraded(self, lab: Lab, submission: Submission, error: Exception) -> Grade:
        provenance = self._grader.provenance(lab, submission, reasoning=self._reasoning)
        return all_ungraded(lab.name, submission.student, lab.criteria, f"grading failed: {summary(error)}", provenance)

    def _counts(self) -> tuple[int, int, int]:
        return self._meter.questions, self._meter.prompt_tokens, self._meter.uncached_tokens

    def _rows(self, grades: list[str], failure: str, counts: tuple[int, ...]) -> Rows:
        """All columns but `grade` have the same value in every row."""
        count = max(len(grades), 1)
        questions, prompt_tokens, uncached_tokens = ([each] * count for each in counts)
        return {
            "grade": grades or [""],
            "failure": [failure and f"{platform.node()}: {failure}"] * count,
            "process": [os.getpid()] * count,
            "questions": questions,
            "prompt_tokens": prompt_tokens,
            "uncached_tokens": uncached_tokens,
        }
