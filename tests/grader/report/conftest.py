"""An evaluation of a fake grader that gives the TA's rating in three of four decisions."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from grader.evaluation import BAG_OF_WORDS, MAJORITY, TUNED, Evaluation
from grader.experiments.group_figures import group_figures
from labs_schema.grades import CriterionGrade
from labs_schema.models import Criterion, HumanGrade, Lab, Rating, SourceFile, Submission
from serving.measures.decisions import Decision, constant_decisions, decisions_from_answers, majority_ratings
from serving.scoring.option_orders import option_orders

Evaluated = tuple[Evaluation, dict[str, list[Decision]]]

HOSTILE = [
    '</code></pre></script><script>document.title = "owned"</script>',
    '<img src="x" onerror="document.title = \'owned\'">',
    "\u202e nigirO \u202c \x00 \u200b <!-- ]]> --> </style></textarea></template></details>",
    "{{ 7 * 191 }} {% raw %} &amp; &#60;b&#62;",
]


def fake_decisions(lab: Lab) -> list[Decision]:
    """A grader's decisions on all rated submissions of `lab`, with probabilities; the most confident are accepted."""
    rng = np.random.default_rng(len(lab.submissions))
    answers = []
    for submission in lab.submissions:
        for criterion in lab.criteria:
            titles = [rating.title for rating in criterion.ratings]
            probabilities = rng.dirichlet(np.full(len(titles), 0.4))
            given = lab.ratings_by_student.get(submission.student, {}).get(criterion.title, titles[0])
            best = int(probabilities.argmax())
            swap = titles.index(given) if rng.random() < 0.75 else best
            probabilities[[best, swap]] = probabilities[[swap, best]]
            grade = CriterionGrade(
                criterion=criterion.title,
                rating=titles[swap],
                probabilities=dict(zip(titles, probabilities.tolist(), strict=True)),
                confidence=float(probabilities[swap]) ** 1.2,
                letters=tuple(order.index(swap) for order in option_orders(len(titles), len(titles))),
                marks=criterion.ratings[swap].marks,
                review_reasons=() if probabilities[swap] > 0.95 else ("low confidence",),
            )
            answers.append((submission.student, grade))
    return decisions_from_answers(lab, answers)


@pytest.fixture(scope="session")
def evaluated() -> Callable[[Mapping[str, Lab]], Evaluated]:
    """A factory: the fake grader's evaluation on `labs`, one group for each lab, and its decisions."""

    def evaluate(labs: Mapping[str, Lab]) -> Evaluated:
        decided = {f"submissions of {name}": fake_decisions(lab) for name, lab in labs.items()}
        groups = {}
        for (group, ours), lab in zip(decided.items(), labs.values(), strict=True):
            students = list(dict.fromkeys(d.student for d in ours))
            majority = constant_decisions(lab, students, majority_ratings(lab, students))
            decisions = {TUNED: ours, BAG_OF_WORDS: majority, MAJORITY: majority}
            groups[group] = group_figures(decisions, labs, frozenset(students[:3]), resamples=20)
        return Evaluation(run="fake", groups=groups), decided

    return evaluate


@pytest.fixture(scope="session")
def hostile_lab() -> Lab:
    """Every name and text of this lab tries to inject markup."""
    criteria = (
        Criterion(
            title='Works? <b id="x">$x_1$</b></svg><script>alert(1)</script>',
            description=HOSTILE[0],
            ratings=(Rating(title="A", description=HOSTILE[1], marks=1), Rating(title="<i>B</i>", marks=0)),
        ),
        Criterion(
            title="\u4f60\u597d \\1 \\g<0> %s", ratings=(Rating(title="A"), Rating(title="B"), Rating(title="C"))
        ),
    )
    submissions = tuple(
        Submission(
            student=f"secretid{i:02d}",
            folder=f"secretid{i:02d}@uni",
            files=(
                SourceFile(
                    path=f"{'<img src=x onerror=alert(1)>' if i else 'main'}.c", text=HOSTILE[i % 4] + "\nint a;"
                ),
                SourceFile(path="notes", text="\n".join(HOSTILE)),
            ),
        )
        for i in range(16)
    )
    grades = tuple(
        HumanGrade(student=s.student, criterion=c.title, rating=c.ratings[(i * 7 + j) % len(c.ratings)].title)
        for i, s in enumerate(submissions)
        for j, c in enumerate(criteria)
    )
    return Lab(
        name='lab "one" <u>&',
        problem="p",
        short_problem="p",
        language="C",
        criteria=criteria,
        submissions=submissions,
        human_grades=grades,
    )
