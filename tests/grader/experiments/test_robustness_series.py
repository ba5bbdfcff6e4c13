"""A complete robustness series with a random tiny model: poisoned, trained, evaluated and resumed."""

import json

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.evaluation import BAG_OF_WORDS, MAJORITY
from prompts.style import PromptStyle
from tests.harness.courses.lab_folders import write_lab
from training.dataset.build import DatasetOptions, build_dataset

YAML = """model: {model}
dataset: data
on_overlong: middle
bf16: false
lora_dropout: 0.0
max_steps: 2
sft: {{method: full, learning_rate: 1.0e-3, gradient_accumulation_steps: 4}}
dpo: {{learning_rate: 1.0e-3, gradient_accumulation_steps: 4}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", pytest.param("prompts", marks=pytest.mark.nightly)])
def test_series_is_trained_evaluated_and_resumed(kind, tmp_path, make_lab, tiny_model_folder, monkeypatch) -> None:
    labs, data, out = tmp_path / "labs", tmp_path / "data", tmp_path / "out"
    (tmp_path / "secret").write_bytes(bytes(32))  # pseudonyms, and so what is poisoned, depend on the key
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "secret"))
    reasons = kind == "prompts"
    write_lab(make_lab(students=6 if reasons else 16), labs / "lab1")  # an untrained model writes long reasons
    options = DatasetOptions(style=PromptStyle(), reasoning=reasons)
    build_dataset(labs, data / "train.jsonl", data / "test.jsonl", options)
    (tmp_path / "run.yaml").write_text(YAML.format(model=tiny_model_folder))

    def call(*flags: str, p: str = "0,0.5") -> None:
        paths = {"--dataset": data, "--parent-dir": labs, "--config": tmp_path / "run.yaml", "--out": out}
        named = [str(word) for pair in paths.items() for word in pair]
        result = CliRunner().invoke(app, ["robustness", kind, "--p", p, "--seeds", "1", *named, *flags])
        if result.exception:
            raise result.exception

    call("--at-most", "1")
    assert [file.name for file in (out / "cells").iterdir()] == [f"{kind}-p0-seed0-sigmoid.json"]
    sft = (out / "runs" / f"{kind}-p0-seed0-sigmoid" / "sft" / "model.safetensors").read_bytes()

    from grader.experiments.robustness import run_cell

    learned = []
    train = run_cell.train
    monkeypatch.setattr(
        run_cell, "train", lambda config, **rest: learned.append(rest["resume"]) or train(config, **rest)
    )
    monkeypatch.setattr("grader.experiments.robustness.series._delete_weights", lambda *_: None)
    call()
    assert [run.name for run in learned] == [
        f"{kind}-p{p}-{rest}" for p, rest in (("0", "seed0-robust"), ("0.5", "seed0-sigmoid"), ("0.5", "seed0-robust"))
    ]
    assert (out / "runs" / f"{kind}-p0-seed0-robust" / "sft" / "model.safetensors").read_bytes() == sft
    assert (out / "runs" / f"{kind}-p0.5-seed0-sigmoid" / "sft" / "model.safetensors").read_bytes() != sft

    found = json.loads((out / "robustness.json").read_text())
    poison = json.loads((out / "data" / f"{kind}-p0.5-seed0" / "poison.json").read_text())
    assert found["finished"] == found["cells"] == 4 and len(found["points"]) == 4
    assert found["points"][2]["poisoned"] == [len(poison["swaps"]) + len(poison["injections"])] != [0]
    assert ("rouge_l" in found["points"][0]["figures"]) == reasons
    assert set(found["baselines"]) == {BAG_OF_WORDS, MAJORITY}
    learned.clear()
    call()
    assert learned == []
    with pytest.raises(Exception, match="Choose another --out"):
        call("--label-smoothing", "0.2")
