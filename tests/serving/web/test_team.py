"""Reviewing in a team: assignments, second marking without knowledge of the first, agreement, snippets."""

from collections.abc import Callable

import pytest

from labs_schema.limits import PageLimits
from labs_schema.models import Lab
from serving.review.index import LabReview, ReviewIndex
from serving.review.team.second_markings import comparisons, ta_agreement
from serving.review.team.sharing import second_sample
from serving.review.team.team import Marking
from serving.store.access.roles import Role
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Forms, Visitor, visitor
from tests.serving.web.conftest import ReviewedLab

FIRST, SECOND = "Does it compile?", "Is it readable?"
HERE = f"lab/assignments?course={COURSE}&lab=lab1"


class TeamPages(ReviewedLab):
    """Ada and Ben have keys; `ids`: name -> key id."""

    def __init__(self, store: Store, lab: Lab) -> None:
        super().__init__(store, lab)
        self.ada, self.ben = self.ta("Ada"), self.ta("Ben")
        self.ids = {key.name: key.id for key in store.list_keys()}

    def review(self) -> LabReview:
        return ReviewIndex(self.store.database).lab(COURSE, "lab1")

    def assigned(self, marking: Marking = Marking.FIRST) -> list[str | None]:
        names, review = {id_: name for name, id_ in self.ids.items()}, self.review()
        return [names.get(review.ta(review.items[grade], marking) or "") for grade in self.grades]

    def assign(self, ta: Visitor, *names: str, **fields: str | None) -> Visitor:
        assert ta.open(HERE).status_code == 200
        chosen = {f"ta-{self.ids[name]}": "on" for name in names}
        ta.submit("assignments/first", **{"act": "assign", "scope": "all", **chosen, **fields})
        return ta

    def second(self, *names: str, **fields: str) -> None:
        self.ada.open(HERE)
        chosen = {f"ta-{self.ids[name]}": "on" for name in names}
        assert self.ada.submit("lab/assignments/second", **{"share": "100", **chosen, **fields}).status_code == 200


@pytest.fixture
def team(store: Store, make_lab: Callable[..., Lab]) -> TeamPages:
    return TeamPages(store, make_lab())


def decide(ta: Visitor, grade: str, *acts: str) -> None:
    for act in acts:
        ta.open(f"grades/{grade}")
        assert ta.submit("grades/", act=act).status_code == 200


def test_submissions_are_divided_evenly_and_found_by_their_ta(team: TeamPages) -> None:
    team.assign(team.ada, "Ada", "Ben")
    assert sorted(map(str, team.assigned())) == ["Ada"] * 3 + ["Ben"] * 3
    mine = [grade for grade, name in zip(team.grades, team.assigned(), strict=True) if name == "Ben"]
    page = team.ben.open(f"lab?course={COURSE}&lab=lab1&assigned=me")
    assert page.text.count("/grades/") >= 3 and all(f"/grades/{each}?" in page.text for each in mine)
    assert "3 submissions" in page.text and "assigned=me" in page.text
    assert "3 submissions" in team.ben.open(f"lab?course={COURSE}&lab=lab1&assigned={team.ids['Ada']}").text
    assert "No submission matches" in team.ben.open(f"lab?course={COURSE}&lab=lab1&assigned=none").text
    assert team.store.verify().faults == ()


def test_selected_and_filtered_submissions_are_assigned_and_the_others_stay(team: TeamPages) -> None:
    team.assign(team.ada, "Ben", scope="selected", **{f"grade-{team.grades[2]}": "on"})
    assert team.assigned() == [None, None, "Ben", None, None, None]
    team.ada.open(HERE + "&search=s003&show=all")
    team.ada.submit("assignments/first", act="assign", scope="all", **{f"ta-{team.ids['Ada']}": "on"})
    assert team.assigned() == [None, None, "Ben", "Ada", None, None]
    team.assign(team.ada, act="remove", scope="selected", **{f"grade-{team.grades[2]}": "on"})
    assert team.assigned() == [None, None, None, "Ada", None, None]


