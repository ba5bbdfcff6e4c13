"""What an evaluation found: the whole of `evaluation.json`. Knows no model and no screen."""

from grader.token_cost import Cost
from labs_schema.frozen import Frozen
from serving.measures.agreement import Agreement
from serving.measures.order_effects import OrderEffects
from serving.measures.raters import InterAnnotatorAgreement
from serving.measures.rating_parts import RatingPart
from serving.measures.resampling import Estimate
from serving.measures.sign_flip import FLIPS
from serving.measures.trust import Trust

TUNED, UNTUNED = "tuned model", "untuned base"
WORDS, COMMONEST = "counting words", "commonest rating"
"""The graders beside each other. The last two cost nothing: what they reach needs no model."""
UNSEEN, HELD_OUT = "unseen students of seen labs", "held-out labs"
WHAT_P_IS = f"p: sign-flip test over students, by at most {FLIPS:,} flips, so never below {2 / (FLIPS + 1):.4f}"


class Part(Frozen):
    """A lab's, a criterion's or a language's share of a group: the tuned model's figures, and its exact agreement less
    that of the two graders that cost nothing."""

    grader: Agreement
    over_commonest: Estimate
    over_words: Estimate


class Group(Frozen):
    """Figures on one kind of kept work. `graders` starts with the one evaluated; `differences` is it less another, with
    intervals over students; `differences_over_labs` with intervals over labs, empty where there are too few.

    The parts (`by_...`) and `by_rating` are the evaluated grader's. `trust` has the graders that give probabilities.
    `ceiling`: how far several TAs agree among themselves, None where no work was rated twice.
    `order`: what the order of the options does to the evaluated grader, None where it was asked in one order only.
    """

    labs: tuple[str, ...]
    graders: dict[str, Agreement]
    differences: dict[str, dict[str, Estimate]]
    differences_over_labs: dict[str, dict[str, Estimate]]
    by_lab: dict[str, Part]
    by_criterion: dict[str, Part]
    by_language: dict[str, Part]
    by_rating: dict[str, RatingPart]
    trust: dict[str, Trust]
    ceiling: InterAnnotatorAgreement | None
    order: OrderEffects | None


class RunDifference(Frozen):
    """Two runs on the same decisions. `differences`: the first less the second, with intervals over students.

    `p_values`: of the sign-flip test (see serving.measures.sign_flip) for the figures that are means over decisions.
    `both`, `only_first`, `only_second`, `neither`: on how many decisions they gave the TA's rating.
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
    """`first` and `second`: the runs' names. `groups`: by kind of work, as in `Evaluation`."""

    first: str
    second: str
    groups: dict[str, RunDifference]


class Evaluation(Frozen):
    """`run`: the run folder's name. `compared`: with another run, on the work that both kept. `cost`: of the evaluated
    model's grading of all kept work."""

    run: str
    groups: dict[str, Group]
    compared: RunComparison | None = None
    cost: Cost | None = None


def shown_p(p_value: float) -> str:
    """`p = 0.0235`, or `p < 0.0001` where four digits would show nought."""
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.4f}"
