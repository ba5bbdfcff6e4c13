"""Grades sent through LTI: scores, results, members, tokens, and a teacher's changes."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from labs_schema.grades import Status
from labs_schema.imports.records import IdKind
from labs_schema.models import Lab
from serving.deliveries import sending
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import NewValue, Value
from serving.deliveries.sending import StudentOutcome
from serving.outbound.errors import OutboundFailedError
from serving.store.store import Store
from tests.harness.lti.fake_lti import INSTRUCTOR, LEARNER, FakeLti
from tests.harness.stores.graded_store import grade_students, record_grade
from tests.serving.deliveries.lti.conftest import LtiDelivery

COMPILES, READABLE = "Does it compile?", "Is it readable?"
A, B = {COMPILES: "B", READABLE: "A"}, {COMPILES: "C", READABLE: "A"}
MakeFake = Callable[..., FakeLti]


def actions(outcomes: list[StudentOutcome]) -> Counter[str]:
    return Counter(each.action for each in outcomes)


def refused(code: str, act: Callable[[], object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        act()
    assert raised.value.code == code
    return raised.value


def test_totals_and_comments_arrive_and_a_rerun_sends_nothing(
    lti: LtiDelivery, fake: FakeLti, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 3)
    assert actions(lti.send(fake)) == {"delivered": 3}
    assert fake.scores() == {"s000": 2, "s001": 2, "s002": 0}
    assert actions(lti.send(fake)) == {"unchanged": 3}
    assert len(fake.posted) == 3 and fake.counts["POST"] == 5  # and two tokens
    assert all(len(each.comments) == 1 and each.attempts == 0 for each in fake.results["1"].values())
    assert "Because of line 16." in fake.results["1"]["u0"].comments[0]


def test_a_score_has_what_platforms_need(lti: LtiDelivery, make_fake: MakeFake, store: Store, lab: Lab) -> None:
    fake = make_fake("canvas")
    record_grade(store, lab, "s000", A)
    lti.send(fake)
    [score] = fake.posted
    assert (score["activityProgress"], score["gradingProgress"]) == ("Completed", "FullyGraded")
    assert (score["scoreGiven"], score["scoreMaximum"], score["userId"]) == (2, 3, "u0")
    assert score["https://canvas.instructure.com/lti/submission"] == {
        "new_submission": False, "preserve_score": True, "prioritize_non_tool_grade": True,
    }  # fmt: skip
    assert "scoringUserId" not in score


def test_times_of_a_persons_scores_are_a_second_apart_in_all_runs(
    lti: LtiDelivery, fake: FakeLti, store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after the clock was set back."""

    behind = [0, 0, 1, 1]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz or UTC) - timedelta(hours=behind[number])

    monkeypatch.setattr(sending, "datetime", Clock)
    for number, ratings in enumerate([A, B, A, B]):
        record_grade(store, lab, "s000", ratings, request=f"job{number}")
        assert actions(lti.send(fake)) == {"delivered": 1}
    times = [datetime.fromisoformat(each["timestamp"]) for each in fake.posted]
    assert len(times) == 4 and all(b - a >= timedelta(seconds=1) for a, b in pairwise(times))
    assert all("." in each["timestamp"] for each in fake.posted)


def test_a_grade_that_waits_is_announced_once_and_then_replaced(
    lti: LtiDelivery, fake: FakeLti, store: Store, lab: Lab
) -> None:
    grade = record_grade(store, lab, "s000", A, status=Status.NEEDS_REVIEW)
    assert actions(lti.send(fake)) == {"announced": 1}
    [score] = fake.posted
    assert score["gradingProgress"] == "PendingManual" and "scoreGiven" not in score
    assert actions(lti.send(fake)) == {"waits-for-review": 1}
    for criterion, rating in A.items():
        store.record_override(grade, criterion, rating, "checked", request=criterion, actor="ta1")
    assert actions(lti.send(fake)) == {"delivered": 1}
    assert fake.scores() == {"s000": 2} and len(fake.posted) == 2


def test_an_announcement_never_removes_an_entry(lti: LtiDelivery, make_fake: MakeFake, store: Store, lab: Lab) -> None:
    fake = make_fake("moodle")
    record_grade(store, lab, "s000", A)
    lti.send(fake)
    fake.grade_as_teacher("u1", 3, "From the teacher")
    for student in ("s000", "s001"):
        record_grade(store, lab, student, B, request="job2", status=Status.NEEDS_REVIEW)
    assert actions(lti.send(fake)) == {"waits-for-review": 2}
    assert fake.scores() == {"s000": 2, "s001": 3} and len(fake.posted) == 1


