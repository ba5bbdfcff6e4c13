"""Deliveries: release rule, matching, conflicts, retries, interrupted runs and the journal."""

from collections import Counter
from typing import Any

import pytest

from labs_schema.errors import GraderError, issue_texts
from labs_schema.grades import Status
from labs_schema.imports.records import IdKind, PlatformId
from labs_schema.models import Lab
from serving.deliveries.errors import KINDS, DeliveryError
from serving.deliveries.plan import Action, ReleasePolicy
from serving.deliveries.platform import CriterionValue, PlatformPerson, Value
from serving.deliveries.sending import StudentOutcome
from serving.store.platforms.deliveries import Deliveries
from serving.store.store import Store
from tests.harness.stores.graded_store import COURSE, grade_students, record_grade
from tests.serving.deliveries.conftest import FakePlatform

POLICY = ReleasePolicy()
COMPILES, READABLE = "Does it compile?", "Is it readable?"


def send(delivery: Any, platform: FakePlatform, policy: ReleasePolicy = POLICY, **how: Any) -> list[StudentOutcome]:
    sender = delivery.sender(platform)
    return sender.send(delivery.source, sender.plan(delivery.source, policy, **how), policy)


def actions(outcomes: list[StudentOutcome]) -> Counter[str]:
    return Counter(each.action for each in outcomes)


def test_a_dry_run_shows_the_difference_and_writes_nothing(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 3)
    platform = FakePlatform(3, lab)
    plan = delivery.sender(platform).plan(delivery.source, POLICY)
    assert [each.action for each in plan.students] == [Action.SEND] * 3
    assert plan.students[0].before == Value()
    assert plan.students[0].after is not None
    assert plan.students[0].after.total == 2
    assert platform.writes == []
    assert Deliveries(store.database).journal(platform.target) == []


def test_the_platform_shows_the_levels_points_and_comments_of_the_store(delivery: Any, store: Store, lab: Lab) -> None:
    record_grade(store, lab, "s000", {COMPILES: "B", READABLE: "A"})
    platform = FakePlatform(1, lab)
    assert actions(send(delivery, platform)) == {"delivered": 1}
    shown = platform.values["p0"]
    assert shown.total == 2
    assert shown.criteria["c0"] == CriterionValue(level="c0l1", points=1, comment="Because of line 16.")
    assert [each.event for each in Deliveries(store.database).journal(platform.target)] == ["intended", "delivered"]
    assert store.verify().faults == ()


def test_a_misspelt_student_to_overwrite_is_an_error(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 2)
    platform = FakePlatform(2, lab)
    with pytest.raises(DeliveryError) as raised:
        send(delivery, platform, ReleasePolicy(overwrite=frozenset({"s00l"})))
    assert (raised.value.code, raised.value.kind) == ("student-unknown", "data") and "s001" in str(raised.value)
    assert platform.writes == []


def test_a_rerun_writes_nothing(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 4)
    platform = FakePlatform(4, lab)
    send(delivery, platform)
    assert actions(send(delivery, platform)) == {"unchanged": 4}
    assert len(platform.writes) == 4


def test_a_grade_that_needs_review_waits_unless_requested(delivery: Any, store: Store, lab: Lab) -> None:
    record_grade(store, lab, "s000", {COMPILES: "B", READABLE: "A"}, status=Status.NEEDS_REVIEW)
    record_grade(store, lab, "s001", {COMPILES: None, READABLE: "A"})
    platform = FakePlatform(2, lab)
    assert actions(send(delivery, platform)) == {"waits-for-review": 1, "ungraded": 1}
    assert platform.values == {}
    assert actions(send(delivery, platform, ReleasePolicy(include_review=True))) == {"delivered": 1, "ungraded": 1}


def test_an_override_is_sent_with_the_persons_comment_instead_of_the_machines(
    delivery: Any, store: Store, lab: Lab
) -> None:
    grade = record_grade(store, lab, "s000", {COMPILES: "B", READABLE: "A"}, status=Status.NEEDS_REVIEW)
    store.record_override(grade, COMPILES, "C", "no", request="o1", actor="ta1")
    store.record_override(grade, READABLE, "A", "yes", request="o2", actor="ta1")
    platform = FakePlatform(1, lab)
    assert actions(send(delivery, platform)) == {"delivered": 1}
    assert platform.values["p0"].criteria["c0"] == CriterionValue(level="c0l2", points=0, comment="no")
    assert platform.values["p0"].criteria["c1"].comment


def test_an_override_outlives_a_regrade_of_the_same_program_only(delivery: Any, store: Store, lab: Lab) -> None:
    for student in ("s000", "s001"):
        grade = record_grade(store, lab, student, {COMPILES: "B", READABLE: "A"})
        store.record_override(grade, COMPILES, "C", "no", request="o1", actor="ta1")
    record_grade(store, lab, "s000", {COMPILES: "A", READABLE: "A"}, request="job2")
    record_grade(store, lab, "s001", {COMPILES: "A", READABLE: "A"}, request="job2", text="int main;")
    platform = FakePlatform(2, lab)
    send(delivery, platform)
    assert (platform.values["p0"].total, platform.values["p1"].total) == (1, 3)


