"""Grades submissions: scores every criterion, then verifies accepted answers on a sanitized copy of the program."""

from collections.abc import Sequence

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.models import Lab, Submission
from labs_schema.privacy.redaction import REDACTION_VERSION
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from prompts.verdict import LETTERS
from serving.calibration.calibration import Calibration, GradedWith
from serving.engines.engine import Engine
from serving.grading.criterion_grades import criterion_grade, unanswered
from serving.grading.explanations import explanations
from serving.grading.provenance import ModelIdentity, provenance
from serving.grading.scoring_requests import ScoringRequest, check_length, known_reasons, make_scoring_request
from serving.grading.verification_pass import verified
from serving.injection import sanitized
from serving.scoring.triage import AcceptanceRule, Thresholds

CriterionGrades = tuple[CriterionGrade, ...]
"""A submission's answers, in the rubric's order."""
SubmissionsWithLabs = Sequence[tuple[Lab, Submission]]
"""Submissions, each with the lab whose rubric it is graded by."""


class Grader:
    """A loaded model that grades submissions. Not thread-safe, because its engine is not.

    `thresholds` decide what is accepted if there is no `calibration`. `orders`: the number of option orders in which
    each criterion is scored. `verification_pass`: whether accepted answers are verified on a sanitized copy.
    """

    def __init__(
        self,
        engine: Engine,
        encoder: PromptEncoder,
        style: PromptStyle,
        identity: ModelIdentity,
        thresholds: Thresholds | None = None,
        *,
        calibration: Calibration | None = None,
        orders: int = 1,
        verification_pass: bool = True,
    ) -> None:
        self.engine, self.encoder, self.style, self.identity = engine, encoder, style, identity
        self.thresholds, self.calibration = thresholds or Thresholds(), calibration
        self.orders, self.verification_pass = orders, verification_pass

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        """Grades every criterion of `submissions` (not necessarily the lab's own), in their order: `grade_each`."""
        return self.grade_each([(lab, submission) for submission in submissions], reasoning=reasoning)

    def check_length(self, submission: Submission) -> None:
        """Raises OverlongError for a program that is far too long for the model. Thread-safe."""
        check_length(submission, self.encoder)

    def prepare(self, lab: Lab, submission: Submission) -> ScoringRequest:
        """Everything that `grade_each` does for a submission before the engine is called. Thread-safe.

        Raises OverlongError, like `check_length`.
        """
        self.check_length(submission)
        return self._request(lab, submission, known_reasons(submission, lab.language))

    def grade_each(
        self,
        work: SubmissionsWithLabs,
        *,
        requests: Sequence[ScoringRequest | None] | None = None,
        reasoning: bool = False,
    ) -> list[Grade]:
        """Grades every criterion of every submission with its lab's rubric, in their order.

        One engine call scores all questions, a submission's side by side so that they share the program's prefix. A
        second call scores the sanitized programs. A submission that is empty or too long, and a question that fails in
        the engine, is ungraded with the reason. `reasoning` adds explanations in a last step. Neither it nor the
        verification pass changes a rating. `requests`: what `prepare` returned for each submission, if anything.
        """
        prepared = [
            request or self._request(lab, submission, known_reasons(submission, lab.language))
            for (lab, submission), request in zip(work, requests or [None] * len(work), strict=True)
        ]
        answers = self._score([lab for lab, _ in work], prepared)
        if self.verification_pass:
            answers = self._verify(work, answers)
        if reasoning:
            answers = self._explain(prepared, answers)
        return [
            Grade(
                lab=lab.name,
                student=submission.student,
                criteria=criteria,
                provenance=self.provenance(lab, submission, reasoning=reasoning),
            )
            for (lab, submission), criteria in zip(work, answers, strict=True)
        ]

    def rules(self, lab: Lab) -> tuple[AcceptanceRule, ...]:
        """When each criterion's answers are accepted: the calibration's rules if it covers the lab."""
        if self.calibration is None:
            return (AcceptanceRule(thresholds=self.thresholds),) * len(lab.criteria)
        return self.calibration.rules(lab, self.graded_with)

    @property
    def graded_with(self) -> GradedWith:
        """The settings that a calibration must have been made with to be used here."""
        return GradedWith(
            weights=self.identity.model_hash,
            tokenizer=self.identity.tokenizer_hash,
            prompts=self.identity.prompt_hash,
            orders=self.orders,
            verification_pass=self.verification_pass,
        )

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        """The provenance that a grade of `submission` would have now."""
        return provenance(self.identity, self.engine, lab, submission, self._settings(reasoning))

    def close(self) -> None:
        self.engine.close()

    def _request(self, lab: Lab, submission: Submission, review_reasons: tuple[str, ...] = ()) -> ScoringRequest:
        return make_scoring_request(lab, submission, self.encoder, self.style, self.orders, review_reasons)

    def _score(self, labs: Sequence[Lab], requests: Sequence[ScoringRequest]) -> list[CriterionGrades]:
        """The grades of all requests, each with the lab at its index, from one engine call."""
        rules = {id(lab): self.rules(lab) for lab in {id(lab): lab for lab in labs}.values()}
        scored = [one for request in requests for question in request.questions for one in question.requests]
        scores = iter(self.engine.score(scored) if scored else [])
        return [
            tuple(
                criterion_grade(question, [next(scores) for _ in question.requests], rule, request.review_reasons)
                if question.requests
                else unanswered(question, request.refused, request.review_reasons)
                for question, rule in zip(request.questions, rules[id(lab)], strict=True)
            )
            for lab, request in zip(labs, requests, strict=True)
        ]

    def _verify(self, work: SubmissionsWithLabs, first: list[CriterionGrades]) -> list[CriterionGrades]:
        """Scores the sanitized copies of submissions with an accepted answer, unless the copy equals the original."""
        accepted = [i for i, answers in enumerate(first) if any(a.status is Status.ACCEPTED for a in answers)]
        copies = {i: sanitized(work[i][1], work[i][0].language) for i in accepted}
        changed = [i for i, copy in copies.items() if copy != work[i][1]]
        requests = [self._request(work[i][0], copies[i]) for i in changed]
        second = dict(zip(changed, self._score([work[i][0] for i in changed], requests), strict=True))
        return [verified(criteria, second[i]) if i in second else criteria for i, criteria in enumerate(first)]

    def _explain(self, requests: Sequence[ScoringRequest], answers: Sequence[CriterionGrades]) -> list[CriterionGrades]:
        """Explanations for the letters chosen in the rubric's own order."""
        answered = [
            (question.requests[0].prompt, LETTERS[[r.title for r in question.criterion.ratings].index(answer.rating)])
            for request, criteria in zip(requests, answers, strict=True)
            for question, answer in zip(request.questions, criteria, strict=False)
            if answer.rating is not None and not answer.decided
        ]
        texts = iter(explanations(self.engine, self.encoder, answered))
        return [
            tuple(
                a if a.rating is None or a.decided else a.model_copy(update={"reasoning": next(texts)})
                for a in criteria
            )
            for criteria in answers
        ]

    def _settings(self, reasoning: bool) -> dict[str, object]:
        """Everything that can change a grade besides the model, the prompt, the rubric and the submission."""
        return {
            "thresholds": self.thresholds.model_dump(),
            "calibration": self.calibration and self.calibration.model_dump(mode="json"),
            "orders": self.orders,
            "verification_pass": self.verification_pass,
            "reasoning": reasoning,
            "context_length": self.encoder.context_length,
            "on_overlong": self.encoder.on_overlong,
            "redaction": REDACTION_VERSION,
        }
