import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from labs_schema.errors import ModelError
from serving.engines.engine import EngineDownError, EngineFailure, LabelScores, ScoreRequest
from serving.engines.http_engine import HttpEngine
from serving.engines.servers import Servers

Handler = Callable[[dict[str, Any]], httpx.Response]


class FakeServers:
    """Servers by address. Each answers log-probability -label for every label, until its `handler` is replaced."""

    def __init__(self, *urls: str) -> None:
        self.handlers: dict[str, Handler] = dict.fromkeys(urls, answer)
        self.asked: dict[str, list[dict[str, Any]]] = {url: [] for url in urls}
        self.models = dict.fromkeys(urls, "m")
        self.versions = dict.fromkeys(urls, "0.32.0")

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = f"{request.url.scheme}://{request.url.host}"
        if request.url.path == "/v1/models":
            model = {"id": self.models[url], "root": "/weights", "max_model_len": 100}
            return httpx.Response(200, json={"data": [model]})
        if request.url.path == "/version":
            return httpx.Response(200, json={"version": self.versions[url]})
        if request.url.path == "/v1/load_lora_adapter":
            return httpx.Response(404)
        body = json.loads(request.content)
        self.asked[url].append(body)
        return self.handlers[url](body)

    def engine(self, patience: float = 0.0) -> HttpEngine:
        return HttpEngine(
            list(self.handlers), patience=patience, client=httpx.Client(transport=httpx.MockTransport(self))
        )


def answer(body: dict[str, Any], finish: str = "length") -> httpx.Response:
    scored = {f"token_id:{label}": -float(label) for label in body.get("logprob_token_ids", [])}
    choices = [
        {
            "index": i,
            "text": "text",
            "finish_reason": finish,
            "stop_reason": "!",
            "logprobs": {"top_logprobs": [scored]},
        }
        for i in range(len(body["prompt"]))
    ]
    return httpx.Response(200, json={"choices": choices[::-1]})


def submission(number: int, criteria: int = 3) -> list[ScoreRequest]:
    shared = tuple(range(number * 7 + 1, number * 7 + 40))
    return [ScoreRequest((*shared, 90 + i, 5), (1, 2, 3)[: 2 + i % 2]) for i in range(criteria)]


def down(_: dict[str, Any]) -> httpx.Response:
    raise httpx.ConnectError("refused")


def test_a_submission_s_questions_are_one_request_and_its_repeats_go_to_the_same_server() -> None:
    servers = FakeServers("http://a", "http://b", "http://c")
    engine = servers.engine()
    work = [submission(n) for n in range(12)]
    for _ in range(2):
        answers = engine.score([request for requests in work for request in requests])
        assert answers[:2] == [LabelScores((-1.0, -2.0)), LabelScores((-1.0, -2.0, -3.0))]
    bodies = {url: [json.dumps(body["prompt"]) for body in asked] for url, asked in servers.asked.items()}
    assert sum(map(len, bodies.values())) == 24
    assert all(each and len(each) == 2 * len(set(each)) for each in bodies.values())
    assert all(len(body["prompt"]) == 3 for asked in servers.asked.values() for body in asked)


def test_a_program_s_questions_in_many_orders_and_one_asked_again_go_to_one_server() -> None:
    servers = FakeServers(*(f"http://{name}" for name in "abcd"))
    engine = servers.engine()
    program = tuple(range(1, 20))
    work = [  # orders of one criterion differ only at their end
        ScoreRequest((*program, *[criterion] * 20, order), (1, 2), len(program))
        for criterion in range(50, 54)
        for order in range(60, 63)
    ]
    engine.score(work)
    engine.score([work[5]])
    [asked] = [asked for asked in servers.asked.values() if asked]
    assert [len(body["prompt"]) for body in asked] == [12, 1]


@pytest.mark.parametrize(
    "failing",
    [
        down,
        lambda body: answer(body, finish="abort"),
        lambda _: httpx.Response(200, json={"choices": []}),
        lambda _: httpx.Response(200, text="not json"),
        lambda body: httpx.Response(200, json={"choices": [answer(body).json()["choices"][0]] * 3}),
        lambda _: httpx.Response(404),
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(503),
    ],
    ids=["gone", "aborted", "empty", "garbage", "doubled", "another model", "500", "busy"],
)
def test_what_one_server_fails_is_asked_of_another(failing: Handler) -> None:
    servers = FakeServers("http://a", "http://b")
    servers.handlers["http://a"] = failing
    work = [request for n in range(8) for request in submission(n)]
    answers = servers.engine().score(work)
    assert all(isinstance(each, LabelScores) for each in answers)
    assert servers.asked["http://a"] and len(servers.asked["http://b"]) == 8


def test_a_dead_server_is_left_out_and_comes_back_by_itself() -> None:
    now = 0.0
    servers = Servers(["http://a", "http://b/"], rest=5, clock=lambda: now)
    keys = [str(n).encode() for n in range(50)]
    before = [servers.order(key)[0] for key in keys]
    assert set(before) == {"http://a", "http://b"}
    servers.failed("http://a")
    assert {servers.order(key)[0] for key in keys} == {"http://b"}
    now = 5.0
    assert [servers.order(key)[0] for key in keys] == before


def test_only_what_a_lost_server_held_moves() -> None:
    keys = [str(n).encode() for n in range(200)]
    three, two = Servers(["http://a", "http://b", "http://c"]), Servers(["http://a", "http://b"])
    moved = [key for key in keys if three.order(key)[0] != two.order(key)[0]]
    assert moved and all(three.order(key)[0] == "http://c" for key in moved)


