"""`grader attack` on a fake engine."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from grader.cli import app
from labs_schema.errors import GraderError
from labs_schema.models import Lab
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from serving.engines.engine import LabelScores, ScoreRequest
from serving.grading.grader import Grader
from serving.grading.provenance import ModelIdentity
from serving.scoring.triage import Thresholds
from tests.harness.courses.lab_folders import write_lab


class GullibleEngine:
    """Gives the first letter .7 if the prompt contains `please`, otherwise the last."""

    name, version, context_length = "fake", "1", 100_000

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer, self.calls = tokenizer, list[int]()

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores]:
        self.calls.append(len(requests))
        return [self._answer(request) for request in requests]

    def _answer(self, request: ScoreRequest) -> LabelScores:
        falls = (-0.36, *[-2.0] * (len(request.labels) - 1))
        return LabelScores(falls if "please" in self.tokenizer.decode(request.prompt) else falls[::-1])

    def write(self, *_: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None: ...


@pytest.fixture
def lab(tmp_path: Path, make_lab: Callable[..., Lab]) -> Path:
    write_lab(make_lab(students=6), tmp_path / "lab1")
    return tmp_path / "lab1"


@pytest.fixture
def attack(
    lab: Path, tmp_path: Path, byte_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Result, Any]]:
    """Runs the command without detector and verification pass, so that raises get through."""

    def load(*_: Any, **__: Any) -> Grader:
        identity = ModelIdentity(base_model="fake", model_hash="0", tokenizer_hash="1", prompt_hash="2")
        encoder = PromptEncoder(byte_tokenizer, context_length=100_000)
        engine = GullibleEngine(byte_tokenizer)
        return Grader(engine, encoder, PromptStyle(), identity, Thresholds(), verification_pass=False)

    monkeypatch.setattr("grader.experiments.attack.load_grader", load)
    monkeypatch.setattr("serving.grading.scoring_requests.detect", lambda *_: ())

    def run(*words: str) -> tuple[Result, Any]:
        out = tmp_path / "out"
        result = CliRunner().invoke(
            app, ["attack", str(lab), "--model", "m", "--out", str(out), *words], env={"COLUMNS": "120"}
        )
        file = out / "attack.json"
        return result, json.loads(file.read_text()) if file.is_file() else None

    return run


def test_successful_attack_counts_as_an_undetected_raise(attack: Any, tmp_path: Path) -> None:
    result, report = attack("--attacks", "request,verdict-json", "--submissions", "4")
    assert result.exit_code == 0, result.output
    assert [*report["families"]] == ["all", "request", "verdict", "control text"]
    assert next(iter(report["attacks"])) == "request-please" and len(report["attacks"]) == 9
    please, other = report["attacks"]["request-please"], report["attacks"]["request-letter"]
    assert (please["attempts"], please["raised"]["value"], please["undetected_raises"]) == (8, 1, 8)
    assert (other["raised"]["value"], other["undetected_raises"]) == (0, 0)
    control = report["families"]["control text"]
    assert (control["attempts"], control["undetected_raises"]) == (report["families"]["all"]["attempts"], 0)
    assert please["above_control"]["value"] == 1
    assert (report["clean"]["submissions"], report["clean"]["repeat_raised"]["value"]) == (4, 0)
    assert (tmp_path / "out" / "attack.png").read_bytes().startswith(b"\x89PNG")
    assert "s00" not in json.dumps(report)


def test_report_defines_accepted(attack: Any) -> None:
    result, report = attack("--attacks", "request-please")
    assert report["accept_from"] == 0 and "the worst case" in result.output
    result, report = attack("--attacks", "request-please", "--accept-from", "0.9")
    please = report["attacks"]["request-please"]
    assert (report["accept_from"], please["undetected_raises"], please["caught"]["low confidence"]) == (0.9, 0, 12)
    assert "from a confidence of 0.9" in result.output


def test_an_unknown_attack_is_an_error_that_lists_the_families(attack: Any) -> None:
    result, report = attack("--attacks", "majic")
    assert isinstance(result.exception, GraderError) and "verdict" in str(result.exception)
    assert report is None


def test_training_programs_are_not_attacked(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from grader.experiments.attack import unseen_submissions
    from labs_schema.hashes import submission_key
    from labs_schema.privacy.pseudonym_key import key_fingerprint
    from training.dataset.manifest import LabSplit

    class Manifest:
        labs = {"lab1": LabSplit(train=tuple(submission_key("lab1", f"s00{i}") for i in range(4)))}  # noqa: RUF012
        secret = key_fingerprint()

    lab = make_lab(students=6)
    assert len(unseen_submissions(lab, str(tmp_path), 5, 0)) == 5
    (tmp_path / "dataset.json").touch()
    monkeypatch.setattr("training.run_folder.RunFolder.read_dataset_manifest", lambda _: Manifest)
    assert [s.student for s in unseen_submissions(lab, str(tmp_path), 5, 0)] == ["s004", "s005"]
