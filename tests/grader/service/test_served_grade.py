"""The whole way: a model on disk, `grader serve` as its users start it, HTTP in, the same grade as `grader grade`."""

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from labs_schema.models import Lab
from tests.harness.commands import run
from tests.harness.courses.lab_folders import write_lab
from tests.harness.processes.forking import start


@contextmanager
def service(*arguments: str) -> Iterator[str]:
    """The URL of a `grader serve` in a process of its own, which is stopped by SIGTERM and must end by it."""
    process = start("grader", "serve", "--port", "0", *arguments, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        lines: list[str] = []
        while not (lines and "serving on" in lines[-1]):
            line = process.stderr.readline()
            assert line, "it ended: " + "".join(lines)
            lines.append(line)
        yield re.findall(r"http://[^\s,]+", lines[-1])[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_http_grade_equals_cli_grade(make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path) -> None:
    """With vLLM: `tests/test_pipeline.py`."""
    lab = make_lab()
    write_lab(lab, tmp_path / "labs" / "lab1")
    model = ["--model", str(tiny_model_folder), "--engine", "transformers"]
    program = tmp_path / "main.c"
    program.write_text("int main(void) {\n    return 4;\n}\n", encoding="utf-8")
    command = ["grade", str(program), "--lab", str(tmp_path / "labs" / "lab1"), "--json", *model]
    offline = json.loads(run(tmp_path, *command))

    files = [{"filename": program.name, "content": program.read_text(encoding="utf-8")}]
    with (
        service("--labs", str(tmp_path / "labs"), *model) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
        answer = client.post("/grade", json={"lab": "lab1", "submission": {"files": files}})
        assert answer.status_code == 200, answer.text
        refused = client.post("/grade", json={"lab": "lab2", "submission": {"files": files}})
        assert refused.status_code == 404
    assert_same(answer.json(), offline)


def assert_same(served: dict[str, Any], offline: dict[str, Any]) -> None:
    """Equal but for the probabilities' last digits: a prefix from the cache is rounded otherwise."""
    assert served["provenance"] == offline["provenance"]
    for answer, graded in zip(served["criteria"], offline["criteria"], strict=True):
        assert (answer["title"], answer["rating"]["id"]) == (graded["criterion"], graded["rating"])
        assert (answer["points"], answer["max_points"]) == (graded["marks"], graded["max_marks"])
        assert (answer["status"], len(answer["review_reasons"])) == (graded["status"], len(graded["review_reasons"]))
        assert answer["label_mass"] == pytest.approx(graded["label_mass"], abs=0.01)
        shares = {rating["id"]: rating["probability"] for rating in answer["ratings"]}
        assert shares == pytest.approx(graded["probabilities"], abs=0.01)
