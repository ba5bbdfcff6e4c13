"""The dry run in words: every total, rating and comment that changes, and first what a person should know."""

from typing import Any

from labs_schema.grades import Status
from labs_schema.models import Lab
from serving.deliveries.differences import differences, listed, mapping_text, matching_text
from serving.deliveries.plan import Action, DeliveryPlan, ReleasePolicy
from serving.deliveries.platform import Value
from serving.store.store import Store
from tests.harness.stores.graded_store import grade_students, record_grade
from tests.serving.deliveries.conftest import FakePlatform

COMPILES, READABLE = "Does it compile?", "Is it readable?"
RATINGS = {COMPILES: "B", READABLE: "A"}


def dry_run(delivery: Any, platform: FakePlatform) -> DeliveryPlan:
    plan: DeliveryPlan = delivery.sender(platform).plan(delivery.source, ReleasePolicy())
    return plan


def send(delivery: Any, platform: FakePlatform) -> None:
    delivery.sender(platform).send(delivery.source, dry_run(delivery, platform), ReleasePolicy())


def test_only_what_changes_is_listed(delivery: Any, store: Store, lab: Lab) -> None:
    grade, platform = record_grade(store, lab, "s000", RATINGS), FakePlatform(1, lab)
    plan = dry_run(delivery, platform)
    assert differences(plan.students[0], plan) == [
        ("total", "", "2"),
        ("DOES IT COMPILE?", "", "B (1)"),
        ("DOES IT COMPILE?: comment", "", "Because of line 16."),
        ("IS IT READABLE?", "", "A (1)"),
        ("IS IT READABLE?: comment", "", "Because of line 15."),
    ]
    send(delivery, platform)
    store.record_override(grade, COMPILES, "B", "A warning is enough. " * 9, request="o1", actor="ta1")
    plan = dry_run(delivery, platform)
    total, (name, before, after) = differences(plan.students[0], plan)
    assert total == ("total", "2", "2") and (name, before) == ("DOES IT COMPILE?: comment", "Because of line 16.")
    assert after.startswith("A warning") and after.endswith("...") and len(after) == 60


def test_an_overall_comment_is_a_difference(delivery: Any, store: Store, lab: Lab) -> None:
    record_grade(store, lab, "s000", RATINGS)
    platform = FakePlatform(1, lab, rubric=False)
    platform.values["p0"] = Value(comments=("Please\nsee me.",))
    plan = dry_run(delivery, platform)
    _, (name, before, after) = differences(plan.students[0], plan)
    assert (name, before) == ("comment", "Please see me.") and after.startswith("Does it compile?: B (1)")


def test_students_with_a_problem_are_listed_first(delivery: Any, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 3)
    for student, status in (("s003", Status.NEEDS_REVIEW), ("s004", Status.ACCEPTED), ("s005", Status.ACCEPTED)):
        record_grade(store, lab, student, RATINGS, status=status)
    platform = FakePlatform(6, lab)
    platform.people[1:2] = [platform.person("x", "s001"), platform.person("y", "s001")]
    del platform.people[5]
    platform.values["p5"] = Value(total=0.5)
    platform.people.append(platform.person("z", "s999"))
    plan = dry_run(delivery, platform)
    assert [(each.student, each.action) for each in listed(plan)] == [
        ("s005", Action.CONFLICT),
        ("s001", Action.AMBIGUOUS),
        ("s004", Action.UNMATCHED),
        ("s003", Action.WAITS),
        ("s000", Action.SEND),
        ("s002", Action.SEND),
    ]


def test_the_origin_of_mapping_and_matching_is_named(delivery: Any, store: Store, lab: Lab) -> None:
    record_grade(store, lab, "s000", RATINGS)
    platform = FakePlatform(1, lab)
    plan = dry_run(delivery, platform)
    assert (mapping_text(plan), matching_text(plan)) == ("2 criteria, by equal titles and points", "student number")
    send(delivery, platform)
    assert mapping_text(dry_run(delivery, platform)) == "2 criteria, as stored with the first delivery"
    platform.people = [platform.person("p0", "unknown")]
    assert matching_text(dry_run(delivery, platform)) == "earlier deliveries"
    platform.people = []
    assert matching_text(dry_run(delivery, platform)) == "no id"
    assert mapping_text(dry_run(delivery, FakePlatform(1, lab, rubric=False))) == ""
