"""Regrading a lab: every submission once, whatever was killed when, and files that the lab's reader takes."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from labs_schema.errors import GraderError
from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from labs_schema.validate import load_lab
from labs_schema.writer import write_lab
from serving.grade_files import read_grades
from serving.grade_sources import LocalSource
from serving.graded_folder import Regraded
from serving.regrade import regrade

COMPILES, READABLE = "Does it compile?", "Is it readable?"


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class SteadyGrader:
    """Gives every criterion its first rating; `ungraded` students none. Dies when `lives` calls are used up."""

    def __init__(self, *, model: str = "m", lives: int = 1000, ungraded: Sequence[str] = ()) -> None:
        self.model, self.lives, self.ungraded = model, lives, ungraded
        self.asked: list[str] = []

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        assert not reasoning
        if not self.lives:
            raise Killed
        self.lives -= 1
        self.asked += [submission.student for submission in submissions]
        return [self._grade(lab, submission) for submission in submissions]

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        names = {
            **dict.fromkeys(Provenance.model_fields, "0"),
            "base_model": self.model,
            "settings_hash": str(reasoning),
        }
        return Provenance(**names | {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)})

    def _grade(self, lab: Lab, submission: Submission) -> Grade:
        criteria = tuple(
            CriterionGrade(criterion=c.title, ungraded="empty submission")
            if submission.student in self.ungraded
            else CriterionGrade(criterion=c.title, rating="A", probabilities={"A": 0.9, "B": 0.1})
            for c in lab.criteria
        )
        origin = self.provenance(lab, submission)
        return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=origin)


def regraded(grader: SteadyGrader, lab: Lab, out: Path, *, chunk: int = 16) -> Regraded:
    [done] = regrade(LocalSource(grader, chunk=chunk), {out: lab})
    return done


def test_a_run_killed_at_any_chunk_and_half_a_line_ends_as_if_it_never_was(
    make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = make_lab(students=7)
    regraded(SteadyGrader(), lab, tmp_path / "whole", chunk=2)
    for lives in range(5):
        for torn in (b"", b'{"lab": "lab1", "stu'):
            out = tmp_path / f"{lives}-{len(torn)}"
            first, second = SteadyGrader(lives=lives), SteadyGrader()
            if lives < 4:
                with pytest.raises(Killed):
                    regraded(first, lab, out, chunk=2)
            else:
                regraded(first, lab, out, chunk=2)
            with (out / "grades.jsonl").open("ab") as file:
                file.write(torn)
            done = regraded(second, lab, out, chunk=2)
            assert first.asked + second.asked == [submission.student for submission in lab.submissions]
            assert (done.kept, done.graded, done.torn) == (len(first.asked), len(second.asked), len(torn))
            for file_ in ("grades.jsonl", "rubric_ratings.csv", "rubric_comments.csv", "summary.json"):
                assert (out / file_).read_bytes() == (tmp_path / "whole" / file_).read_bytes()


def test_the_ratings_it_writes_are_read_as_ratings_and_the_reasons_as_comments(
    make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = make_lab(students=4)
    write_lab(lab, tmp_path / "lab1")
    regraded(SteadyGrader(ungraded=["s002"]), lab, tmp_path / "out")
    for name in ("rubric_ratings.csv", "rubric_comments.csv"):
        (tmp_path / "lab1" / name).write_bytes((tmp_path / "out" / name).read_bytes())
    again = load_lab(tmp_path / "lab1")
    assert again.criteria == lab.criteria
    assert again.ratings_given == {s: {COMPILES: "A", READABLE: "A"} for s in ("s000", "s001", "s003")}
    comments = {grade.student: grade.comment for grade in again.human_grades if grade.criterion == COMPILES}
    assert comments == {"s000": None, "s001": None, "s002": "ungraded: empty submission", "s003": None}


def test_the_summary_counts_what_the_grades_say(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    lab = make_lab(students=6)  # the TAs gave A to 2 of 6, and to 3 of 6
    done = regraded(SteadyGrader(), lab, tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary == done.comparison.model_dump(mode="json")
    assert (summary["rated_by_both"], summary["agreed"], len(summary["differences"])) == (12, 5, 7)


def test_progress_counts_what_was_there_before(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    lab, told = make_lab(students=5), list[int]()
    with pytest.raises(Killed):
        regraded(SteadyGrader(lives=1), lab, tmp_path, chunk=2)
    regrade(LocalSource(SteadyGrader(), chunk=2), {tmp_path: lab}, progress=told.append)
    assert told == [2, 4, 5]


@pytest.mark.parametrize("changed", ["base_model", "rubric_hash", "submission_hash", "lab"])
def test_grades_of_another_origin_are_refused_by_name_and_left_as_they_are(
    changed: str, make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = make_lab(students=3)
    regraded(SteadyGrader(), lab, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    grader = SteadyGrader(model="other" if changed == "base_model" else "m")
    if changed == "rubric_hash":
        lab = lab.model_copy(update={"criteria": lab.criteria[:1], "human_grades": ()})
    elif changed == "submission_hash":
        edited = lab.submissions[1].model_copy(update={"files": ()})
        lab = lab.model_copy(update={"submissions": (lab.submissions[0], edited, lab.submissions[2])})
    elif changed == "lab":
        lab = lab.model_copy(update={"submissions": lab.submissions[1:]})
    with pytest.raises(GraderError, match=f"other {changed}.*choose another --out"):
        regraded(grader, lab, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_lab_without_submissions_gives_empty_files(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    done = regraded(SteadyGrader(), make_lab(students=0), tmp_path)
    assert (done.graded, done.comparison.agreement) == (0, None)
    assert read_grades(tmp_path / "grades.jsonl") == ()


class FarSource:
    """Grades of a model that is not known before they come, as of a cluster; the last of each chunk comes twice."""

    def __init__(self, grader: SteadyGrader) -> None:
        self.grader = grader

    def grades(self, labs: Sequence[Lab]) -> Iterator[list[Grade]]:
        for lab in reversed(labs):
            assert not lab.human_grades
            for grades in LocalSource(self.grader, chunk=2).grades([lab]):
                yield grades
                yield grades[-1:]

    def provenance(self, lab: Lab, submission: Submission) -> None:
        del lab, submission


def test_grades_that_come_from_afar_in_any_order_and_twice_are_kept_once_in_their_labs_folders(
    make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    labs = {tmp_path / name: make_lab(name, students=n) for name, n in (("lab1", 5), ("lab2", 3), ("lab3", 0))}
    told: list[int] = []
    done = regrade(FarSource(SteadyGrader()), labs, progress=told.append)
    assert [(each.comparison.lab, each.graded) for each in done] == [("lab1", 5), ("lab2", 3), ("lab3", 0)]
    for out, lab in labs.items():
        students = [grade.student for grade in read_grades(out / "grades.jsonl")]
        assert students == [submission.student for submission in lab.submissions]
    assert (told[0], told[-1]) == (0, 8)


def test_grades_from_afar_of_another_model_are_not_put_beside_those_that_are_there(
    make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = make_lab(students=5)
    with pytest.raises(Killed):
        regraded(SteadyGrader(lives=1), lab, tmp_path, chunk=2)
    before = (tmp_path / "grades.jsonl").read_bytes()
    with pytest.raises(GraderError, match=r"other base_model.*choose another --out"):
        regrade(FarSource(SteadyGrader(model="other")), {tmp_path: lab})
    assert (tmp_path / "grades.jsonl").read_bytes() == before
    [done] = regrade(FarSource(SteadyGrader()), {tmp_path: lab})
    assert (done.kept, done.graded) == (2, 3)


def test_a_rubric_that_changed_is_found_before_anything_is_asked(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    lab, grader = make_lab(students=3), SteadyGrader()
    with pytest.raises(Killed):
        regraded(SteadyGrader(lives=1), lab, tmp_path, chunk=2)
    edited = lab.model_copy(update={"criteria": lab.criteria[:1], "human_grades": ()})
    with pytest.raises(GraderError, match="other rubric_hash"):
        regrade(FarSource(grader), {tmp_path: edited})
    assert not grader.asked
