"""Regrading a lab over HTTP: start, progress, pause, resume, cancel, and the results."""

import asyncio
import csv
import io
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.limits import ServiceLimits
from serving.api.routes.jobs import job_events
from serving.api.schemas.examples import BY_LAB
from serving.api.schemas.jobs import JobStatus
from serving.engines.engine import LabelScores
from serving.jobs.job import State
from tests.harness.courses.lab_folders import write_lab


def start(client: Any) -> str:
    answer = client.post("/labs/lab1/regrade")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def wait_for(client: Any, job: str, state: str = "done") -> dict[str, Any]:
    return until(lambda: client.get(f"/jobs/{job}").json(), lambda found: found["state"] == state)


def until(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + 10
    while not good(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.01)
    return found


@pytest.fixture
def store(store_anywhere: Any) -> Any:
    return store_anywhere


@pytest.fixture
def blocked(fake_engine: Any) -> threading.Event:
    """The engine blocks until this is set."""
    proceed, first_letter = threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if proceed.wait(10) else None
    return proceed


def test_a_regraded_labs_results_are_available_in_three_formats(course: Any) -> None:
    with course.serve() as client:
        job = start(client)
        found = wait_for(client, job)
        assert (found["lab"], found["graded"], found["total"], found["parked"]) == ("lab1", 6, 6, [])
        assert found["seconds_left"] == 0 and found["finished_at"]
        lines = [json.loads(line) for line in client.get(f"/jobs/{job}/grades.jsonl").text.splitlines()]
        assert sorted(line["grade"]["student"] for line in lines) == [f"s{i:03d}" for i in range(6)]
        table = list(csv.reader(io.StringIO(client.get(f"/jobs/{job}/rubric_ratings.csv").text)))
        assert [row[0] for row in table[6:]] == [line["grade"]["student"] for line in lines]
        assert table[6][1:] == ["1", "0", "0", "1", "0"]
        compared = client.get(f"/jobs/{job}/comparison").json()
        assert compared["with_tas"]["rated_by_both"] == 12 and compared["with_previous"] is None
        assert client.get("/jobs").json() == {"jobs": [found]}


def test_a_student_without_a_readable_program_is_in_status_and_results(course: Any) -> None:
    folder = course.labs / "lab1"
    (folder / "submissions/s000@course/main.c").unlink()
    (folder / "roster.csv").write_text("id,name\ns777,Ann Lee\n")
    with course.serve() as client:
        job = start(client)
        found = wait_for(client, job)
        parked = {each["student"]: each["code"] for each in found["parked"]}
        assert parked == {"s000": "no-program", "s777": "student-without-submission"}
        assert (found["graded"], found["total"]) == (5, 7)
        warnings = {each["code"]: each["count"] for each in found["warnings"]}
        assert warnings["no-program"] == 1 and "unreadable-submissions" in warnings
        lines = [json.loads(line) for line in client.get(f"/jobs/{job}/grades.jsonl").text.splitlines()]
        assert {line["grade"]["student"] for line in lines[:2]} == parked.keys() and len(lines) == 7
        assert all(each["rating"] is None for line in lines[:2] for each in line["grade"]["criteria"])
        table = list(csv.reader(io.StringIO(client.get(f"/jobs/{job}/rubric_ratings.csv").text)))[6:]
        assert {row[0] for row in table} == {line["grade"]["student"] for line in lines}
        compared = client.get(f"/jobs/{job}/comparison").json()["with_tas"]
        assert (compared["students"], compared["unreadable"]) == (7, {"no-program": 1, "student-without-submission": 1})


def test_a_job_is_compared_with_the_previous_one(course: Any, fake_engine: Any) -> None:
    with course.serve() as client:
        first = start(client)
        wait_for(client, first)
        fake_engine.script = [LabelScores((-3.0, -0.1, -4.0))]
        second = start(client)
        wait_for(client, second)
        found = client.get(f"/jobs/{second}/comparison").json()["with_previous"]
    assert (found["before"], found["compared"], found["same"]) == (first, 12, 11)
    [change] = found["changes"]
    assert (change["criterion"], change["before"], change["now"]) == ("Does it compile?", "A", "B")
    assert change["student"].startswith("s00")


def test_a_paused_job_continues_when_resumed(course: Any, blocked: threading.Event) -> None:
    with course.serve(run_jobs=False) as client:
        job = start(client)
        assert client.post(f"/jobs/{job}/pause").json()["state"] == "paused"
    blocked.set()
    with course.serve() as client:
        assert client.get(f"/jobs/{job}").json()["graded"] == 0
        client.post(f"/jobs/{job}/resume")
        assert wait_for(client, job)["graded"] == 6


def test_a_cancelled_job_stays_cancelled(course: Any, blocked: threading.Event) -> None:
    blocked.set()
    with course.serve(run_jobs=False) as client:
        job = start(client)
        assert client.post(f"/jobs/{job}/cancel").json()["state"] == "cancelled"
        assert client.post(f"/jobs/{job}/resume").json()["state"] == "cancelled"
        assert client.get(f"/jobs/{job}/grades.jsonl").text == ""
        answer = client.get(f"/jobs/{job}/rubric_ratings.csv")
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing-graded")


def test_a_lab_that_became_unreadable_is_a_409(course: Any) -> None:
    with course.serve() as client:
        (course.labs / "lab1" / "rubrics.json").write_text("{")
        answer = client.post("/labs/lab1/regrade")
        assert (answer.status_code, answer.json()["code"]) == (409, "lab-unreadable")
        assert client.post("/labs/lab2/regrade").status_code == 404


def test_another_courses_jobs_and_grades_are_not_found(course: Any) -> None:
    with course.serve() as client:
        job = start(client)
        wait_for(client, job)
        grade = json.loads(client.get(f"/jobs/{job}/grades.jsonl").text.splitlines()[0])["grade_id"]
        assert client.get(f"/grades/{grade}").status_code == 200
    with course.serve(name="cs102") as client:
        assert client.get("/jobs").json() == {"jobs": []}
        for path in (f"/jobs/{job}", f"/jobs/{job}/events", f"/jobs/{job}/grades.jsonl", f"/grades/{grade}"):
            assert client.get(path).status_code == 404, path
        for path in (f"/jobs/{job}/cancel", f"/grades/{grade}/overrides"):
            body = {"criterion": "Is it readable?", "rating": "B"}
            assert client.post(path, json=body).status_code == 404, path


def test_an_override_is_in_the_history_and_in_the_table(course: Any) -> None:
    headers = course.key("ta")
    with course.serve() as client:
        client.headers.update(headers)
        job = start(client)
        wait_for(client, job)
        line = json.loads(client.get(f"/jobs/{job}/grades.jsonl").text.splitlines()[0])
        url = f"/grades/{line['grade_id']}"
        body = {"criterion": "Is it readable?", "rating": "B", "why": "One letter names."}
        again = [client.post(f"{url}/overrides", json=body, headers={"Idempotency-Key": "1"}) for _ in range(2)]
        assert (again[0].status_code, again[0].content) == (201, again[1].content)
        assert (again[0].json()["old"], again[0].json()["new"]) == ("A", "B")
        history = client.get(url).json()
        assert history["student"] == line["grade"]["student"]
        assert history["ratings"] == {"Does it compile?": "A", "Is it readable?": "B"}
        assert [c["rating"]["id"] for c in history["grade"]["criteria"]] == ["A", "A"]
        assert [override["why"] for override in history["overrides"]] == ["One letter names."]
        table = list(csv.reader(io.StringIO(client.get(f"/jobs/{job}/rubric_ratings.csv").text)))
        assert table[6][1:] == ["1", "0", "0", "0", "1"]
        wrong = client.post(f"{url}/overrides", json={**body, "rating": "Z"})
        assert (wrong.status_code, wrong.json()["code"]) == (404, "not-found")


def test_unreadable_submission_is_rated_by_hand(course: Any) -> None:
    (course.labs / "lab1" / "submissions" / "s000@course" / "main.c").unlink()
    with course.serve() as client:
        job = start(client)
        wait_for(client, job)
        first = json.loads(client.get(f"/jobs/{job}/grades.jsonl").text.splitlines()[0])
        assert (first["grade"]["student"], first["grade"]["provenance"], first["ratings"]) == ("s000", None, {})
        url = f"/grades/{first['grade_id']}"
        for criterion in ("Does it compile?", "Is it readable?"):
            assert client.post(f"{url}/overrides", json={"criterion": criterion, "rating": "B"}).status_code == 201
        history = client.get(url).json()
        assert (history["student"], history["grade"]["provenance"]) == ("s000", None)
        assert set(history["ratings"].values()) == {"B"}
        table = list(csv.reader(io.StringIO(client.get(f"/jobs/{job}/rubric_ratings.csv").text)))
        assert table[6] == ["s000", "0", "1", "0", "0", "1"]


def test_an_override_of_group_work_reaches_every_member_unless_it_is_for_one(course: Any) -> None:
    (course.labs / "lab1" / "groups.csv").write_text("group,student\ns000,s000\ns000,s100\n")
    with course.serve() as client:
        wait_for(client, start(client))
        job = start(client)
        wait_for(client, job)

        def ratings() -> dict[str, str]:
            lines = [json.loads(line) for line in client.get(f"/jobs/{job}/grades.jsonl").text.splitlines()]
            ids.update({line["grade"]["student"]: line["grade_id"] for line in lines})
            return {line["grade"]["student"]: line["ratings"]["Is it readable?"] for line in lines}

        ids: dict[str, str] = {}
        assert ratings() == dict.fromkeys([*(f"s{i:03d}" for i in range(6)), "s100"], "A")
        body = {"criterion": "Is it readable?", "rating": "B"}
        assert client.post(f"/grades/{ids['s100']}/overrides", json=body).status_code == 201
        assert {student for student, rating in ratings().items() if rating == "B"} == {"s000", "s100"}
        histories = [client.get(f"/grades/{ids[student]}").json()["overrides"] for student in ("s000", "s100")]
        assert len({(each["by"], each["at"], each["old"], each["new"]) for [each] in histories}) == 1
        assert histories[0][0]["id"] != histories[1][0]["id"]
        one = {**body, "rating": "A", "applies_to": "student"}
        assert client.post(f"/grades/{ids['s100']}/overrides", json=one).status_code == 201
        assert {student for student, rating in ratings().items() if rating == "B"} == {"s000"}


def test_forgotten_grade_is_empty_and_cannot_be_overridden(course: Any) -> None:
    with course.serve() as client:
        job = start(client)
        wait_for(client, job)
        lines = [json.loads(line) for line in client.get(f"/jobs/{job}/grades.jsonl").text.splitlines()]
        [grade] = [line["grade_id"] for line in lines if line["grade"]["student"] == "s003"]
        course.store.forget_student("s003", actor="test")
        history = client.get(f"/grades/{grade}").json()
        assert (history["student"], history["grade"], history["ratings"]) == (None, None, {})
        body = {"criterion": "Is it readable?", "rating": "B"}
        assert client.post(f"/grades/{grade}/overrides", json=body).status_code == 410
        for form in ("grades.jsonl", "rubric_ratings.csv", "comparison"):
            assert "s003" not in client.get(f"/jobs/{job}/{form}").text


def test_the_history_lists_the_students_other_grades(course: Any) -> None:
    grade = {**BY_LAB, "lab": "lab1"}
    with course.serve() as client:
        mine = [client.post("/grade", json={**grade, "student": "s1"}).json()["grade_id"] for _ in range(2)]
        anonymous = [client.post("/grade", json=grade).json()["grade_id"] for _ in range(2)]
        assert [each["id"] for each in client.get(f"/grades/{mine[0]}").json()["others"]] == [mine[1]]
        assert client.get(f"/grades/{anonymous[0]}").json()["others"] == []
        assert client.get(f"/grades/{anonymous[0]}").json()["student"] is None


def test_events_report_the_job_until_it_ends(course: Any) -> None:
    with course.serve() as client:
        job = start(client)
        with client.stream("GET", f"/jobs/{job}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            found = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
        assert found[-1] == client.get(f"/jobs/{job}").json()
        assert [each["graded"] for each in found] == sorted(each["graded"] for each in found)
        assert client.get("/jobs/nothing/events").status_code == 404


@pytest.mark.parametrize("path", ["/jobs/%00", "/jobs/a%0Ab/events", "/jobs/%00/grades.jsonl", "/grades/%00"])
def test_an_id_with_control_characters_is_invalid(course: Any, problem: Any, path: str) -> None:
    with course.serve() as client:
        problem(client.get(path), "invalid-request")


RUNNING = JobStatus(
    id="1",
    lab="lab1",
    course="c",
    state=State.RUNNING,
    started_at="",
    started_by="",
    finished_at=None,
    graded=1,
    total=6,
    parked=(),
    warnings=(),
    failure=None,
    seconds_left=None,
)


def test_a_stream_sends_heartbeats_and_ends_with_the_service() -> None:
    stopping, reads = threading.Event(), 0

    def read_status() -> JobStatus:
        nonlocal reads
        reads += 1
        if reads == 5:
            stopping.set()
        return RUNNING

    limits = ServiceLimits(stream_poll_seconds=0.001, stream_heartbeat_seconds=0.002)

    async def read() -> list[str]:
        return [text async for text in job_events(read_status, stopping, limits)]

    found = asyncio.run(asyncio.wait_for(read(), 5))
    assert found[0].startswith("event: progress\ndata: {") and found[0].endswith("}\n\n")
    assert set(found[1:]) == {": heartbeat\n\n"}


def test_a_stream_ends_when_its_client_disconnects(course: Any, blocked: threading.Event) -> None:
    with course.serve(run_jobs=False) as client:
        job = start(client)

        async def listened() -> None:
            gone = asyncio.Event()
            messages = [{"type": "http.request", "body": b""}]

            async def receive() -> dict[str, Any]:
                if messages:
                    return messages.pop()
                await gone.wait()
                return {"type": "http.disconnect"}

            async def send(message: dict[str, Any]) -> None:
                if b"progress" in message.get("body", b""):
                    gone.set()

            scope = {"type": "http", "method": "GET", "path": f"/jobs/{job}/events", "query_string": b"", "headers": []}
            await asyncio.wait_for(client.app(scope, receive, send), 5)

        asyncio.run(listened())
    blocked.set()


def test_a_lab_without_submissions_is_done_at_once(course: Any, make_lab: Any) -> None:
    write_lab(make_lab("empty", students=0), course.labs / "empty")
    with course.serve() as client:
        job = client.post("/labs/empty/regrade").json()["id"]
        assert wait_for(client, job)["total"] == 0
