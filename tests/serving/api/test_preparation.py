"""Programs are prepared off the engine thread, short ones separately; hopelessly long ones are refused."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from labs_schema.models import Lab, SourceFile, Submission
from labs_schema.source import lexer
from prompts.encode import PromptEncoder
from serving.grading.grader import Grader
from serving.grading.scoring_requests import MAX_CONTEXTS, ScoringRequest
from serving.scheduler.engine_thread import EngineThread
from serving.scheduler.preparation import SHORT_CHARS, PreparationPool


def program(text: str) -> Submission:
    return Submission(student="", folder="", files=(SourceFile(path="main.c", text=text),))


def body(text: str) -> dict[str, Any]:
    return {"lab": "lab1", "submission": {"files": [{"filename": "main.c", "content": text}]}}


@pytest.fixture
def short_sighted(fake_grader: Any, byte_tokenizer: Any) -> Grader:
    """A grader whose model reads 2,000 tokens."""
    encoder = PromptEncoder(byte_tokenizer, context_length=2000)
    return Grader(fake_grader.engine, encoder, fake_grader.style, fake_grader.identity)


def test_a_short_program_does_not_wait_for_a_long_one(make_lab: Callable[..., Lab]) -> None:
    go, lab = threading.Event(), make_lab()

    def prepare(_: Lab, submission: Submission, course: str) -> ScoringRequest:
        del course
        if len(submission.files[0].text) > SHORT_CHARS:
            assert go.wait(5)
        return ScoringRequest(refused=str(len(submission.files[0].text)))

    async def prepare_both() -> None:
        preparing = PreparationPool(prepare)
        long = asyncio.ensure_future(preparing.prepare(lab, program("x" * (SHORT_CHARS + 1))))
        await asyncio.sleep(0)
        assert (await asyncio.wait_for(preparing.prepare(lab, program("x")), 5)).refused == "1"
        go.set()
        assert (await long).refused == str(SHORT_CHARS + 1)
        preparing.close()

    asyncio.run(prepare_both())


def test_preparation_does_not_change_the_grade(make_lab: Callable[..., Lab], fake_grader: Any) -> None:
    lab = make_lab(students=2)
    work = [(lab, submission) for submission in lab.submissions]
    requests = [fake_grader.prepare(*work[0]), None]
    assert fake_grader.grade_each(work, requests=requests) == fake_grader.grade_each(work)


def test_requests_are_prepared_off_the_engine_thread(fake_grader: Any, new_app: Callable[..., Any]) -> None:
    threads, prepare = [], fake_grader.prepare
    fake_grader.prepare = lambda *given: (threads.append(threading.current_thread().name), prepare(*given))[1]
    app = new_app(EngineThread(lambda: fake_grader))
    with TestClient(app, "http://localhost") as client:
        assert client.post("/grade", json=body("int main(void) {}")).status_code == 200
    assert [name.rsplit("_", 1)[0] for name in threads] == ["prepare-short"]


def test_a_program_of_several_contexts_is_refused_with_413(
    short_sighted: Grader, fake_engine: Any, new_app: Callable[..., Any]
) -> None:
    app = new_app(EngineThread(lambda: short_sighted))
    with TestClient(app, "http://localhost") as client:
        most = MAX_CONTEXTS * 2000
        answer = client.post("/grade", json=body("q9" * most))
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
        [error] = answer.json()["errors"]
        *least, tokens, unit = error["found"].split()
        assert (error["field"], error["expected"]) == ("submission.files", f"at most {most} tokens")
        assert (least, int(tokens) > most, unit) == (["at", "least"], True, "tokens")
        assert fake_engine.calls == []
        overlong = client.post("/grade", json=body("q9" * 1500)).json()["criteria"][0]["ungraded"]
        assert overlong.startswith("overlong: ")  # not hopeless: a person may look at it


def test_refused_program_is_not_redacted_and_only_partly_tokenized(
    short_sighted: Grader, new_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    count = short_sighted.encoder.count
    monkeypatch.setattr(short_sighted.encoder, "count", lambda text: (counted.append(len(text)), count(text))[1])
    monkeypatch.setattr("serving.api.routes.grading.with_redactions", lambda *_: pytest.fail("names were searched"))
    app = new_app(EngineThread(lambda: short_sighted))
    with TestClient(app, "http://localhost") as client:
        assert client.post("/grade", json=body("q9" * 400_000)).status_code == 413
    assert sum(counted) < 100_000


def test_a_program_is_lexed_once_per_request(
    fake_grader: Any, new_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By redaction, prompt, injection detector and sanitizer together; the sanitized program is another text."""
    scanned: list[str] = []
    scan = lexer.scan
    monkeypatch.setattr(lexer, "scan", lambda text, language: (scanned.append(text), scan(text, language))[1])
    fake_grader.verification_pass = True
    text = "int lexed_once(void) { return 4; } // a comment by s042\n"
    with TestClient(new_app(EngineThread(lambda: fake_grader)), "http://localhost") as client:
        assert client.post("/grade", json={**body(text), "student": "s042"}).status_code == 200
    assert scanned.count(text) == 1
