"""From submissions to grades: one letter an answer, a second reading of what would be accepted.

Knows no HTTP, no disk and no kind of engine. An answer that cannot be read is ungraded and says why.
"""

from collections.abc import Sequence

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.models import Lab, Submission
from labs_schema.privacy.redaction import REDACTION_VERSION
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from prompts.verdict import LETTERS
from serving.calibration.calibration import Calibration, GradedWith
from serving.engines.engine import Engine
from serving.grading.criterion_grades import graded, ungraded
from serving.grading.explanations import reasonings
from serving.grading.program_length import check_length
from serving.grading.provenance import ModelIdentity, provenance
from serving.grading.scoring_requests import ScoringRequest, make_scoring_request, suspicious_text
from serving.grading.verification_pass import accepted_alone, compared
from serving.injection import sanitized
from serving.scoring.triage import Rule, Thresholds

Criteria = tuple[CriterionGrade, ...]
"""A submission's answers, in the rubric's order."""
Work = Sequence[tuple[Lab, Submission]]
"""Submissions, each with the lab by whose rubric it is graded."""


class Grader:
    """A model that is ready to grade. Not thread-safe, as its engine is not: one caller at a time.

    `thresholds` say what is accepted where there is no `calibration`. `orders`: in how many orders of its ratings a
    criterion is asked; `verification_pass`: whether what would be accepted is read again without text that could plead.
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
        """Grades every criterion of `submissions` (which need not be the lab's own), in their order: `grade_each`."""
        return self.grade_each([(lab, submission) for submission in submissions], reasoning=reasoning)

    def check_length(self, submission: Submission) -> None:
        """Raises OverlongError for a program that the model could not read. From any thread."""
        check_length(submission, self.encoder)

    def prepare(self, lab: Lab, submission: Submission) -> ScoringRequest:
        """The questions about one submission, for `grade_each`: what takes long besides the engine. From any thread.

        Raises OverlongError, as `check_length`.
        """
        self.check_length(submission)
        return self._sheet(lab, submission, suspicious_text(submission, lab.language))

    def grade_each(
        self, work: Work, *, sheets: Sequence[ScoringRequest | None] | None = None, reasoning: bool = False
    ) -> list[Grade]:
        """Grades every criterion of every submission by its lab's rubric, in their order.

        All questions go to the engine in one call, a submission's side by side, so that it reads the program once; a
        second call reads the sanitized programs. A submission that is empty or too long, and a question that the
        engine fails, is ungraded with the reason; the others are graded. `reasoning` asks for the model's reasons in
        a last step. Neither it nor the second reading changes a rating. `sheets` are what `prepare` has made of the
        submissions, None where it was not asked.
        """
        made = [
            sheet or self._sheet(lab, one, suspicious_text(one, lab.language))
            for (lab, one), sheet in zip(work, sheets or [None] * len(work), strict=True)
        ]
        answers = self._answers([lab for lab, _ in work], made)
        if self.verification_pass:
            answers = self._read_again(work, answers)
        if reasoning:
            answers = self._reasoned(made, answers)
        return [
            Grade(
                lab=lab.name,
                student=submission.student,
                criteria=criteria,
                provenance=self.provenance(lab, submission, reasoning=reasoning),
            )
            for (lab, submission), criteria in zip(work, answers, strict=True)
        ]

    def rules(self, lab: Lab) -> tuple[Rule, ...]:
        """How each criterion of `lab` is judged: by the calibration where there is one for it."""
        if self.calibration is None:
            return (Rule(thresholds=self.thresholds),) * len(lab.criteria)
        return self.calibration.rules(lab, self.graded_with)

    @property
    def graded_with(self) -> GradedWith:
        """What a calibration must have been made with to be used here."""
        return GradedWith(
            weights=self.identity.model_hash,
            tokenizer=self.identity.tokenizer_hash,
            prompts=self.identity.prompt_hash,
            orders=self.orders,
            verification_pass=self.verification_pass,
        )

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        """What `grade` would write under a grade of `submission` today."""
        return provenance(self.identity, self.engine, lab, submission, self._settings(reasoning))

    def close(self) -> None:
        self.engine.close()

    def _sheet(self, lab: Lab, submission: Submission, doubts: tuple[str, ...] = ()) -> ScoringRequest:
        return make_scoring_request(lab, submission, self.encoder, self.style, self.orders, doubts)

    def _answers(self, labs: Sequence[Lab], sheets: Sequence[ScoringRequest]) -> list[Criteria]:
        """One call of the engine for all questions of all `sheets`, each of the lab in its place."""
        rules = {id(lab): self.rules(lab) for lab in {id(lab): lab for lab in labs}.values()}
        asked = [request for sheet in sheets for question in sheet.questions for request in question.requests]
        scores = iter(self.engine.score(asked) if asked else [])
        return [
            tuple(ungraded(criterion, sheet.refused, sheet.doubts) for criterion in lab.criteria)
            if sheet.refused
            else tuple(
                graded(question, [next(scores) for _ in question.requests], rule, sheet.doubts)
                for question, rule in zip(sheet.questions, rules[id(lab)], strict=True)
            )
            for lab, sheet in zip(labs, sheets, strict=True)
        ]

    def _read_again(self, work: Work, first: list[Criteria]) -> list[Criteria]:
        """The sanitized programs of submissions with an accepted answer, where neutralising changed anything."""
        plain = {i: sanitized(one, lab.language) for i, (lab, one) in enumerate(work) if accepted_alone(first[i])}
        again = [i for i, submission in plain.items() if submission.files != work[i][1].files]
        labs = [work[i][0] for i in again]
        second = self._answers(labs, [self._sheet(work[i][0], plain[i]) for i in again])
        return [
            compared(criteria, second[again.index(i)]) if i in again else criteria for i, criteria in enumerate(first)
        ]

    def _reasoned(self, sheets: Sequence[ScoringRequest], answers: Sequence[Criteria]) -> list[Criteria]:
        """Asks behind the letter of the rubric's own order."""
        asked = [
            (question.requests[0].prompt, LETTERS[[r.title for r in question.criterion.ratings].index(answer.rating)])
            for sheet, criteria in zip(sheets, answers, strict=True)
            for question, answer in zip(sheet.questions, criteria, strict=False)
            if answer.rating is not None
        ]
        texts = iter(reasonings(self.engine, self.encoder, asked))
        return [
            tuple(a if a.rating is None else a.model_copy(update={"reasoning": next(texts)}) for a in criteria)
            for criteria in answers
        ]

    def _settings(self, reasoning: bool) -> dict[str, object]:
        """What can change a grade besides the model, the prompt, the rubric and the submission."""
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
