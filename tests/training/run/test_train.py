"""Complete small runs with real libraries: SFT, DPO, resume, merge."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError, OverlongError
from prompts.manifest import check_manifest, read_manifest
from tests.harness.errors import raises_code
from training.config import RunConfig, load_config

RUN = Path("run.yaml")


def small_run(**flags: Any) -> RunConfig:
    faster = ["sft.per_device_train_batch_size=2", "dpo.per_device_train_batch_size=2", "logging_steps=1"]
    return load_config(RUN, {"max_steps": 3, **flags}, faster)


def weights(run: Path, folder: str) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {k: v for path in sorted((run / folder).glob("*.safetensors")) for k, v in load_file(path).items()}


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_a_run_folder_is_complete_and_can_be_merged() -> None:
    from transformers import AutoTokenizer

    from training.models.merge import merge
    from training.run.train import train

    run = train(small_run())
    assert {"config.yaml", "manifest.json", "metrics.jsonl", "tensorboard", "times.json", "README.md"} <= names(run)
    assert {"tokenizer", "sft", "adapter", "training.png", "dataset.json"} <= names(run)
    assert {path.suffix for path in (run / "adapter").iterdir()} == {".json", ".safetensors"}
    manifest = read_manifest(run)
    assert (manifest.base_model, manifest.adapter, manifest.stages) == ("sft", "adapter", ("sft", "dpo"))
    check_manifest(manifest, AutoTokenizer.from_pretrained(run / "tokenizer"))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["step"]) for line in lines] == [(s, n) for s in ("sft", "dpo") for n in (1, 2, 3)]
    assert set(json.loads((run / "times.json").read_text())) == {"data_loading", "sft", "dpo"}
    base = str(Path("models/tiny").resolve())
    assert load_config(run / "config.yaml") == small_run().model_copy(update={"model": base})

    merged = merge(run, dtype="float32")
    assert merged == (run / "merged").absolute() and read_manifest(merged).adapter is None
    before, after = weights(run, "sft"), weights(run, "merged")
    changed = {name.split(".")[-2] for name in before if not (before[name] == after[name]).all()}
    assert changed == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "methods",
    [
        ("full", "lora"),
        *(pytest.param(each, marks=pytest.mark.nightly) for each in (("lora", "lora"), ("full", "full"))),
    ],
)
def test_a_run_stopped_by_ctrl_c_and_resumed_equals_an_uninterrupted_one(
    here: Path, methods: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.run.train import TrainingStoppedError, train

    overrides = [f"{stage}.method={method}" for stage, method in zip(("sft", "dpo"), methods, strict=True)]
    settings = load_config(
        RUN, {"max_steps": 4, "lora_dropout": 0.1}, [*overrides, "sft.per_device_train_batch_size=3"]
    )
    uninterrupted = train(settings)
    stopped: list[Path] = []
    interrupt_at(monkeypatch, step=2)
    for _ in settings.stages:
        with pytest.raises(TrainingStoppedError, match="--resume") as stop:
            train(settings, resume=stopped[-1] if stopped else None)
        stopped.append(stop.value.run)
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert train(settings, resume=stopped[0]) == stopped[0] == stopped[1]
    last = "adapter" if methods[1] == "lora" else "model"
    for folder in ("sft", last):
        one, other = weights(uninterrupted, folder), weights(stopped[0], folder)
        assert one.keys() == other.keys()
        assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-6, folder


@pytest.mark.slow
def test_a_run_does_not_resume_with_other_data_or_another_runs_checkpoint(
    here: Path, make_lab: Any, write_dataset: Callable[[Any, Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.run.train import TrainingStoppedError, train

    interrupt_at(monkeypatch, step=1)
    runs = []
    for seed in (0, 1):
        with pytest.raises(TrainingStoppedError) as stop:
            train(small_run(seed=seed))
        runs.append(stop.value.run)
    (runs[0] / "checkpoints/sft/checkpoint-1").rename(here / "aside")
    (runs[1] / "checkpoints/sft/checkpoint-1").rename(runs[0] / "checkpoints/sft/checkpoint-1")
    with raises_code("bad-checkpoint"):
        train(small_run(seed=0), resume=runs[0])
    (here / "data").rename(here / "old")
    write_dataset(make_lab(students=9), here / "data")
    with raises_code("changed-dataset"):
        train(small_run(seed=0), resume=runs[0])


@pytest.mark.slow
def test_overlong_submissions_and_changed_data_are_handled(here: Path) -> None:
    from training.run.train import train

    with pytest.raises(OverlongError):
        train(small_run(on_overlong="error", context_length=90))
    with raises_code("no-examples", "8"):
        train(small_run(on_overlong="skip", context_length=90))
    with (here / "data" / "train.jsonl").open("a") as file:
        file.write("{}\n")
    with raises_code("changed-output"):
        train(small_run())
    with pytest.raises(InputError, match="no file"):
        train(small_run(dataset="nowhere"))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Sends this process a Ctrl-C in every stage after `step` steps."""
    from training.run.callbacks import StopOnSignal

    original: Callable[..., None] = StopOnSignal.on_step_end

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if state.global_step == step:
            os.kill(os.getpid(), signal.SIGINT)
        original(self, args, state, control, **rest)

    monkeypatch.setattr(StopOnSignal, "on_step_end", on_step_end)
