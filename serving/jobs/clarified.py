"""The lab that the job of a clarification grades: the concerned submissions, by the rubric with the new text."""

from labs_schema.models import Criterion, Lab
from serving.jobs.errors import LabChangedError
from serving.jobs.job import Job
from serving.store.clarifications import MARK, Clarification, Clarifications, is_proposal
from serving.store.database import Database
from serving.store.errors import UnknownError


def graded_name(lab: str) -> str:
    """The name of the lab that a model grades: models may have parts of their own for each lab."""
    return lab.partition(MARK)[0]


def for_clarification(database: Database, job: Job, lab: Lab) -> Lab:
    """`lab` itself unless the job is that of a clarification. Raises LabChangedError if the criterion is gone."""
    if not is_proposal(job.lab):
        return lab
    found = Clarifications(database)
    clarification = found.read(job.lab.partition(MARK)[2])
    try:
        return clarified_lab(lab, clarification, found.students(clarification)).model_copy(update={"name": job.lab})
    except UnknownError as error:
        raise LabChangedError(str(error)) from None


def clarified_lab(lab: Lab, clarification: Clarification, concerned: set[str]) -> Lab:
    """The submissions of the `concerned` students only, without TAs' grades. Raises UnknownError."""
    submissions = tuple(each for each in lab.submissions if not concerned.isdisjoint(each.students))
    fields = {"unreadable": (), "human_grades": (), "rater_grades": (), "submissions": submissions}
    return lab.model_copy(update={**fields, "criteria": clarified(lab.criteria, clarification)})


def clarified(criteria: tuple[Criterion, ...], clarification: Clarification) -> tuple[Criterion, ...]:
    """The rubric with the text, once. Raises UnknownError if it has no such criterion."""
    if all(each.title != clarification.criterion for each in criteria):
        raise UnknownError(f"The rubric no longer has the criterion {clarification.criterion!r}.")
    return tuple(_with_text(each, clarification) for each in criteria)


def _with_text(criterion: Criterion, clarification: Clarification) -> Criterion:
    if criterion.title != clarification.criterion or clarification.text in criterion.clarifications:
        return criterion
    return criterion.model_copy(update={"clarifications": (*criterion.clarifications, clarification.text)})
