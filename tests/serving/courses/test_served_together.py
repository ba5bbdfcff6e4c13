"""Two registered courses, served by a service and processed by a worker without --model; nightly, with real vLLM."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.models import Lab
from prompts.manifest import ModelManifest, prompt_hash, tokenizer_hash, write_manifest
from prompts.style import PromptStyle
from tests.harness.courses.lab_folders import write_lab
from tests.harness.processes.forking import start

COURSES = ("cs101", "cs102")
SECONDS = 120
"""Timeout; an idle machine needs a fifth of it."""


@contextmanager
def process(log: Path, *arguments: str) -> Iterator[Callable[[str], str]]:
    """Runs a `grader` command; yields a function that waits for a log line with some text."""
    with log.open("wb") as stderr:
        running = start("grader", *arguments, stderr=stderr)

    def line(text: str) -> str:
        until = time.monotonic() + SECONDS
        while not (found := [each for each in log.read_text().splitlines() if text in each]):
            assert running.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        return found[0]

    try:
        yield line
    finally:
        running.kill()
        running.wait()


def tuned(folder: Path, base: Path, tokenizer: Any, seed: int) -> Path:
    """Merged weights of a run: those of `base` with random noise."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(base, folder)
    weights, generator = load_file(folder / "model.safetensors"), torch.Generator().manual_seed(seed)
    noisy = {name: w + 0.1 * torch.randn(w.shape, generator=generator) for name, w in weights.items()}
    save_file(noisy, folder / "model.safetensors", metadata={"format": "pt"})
    manifest = ModelManifest(
        grader_version="0",
        base_model=".",
        trained_from=folder.name,
        tokenizer_hash=tokenizer_hash(tokenizer),
        prompt_hash=prompt_hash(PromptStyle(), tokenizer),
        style=PromptStyle(),
        context_length=1024,
        option_order="given",
    )
    write_manifest(manifest, folder)
    return folder


def grader(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def keys(
    tmp_path: Path,
    tiny_model_folder: Path,
    byte_tokenizer: Any,
    make_lab: Callable[..., Lab],
    new_postgresql: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, dict[str, str]]:
    """Course -> headers with its TA's key. Each course is registered with its own model and `lab1`."""
    monkeypatch.setenv("GRADER_STORE", new_postgresql())
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("COLUMNS", "200")
    headers = {}
    for seed, course in enumerate(COURSES):
        labs = tmp_path / "labs" / course
        write_lab(make_lab(students=1), labs / "lab1")
        model = tuned(tmp_path / f"tuned-{course}", tiny_model_folder, byte_tokenizer, seed)
        grader("courses", "add", course, "--model", str(model), "--labs", str(labs))
        token = grader("keys", "create", f"{course}'s TA", "--role", "ta", "--course", course).split()[-1]
        headers[course] = {"Authorization": f"Bearer {token}"}
    return headers


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["transformers", pytest.param("vllm", marks=pytest.mark.nightly)])
def test_service_and_worker_grade_each_course_with_its_model(
    engine: str, keys: dict[str, dict[str, str]], tmp_path: Path, make_lab: Callable[..., Lab]
) -> None:
    [program] = make_lab(students=1).submissions[0].files
    body = {"lab": "lab1", "submission": {"files": [{"filename": program.path, "content": program.text}]}}
    with ExitStack() as running:
        worker = running.enter_context(
            process(tmp_path / "worker.log", "worker", "--name", "gpu-1", "--engine", engine)
        )
        service = running.enter_context(
            process(tmp_path / "serve.log", "serve", "--no-jobs", "--port", "0", "--engine", engine)
        )
        [url] = re.findall(r"http://[^\s,]+(?=,)", service("serving on"))
        client = running.enter_context(httpx.Client(base_url=url, timeout=SECONDS))
        answers = {course: client.post("/grade", json=body, headers=keys[course]) for course in COURSES}
        jobs = {course: client.post("/labs/lab1/regrade", headers=keys[course]).json()["id"] for course in COURSES}
        assert client.get(f"/jobs/{jobs['cs101']}", headers=keys["cs102"]).status_code == 404
        assert "cs101, cs102" in worker("processing jobs")
        for course in COURSES:
            assert answers[course].status_code == 200, answers[course].text
            done = wait_for(client, jobs[course], keys[course])
            assert (done["state"], done["graded"], done["parked"]) == ("done", 1, [])
            worked = client.get(f"/jobs/{jobs[course]}/grades.jsonl", headers=keys[course]).json()["grade"]
            served = answers[course].json()
            assert worked["provenance"] == served["provenance"]
            assert worked["provenance"]["base_model"] == f"tuned-{course}"
            stored = [one["probabilities"] for one in worked["criteria"]]
            assert all(a == pytest.approx(b, abs=0.01) for a, b in zip(probabilities(served), stored, strict=True))
        one, two = (probabilities(answers[course].json()) for course in COURSES)
        assert one != [pytest.approx(each, abs=0.01) for each in two]
        counted = client.get("/metrics").text
        assert set(re.findall(r'course="(.*?)"', counted)) == set(COURSES)


def probabilities(answer: dict[str, Any]) -> list[dict[str, float]]:
    """Per criterion, of every rating."""
    return [{each["id"]: each["probability"] for each in one["ratings"]} for one in answer["criteria"]]


def wait_for(client: httpx.Client, job: str, headers: dict[str, str]) -> dict[str, Any]:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        status: dict[str, Any] = client.get(f"/jobs/{job}", headers=headers).json()
        if status["state"] in ("done", "failed"):
            break
        time.sleep(0.1)
    return status