def test_a_teachers_change_wins_until_it_is_overwritten(
    lti: LtiDelivery, fake: FakeLti, store: Store, lab: Lab
) -> None:
    record_grade(store, lab, "s000", A)
    lti.send(fake)
    fake.grade_as_teacher("u0", 1.5)
    fake.results["1"]["u0"].at -= 10  # the fake's clock is this one's: a test has no time between the two
    record_grade(store, lab, "s000", B, request="job2")
    [outcome] = lti.send(fake)
    assert (outcome.action, outcome.code) == ("conflict", "platform-value-changed")
    assert fake.scores() == {"s000": 1.5}
    assert actions(lti.send(fake, overwrite=frozenset({"s000"}))) == {"delivered": 1}
    assert fake.scores() == {"s000": 1}


def test_a_teachers_grade_that_canvas_does_not_show_stays(
    lti: LtiDelivery, make_fake: MakeFake, store: Store, lab: Lab
) -> None:
    fake = make_fake("canvas")
    fake.grade_as_teacher("u0", 3)
    fake.results["1"]["u0"].at -= 10
    record_grade(store, lab, "s000", B)
    lti.send(fake)
    assert fake.scores() == {"s000": 3}


def test_a_later_entry_of_the_platform_is_a_conflict(lti: LtiDelivery, fake: FakeLti, store: Store, lab: Lab) -> None:
    """Moodle refuses with 409, Canvas with 400. The platform's clock may be ahead of ours."""
    record_grade(store, lab, "s000", A)
    lti.send(fake)
    fake.results["1"]["u0"].at += 3600
    record_grade(store, lab, "s000", B, request="job2")
    [outcome] = lti.send(fake)
    assert (outcome.code, outcome.kind) == ("platform-stale", "conflict")
    assert fake.scores() == {"s000": 2}


def test_a_comment_is_sent_to_canvas_once(lti: LtiDelivery, make_fake: MakeFake) -> None:
    """Canvas adds every comment to the others, also one that is sent again with another score."""
    fake = make_fake("canvas")
    with lti.platform(fake) as platform:
        first = NewValue(total=2, comments=("Good",), at="2026-11-29T10:00:00.000001+00:00")
        platform.write("u0", first, Value())
        platform.write(
            "u0",
            first.model_copy(update={"total": 1, "at": "2026-11-29T10:00:02.000001+00:00"}),
            platform.read_values("u0")["u0"],
        )
    assert fake.results["1"]["u0"].comments == ["Good"] and fake.scores() == {"s000": 1}


@pytest.mark.parametrize("overtaken_by", range(1, 6))
def test_a_comment_whose_first_request_arrives_late_is_added_to_canvas_once(
    overtaken_by: int, lti: LtiDelivery, make_fake: MakeFake
) -> None:
    fake = make_fake("canvas")
    first = NewValue(total=2, comments=("Good",), at="2026-11-29T10:00:00.000001+00:00")
    again = first.model_copy(update={"at": "2026-11-29T10:00:02.000001+00:00", "repeated": True})
    with lti.platform(fake) as platform:
        platform.read_values("u0")
        fake.faults = lambda method, _: "late" if method == "POST" else None
        with pytest.raises(OutboundFailedError):
            platform.write("u0", first, Value())
        fake.faults = lambda *_: None
        [(_, late)] = fake.late
        fake.late = [(overtaken_by, late)]
        platform.write("u0", again, platform.read_values("u0").get("u0", Value()))
        fake.process_late(overtaken_by)
    assert fake.results["1"]["u0"].comments == ["Good"] and fake.scores() == {"s000": 2}


def test_a_platform_that_shows_no_comments_gets_each_grade_once(
    lti: LtiDelivery, fake: FakeLti, store: Store, lab: Lab
) -> None:
    fake.returns_comments = False
    grade_students(store, lab, 3)
    assert actions(lti.send(fake)) == {"delivered": 3}
    assert actions(lti.send(fake)) == {"unchanged": 3}
    assert len(fake.posted) == 3
    fake.returns_comments = True
    assert actions(lti.send(fake)) == {"unchanged": 3}


@pytest.mark.parametrize("fault", ["lose", "half", "drop", "late", "500", "429", "twice"])
def test_a_failed_request_is_repeated_without_harm(
    fault: str, lti: LtiDelivery, make_fake: MakeFake, store: Store, lab: Lab
) -> None:
    fake = make_fake("moodle")
    grade_students(store, lab, 3)
    fake.faults = lambda method, count: fault if method == "POST" and count in (2, 4) else None
    assert actions(lti.send(fake)) == {"delivered": 3}
    assert fake.scores() == {"s000": 2, "s001": 2, "s002": 0}
    assert all(len(each.comments) == 1 for each in fake.results["1"].values())
    assert actions(lti.send(fake)) == {"unchanged": 3}


