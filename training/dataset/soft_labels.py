"""Soft labels: a teacher's probabilities for submissions that no TA rated, from the results of `grader regrade`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from labs_schema.errors import InputError, Issue, error_issue, raise_errors
from labs_schema.grades import CriterionGrade, Grade
from labs_schema.hashes import file_hash, program_key, rubric_hash, submission_hash, submission_key
from labs_schema.models import Criterion, Lab, Submission
from prompts.messages import Prompt, build_prompts
from training.dataset.json_rows import json_line, parsed_rows
from training.dataset.manifest import Teacher
from training.dataset.pairs import PromptOptions, as_shown, draw_option_orders
from training.dataset.row_formats import PromptRow, prompt_fields

GRADES = "grades.jsonl"
TOLERANCE = 1e-3
"""The tolerated difference of the sum of a criterion's probabilities from 1."""
UNSAFE = frozenset({"suspicious-text", "verification-differs", "verification-failed"})
"""Codes of review reasons: an answer that an injected prompt may have changed would teach that the attack works."""


class SoftRow(PromptRow):
    """A row of `soft.jsonl`, with the teacher's probability of each of the `options`."""

    probabilities: tuple[float, ...]

    @property
    def by_rating(self) -> dict[str, float]:
        """Rating title -> probability."""
        return dict(zip(self.options, self.probabilities, strict=True))


class LabelledLab(NamedTuple):
    """The `teacher` of a lab, and student -> criterion title -> rating title -> probability."""

    teacher: Teacher
    labels: Mapping[str, Mapping[str, Mapping[str, float]]]


class _Result(BaseModel):
    """A row of `grades.jsonl`; the ratings next to the grade may be a TA's corrections and are not read."""

    grade: Grade


class _Row(NamedTuple):
    """A result and where it is."""

    path: Path
    line: int
    grade: Grade

    def issue(self, code: str, found: str, expected: str) -> Issue:
        return error_issue(code, self.path, found=found, expected=expected, line=self.line)


def find_results(folders: Sequence[Path], labs: Sequence[str]) -> dict[str, Path]:
    """Lab -> its `grades.jsonl`. A folder is the --out of `grader regrade`, for one or several of the `labs`.

    Raises InputError if a folder has no results, or if results are of another lab or of a lab that another file has.
    """
    found: dict[str, Path] = {}
    issues: list[Issue] = []
    for folder in folders:
        paths = [path for path in (folder / GRADES, *sorted(folder.glob(f"*/{GRADES}"))) if path.is_file()]
        if not paths:
            issues.append(error_issue("missing-soft-labels", folder, found=f"no {GRADES}"))
        for path in paths:
            first = next(_rows(path))
            if first.grade.lab not in labs:
                issues.append(first.issue("bad-soft-labels", f"lab {first.grade.lab!r}", "a lab of --parent-dir"))
            elif first.grade.lab in found:
                issues.append(first.issue("bad-soft-labels", f"lab {first.grade.lab!r} again", "each lab once"))
            found.setdefault(first.grade.lab, path)
    raise_errors(issues)
    return found


def read_labels(path: Path, lab: Lab) -> LabelledLab:
    """The labels of the submissions that no TA rated. Ungraded criteria, and those that an injected prompt may have
    changed, have none.

    Raises InputError if a row is not a result of this rubric and these programs, or if the rows have several teachers.
    """
    programs = {s.student: submission_hash(s) for s in lab.submissions}
    rubric, issues = rubric_hash(lab), []
    graders: set[tuple[str, str]] = set()
    labels: dict[str, dict[str, dict[str, float]]] = {}
    for row in _rows(path):
        grade = row.grade
        if grade.provenance is None:
            continue
        hashes = grade.provenance.rubric_hash, grade.provenance.submission_hash
        if grade.lab != lab.name or grade.student in labels:
            issues.append(row.issue("bad-soft-labels", "another lab or a student twice", "each student of a lab once"))
        elif hashes != (rubric, programs.get(grade.student)):
            issues.append(row.issue("stale-soft-labels", "a grade of another program or rubric", "a grade of this one"))
        issues += [row.issue("bad-soft-labels", *wrong) for each in grade.criteria for wrong in _faults(each, lab)]
        graders.add((grade.provenance.base_model, grade.provenance.model_hash))
        labels[grade.student] = {c.criterion: c.probabilities for c in grade.criteria if _is_usable(c)}
    if len(graders) > 1:
        issues.append(error_issue("bad-soft-labels", path, found=f"{len(graders)} models", expected="one model"))
    if not graders:
        issues.append(error_issue("bad-soft-labels", path, found="no graded submission", expected="grades of a model"))
    raise_errors(issues)
    base_model, model_hash = graders.pop()
    unrated = {s: given for s, given in labels.items() if given and not lab.ratings_by_student.get(s)}
    return LabelledLab(Teacher(base_model=base_model, model_hash=model_hash, grades=file_hash(path)), unrated)


