"""HTTP metrics by route template: paths and query strings never become labels."""

from fastapi import Depends, FastAPI
from starlette.testclient import TestClient

from serving.api.middleware.access_log import AccessLog
from serving.observability.telemetry import Telemetry

MARK = "zoe-marker-7731"


def served() -> TestClient:
    app, telemetry = FastAPI(), Telemetry()
    app.add_middleware(AccessLog, on_request=telemetry.metrics.request)
    telemetry.install(app, Depends(lambda: None))

    @app.get("/labs/{lab}")
    def lab(lab: str) -> str:
        if lab == "bad":
            raise RuntimeError(MARK)
        return lab

    return TestClient(app, raise_server_exceptions=False)


def test_requests_are_counted_by_route_method_and_status() -> None:
    client = served()
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


def test_metrics_are_prometheus_text_of_this_service_only() -> None:
    response = served().get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert "vllm" not in response.text and "python_gc" not in response.text