def test_a_token_is_requested_once_and_again_after_it_was_withdrawn(
    lti: LtiDelivery, make_fake: MakeFake, store: Store, lab: Lab
) -> None:
    fake = make_fake("moodle")
    grade_students(store, lab, 3)
    with lti.platform(fake) as platform:
        platform.read_assignment()
        platform.read_people()
        assert fake.counts["POST"] == 1
        fake.tokens.clear()
        platform.read_values()
        assert fake.counts["POST"] == 2


@pytest.mark.parametrize("fault", ["key", "scope", "narrow", "line item"])
def test_faults_of_the_set_up_end_the_run(fault: str, lti: LtiDelivery, make_fake: MakeFake) -> None:
    fake = make_fake("moodle")
    with lti.platform(fake) as platform:
        if fault == "key":
            fake.tool_keys = {"keys": []}
        elif fault == "scope":
            fake.scopes, fake.membership_scopes = [], []
        elif fault == "narrow":
            fake.scopes = fake.scopes[:1]
        else:
            fake.items.clear()
        code = {"key": "platform-token", "line item": "platform-not-found"}.get(fault, "platform-permission")
        assert refused(code, platform.read_assignment).kind == "set-up"


def test_only_active_students_are_members_and_ids_are_read_page_by_page(lti: LtiDelivery, make_fake: MakeFake) -> None:
    fake = make_fake("moodle", 7)
    fake.page = 3
    fake.people["u1"]["status"] = "Inactive"
    fake.people["u2"]["roles"] = [INSTRUCTOR]
    fake.people["u3"]["roles"] = [f"{LEARNER}x", LEARNER]
    fake.people["u4"] = {"user_id": "u4", "roles": [LEARNER]}  # no personal data
    with lti.platform(fake, students={"u4": "s004"}) as platform:
        people = {each.id: dict(each.ids) for each in platform.read_people()}
    assert list(people) == ["u0", "u3", "u4", "u5", "u6"]
    assert people["u4"] == {IdKind.NUMBER: "s004", IdKind.PLATFORM: "u4"}
    assert people["u0"] == {IdKind.NUMBER: "s000", IdKind.EMAIL: "mail0@uni.example", IdKind.PLATFORM: "u0"}


def test_without_a_list_of_members_those_who_launched_get_grades(
    lti: LtiDelivery, fake: FakeLti, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 2)
    outcomes = lti.send(fake, {"memberships": None, "students": {"u1": "s001"}})
    assert [each.action for each in outcomes] == ["unmatched", "delivered"]


def test_totals_are_scaled_to_the_column_only_on_request(
    lti: LtiDelivery, fake: FakeLti, store: Store, lab: Lab
) -> None:
    fake.items["1"]["scoreMaximum"] = 30
    record_grade(store, lab, "s000", A)
    refused("platform-maximum-differs", lambda: lti.send(fake))
    assert actions(lti.send(fake, scale=True)) == {"delivered": 1}
    assert fake.scores() == {"s000": 20}


def test_a_refused_score_concerns_one_student(lti: LtiDelivery, fake: FakeLti, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 3)
    with lti.platform(fake) as platform:
        people = platform.read_people()
    fake.people["u1"]["roles"] = [INSTRUCTOR]
    link = {"memberships": None, "students": {each.id: f"s00{each.id[1:]}" for each in people}}
    outcomes = lti.send(fake, link)
    assert [each.action for each in outcomes] == ["delivered", "failed", "delivered"]
    assert (outcomes[1].code, outcomes[1].kind) == ("platform-value-refused", "data")


@pytest.mark.parametrize(
    "answer",
    [
        "<p>no</p>",
        "[1]",
        '{"members": 3}',
        '{"members": [{}]}',
        '{"scoreMaximum": "ten"}',
        '[{"userId": "u1", "resultScore": "ten"}]',
    ],
)
def test_malformed_answers_are_errors(lti: LtiDelivery, make_fake: MakeFake, answer: str) -> None:
    fake = make_fake("moodle")
    with lti.platform(fake) as platform:
        serve = fake.serve

        def broken(request: Any) -> Any:
            found = serve(request)
            return type(found)(200, answer, found.kind)

        fake.serve = broken  # type: ignore[method-assign]
        for act in (platform.read_people, platform.read_values, platform.read_assignment):
            refused("platform-unexpected", act)
