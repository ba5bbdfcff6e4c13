"""The send step: a dry run against the configured platform, a confirmation, and a durable delivery."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labs_schema.grades import Status
from labs_schema.limits import DeliveryLimits
from labs_schema.models import Lab
from serving.deliveries import delivery_worker, retries
from serving.deliveries.configured import open_platform
from serving.deliveries.delivery_jobs import DeliveryJobs
from serving.deliveries.delivery_worker import DeliveryWorker
from serving.deliveries.errors import DeliveryError
from serving.outbound.client import OutboundClient
from serving.outbound.policy import configured_policy
from serving.store.access.roles import Role
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Visitor, pages_app, record_lab, visitor
from tests.harness.platforms.fake_canvas import ASSIGNMENT, TOKEN, FakeCanvas
from tests.harness.platforms.fake_canvas import COURSE as CANVAS_COURSE

PAGE = f"lab/send?course={COURSE}&lab=lab1"
ACCEPTED = {"status": Status.ACCEPTED, "review_reasons": ()}


class Sending:
    """A lab of three students of whom the last one waits for review, and a Canvas that has them."""

    def __init__(self, store: Store, lab: Lab, canvas: FakeCanvas) -> None:
        self.store, self.canvas = store, canvas
        store.create_key("ta", Role.TA, None, actor="test")
        done, waiting = (
            lab.model_copy(update={"submissions": each}) for each in (lab.submissions[:2], lab.submissions[2:])
        )
        self.grades = record_lab(store, done, c0=ACCEPTED, c1=ACCEPTED)
        record_lab(store, waiting, request="job2")
        self.app = pages_app(store)
        self.address = f"{canvas.url}/courses/{CANVAS_COURSE}/assignments/{ASSIGNMENT}"

    def plan(self, **fields: str) -> Visitor:
        admin = visitor(self.app, self.store, "admin")
        admin.open(PAGE)
        admin.submit("lab/send", place="canvas", address=self.address, **fields)
        return admin

    def only_form(self, admin: Visitor) -> None:
        """Leaves only the form below the differences: `Visitor.submit` takes the first one with an address."""
        confirming = admin.page.text.index('name="confirmed"')
        start = admin.page.text.rindex("<form", 0, confirming)
        admin.page = type(admin.page)(200, text=admin.page.text[start:], request=admin.page.request)

    def confirm(self, admin: Visitor) -> Any:
        self.only_form(admin)
        return admin.submit("lab/send", act="confirm")

    def work(self) -> None:
        with OutboundClient(configured_policy()) as client:
            DeliveryWorker(self.store, lambda job: open_platform(job.platform, job.address, client)).look()

    def scores(self) -> list[float | None]:
        return [*self.canvas.scores().values()]


@pytest.fixture
def sending(store: Store, make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> Iterator[Sending]:
    canvas = FakeCanvas(3)
    monkeypatch.setenv("GRADER_CANVAS_URL", canvas.url)
    monkeypatch.setenv("GRADER_CANVAS_TOKEN", TOKEN)
    monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", canvas.url)
    yield Sending(store, make_lab(students=3), canvas)
    canvas.close()


def test_a_dry_run_is_confirmed_sent_and_shown(sending: Sending) -> None:
    admin = sending.plan()
    page = admin.page
    assert page.status_code == 200 and "Nothing is sent yet" in page.text and "Send 2 grades" in page.text
    assert "waiting for review" in page.text and "s002" in page.text and TOKEN not in page.text
    assert sending.scores() == [None, None, None]
    page = sending.confirm(admin)
    assert page.status_code == 200 and "0 of 2 grades" in page.text
    sending.work()
    page = admin.open(str(page.url))
    assert "Finished" in page.text and "Delivered" in page.text
    assert [each is not None for each in sending.scores()] == [True, True, False]
    assert "finished" in admin.open(PAGE).text and sending.store.verify().faults == ()


def test_grades_that_need_review_are_sent_only_if_the_teacher_ticks_so(sending: Sending) -> None:
    assert "Send 3 grades" in sending.plan(include_review="1").page.text


def test_a_grade_that_changed_after_the_dry_run_is_not_sent(sending: Sending) -> None:
    admin = sending.plan()
    current = sending.store.read_history(sending.grades[0]).ratings["Does it compile?"]
    other = next(each for each in "ABC" if each != current)
    sending.store.record_override(sending.grades[0], "Does it compile?", other, "", request="r", actor="ta")
    page = sending.confirm(admin)
    sending.work()
    page = admin.open(str(page.url))
    assert "grade-not-confirmed" in page.text and "s000" in page.text
    assert sending.scores()[0] is None and sending.scores()[1] is not None


def test_a_confirmation_sent_twice_and_a_second_worker_send_once(sending: Sending) -> None:
    admin = sending.plan()
    plan = admin.page
    for _ in range(2):
        admin.page = plan
        sending.confirm(admin)
        sending.work()
    assert len(DeliveryJobs(sending.store.database).of_lab(COURSE, "lab1", 10)) == 1
    assert [len(sending.canvas.comments(10_000 + n)) for n in range(3)] == [1, 1, 0]


@pytest.mark.parametrize("changed", [{"include_review": "1"}, {"overwrite": "s000"}, {"confirmed": '{"p": "1"}'}])
def test_a_page_sent_again_with_other_options_changes_nothing(sending: Sending, changed: dict[str, str]) -> None:
    admin = sending.plan()
    plan = admin.page
    sending.confirm(admin)
    admin.page, jobs = plan, DeliveryJobs(sending.store.database)
    before, head = jobs.of_lab(COURSE, "lab1", 10), sending.store.verify().head
    sending.only_form(admin)
    page = admin.submit("lab/send", act="confirm", **changed)
    assert page.status_code == 409 and "form-reused" in page.text
    assert jobs.of_lab(COURSE, "lab1", 10) == before and sending.store.verify().head == head


def test_a_teachers_value_is_a_conflict_until_it_is_replaced_on_purpose(sending: Sending) -> None:
    sending.canvas.submissions[10_000]["score"] = 0.5
    admin = sending.plan()
    assert "changed on the platform" in admin.page.text and "Send 1 grade" in admin.page.text
    sending.only_form(admin)
    admin.submit("lab/send", overwrite="s000", act="plan")
    assert "Send 2 grades" in admin.page.text
    sending.confirm(admin)
    sending.work()
    assert sending.scores()[0] not in (None, 0.5)


def test_faults_state_the_next_step(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_CANVAS_TOKEN", "wrong")
    page = sending.plan().page
    assert page.status_code == 422 and "platform-token" in page.text and "Next step" in page.text
    monkeypatch.delenv("GRADER_CANVAS_TOKEN")
    assert "No platform is configured" in visitor(sending.app, sending.store, "admin").open(PAGE).text


@pytest.mark.parametrize(
    "suffix", [".evil.example/courses/1/assignments/2", "@evil.example/courses/1/assignments/2", "/x"]
)
def test_the_token_goes_only_to_the_configured_platform(sending: Sending, suffix: str) -> None:
    with OutboundClient(configured_policy()) as client, pytest.raises(DeliveryError) as error:
        open_platform("canvas", sending.canvas.url + suffix, client)
    assert error.value.code == "platform-address" and sending.canvas.requests == []


def test_a_delivery_outlasts_an_outage_of_the_platform(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "LIMITS", retries.LIMITS.model_copy(update={"pause_seconds": 0.0}))
    page, now = sending.confirm(admin := sending.plan()), [0.0]
    with OutboundClient(configured_policy()) as client:
        worker = DeliveryWorker(
            sending.store, lambda job: open_platform(job.platform, job.address, client), lambda: now[0]
        )
        for method in ("GET", "PUT"):  # the platform cannot be read, and then not be written
            sending.canvas.faults = lambda given, _, method=method: "500" if given == method else None
            now[0] += 1000
            worker.look()
            shown = admin.open(str(page.url)).text
            assert "platform-unavailable" in shown and "Finished" not in shown
        sending.canvas.faults, count = lambda *_: None, len(sending.canvas.requests)
        worker.look()
        assert len(sending.canvas.requests) == count
        now[0] += 1000
        worker.look()
    shown = admin.open(str(page.url)).text
    assert "Finished" in shown and "platform-unavailable" not in shown
    assert [each is not None for each in sending.scores()] == [True, True, False]


def test_a_delivery_without_an_end_of_the_outage_fails_after_a_day(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "LIMITS", retries.LIMITS.model_copy(update={"pause_seconds": 0.0}))
    monkeypatch.setattr(delivery_worker, "LIMITS", DeliveryLimits(outage_hours=0))
    page = sending.confirm(admin := sending.plan())
    sending.canvas.faults = lambda *_: "500"
    sending.work()
    assert "Nothing was sent" in admin.open(str(page.url)).text
    assert DeliveryJobs(sending.store.database).unfinished() == []


def test_only_admins_of_the_course_send_and_see_deliveries(sending: Sending) -> None:
    page = sending.confirm(sending.plan())
    assert visitor(sending.app, sending.store, "ta").open(PAGE).status_code == 403
    other = visitor(sending.app, sending.store, "admin", course="cs999")
    assert other.open(PAGE).status_code == 403 and other.open(str(page.url)).status_code == 404
