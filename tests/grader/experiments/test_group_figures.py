"""All figures of a group: slices, intervals over labs, inter-annotator agreement; and their tables."""

from collections.abc import Callable
from io import StringIO

from rich.console import Console

from grader.evaluation import BAG_OF_WORDS, MAJORITY, TUNED, UNSEEN, Evaluation, Group
from grader.experiments.group_figures import group_figures, steps
from grader.tables.evaluation import evaluation_tables
from labs_schema.models import HumanGrade, Lab, UnreadableSubmission
from serving.measures.decisions import constant_decisions

MakeLab = Callable[..., Lab]
COMPILES, READABLE = "Does it compile?", "Is it readable?"
BEST = {COMPILES: "A", READABLE: "A"}


def measured(labs: list[Lab]) -> Group:
    """A grader that always gives the best rating, and two that always give another one."""
    students = [s.student for s in labs[0].submissions]
    always = {
        name: [d for lab in labs for d in constant_decisions(lab, students, given)]
        for name, given in {
            TUNED: BEST,
            BAG_OF_WORDS: {COMPILES: "B", READABLE: "B"},
            MAJORITY: {COMPILES: "C", READABLE: "B"},
        }.items()
    }
    ticks: list[int] = []
    found = group_figures(
        always, {lab.name: lab for lab in labs}, frozenset(), resamples=50, tick=lambda: ticks.append(1)
    )
    assert len(ticks) == steps(always)
    return found


def shown(group: Group) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(evaluation_tables(Evaluation(run="run", groups={UNSEEN: group})))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_slices_are_compared_with_the_baselines(make_lab: MakeLab) -> None:
    """TA ratings of six students: compile A B C A B C, readable B A B A B A; always A is right on 2 and 3 of 6."""
    labs = [make_lab(name, students=6).model_copy(update={"language": name}) for name in ("C", "Java")]
    found = measured(labs)
    assert found.graders[TUNED].figures["agreement"].value == 5 / 12
    assert {name: each.grader.figures["agreement"].value for name, each in found.by_criterion.items()} == {
        COMPILES: 2 / 6,
        READABLE: 3 / 6,
    }
    assert set(found.by_language) == {"C", "Java"} and found.by_lab["C"].over_majority.value == 0
    assert found.by_rating["A"].recall.value == 1 and found.by_rating["A"].given_by_grader == 24
    assert (
        found.differences_over_labs == {}
        and found.inter_annotator is None
        and found.confidence == {}
        and found.order is None
    )
    text = shown(found)
    assert "By language" in text and "intervals over labs" not in text and "several TAs" not in text


def test_intervals_over_labs_need_five_labs(make_lab: MakeLab) -> None:
    found = measured([make_lab(f"lab{i}", students=3) for i in range(5)])
    assert set(found.differences_over_labs) == {BAG_OF_WORDS, MAJORITY}
    assert "intervals over labs" in shown(found)


def test_inter_annotator_agreement_by_hand(make_lab: MakeLab) -> None:
    """Ann gives the current grades, Bob always A, so they agree on half. The grader, always A too, agrees with Bob on
    all and with Ann on half."""
    lab = make_lab(students=6)
    ann = [g.model_copy(update={"rater": "ann"}) for g in lab.human_grades if g.criterion == READABLE]
    bob = [HumanGrade(student=g.student, criterion=READABLE, rating="A", rater="bob[red]") for g in ann]
    found = measured([lab.model_copy(update={"rater_grades": (*ann, *bob)})]).inter_annotator
    assert found is not None
    assert (found.units, found.students, found.pairwise.value, found.grader.value) == (6, 6, 0.5, 0.75)
    assert "bob[red] and the majority of the other TAs" in shown(
        measured([lab.model_copy(update={"rater_grades": (*ann, *bob)})])
    )


def test_rated_students_without_a_readable_program_are_counted(make_lab: MakeLab) -> None:
    """Of the last three students, two are a group that its first member's row rates, and one is not rated."""
    lab = make_lab(students=6)
    readable, others = lab.submissions[:4], (("s004", "team"), ("s100", "team"), ("s200", "s200"))
    unreadable = tuple(UnreadableSubmission(student=s, folder=f, code="no-program", reason="") for s, f in others)
    lab = lab.model_copy(update={"submissions": readable, "unreadable": unreadable})
    found = measured([lab])
    assert found.unreadable == 2 and "2 rated students have no readable program" in shown(found)
    assert "readable program" not in shown(measured([make_lab(students=6)]))


def test_ratings_that_observations_decided_have_figures_of_their_own(make_lab: MakeLab) -> None:
    lab = make_lab(students=6)
    students = [s.student for s in lab.submissions]
    decided = [
        each.model_copy(update={"decided": each.criterion == COMPILES, "evidence": ("build: passed",)})
        for each in constant_decisions(lab, students, BEST)
    ]
    found = group_figures(
        dict.fromkeys((TUNED, BAG_OF_WORDS, MAJORITY), decided), {lab.name: lab}, frozenset(), resamples=20
    )
    assert list(found.decided) == [COMPILES] and found.decided[COMPILES].decisions == 6
    assert found.decided[COMPILES].figures["agreement"].value == 2 / 6
    assert "Decided by observed outcomes" in shown(found)
    assert measured([lab]).decided == {}
