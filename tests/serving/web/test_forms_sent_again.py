"""A form that was answered gets the same answer again; one from an outdated page gets a conflict that loses nothing."""

from collections.abc import Callable

import pytest

from labs_schema.models import Lab, SourceFile
from serving.review.team.team import Marking
from serving.store.grades.overrides import Action
from serving.store.grades.regrade_requests import RegradeRequests
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Visitor, record_lab
from tests.serving.web.conftest import ReviewedLab
from tests.serving.web.test_team import HERE, TeamPages

FIRST, SECOND = "Does it compile?", "Is it readable?"
GROUPS = f"lab/groups?course={COURSE}&lab=lab1"


def again(ta: Visitor, page: object, action: str, **fields: str) -> int:
    """Sends a form of an earlier page; the status."""
    ta.page = page  # type: ignore[assignment]
    return ta.submit(action, **fields).status_code


def actions(reviewed: ReviewedLab, number: int = 0) -> list[Action]:
    return [each.action for each in reviewed.store.read_history(reviewed.grades[number]).records]


def test_an_undo_from_before_a_regrade_is_a_conflict_with_its_comment(reviewed: ReviewedLab) -> None:
    ta = reviewed.ta()
    before = ta.open(f"grades/{reviewed.grades[0]}")
    record_lab(reviewed.store, reviewed.lab, request="job2")
    for _ in range(2):
        assert again(ta, before, "grades/", act="undo-0", **{"comment-1": "mine"}) == 409 and "mine" in ta.page.text
    records = reviewed.store.read_history(reviewed.grades[0]).records
    assert [(each.action, each.why) for each in records] == [(Action.CONFLICT, ""), (Action.CONFLICT, "mine")]


def test_an_undo_of_the_last_step_takes_back_one_step(reviewed: ReviewedLab) -> None:
    ta = reviewed.ta()
    for act in ("rate-0-0", "rate-1-0"):
        ta.open(f"grades/{reviewed.grades[0]}")
        ta.submit("grades/", act=act)
    before = ta.page
    assert [again(ta, before, "grades/", act="undo-last") for _ in range(2)] == [200, 200]
    assert actions(reviewed) == [Action.RATE, Action.RATE, Action.UNDO]


@pytest.fixture
def copied(store: Store, make_lab: Callable[..., Lab]) -> ReviewedLab:
    """Three equal programs."""
    lab = make_lab(students=3)
    same = (SourceFile(path="main.c", text="int main(void) { return 1; }\n"),)
    equal = tuple(each.model_copy(update={"files": same}) for each in lab.submissions)
    return ReviewedLab(store, lab.model_copy(update={"submissions": equal}))


def test_a_groups_form_gets_the_same_answer_after_a_comment_and_a_regrade(copied: ReviewedLab) -> None:
    ta, other = copied.ta("Ada"), copied.ta("Ben")
    before = ta.open(f"lab/groups/{copied.grades[0]}?course={COURSE}&lab=lab1")
    form = f"lab/groups/{copied.grades[0]}"
    assert again(ta, before, form, act="rate-0-1") == 200
    other.open(f"grades/{copied.grades[1]}")
    other.submit("grades/", act="comment", **{"comment-0": "See line 1."})
    assert again(ta, before, form, act="rate-0-1") == 200
    record_lab(copied.store, copied.lab, request="job2")
    assert again(ta, before, form, act="rate-0-1") == 200
    assert [actions(copied, number) for number in range(3)] == [
        [Action.RATE],
        [Action.RATE, Action.COMMENT],
        [Action.RATE],
    ]


def test_a_groups_page_used_again_for_another_rating_is_a_conflict(copied: ReviewedLab) -> None:
    ta = copied.ta()
    before = ta.open(f"lab/groups/{copied.grades[0]}?course={COURSE}&lab=lab1")
    form = f"lab/groups/{copied.grades[0]}"
    assert again(ta, before, form, act="rate-0-1") == 200
    assert [again(ta, before, form, act="rate-0-2") for _ in range(2)] == [409, 409]
    assert [copied.store.read_history(each).decisions[FIRST].rating for each in copied.grades] == ["B"] * 3
    assert actions(copied) == [Action.RATE, Action.CONFLICT]


@pytest.fixture
def team(store: Store, make_lab: Callable[..., Lab]) -> TeamPages:
    return TeamPages(store, make_lab())


def test_assignments_and_samples_get_the_same_answer_after_later_ones(team: TeamPages) -> None:
    before = team.ada.open(HERE)
    first = {"act": "assign", "scope": "all", f"ta-{team.ids['Ada']}": "on"}
    sample = {"share": "100", f"ta-{team.ids['Ben']}": "on"}
    for _ in range(2):
        assert again(team.ada, before, "lab/assignments/second", **sample) == 200
        assert "6 submissions assigned" in team.ada.page.text
        assert again(team.ada, before, "assignments/first", **first) == 200
        assert "6 submissions assigned" in team.ada.page.text and "not assigned" not in team.ada.page.text
        team.assign(team.ben, act="remove", scope="selected", **{f"grade-{team.grades[0]}": "on"})
    assert team.assigned() == [None, *["Ada"] * 5] and team.assigned(Marking.SECOND) == ["Ben"] * 6


def test_an_assignment_page_used_again_for_another_ta_does_not_claim_to_assign(team: TeamPages) -> None:
    before = team.ada.open(HERE)
    for name, expected in (("Ada", "6 submissions assigned"), ("Ben", "6 not assigned")):
        fields = {"act": "assign", "scope": "all", f"ta-{team.ids[name]}": "on"}
        assert again(team.ada, before, "assignments/first", **fields) == 200
        assert expected in team.ada.page.text
    assert team.assigned() == ["Ada"] * 6


def test_a_second_marking_gets_the_same_answer_after_a_regrade(team: TeamPages) -> None:
    team.second("Ben")
    before, form = team.ben.open(f"second-markings/{team.grades[0]}"), "second-markings/"
    assert again(team.ben, before, form, **{"rating-0": "0", "rating-1": "0"}) == 200
    record_lab(team.store, team.lab, request="job2")
    assert again(team.ben, before, form, **{"rating-0": "0", "rating-1": "0"}) == 200
    assert "You rated this submission" in team.ben.page.text
    assert again(team.ben, before, form, **{"rating-0": "1", "rating-1": "0"}) >= 400
    [[rating]] = team.review().second_ratings.values()
    assert rating.ratings == {FIRST: "A", SECOND: "A"}


def test_another_text_on_a_page_that_was_sent_is_not_dropped(reviewed: ReviewedLab) -> None:
    ta = reviewed.ta()
    before = ta.open(f"snippets?course={COURSE}")
    assert [again(ta, before, "app/snippets", text=words) for words in ("One.", "One.", "Two.")] == [200] * 3
    assert ta.page.text.count("One.") == 1 and ta.page.text.count("Two.") == 1
    requests = RegradeRequests(reviewed.store.database)
    regrade = requests.submit(reviewed.grades[0], FIRST, "Why?", request="q", actor="student")
    before, form = ta.open(f"regrade-requests?course={COURSE}"), f"regrade-requests/{regrade.id}"
    sent = [again(ta, before, form, act="decline", answer=words) for words in ("No.", "No.", "Yes.")]
    assert sent == [200, 200, 409] and "Yes." in ta.page.text
    answer = requests.read(regrade.id).answer
    assert answer is not None and answer.text == "No."