def test_a_concurrent_assignment_is_not_overwritten_and_a_form_counts_once(team: TeamPages) -> None:
    team.ada.open(HERE)
    before = team.ada.page
    team.assign(team.ben, "Ben", scope="selected", **{f"grade-{team.grades[0]}": "on"})
    for _ in range(2):
        team.ada.page = before
        page = team.ada.submit("assignments/first", act="assign", scope="all", **{f"ta-{team.ids['Ada']}": "on"})
        assert "1 not assigned" in page.text
    assert team.assigned() == ["Ben", *["Ada"] * 5]


def test_wrong_assignments_record_nothing(team: TeamPages) -> None:
    stranger = team.store.create_key("Eve", Role.TA, "cs999", actor="test")[1].id
    for wrong in ({f"ta-{stranger}": "on"}, {}, {"ta-x": "on"}, {"seq": "x", f"ta-{team.ids['Ada']}": "on"}):
        team.ada.open(HERE)
        assert team.ada.submit("assignments/first", act="assign", scope="all", **wrong).status_code >= 400
    for share in ("0", "101", "x", "-5", ""):
        team.ada.open(HERE)
        fields = {"share": share, f"ta-{team.ids['Ada']}": "on"}
        assert team.ada.submit("lab/assignments/second", **fields).status_code >= 400
    assert team.assigned() == [None] * 6 == team.assigned(Marking.SECOND)
    assert visitor(team.app, team.store, course="cs999").open(HERE).status_code == 403


def test_a_sample_is_seeded_grows_with_its_share_and_avoids_the_first_marker(team: TeamPages) -> None:
    review = team.review()
    drawn = [[item.grade for item in second_sample(review, share, "1")] for share in (0.2, 0.5, 1.0)]
    assert [len(each) for each in drawn] == [2, 3, 6] and drawn[2][:3] == drawn[1] and drawn[1][:2] == drawn[0]
    assert any([i.grade for i in second_sample(review, 1.0, seed)] != drawn[2] for seed in "2345")
    decide(team.ada, team.grades[1], "rate-0-0")
    team.assign(team.ada, "Ada", scope="selected", **{f"grade-{team.grades[0]}": "on"})
    team.second("Ada")
    assert team.assigned(Marking.SECOND) == [None, None, *["Ada"] * 4]
    team.second("Ada", "Ben")
    assert team.assigned(Marking.SECOND) == ["Ben", "Ben", *["Ada"] * 4]


def test_the_second_marker_sees_no_rating_until_done(team: TeamPages) -> None:
    grade = team.grades[0]
    decide(team.ada, grade, "rate-0-1", "rate-1-0")
    team.second("Ben")
    before = team.review().items[grade].criteria[0].decision
    page = team.ben.open(f"grades/{grade}")
    assert page.url.path == f"/app/second-markings/{grade}" and "main.c" in page.text
    assert "Ada" not in page.text and "Probability" not in page.text and "checked" not in page.text
    row = team.ben.open(f"lab?course={COURSE}&lab=lab1&show=all&search=s000").text.partition("<tbody>")[2]
    assert "decided" not in row and row.count("hidden until") == 2
    team.ben.open(f"second-markings/{grade}")
    assert team.ben.submit("second-markings/", **{"rating-0": "2", "comment": "half"}).status_code == 422
    assert SECOND in team.ben.page.text and "half" in team.ben.page.text and team.review().second_ratings == {}
    page = team.ben.submit("second-markings/", **{"rating-0": "2", "rating-1": "0"})
    assert page.status_code == 200 and "Ada" in page.text and "You rated" in page.text
    assert team.review().items[grade].criteria[0].decision == before  # decides nothing
    assert team.ben.open(f"grades/{grade}").url.path == f"/app/grades/{grade}"
    found = {each.criterion: (each.first_rating, each.second_rating) for each in comparisons(team.review())}
    assert found == {FIRST: ("B", "C"), SECOND: ("A", "A")}
    page = team.ada.open(f"lab/second-markings?course={COURSE}&lab=lab1")
    assert "1 of 2 criteria" in page.text


