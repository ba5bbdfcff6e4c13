"""From submissions to grades: one prompt a criterion, one call of the engine, one letter an answer.

Knows no HTTP, no disk and no kind of engine. An answer that cannot be read is ungraded and says why.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labs_schema.errors import OverlongError
from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.models import Criterion, Lab, Submission
from prompts.encode import PromptEncoder
from prompts.messages import build_prompts
from prompts.style import PromptStyle
from prompts.verdict import LETTERS
from serving.engines.engine import Engine, EngineFailure, LabelScores, ScoreRequest
from serving.provenance import ModelIdentity, provenance
from serving.reasoning import reasonings
from serving.scores import belief
from serving.triage import Thresholds, review_reasons

SHORTENED = "the program was too long and is graded without its middle"


@dataclass(frozen=True)
class Sheet:
    """A submission's questions, one a criterion in rubric order; or none and `refused`, the reason why. `doubts`: why
    a person should look at the answers, whatever they are."""

    requests: tuple[ScoreRequest, ...] = ()
    refused: str = ""
    doubts: tuple[str, ...] = ()


class Grader:
    """A model that is ready to grade. Not thread-safe, as its engine is not: one caller at a time."""

    def __init__(
        self,
        engine: Engine,
        encoder: PromptEncoder,
        style: PromptStyle,
        identity: ModelIdentity,
        thresholds: Thresholds | None = None,
    ) -> None:
        self.engine, self.encoder, self.style, self.identity = engine, encoder, style, identity
        self.thresholds = thresholds or Thresholds()

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        """Grades every criterion of `submissions` (which need not be the lab's own), in their order.

        All questions go to the engine in one call, a submission's side by side, so that it reads the program once.
        A submission that is empty or too long, and a question that the engine fails, is ungraded with the reason;
        the others are graded. `reasoning` asks for the model's reasons in a second step, which changes no rating.
        """
        sheets = [self._sheet(lab, submission) for submission in submissions]
        answers = iter(self.engine.score([request for sheet in sheets for request in sheet.requests]))
        graded = [self._criteria(lab, sheet, answers) for sheet in sheets]
        if reasoning:
            graded = self._reasoned(lab, sheets, graded)
        return [
            Grade(
                lab=lab.name,
                student=submission.student,
                criteria=criteria,
                provenance=self.provenance(lab, submission, reasoning=reasoning),
            )
            for submission, criteria in zip(submissions, graded, strict=True)
        ]

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        """What `grade` would write under a grade of `submission` today."""
        return provenance(self.identity, self.engine, lab, submission, self._settings(reasoning))

    def close(self) -> None:
        self.engine.close()

    def _sheet(self, lab: Lab, submission: Submission) -> Sheet:
        if not any(file.text.strip() for file in submission.files):
            return Sheet(refused="empty submission")
        try:
            encoded = self.encoder.encode(build_prompts(lab, submission, self.style))
        except OverlongError as error:
            return Sheet(refused=f"overlong: {error.needed} tokens where {error.available} fit")
        requests = tuple(
            ScoreRequest(encoded.shared + own, self.encoder.letter_ids(len(criterion.ratings)))
            for criterion, own in zip(lab.criteria, encoded.criteria, strict=True)
        )
        return Sheet(requests, doubts=(SHORTENED,) if encoded.cut else ())

    def _criteria(
        self, lab: Lab, sheet: Sheet, answers: Iterator[LabelScores | EngineFailure]
    ) -> tuple[CriterionGrade, ...]:
        if sheet.refused:
            return tuple(ungraded(criterion, sheet.refused) for criterion in lab.criteria)
        return tuple(graded(criterion, next(answers), self.thresholds, sheet.doubts) for criterion in lab.criteria)

    def _reasoned(
        self, lab: Lab, sheets: Sequence[Sheet], graded: Sequence[tuple[CriterionGrade, ...]]
    ) -> list[tuple[CriterionGrade, ...]]:
        asked = [
            (request.prompt, LETTERS[[rating.title for rating in criterion.ratings].index(grade.rating)])
            for sheet, grades in zip(sheets, graded, strict=True)
            for request, criterion, grade in zip(sheet.requests, lab.criteria, grades, strict=False)
            if grade.rating is not None
        ]
        texts = iter(reasonings(self.engine, self.encoder, asked))
        return [
            tuple(g if g.rating is None else g.model_copy(update={"reasoning": next(texts)}) for g in grades)
            for grades in graded
        ]

    def _settings(self, reasoning: bool) -> dict[str, object]:
        """What can change a grade besides the model, the prompt, the rubric and the submission."""
        return {
            "thresholds": self.thresholds.model_dump(),
            "reasoning": reasoning,
            "context_length": self.encoder.context_length,
            "on_overlong": self.encoder.on_overlong,
        }


def graded(
    criterion: Criterion, answer: LabelScores | EngineFailure, thresholds: Thresholds, doubts: tuple[str, ...] = ()
) -> CriterionGrade:
    """The most probable rating of `criterion`, whose ratings are in the order of the answer's letters. `doubts` are
    reasons for a review that were known before the answer."""
    if isinstance(answer, EngineFailure):
        return ungraded(criterion, answer.reason)
    try:
        believed = belief(answer.logprobs)
    except ValueError as error:
        return ungraded(criterion, str(error))
    rating = criterion.ratings[believed.choice]
    reasons = doubts + review_reasons(believed, thresholds)
    titles = [rating.title for rating in criterion.ratings]
    return CriterionGrade(
        criterion=criterion.title,
        rating=rating.title,
        probabilities=dict(zip(titles, believed.probabilities, strict=True)),
        confidence=believed.confidence,
        label_mass=believed.label_mass,
        marks=rating.marks,
        max_marks=criterion.max_marks,
        status=Status.NEEDS_REVIEW if reasons else Status.ACCEPTED,
        review_reasons=reasons,
    )


def ungraded(criterion: Criterion, reason: str) -> CriterionGrade:
    """No rating and no marks, for a person to grade."""
    return CriterionGrade(
        criterion=criterion.title,
        ungraded=reason,
        max_marks=criterion.max_marks,
        status=Status.NEEDS_REVIEW,
        review_reasons=("ungraded",),
    )
