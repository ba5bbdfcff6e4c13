"""The neutral record of a submission: the grade that every platform gets, and whether it may be sent yet."""

from collections.abc import Sequence

from labs_schema.frozen import Frozen
from labs_schema.grades import CriterionGrade, Grade, Status, highest_total, total_marks
from labs_schema.hashes import canonical_hash
from labs_schema.models import Criterion, Lab
from labs_schema.observations import SubmissionObservations
from serving.deliveries.errors import DeliveryError
from serving.feedback.feedback import evidence, explanation, tests_passed
from serving.store.grades.grades import read_lab
from serving.store.grades.overrides import Decision
from serving.store.platforms.deliveries import Deliveries, StudentGrade
from serving.store.store import Store

MACHINE = "machine"


class CriterionRecord(Frozen):
    """`points`: None if ungraded or if the rubric has no marks. `who`: the model, or the person who overrode it.

    `comment` is a person's, else the model's explanation, with the evidence that students may see. If a person
    chose another rating than the model, only the person's comment is sent.
    """

    criterion: str
    rating: str | None
    points: float | None
    comment: str
    status: Status
    who: str


class GradeRecord(Frozen):
    """A student's grade of a lab. `total` is None if a criterion is ungraded or has no marks. `tests`: how many of the
    tests that students may see passed."""

    student: str
    pseudonym: str
    grade: str
    rubric: str
    at: str
    criteria: tuple[CriterionRecord, ...]
    total: float | None
    maximum: float | None
    tests: str = ""

    @property
    def revision(self) -> str:
        """Changes with everything that a platform is sent."""
        return canonical_hash(self.model_dump(mode="json", exclude={"pseudonym", "at", "grade", "rubric"}))

    @property
    def ungraded(self) -> bool:
        return any(each.rating is None for each in self.criteria)

    @property
    def needs_review(self) -> bool:
        return any(each.status is not Status.ACCEPTED for each in self.criteria)

    @property
    def text(self) -> str:
        """All criteria as plain text, for platforms without a rubric."""
        lines = []
        for each in self.criteria:
            points = "" if each.points is None else f" ({each.points:g})"
            lines.append(f"{each.criterion}: {each.rating or 'not graded'}{points}")
            lines += [each.comment] if each.comment else []
        return "\n".join([*lines, *filter(None, [self.tests])])


def read_records(store: Store, course: str, lab: str) -> list[GradeRecord]:
    """The current record of every student with a grade in the lab, by student id."""
    rubrics: dict[str, Lab] = {}
    records = []
    for given in Deliveries(store.database).lab_grades(course, lab):
        version = given.grade.rubric
        if version not in rubrics:
            with store.database.reading() as connection:
                rubrics[version] = read_lab(connection, version)
        if (record := make_record(given, rubrics[version])) is not None:
            records.append(record)
    return records


def read_criteria(store: Store, records: Sequence[GradeRecord]) -> tuple[Criterion, ...]:
    """The rubric's criteria. Raises DeliveryError if there is no grade, or if students have different rubrics."""
    versions = sorted({each.rubric for each in records})
    if not versions:
        raise DeliveryError("nothing-to-send", "The store has no grade of this lab in this course.")
    if len(versions) > 1:
        raise DeliveryError("rubric-versions-differ", "The students were graded by different versions of the rubric.")
    with store.database.reading() as connection:
        return read_lab(connection, versions[0]).criteria


def make_record(given: StudentGrade, rubric: Lab) -> GradeRecord | None:
    """None once the student was forgotten. `rubric` is the lab as the grade was given by."""
    stored = given.grade
    if stored.grade is None:
        return None
    by_title = {each.criterion: each for each in stored.grade.criteria}
    criteria = tuple(
        _criterion(each, by_title[each.title], given.decisions.get(each.title), given.observations)
        for each in rubric.criteria
    )
    return GradeRecord(
        student=given.student,
        pseudonym=stored.student,
        grade=stored.id,
        rubric=stored.rubric,
        at=stored.at,
        criteria=criteria,
        total=_total([each.points for each in criteria], stored.grade),
        maximum=highest_total((each.max_marks, each.bonus) for each in rubric.criteria),
        tests=tests_passed(given.observations, visible=True),
    )


def _criterion(
    criterion: Criterion, machine: CriterionGrade, decided: Decision | None, observations: SubmissionObservations | None
) -> CriterionRecord:
    deciding = decided.deciding if decided else None
    titles = {rating.title: rating for rating in criterion.ratings}
    if deciding is not None and deciding.new not in titles:  # of an earlier rubric: a person decides again
        machine, deciding = machine.model_copy(update={"status": Status.NEEDS_REVIEW}), None
    rating = deciding.new if deciding else machine.rating
    return CriterionRecord(
        criterion=criterion.title,
        rating=rating,
        points=titles[rating].marks if rating in titles else None,
        comment=_comment(machine, decided, observations, confirmed=rating == machine.rating),
        status=Status.ACCEPTED if deciding else machine.status,
        who=deciding.actor if deciding else MACHINE,
    )


def _comment(
    machine: CriterionGrade, decided: Decision | None, observations: SubmissionObservations | None, *, confirmed: bool
) -> str:
    own = decided.comment if decided else ""
    if not confirmed:
        return own
    shown = evidence(machine, observations)
    lines = [own or explanation(machine, observations), f"Evidence: {'; '.join(shown)}" if shown else ""]
    return "\n".join(filter(None, lines))


def _total(points: list[float | None], grade: Grade) -> float | None:
    known = [each for each in points if each is not None]
    if len(known) != len(points) or not known:
        return None
    total, highest = total_marks(known), grade.max_marks
    return max(total, 0.0) if highest is not None and highest > 0 else total
