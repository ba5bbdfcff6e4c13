"""From submissions to grades: one letter an answer, a second reading of what would be accepted.

Knows no HTTP, no disk and no kind of engine. An answer that cannot be read is ungraded and says why.
"""

from collections.abc import Sequence

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.models import Lab, Submission
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from prompts.verdict import LETTERS
from serving.calibration.calibration import Calibration, GradedWith
from serving.criterion_grades import graded, ungraded
from serving.engines.engine import Engine
from serving.provenance import ModelIdentity, provenance
from serving.reasoning import reasonings
from serving.second_reading import accepted_alone, compared
from serving.sheets import Sheet, make_sheet, suspicious_text
from serving.suspicion import neutralised
from serving.triage import Rule, Thresholds

Criteria = tuple[CriterionGrade, ...]
"""A submission's answers, in the rubric's order."""


class Grader:
    """A model that is ready to grade. Not thread-safe, as its engine is not: one caller at a time.

    `thresholds` say what is accepted where there is no `calibration`. `orders`: in how many orders of its ratings a
    criterion is asked; `second_reading`: whether what would be accepted is read again without text that could plead.
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
        second_reading: bool = True,
    ) -> None:
        self.engine, self.encoder, self.style, self.identity = engine, encoder, style, identity
        self.thresholds, self.calibration = thresholds or Thresholds(), calibration
        self.orders, self.second_reading = orders, second_reading

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        """Grades every criterion of `submissions` (which need not be the lab's own), in their order.

        All questions go to the engine in one call, a submission's side by side, so that it reads the program once; a
        second call reads the neutralised programs. A submission that is empty or too long, and a question that the
        engine fails, is ungraded with the reason; the others are graded. `reasoning` asks for the model's reasons in
        a last step. Neither it nor the second reading changes a rating.
        """
        rules = self.rules(lab)
        sheets = [self._sheet(lab, one, suspicious_text(one, lab.language)) for one in submissions]
        answers = self._answers(lab, sheets, rules)
        if self.second_reading:
            answers = self._read_again(lab, submissions, answers, rules)
        if reasoning:
            answers = self._reasoned(sheets, answers)
        return [
            Grade(
                lab=lab.name,
                student=submission.student,
                criteria=criteria,
                provenance=self.provenance(lab, submission, reasoning=reasoning),
            )
            for submission, criteria in zip(submissions, answers, strict=True)
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
            second_reading=self.second_reading,
        )

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        """What `grade` would write under a grade of `submission` today."""
        return provenance(self.identity, self.engine, lab, submission, self._settings(reasoning))

    def close(self) -> None:
        self.engine.close()

    def _sheet(self, lab: Lab, submission: Submission, doubts: tuple[str, ...] = ()) -> Sheet:
        return make_sheet(lab, submission, self.encoder, self.style, self.orders, doubts)

    def _answers(self, lab: Lab, sheets: Sequence[Sheet], rules: Sequence[Rule]) -> list[Criteria]:
        """One call of the engine for all questions of all `sheets`."""
        asked = [request for sheet in sheets for question in sheet.questions for request in question.requests]
        scores = iter(self.engine.score(asked) if asked else [])
        return [
            tuple(ungraded(criterion, sheet.refused, sheet.doubts) for criterion in lab.criteria)
            if sheet.refused
            else tuple(
                graded(question, [next(scores) for _ in question.requests], rule, sheet.doubts)
                for question, rule in zip(sheet.questions, rules, strict=True)
            )
            for sheet in sheets
        ]

    def _read_again(
        self, lab: Lab, submissions: Sequence[Submission], first: list[Criteria], rules: Sequence[Rule]
    ) -> list[Criteria]:
        """The neutralised programs of submissions with an accepted answer, where neutralising changed anything."""
        plain = {i: neutralised(submissions[i], lab.language) for i in range(len(first)) if accepted_alone(first[i])}
        again = [i for i, submission in plain.items() if submission.files != submissions[i].files]
        second = self._answers(lab, [self._sheet(lab, plain[i]) for i in again], rules) if again else []
        return [
            compared(criteria, second[again.index(i)]) if i in again else criteria for i, criteria in enumerate(first)
        ]

    def _reasoned(self, sheets: Sequence[Sheet], answers: Sequence[Criteria]) -> list[Criteria]:
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
            "second_reading": self.second_reading,
            "reasoning": reasoning,
            "context_length": self.encoder.context_length,
            "on_overlong": self.encoder.on_overlong,
        }
