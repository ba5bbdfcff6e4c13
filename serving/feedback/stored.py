"""The feedback on a grade of the store, with people's decisions, as the grade's student may see it."""

from serving.feedback.feedback import Feedback, FeedbackOptions, feedback_of
from serving.jobs.results.results import Result
from serving.store.errors import ForgottenError
from serving.store.store import Store
from serving.store.students import is_anonymous


def stored_feedback(store: Store, grade_id: str, options: FeedbackOptions) -> Feedback | None:
    """The feedback; None if it must not be released yet. Raises UnknownError, ForgottenError."""
    history, submission = store.read_history(grade_id), store.read_submission(grade_id)
    student = store.read_student(history.grade.student).student
    if history.grade.grade is None or student is None:
        raise ForgottenError(f"The student of grade {grade_id} was forgotten.")
    name = "anonymous" if is_anonymous(student) else student
    decided = {title: each for title, each in history.decisions.items() if each.rating is not None}
    result = Result(
        grade_id=grade_id,
        grade=history.grade.grade.model_copy(update={"student": name}),
        ratings={title: rating for title, rating in history.ratings.items() if rating is not None},
        overridden=tuple(sorted(decided)),
        comments={title: each.comment for title, each in history.decisions.items() if each.comment},
    )
    return feedback_of(result, history.lab, submission.observations if submission else None, options)