def test_a_second_marking_counts_once_and_only_by_its_marker(team: TeamPages) -> None:
    team.second("Ben")
    assert team.ada.open(f"second-markings/{team.grades[0]}").status_code == 404
    team.ben.open(f"second-markings/{team.grades[0]}")
    before = team.ben.page
    for rating in ("0", "0"):
        team.ben.page = before
        assert team.ben.submit("second-markings/", **{"rating-0": rating, "rating-1": "0"}).status_code == 200
    team.ben.page = before
    changed = team.ben.submit("second-markings/", request="another-request-1", **{"rating-0": "1", "rating-1": "1"})
    assert changed.status_code == 409
    [[rating]] = team.review().second_ratings.values()
    assert rating.ratings == {FIRST: "A", SECOND: "A"} and team.store.verify().faults == ()


def test_agreement_has_an_interval_and_the_majority_baseline(team: TeamPages) -> None:
    team.second("Ben")
    assert ta_agreement(team.review()).figures is None
    for number, grade in enumerate(team.grades):
        decide(team.ada, grade, f"rate-0-{number % 2}", "rate-1-0")
        team.ben.open(f"second-markings/{grade}")
        rating = number % 2 if number else 1
        assert team.ben.submit("second-markings/", **{"rating-0": str(rating), "rating-1": "0"}).status_code == 200
    found = ta_agreement(team.review())
    assert found.figures is not None and found.figures.units == 12 and found.left == 0
    assert found.figures.pairwise.value == pytest.approx(11 / 12) and found.figures.pairwise.low is not None
    # Readable: always right. Compiles, without each one itself: 2 against 3 of the other rating, right for the first.
    assert found.majority == pytest.approx(7 / 12)
    page = team.ada.open(f"statistics?course={COURSE}&lab=lab1").text
    assert "92%" in page and "58%" in page and "Krippendorff" in page


def test_snippets_are_own_or_shared_and_inserted_into_a_comment(team: TeamPages) -> None:
    for words, shared in (("Mine: see <b>line</b> 2.", None), ("Ours.", "1")):
        team.ada.open(f"snippets?course={COURSE}")
        assert team.ada.submit("app/snippets", text=words, shared=shared).status_code == 200
    page = team.ben.open(f"snippets?course={COURSE}").text
    assert "Ours." in page and "Mine" not in page and "/remove" not in page
    team.ada.open(f"grades/{team.grades[0]}")
    own = next(line for line in team.ada.page.text.splitlines() if "Mine: see &lt;b&gt;" in line and "option" in line)
    snippet = own.split('value="')[1].split('"')[0]
    team.ada.submit("grades/", act="snippet-1", **{"comment-1": "First.", "snippet-1": snippet})
    assert team.store.read_history(team.grades[0]).decisions[SECOND].comment == "First.\nMine: see <b>line</b> 2."
    team.ada.submit("grades/", act="undo-1")
    assert team.store.read_history(team.grades[0]).decisions[SECOND].comment == ""
    team.ben.open(f"grades/{team.grades[0]}")
    refused = team.ben.submit("grades/", act="snippet-1", **{"comment-1": "Typed.", "snippet-1": snippet})
    assert refused.status_code == 422 and "Typed." in refused.text


def test_removing_a_snippet_erases_its_text_and_limits_hold(team: TeamPages) -> None:
    team.ada.open(f"snippets?course={COURSE}")
    empty = team.ada.page
    for words in ("", "x" * (PageLimits().snippet_chars + 1)):
        team.ada.page = empty
        assert team.ada.submit("app/snippets", text=words).status_code >= 400
    team.ada.page = empty
    team.ada.submit("app/snippets", text="Secret.", shared="1")
    action = next(action for action, _ in Forms(team.ada.page.text).found if "/remove" in action)
    team.ben.open(f"snippets?course={COURSE}")
    team.ben.page = team.ada.page  # another TA's form, without the right to it
    assert team.ben.submit("remove").status_code >= 400
    assert team.ada.submit(action).status_code == 200 and "Secret." not in team.ada.page.text
    assert team.store.verify().faults == ()
    assert "Secret." not in "".join(map(str, team.store.database._engine.raw_connection().iterdump()))
