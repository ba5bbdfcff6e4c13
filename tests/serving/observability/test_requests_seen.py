"""Requests are counted by the template of their route: no path and no query of anybody's becomes a label."""

from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.api.authorization import operator
from serving.observability.metrics import Metrics
from serving.observability.observed import Observed

MARK = "zoe-marker-7731"


def served(metrics: Metrics) -> TestClient:
    app = FastAPI()
    Observed(metrics).install(app)
    app.dependency_overrides[operator.dependency] = lambda: None

    @app.get("/labs/{lab}")
    def lab(lab: str) -> str:
        if lab == "bad":
            raise RuntimeError(MARK)
        return lab

    return TestClient(app, raise_server_exceptions=False)


def test_requests_are_counted_by_route_method_and_status() -> None:
    metrics = Metrics()
    client = served(metrics)
    for path in (f"/labs/{MARK}?q={MARK}", "/labs/two", f"/{MARK}", "/labs/bad"):
        client.get(path)
    client.request(MARK.upper(), "/labs/two")
    text = client.get("/metrics").text
    assert 'grader_requests_total{method="GET",route="/labs/{lab}",status="200"} 2.0' in text
    assert 'grader_requests_total{method="GET",route="/labs/{lab}",status="500"} 1.0' in text
    assert 'grader_requests_total{method="GET",route="(no route)",status="404"} 1.0' in text
    assert 'method="(other)"' in text
    assert 'grader_request_seconds_count{route="/labs/{lab}"} 4.0' in text
    assert MARK.lower() not in text.lower()


def test_the_metrics_are_of_this_service_alone_in_prometheus_text_form() -> None:
    answer = served(Metrics()).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "vllm" not in answer.text and "python_gc" not in answer.text
