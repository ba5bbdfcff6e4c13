"""The results of an evaluation: the contents of `evaluation.json`."""

from pydantic import Field

from grader.token_cost import Cost
from labs_schema.frozen import Frozen
from serving.measures.agreement import Agreement, RatingFigures
from serving.measures.inter_annotator import InterAnnotatorAgreement
from serving.measures.order_effects import OrderEffects
from serving.measures.reliability import ConfidenceFigures
from serving.measures.resampling import FLIPS, Estimate

TUNED, UNTUNED = "tuned model", "untuned base model"
BAG_OF_WORDS, MAJORITY = "bag-of-words baseline", "majority-class baseline"
"""The graders that are compared."""
UNSEEN, HELD_OUT = "unseen students of seen labs", "held-out labs"
"""The two groups of held-out submissions."""
P_VALUE_NOTE = f"p: sign-flip test over students with at most {FLIPS:,} flips, so never below {2 / (FLIPS + 1):.4f}"


class Slice(Frozen):
    """One lab, criterion or language of a group: the tuned model's figures, and its exact agreement minus that of the
    two baselines."""

    grader: Agreement
    over_majority: Estimate
    over_bag_of_words: Estimate


class Group(Frozen):
    """Figures of one group of held-out submissions.

    `graders` starts with the evaluated one; slices (`by_...`) are its figures. `differences`: its figures minus those
    of each other grader, with intervals over students. `differences_over_labs`: with intervals over labs, empty with
    too few labs. `confidence`: of the graders that give probabilities. `inter_annotator`: agreement of TAs among
    themselves, None if no submission was rated twice. `order`: effects of the option order, None if only one was used.
    `decided`: criterion -> agreement of the ratings that observations decided; empty without `decided_by`.
    `unreadable`: rated students of the labs who have no readable program, and so are in no figure.
    """

    labs: tuple[str, ...]
    graders: dict[str, Agreement]
    differences: dict[str, dict[str, Estimate]]
    differences_over_labs: dict[str, dict[str, Estimate]]
    by_lab: dict[str, Slice]
    by_criterion: dict[str, Slice]
    by_language: dict[str, Slice]
    by_rating: dict[str, RatingFigures]
    confidence: dict[str, ConfidenceFigures]
    inter_annotator: InterAnnotatorAgreement | None
    order: OrderEffects | None
    decided: dict[str, Agreement] = Field(default_factory=dict)
    unreadable: int = 0

    @property
    def left_out(self) -> str:
        """A sentence about the `unreadable`; empty if there is none."""
        students = "1 rated student has" if self.unreadable == 1 else f"{self.unreadable:,} rated students have"
        return f"{students} no readable program and no part in the figures." if self.unreadable else ""


class RunDifference(Frozen):
    """Two runs on the same decisions. `differences`: the first minus the second, with intervals over students.

    `p_values`: of the sign-flip test, for figures that are means over decisions. `both`, `only_first`, `only_second`,
    `neither`: number of decisions in which they gave the TA's rating.
    """

    first: Agreement
    second: Agreement
    differences: dict[str, Estimate]
    p_values: dict[str, float]
    both: int
    only_first: int
    only_second: int
    neither: int


class RunComparison(Frozen):
    """`first` and `second`: names of the runs. `groups`: group of submissions -> difference."""

    first: str
    second: str
    groups: dict[str, RunDifference]


class Evaluation(Frozen):
    """`run`: name of the run folder. `compared`: comparison with another run on submissions that both held out.
    `cost`: of grading all held-out submissions with the evaluated model."""

    run: str
    groups: dict[str, Group]
    compared: RunComparison | None = None
    cost: Cost | None = None


def shown_p(p_value: float) -> str:
    """`p = 0.0235`, or `p < 0.0001` where four digits would show zero."""
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.4f}"
