"""The Canvas adapter against a strict fake with Canvas' traps, which `canvasapi` reads independently."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from canvasapi import Canvas

from labs_schema.models import Lab
from serving.deliveries.errors import DeliveryError
from serving.deliveries.plan import ReleasePolicy
from serving.deliveries.platforms.canvas import CanvasPlatform
from serving.deliveries.platforms.canvas_api import CanvasApi
from serving.deliveries.retries import Retries
from serving.deliveries.sending import Sender, StudentOutcome
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store.store import Store
from tests.harness.platforms.adapters import canvas_rubric
from tests.harness.platforms.fake_canvas import ASSIGNMENT, COURSE, TOKEN, FakeCanvas
from tests.harness.stores.graded_store import grade_students, record_grade

# canvasapi warns about http; the fake has no certificate.
pytestmark = pytest.mark.filterwarnings("ignore:Canvas may respond unexpectedly:UserWarning")
COMPILES, READABLE = "Does it compile?", "Is it readable?"
FAULTS = ["drop", "lose", "half", "twice", "500", "403", "429"]


@pytest.fixture
def canvas(lab: Lab) -> Iterator[FakeCanvas]:
    fake = FakeCanvas(5, canvas_rubric(lab))
    yield fake
    fake.close()


class Canvases:
    """Sends the store's grades to a fake Canvas."""

    def __init__(self, delivery: Any) -> None:
        self.delivery, self.retries = delivery, Retries(delivery.waited.append)

    def platform(self, canvas: FakeCanvas, client: OutboundClient, token: str = TOKEN) -> CanvasPlatform:
        return CanvasPlatform(CanvasApi(client, canvas.url, token, self.retries), str(COURSE), str(ASSIGNMENT))

    def send(self, canvas: FakeCanvas, *, token: str = TOKEN, **policy: Any) -> list[StudentOutcome]:
        release = ReleasePolicy(**policy)
        with OutboundClient(OutboundPolicy(frozenset({parse_origin(canvas.url)}))) as client:
            platform = self.platform(canvas, client, token)
            sender = Sender(self.delivery.store, platform, actor="test", retries=self.retries)
            return sender.send(self.delivery.source, sender.plan(self.delivery.source, release), release)


@pytest.fixture
def canvases(delivery: Any) -> Canvases:
    return Canvases(delivery)


def actions(outcomes: list[StudentOutcome]) -> Counter[str]:
    return Counter(each.action for each in outcomes)


def test_an_independent_client_reads_what_was_sent(
    canvases: Canvases, canvas: FakeCanvas, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 5)
    assert actions(canvases.send(canvas)) == {"delivered": 5}
    assignment = Canvas(canvas.url, TOKEN).get_course(COURSE).get_assignment(ASSIGNMENT)
    found = {each.user_id: each for each in assignment.get_submissions(include=["rubric_assessment"])}
    assert [found[10_000 + n].score for n in range(5)] == [2, 2, 0, 3, 1]
    first = found[10_000].rubric_assessment
    assert first["_00"] == {"rating_id": "0_0", "comments": "Because of line 16.", "points": 2.0}
    assert first["_10"]["rating_id"] == "1_1"


def test_canvasapi_grades_the_fake_by_the_paths_that_the_adapter_uses(
    canvases: Canvases, canvas: FakeCanvas, store: Store, lab: Lab
) -> None:
    """Its change counts as a teacher's change, which has precedence."""
    record_grade(store, lab, "s000", {COMPILES: "B", READABLE: "A"})
    course = Canvas(canvas.url, TOKEN).get_course(COURSE)
    assert [each.sis_user_id for each in course.get_users(enrollment_type=["student"])][:2] == ["s000", "s001"]
    submission = course.get_assignment(ASSIGNMENT).get_submission(10_000)
    submission.edit(rubric_assessment={"_00": {"rating_id": "0_0", "points": 2}}, comment={"text_comment": "Good"})
    [outcome] = canvases.send(canvas)
    assert (outcome.action, outcome.code) == ("conflict", "platform-value-changed")
    assert canvas.scores()["s000"] == 2


def test_a_rubric_without_an_association_is_reported(
    canvases: Canvases, canvas: FakeCanvas, store: Store, lab: Lab
) -> None:
    """Canvas ignores the assessment and answers 200."""
    grade_students(store, lab, 1)
    canvas.assignment_fields |= {"rubric": canvas.rubric}
    canvas.association = False
    [outcome] = canvases.send(canvas)
    assert (outcome.action, outcome.code, outcome.kind) == ("failed", "platform-not-stored", "set-up")


def test_equal_points_are_distinguished_by_the_rating(
    canvases: Canvases, canvas: FakeCanvas, store: Store, lab: Lab
) -> None:
    first, second = lab.criteria
    same = tuple(rating.model_copy(update={"marks": 1.0}) for rating in first.ratings)
    equal = lab.model_copy(update={"criteria": (first.model_copy(update={"ratings": same}), second)})
    canvas.rubric, canvas.points = canvas_rubric(equal), 2
    record_grade(store, equal, "s000", {COMPILES: "C", READABLE: "A"})
    assert actions(canvases.send(canvas)) == {"delivered": 1}
    assert canvas.submissions[10_000]["rubric_assessment"]["_00"]["rating_id"] == "0_2"