def test_a_server_that_is_restarted_is_waited_for() -> None:
    servers = FakeServers("http://a")
    failures = iter([down, lambda _: httpx.Response(503), lambda body: answer(body, finish="abort")])
    servers.handlers["http://a"] = lambda body: next(failures, answer)(body)
    answers = servers.engine(patience=20).score(submission(1))
    assert answers[0] == LabelScores((-1.0, -2.0))
    assert len(servers.asked["http://a"]) == 4


def test_where_no_server_answers_nothing_is_made_up() -> None:
    servers = FakeServers("http://a", "http://b")
    servers.handlers = dict.fromkeys(servers.handlers, down)
    engine = servers.engine()
    with pytest.raises(EngineDownError, match="No engine server answered"):
        engine.score(submission(1))


def test_a_refused_prompt_is_asked_once_more_without_its_neighbours() -> None:
    servers = FakeServers("http://a", "http://b")
    servers.handlers = dict.fromkeys(servers.handlers, lambda _: httpx.Response(400))
    answers = servers.engine(patience=60).score(submission(1))
    assert answers == [EngineFailure("the engine server refused the prompt")] * 3
    assert sum(map(len, servers.asked.values())) == 1 + 3


def test_a_refused_prompt_does_not_take_its_neighbours_with_it() -> None:
    servers = FakeServers("http://a")
    work = submission(1)
    bad = list(work[1].prompt)
    servers.handlers["http://a"] = lambda body: httpx.Response(400) if bad in body["prompt"] else answer(body)
    refused, good = EngineFailure("the engine server refused the prompt"), LabelScores((-1.0, -2.0))
    assert servers.engine().score(work) == [good, refused, good]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "3.5", "null", '"x"', "[]"])
def test_a_score_that_is_none_is_a_failure_and_no_grade(value: str) -> None:
    servers = FakeServers("http://a")
    servers.handlers["http://a"] = lambda body: httpx.Response(200, text=answer(body).text.replace("-2.0", value))
    [found] = servers.engine().score([ScoreRequest((1, 2), (1, 2))])
    assert isinstance(found, EngineFailure)


def test_an_answer_without_scores_is_a_failure_and_no_crash() -> None:
    servers = FakeServers("http://a")

    def silent(body: dict[str, Any]) -> httpx.Response:
        choices = answer(body).json()["choices"]
        return httpx.Response(200, json={"choices": [{**choice, "logprobs": None} for choice in choices]})

    servers.handlers["http://a"] = silent
    assert all(isinstance(each, EngineFailure) for each in servers.engine().score(submission(1)))


def test_a_server_that_goes_on_failing_is_asked_less_and_less() -> None:
    now = 0.0
    servers = Servers(["http://a", "http://b"], rest=5, clock=lambda: now)
    for rest in (5, 10, 20, 40, 60, 60):
        servers.failed("http://a")
        servers.failed("http://a")  # the same failure, seen by another question
        now += rest - 1
        assert servers.order(b"0")[-1] == "http://a" and servers.order(b"2")[-1] == "http://a"
        now += 1
    servers.answered("http://a")
    servers.failed("http://a")
    now += 5
    assert {servers.order(str(n).encode())[0] for n in range(20)} == {"http://a", "http://b"}


def test_an_overlong_prompt_reaches_no_server() -> None:
    servers = FakeServers("http://a")
    answers = servers.engine().score([ScoreRequest(tuple(range(100)), (1,)), *submission(1)])
    assert isinstance(answers[0], EngineFailure) and answers[0].reason.startswith("overlong")
    assert isinstance(answers[1], LabelScores)


def test_a_text_that_reaches_its_stop_is_an_answer() -> None:
    servers = FakeServers("http://a")
    engine = servers.engine()
    assert engine.write([(1, 2, 3)], 10, "!", r"\w+!") == ["text"]
    assert engine.write([(1, 2, 3)], 10, "?", r"\w+\?") == [EngineFailure("the answer did not end within 10 tokens")]


@pytest.mark.parametrize(("models", "said"), [({}, "no engine server answers"), (("m", "n"), "not this model")])
def test_servers_of_different_models_or_none_are_refused(models: Sequence[str], said: str) -> None:
    servers = FakeServers("http://a", "http://b")
    servers.models = dict(zip(("http://a", "http://b"), models, strict=False))
    client = httpx.Client(transport=httpx.MockTransport(servers))
    with pytest.raises(ModelError, match=said):
        HttpEngine(list(servers.handlers), client=client)
    assert client.is_closed


def test_servers_of_two_versions_of_vllm_are_told_apart() -> None:
    servers = FakeServers("http://a", "http://b")
    servers.versions["http://b"] = "0.33.0"
    with pytest.raises(ModelError, match=r"vLLM 0\.32\.0 .*vLLM 0\.33\.0 .*by one version of vLLM"):
        servers.engine()


def test_a_server_that_does_not_name_this_model_is_refused_with_the_command_that_starts_the_right_one() -> None:
    servers = FakeServers("http://a")

    def opened() -> HttpEngine:
        client = httpx.Client(transport=httpx.MockTransport(servers))
        return HttpEngine(["http://a"], weights="run/merged", model_hash="0123456789abcdef" * 4, client=client)

    with pytest.raises(ModelError, match="vllm serve run/merged --served-model-name 0123456789abcdef "):
        opened()
    servers.models["http://a"] = "0123456789abcdef"
    assert opened().model == "0123456789abcdef"


def test_probabilities_are_those_of_the_labels_asked_for() -> None:
    [answer] = FakeServers("http://a").engine().score([ScoreRequest((1, 2), (2,))])
    assert isinstance(answer, LabelScores) and math.exp(answer.logprobs[0]) == pytest.approx(math.exp(-2))
