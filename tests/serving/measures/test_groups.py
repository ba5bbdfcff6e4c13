"""The members of a group are one unit of every interval, test and fold."""

from collections.abc import Callable

import numpy as np
import pytest

from grader.tables.figures import one_line
from labs_schema.grades import CriterionGrade
from labs_schema.models import Lab
from labs_schema.student_ids import student_clusters
from serving.calibration.fitting import cross_fitted
from serving.measures.agreement import agreement
from serving.measures.decisions import Decision, clusters_of, decisions_from_answers
from serving.measures.inter_annotator import units_of
from serving.measures.order_effects import flip_rate
from serving.measures.resampling import draw, sign_flip_test
from tests.harness.courses.decisions import decision

GROUPS = [(f"s{i}", f"t{i}") for i in range(6)]


@pytest.fixture
def decisions() -> list[Decision]:
    """In one lab in pairs, in another alone."""
    together = [decision(first, i % 3, 0, members=(first, second)) for i, (first, second) in enumerate(GROUPS)]
    alone = [decision(each, i % 3, 0, lab="alone") for i, pair in enumerate(GROUPS) for each in pair]
    return together + alone


def test_clusters_are_joined_by_groups_of_all_labs_and_by_forms_of_an_id() -> None:
    found = student_clusters(["a", "b@cs", "c", "d", "e"], [("c", "b"), ("d", "c", "x"), ()])
    assert found == {"a": "a", "e": "e", **dict.fromkeys(("b", "b@cs", "c", "d", "x"), "b")}


def test_members_are_drawn_together(decisions: list[Decision]) -> None:
    weights = draw(decisions, "students", resamples=50).decisions
    clusters = np.array(clusters_of(decisions))
    assert set(clusters) == {first for first, _ in GROUPS}
    for cluster in set(clusters):
        assert (weights[:, clusters == cluster] == weights[:, clusters == cluster][:, :1]).all()
    assert (weights.sum(1) == 18).all()


def test_a_group_is_one_unit_of_the_sign_flip_test(decisions: list[Decision]) -> None:
    separate = [d.model_copy(update={"members": ()}) for d in decisions]
    differences = np.ones(len(decisions))
    assert sign_flip_test(decisions, differences) == pytest.approx(2 / 2**6)
    assert sign_flip_test(separate, differences) == pytest.approx(2 / 2**12, rel=0.6)


def test_intervals_of_the_flip_rate_have_groups_as_the_unit() -> None:
    members = ("s0", "s1")
    letters = [(0, 1, 2), (0, 0, 0)]
    one = [decision("s0", letters=each, members=members, criterion=str(i)) for i, each in enumerate(letters)]
    other = [decision("s1", letters=each, lab="b", criterion=str(i)) for i, each in enumerate(letters)]
    assert (flip_rate(one + other).low, flip_rate(one + other).high) == (0.0, 1.0)


def test_temperatures_are_fitted_without_the_group(decisions: list[Decision], monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[set[str]] = []

    class Fit:
        def __init__(self, used: list[Decision]) -> None:
            self.used = {*clusters_of(used)} if used else set()

        def confidence(self, d: Decision) -> float:
            trained.append(self.used & {d.student, *(first for first, second in GROUPS if second == d.student)})
            return 0.5

    monkeypatch.setattr("serving.calibration.fitting.fit_temperatures", Fit)
    cross_fitted(decisions)
    assert trained == [set()] * len(decisions)


def test_decisions_and_units_know_the_members(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=2)
    first, second = lab.submissions
    lab = lab.model_copy(update={"submissions": (first.model_copy(update={"members": ("s000", "s100")}), second)})
    by_bob = tuple(each.model_copy(update={"rater": "bob"}) for each in lab.human_grades)
    ann = tuple(each.model_copy(update={"rater": "ann"}) for each in lab.human_grades)
    lab = lab.model_copy(update={"rater_grades": (*ann, *by_bob)})
    assert {(u.student, u.members) for u in units_of(lab, ["s000", "s001"])} == {
        ("s000", ("s000", "s100")),
        ("s001", ()),
    }
    title = lab.criteria[0].title
    answers = [(s, CriterionGrade(criterion=title, ungraded="no")) for s in ("s000", "s001")]
    assert [d.members for d in decisions_from_answers(lab, answers)] == [("s000", "s100"), ()]


def test_a_course_connected_by_groups_has_figures_without_intervals(decisions: list[Decision]) -> None:
    chained = [d.model_copy(update={"members": tuple(s for pair in GROUPS for s in pair)}) for d in decisions[:1]]
    found = agreement(chained + decisions[1:], resamples=20).figures["agreement"]
    assert (found.value, found.low, found.high) == (6 / 18, None, None)
    assert one_line(found).plain == ".333"