def test_a_large_course_is_read_page_by_page_with_ids_as_text(canvases: Canvases, lab: Lab) -> None:
    canvas = FakeCanvas(230, canvas_rubric(lab))
    with OutboundClient(OutboundPolicy(frozenset({parse_origin(canvas.url)}))) as client:
        platform = canvases.platform(canvas, client)
        people, values = platform.read_people(), platform.read_values()
    assert [each.id for each in people] == list(values) == [str(10_000 + n) for n in range(230)]
    assert sum("page=bookmark" in path for _, path in canvas.requests) == 4
    assert all(str(ASSIGNMENT) in path for _, path in canvas.requests if "submissions" in path)
    canvas.close()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token": "wrong"}, "platform-token"),
        ({"token": ""}, "platform-token"),
        ({"fields": {"grading_type": "pass_fail"}}, "platform-assignment-unsuitable"),
        ({"fields": {"anonymous_grading": True}}, "platform-assignment-unsuitable"),
        ({"points": 10}, "platform-maximum-differs"),
    ],
)
def test_a_wrong_set_up_sends_nothing(
    change: dict[str, Any], code: str, canvases: Canvases, canvas: FakeCanvas, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 1)
    canvas.assignment_fields |= change.get("fields", {})
    canvas.points = change.get("points", 3)
    with pytest.raises(DeliveryError) as raised:
        canvases.send(canvas, token=change.get("token", TOKEN))
    assert raised.value.code == code
    assert canvas.counts["PUT"] == 0


def test_an_excused_student_stays_excused(canvases: Canvases, canvas: FakeCanvas, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 1)
    canvas.submissions[10_000]["excused"] = True
    assert [each.action for each in canvases.send(canvas)] == ["conflict"]
    assert canvas.counts["PUT"] == 0


def test_a_late_policy_does_not_look_like_a_teachers_change(
    canvases: Canvases, canvas: FakeCanvas, store: Store, lab: Lab
) -> None:
    record_grade(store, lab, "s000", {COMPILES: "A", READABLE: "A"})
    canvases.send(canvas)
    canvas.submissions[10_000]["score"] = 2.4  # entered_score stays 3
    assert actions(canvases.send(canvas)) == {"unchanged": 1}


def test_a_page_at_another_host_does_not_get_the_token(canvas: FakeCanvas) -> None:
    canvas.users *= 60
    origin, canvas.url = parse_origin(canvas.url), canvas.url.replace("127.0.0.1", "localhost")
    with OutboundClient(OutboundPolicy(frozenset({origin}))) as client:
        api = CanvasApi(client, canvas.url.replace("localhost", "127.0.0.1"), TOKEN)
        with pytest.raises(DeliveryError) as raised:
            list(api.read_all(f"/courses/{COURSE}/users"))
    assert raised.value.code == "platform-unexpected"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("with_rubric", [True, False])
def test_each_fault_leaves_the_right_grade_and_one_comment(
    fault: str, with_rubric: bool, canvases: Canvases, store: Store, lab: Lab
) -> None:
    canvas = FakeCanvas(4, canvas_rubric(lab) if with_rubric else None)
    grade_students(store, lab, 4)
    canvas.faults = lambda method, count: fault if method == "PUT" and count in (1, 3, 4) else None
    assert actions(canvases.send(canvas)) == {"delivered": 4}
    assert list(canvas.scores().values()) == [2, 2, 0, 3]
    assert [len(canvas.comments(10_000 + n)) for n in range(4)] == [0 if with_rubric else 1] * 4
    canvas.close()


@pytest.mark.slow
@pytest.mark.parametrize("students", [60, pytest.param(500, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("with_rubric", [True, False])
def test_every_grade_arrives_through_a_bad_network(
    with_rubric: bool, students: int, canvases: Canvases, store: Store, lab: Lab
) -> None:
    """Every fourth request fails in one of seven ways; failed runs are repeated, as a teacher would."""
    dice = random.Random(7)
    canvas = FakeCanvas(students, canvas_rubric(lab) if with_rubric else None)
    grade_students(store, lab, students)
    expected = {f"s{n:03d}": float((2, 1, 0)[n % 3] + (1, 0)[(n + 1) % 2]) for n in range(students)}
    canvas.faults = lambda *_: dice.choice(FAULTS) if dice.random() < 0.25 else None
    outcomes = canvases.send(canvas)
    while any(each.action == "failed" for each in outcomes):
        outcomes = canvases.send(canvas)
    canvas.faults = lambda *_: None
    assert actions(canvases.send(canvas)) == {"unchanged": students}
    assert canvas.scores() == expected
    assert {len(canvas.comments(10_000 + n)) for n in range(students)} == {0 if with_rubric else 1}
    assert store.verify().faults == ()
    canvas.close()