def soft_lines(lab: Lab, labelled: LabelledLab, options: PromptOptions) -> Iterator[tuple[Submission, list[bytes]]]:
    """The labelled submissions in the lab's order, each with its rows of `soft.jsonl`."""
    for submission in lab.submissions:
        if not (given := labelled.labels.get(submission.student)):
            continue
        orders = draw_option_orders(lab, program_key(submission), options.option_order, options.seed)
        shown = as_shown(lab, submission, options.unobserved_share, options.seed)
        prompts = build_prompts(lab, shown, options.style, orders)
        key = submission_key(lab.name, submission.student)
        yield (
            submission,
            [
                _line(lab, key, criterion, prompt, given[criterion.title])
                for criterion, prompt in zip(lab.criteria, prompts, strict=True)
                if criterion.title in given
            ],
        )


def read_soft(path: Path) -> Iterator[SoftRow]:
    """The rows of a `soft.jsonl`, one at a time. Raises InputError with the line of every invalid row."""
    hint = "Build the dataset again with --soft-labels."
    rows = parsed_rows(path, SoftRow.model_validate_json, "bad-row", expected="a soft label", hint=hint)
    yield from (row for _, row in rows)


def _line(lab: Lab, key: str, criterion: Criterion, prompt: Prompt, given: Mapping[str, float]) -> bytes:
    total = math.fsum(given.values())
    probabilities = tuple(given[title] / total for title in prompt.options)
    return json_line(SoftRow(**prompt_fields(lab.name, key, criterion.title, prompt), probabilities=probabilities))


def _rows(path: Path) -> Iterator[_Row]:
    empty, expected = True, "a result of grader regrade"
    for line, row in parsed_rows(path, _Result.model_validate_json, "bad-soft-labels", expected=expected):
        empty = False
        yield _Row(path, line, row.grade)
    if empty:
        raise InputError([error_issue("bad-soft-labels", path, found="no rows", expected="a grade in each row")])


def _is_usable(answer: CriterionGrade) -> bool:
    codes = {reason.partition(":")[0] for reason in answer.review_reasons}
    return answer.rating is not None and not answer.decided and not codes & UNSAFE


def _faults(answer: CriterionGrade, lab: Lab) -> Iterator[tuple[str, str]]:
    """(found, expected) of everything that is wrong with a rated answer."""
    ratings = {criterion.title: [rating.title for rating in criterion.ratings] for criterion in lab.criteria}
    if answer.rating is None or answer.decided:
        return
    if answer.criterion not in ratings:
        yield f"criterion {answer.criterion!r}", f"one of {', '.join(ratings)}"
    elif set(answer.probabilities) != set(ratings[answer.criterion]):
        expected = f"a probability of each of {', '.join(ratings[answer.criterion])}"
        yield f"probabilities of {', '.join(answer.probabilities) or 'no rating'}", expected
    elif min(given := [*answer.probabilities.values()]) < 0 or not abs(sum(given) - 1) <= TOLERANCE:
        yield f"probabilities {', '.join(map(str, given))}", "numbers from 0 to 1 with the sum 1"
