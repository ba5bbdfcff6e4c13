"""The HTTP engine: which server a request goes to, failover, retries, and answers that must not be trusted."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.engines.engine import EngineDownError, EngineFailure, LabelScores, ScoreRequest

Handler = Callable[[dict[str, Any]], httpx.Response]
SCORES = LabelScores((-1.0, -2.0))


def submission(number: int, criteria: int = 3) -> list[ScoreRequest]:
    shared = tuple(range(number * 7 + 1, number * 7 + 40))
    return [ScoreRequest((*shared, 90 + i, 5), (1, 2, 3)[: 2 + i % 2]) for i in range(criteria)]


def down(_: dict[str, Any]) -> httpx.Response:
    raise httpx.ConnectError("refused")


def abort(body: dict[str, Any]) -> httpx.Response:
    choice = {"index": 0, "text": "", "finish_reason": "abort"}
    return httpx.Response(200, json={"choices": [choice | {"index": i} for i in range(len(body["prompt"]))]})


def duplicate(_: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"choices": [{"index": 0, "finish_reason": "length"}] * 3})


def test_a_submission_is_one_request_and_its_repeat_goes_to_the_same_server(fake_servers: Any) -> None:
    servers = fake_servers(a="m", b="m", c="m")
    engine = servers.engine()
    work = [submission(n) for n in range(12)]
    for _ in range(2):
        answers = engine.score([request for requests in work for request in requests])
        assert answers[:2] == [SCORES, LabelScores((-1.0, -2.0, -3.0))]
    bodies = {url: [json.dumps(body["prompt"]) for body in sent] for url, sent in servers.requests.items()}
    assert sum(map(len, bodies.values())) == 24
    assert all(each and len(each) == 2 * len(set(each)) for each in bodies.values())
    assert all(len(body["prompt"]) == 3 for sent in servers.requests.values() for body in sent)


def test_all_option_orders_of_a_program_go_to_one_server(fake_servers: Any) -> None:
    servers = fake_servers(**dict.fromkeys("abcd", "m"))
    engine = servers.engine()
    program = tuple(range(1, 20))
    work = [  # orders of one criterion differ only at their end
        ScoreRequest((*program, *[criterion] * 20, order), (1, 2), len(program))
        for criterion in range(50, 54)
        for order in range(60, 63)
    ]
    engine.score(work)
    engine.score([work[5]])
    [sent] = [sent for sent in servers.requests.values() if sent]
    assert [len(body["prompt"]) for body in sent] == [12, 1]


@pytest.mark.parametrize(
    "failing",
    [
        down,
        abort,
        duplicate,
        lambda _: httpx.Response(200, json={"choices": []}),
        lambda _: httpx.Response(200, text="not json"),
        lambda _: httpx.Response(404),
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(503),
    ],
    ids=["down", "aborted", "duplicated", "empty", "garbage", "404", "500", "busy"],
)
def test_a_failed_request_goes_to_the_next_server(failing: Handler, fake_servers: Any) -> None:
    servers = fake_servers(a="m", b="m")
    servers.handlers["http://a"] = failing
    answers = servers.engine().score([request for n in range(8) for request in submission(n)])
    assert all(isinstance(each, LabelScores) for each in answers)
    assert servers.requests["http://a"] and len(servers.requests["http://b"]) == 8


def test_a_request_is_retried_while_a_server_restarts(fake_servers: Any) -> None:
    servers = fake_servers(a="m")
    failures = iter([down, lambda _: httpx.Response(503), abort])
    servers.handlers["http://a"] = lambda body: next(failures, servers.scored)(body)
    assert servers.engine(patience=20).score(submission(1))[0] == SCORES
    assert len(servers.requests["http://a"]) == 4


def test_without_any_answer_the_engine_is_down(fake_servers: Any) -> None:
    servers = fake_servers(a="m", b="m")
    servers.handlers = dict.fromkeys(servers.handlers, down)
    with pytest.raises(EngineDownError, match="No engine server answered"):
        servers.engine().score(submission(1))


def test_a_rejected_request_fails_its_prompts_and_is_not_retried(fake_servers: Any) -> None:
    servers = fake_servers(a="m", b="m")
    good, bad = submission(1), submission(5)
    reject = list(bad[1].prompt)
    servers.handlers = dict.fromkeys(
        servers.handlers, lambda body: httpx.Response(400) if reject in body["prompt"] else servers.scored(body)
    )
    answers = servers.engine(patience=60).score([*good, *bad])
    rejected = EngineFailure("the engine server rejected the request")
    assert answers == [SCORES, LabelScores((-1.0, -2.0, -3.0)), SCORES, *[rejected] * 3]
    assert sum(map(len, servers.requests.values())) == 2


@pytest.mark.parametrize("value", ["NaN", "Infinity", "3.5", "null", '"x"', "[]"])
def test_an_impossible_log_probability_is_a_failure(value: str, fake_servers: Any) -> None:
    servers = fake_servers(a="m")
    servers.handlers["http://a"] = lambda body: httpx.Response(
        200, text=servers.scored(body).text.replace("-2.0", value)
    )
    [found] = servers.engine().score([ScoreRequest((1, 2), (1, 2))])
    assert isinstance(found, EngineFailure)


def test_an_answer_without_scores_is_a_failure(fake_servers: Any) -> None:
    servers = fake_servers(a="m")

    def without_scores(body: dict[str, Any]) -> httpx.Response:
        choices = servers.scored(body).json()["choices"]
        return httpx.Response(200, json={"choices": [{**choice, "logprobs": None} for choice in choices]})

    servers.handlers["http://a"] = without_scores
    assert all(isinstance(each, EngineFailure) for each in servers.engine().score(submission(1)))


def test_an_overlong_prompt_is_not_sent(fake_servers: Any) -> None:
    servers = fake_servers(a="m")
    answers = servers.engine().score([ScoreRequest(tuple(range(100)), (1,)), *submission(1)])
    assert isinstance(answers[0], EngineFailure) and answers[0].reason.startswith("overlong")
    assert isinstance(answers[1], LabelScores)


def test_only_a_text_that_reached_its_stop_string_is_an_answer(fake_servers: Any) -> None:
    engine = fake_servers(a="m").engine()
    assert engine.write([(1, 2, 3)], 10, "!", r"\w+!") == ["text"]
    assert engine.write([(1, 2, 3)], 10, "?", r"\w+\?") == [EngineFailure("the answer did not end within 10 tokens")]


def test_scores_belong_to_the_requested_labels(fake_servers: Any) -> None:
    [answer] = fake_servers(a="m").engine().score([ScoreRequest((1, 2), (2,))])
    assert isinstance(answer, LabelScores) and math.exp(answer.logprobs[0]) == pytest.approx(math.exp(-2))


def test_an_answer_from_a_server_that_restarted_with_other_settings_is_discarded(fake_servers: Any) -> None:
    servers = fake_servers(a="m")
    patient, impatient = servers.engine(patience=5), servers.engine(patience=0)
    requests = [ScoreRequest((5, 6, 7), (1, 2))]
    assert patient.score(requests) == impatient.score(requests) == [SCORES]
    servers.fingerprint = "two"
    with pytest.raises(EngineDownError, match="restarted with other settings"):
        impatient.score(requests)
    assert patient.score(requests) == [SCORES]  # after checking the server again
    assert len(servers.requests["http://a"]) == 5


def test_an_engine_stops_answering_when_its_adapters_files_change(fake_servers: Any, adapter: Path) -> None:
    servers = fake_servers("a", a="base")
    engine = servers.engine(model_hash="base", adapter=adapter, adapter_hash="tuned")
    requests = [ScoreRequest((5, 6, 7), (1, 2))]
    assert engine.score(requests) == [SCORES]
    (adapter / "adapter_model.safetensors").write_bytes(b"other weights")
    with pytest.raises(EngineDownError, match="have changed"):
        engine.score(requests)
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(EngineDownError, match="are missing"):
        engine.score(requests)
    assert len(servers.requests["http://a"]) == 1