@pytest.mark.parametrize("fault", ["lose", "half", "busy"])
def test_a_failed_write_is_retried_until_the_platform_shows_the_grade(
    fault: str, delivery: Any, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 3)
    platform = FakePlatform(3, lab, rubric=False)
    platform.faults = ["", fault, fault]
    assert actions(send(delivery, platform)) == {"delivered": 3}
    assert all(len(value.comments) == 1 for value in platform.values.values())
    assert delivery.waited.count(3) == (2 if fault == "busy" else 0)


def test_a_killed_run_is_completed_by_the_next_one(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 3)
    platform = FakePlatform(3, lab, rubric=False)
    platform.faults = ["", "die"]
    with pytest.raises(KeyboardInterrupt):
        send(delivery, platform)
    assert [each.event for each in Deliveries(store.database).journal(platform.target)][-1] == "intended"
    assert actions(send(delivery, platform)) == {"unchanged": 1, "delivered": 2}
    assert [len(value.comments) for value in platform.values.values()] == [1, 1, 1]
    assert len(platform.writes) == 3
    assert [each.event for each in Deliveries(store.database).journal(platform.target)].count("delivered") == 3


@pytest.mark.parametrize("change", ["total", "level", "comment", "cleared", "first"])
def test_a_teachers_change_on_the_platform_wins(change: str, delivery: Any, store: Store, lab: Lab) -> None:
    ratings = {COMPILES: "B", READABLE: "A"}
    record_grade(store, lab, "s000", ratings)
    platform = FakePlatform(1, lab)
    if change != "first":
        send(delivery, platform)
    shown = platform.values.get("p0", Value())
    one = CriterionValue(level="c0l0", points=2)
    theirs = {
        "total": shown.model_copy(update={"total": 2.5}),
        "level": shown.model_copy(update={"criteria": shown.criteria | {"c0": one}}),
        "comment": shown.model_copy(
            update={"criteria": shown.criteria | {"c0": CriterionValue(level="c0l1", points=1, comment="Well done")}}
        ),
        "cleared": Value(),
        "first": Value(total=1),
    }[change]
    platform.values["p0"] = theirs
    record_grade(store, lab, "s000", ratings | {COMPILES: "C"}, request="job2")
    [outcome] = send(delivery, platform)
    assert (outcome.action, outcome.code, outcome.kind) == ("conflict", "platform-value-changed", "conflict")
    assert platform.values["p0"] == theirs
    [outcome] = send(delivery, platform, ReleasePolicy(overwrite=frozenset({"s000"})))
    assert outcome.action == "delivered"
    assert platform.values["p0"].total == 1


def test_a_comment_of_another_person_is_no_conflict(delivery: Any, store: Store, lab: Lab) -> None:
    record_grade(store, lab, "s000", {COMPILES: "B", READABLE: "A"})
    platform = FakePlatform(1, lab)
    platform.values["p0"] = Value(comments=("I handed it in late, sorry.",))
    assert actions(send(delivery, platform)) == {"delivered": 1}


def test_a_regrade_replaces_what_was_delivered(delivery: Any, store: Store, lab: Lab) -> None:
    record_grade(store, lab, "s000", {COMPILES: "B", READABLE: "A"})
    platform = FakePlatform(1, lab)
    send(delivery, platform)
    record_grade(store, lab, "s000", {COMPILES: "C", READABLE: "A"}, request="job2")
    assert actions(send(delivery, platform)) == {"delivered": 1}
    assert platform.values["p0"].total == 1


def test_a_platform_that_ignores_the_grade_is_reported(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 2)
    platform = FakePlatform(2, lab)
    platform.faults = ["ignore"]
    outcomes = send(delivery, platform)
    assert [(each.action, each.code) for each in outcomes] == [("failed", "platform-not-stored"), ("delivered", "")]
    assert actions(send(delivery, platform)) == {"delivered": 1, "unchanged": 1}


def test_one_refused_grade_does_not_stop_the_others(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 3)
    platform = FakePlatform(3, lab)
    platform.faults = ["", "refuse"]
    outcomes = send(delivery, platform)
    assert actions(outcomes) == {"delivered": 2, "failed": 1}
    assert (outcomes[1].kind, outcomes[1].platform_text) == ("data", "score too high")


def test_an_expired_token_ends_the_run_and_reports_every_student(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 4)
    platform = FakePlatform(4, lab)
    platform.faults = ["", "token"]
    outcomes = send(delivery, platform)
    assert [each.code for each in outcomes] == ["", *["platform-token"] * 3]
    assert len(platform.writes) == 1


def test_a_changed_rubric_is_refused_until_it_is_mapped_again(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 1)
    platform = FakePlatform(1, lab)
    send(delivery, platform)
    assert platform.rubric is not None
    first, *rest = platform.rubric.criteria
    changed = first.model_copy(update={"levels": first.levels[::-1]})
    platform.rubric = platform.rubric.model_copy(update={"criteria": (changed, *rest)})
    with pytest.raises(DeliveryError) as raised:
        send(delivery, platform)
    assert raised.value.code == "platform-rubric-changed"
    assert actions(send(delivery, platform, remap=True)) == {"unchanged": 1}
    assert actions(send(delivery, platform)) == {"unchanged": 1}


@pytest.mark.parametrize("fault", ["title", "points", "extra", "missing"])
def test_a_rubric_that_does_not_fit_is_refused(fault: str, delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 1)
    platform = FakePlatform(1, lab)
    assert platform.rubric is not None
    first, second = platform.rubric.criteria
    level = first.levels[0]
    criteria = {
        "title": (first.model_copy(update={"title": "Style"}), second),
        "points": (
            first.model_copy(update={"levels": (level.model_copy(update={"points": 5}), *first.levels[1:])}),
            second,
        ),
        "extra": (first, second, second.model_copy(update={"id": "c9", "title": "More"})),
        "missing": (first,),
    }[fault]
    platform.rubric = platform.rubric.model_copy(update={"criteria": criteria})
    with pytest.raises(DeliveryError) as raised:
        send(delivery, platform)
    assert (raised.value.code, platform.writes) == ("platform-rubric-unmapped", [])


def test_a_different_maximum_is_refused_or_scaled(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 1)
    platform = FakePlatform(1, lab, rubric=False)
    platform.maximum = 10.0
    with pytest.raises(DeliveryError) as raised:
        send(delivery, platform)
    assert raised.value.code == "platform-maximum-differs"
    send(delivery, platform, ReleasePolicy(scale=True))
    assert platform.values["p0"].total == pytest.approx(20 / 3, abs=1e-5)


def test_students_are_matched_by_one_kind_of_id(delivery: Any, store: Store, lab: Lab) -> None:
    """Without student numbers on the platform, a number is not taken for the platform's own id of another person."""
    for student in ("1001", "1002", "1003"):
        record_grade(store, lab, student, {COMPILES: "B", READABLE: "A"})
    platform = FakePlatform(0, lab)
    mail = [("7", "1001@uni.example"), ("8", "1002@uni.example"), ("1003", "else@uni.example")]
    platform.people = [
        PlatformPerson(id=own, ids=(PlatformId(IdKind.PLATFORM, own), PlatformId(IdKind.EMAIL, address)))
        for own, address in mail
    ]
    outcomes = send(delivery, platform)
    assert [each.action for each in outcomes] == ["delivered", "delivered", "unmatched"]
    assert set(platform.values) == {"7", "8"}


def test_two_people_with_one_id_get_nothing(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 2)
    platform = FakePlatform(2, lab)
    platform.people.append(platform.person("p9", "S001"))
    outcomes = send(delivery, platform)
    assert [(each.action, each.code) for each in outcomes] == [
        ("delivered", ""),
        ("ambiguous", "student-ambiguous-on-platform"),
    ]


def test_an_earlier_delivery_decides_who_a_student_is(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 2)
    platform = FakePlatform(2, lab)
    send(delivery, platform)
    platform.people = [platform.person("p0", "s001"), platform.person("p1", "s000")]
    assert actions(send(delivery, platform)) == {"unchanged": 2}


def test_a_forgotten_student_is_in_no_plan_and_the_audit_log_stays_valid(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 2)
    platform = FakePlatform(2, lab)
    send(delivery, platform)
    store.forget_student("s000", COURSE, actor="test")
    assert [each.student for each in send(delivery, platform)] == ["s001"]
    assert store.verify().faults == ()
    with store.database.reading() as connection:
        assert "p0" not in str(connection.exec_driver_sql("SELECT document FROM contents").fetchall())


def test_two_processes_do_not_send_to_the_same_place(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 1)
    platform = FakePlatform(1, lab)
    sender = delivery.sender(platform)
    with sender._lock(platform.target), pytest.raises(GraderError) as raised:
        send(delivery, platform)
    assert raised.value.code == "delivery-running"


def test_nothing_to_send_is_an_error(delivery: Any, lab: Lab) -> None:
    with pytest.raises(DeliveryError) as raised:
        send(delivery, FakePlatform(1, lab))
    assert raised.value.code == "nothing-to-send"


def test_every_code_has_a_meaning_and_a_next_step() -> None:
    texts = issue_texts()
    assert set(KINDS) == {code for code, each in texts.items() if each["group"] == "deliveries"}
    assert all(texts[code]["hint"] for code in KINDS)
