"""A run started with two processes can be finished by one, and vice versa, with the same steps and submissions."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from training.run.metrics import TIMING_FIELDS

SUBMISSIONS = 7  # a step takes 4, so that the epoch's last one has 3, and of two processes one lacks a batch
PROGRAM = """
import json, os, signal, sys
from pathlib import Path
import torch
import training.run.train, training.run.stages
from training.config import load_config
from training.trainers.submission_batches import SubmissionBatches

config, resume, kill, seen = sys.argv[1:]
now = {}
train_stage, on_step_end = training.run.train.train_stage, training.run.stages.StopOnSignal.on_step_end
collated = SubmissionBatches._collate

def staged(name, *rest):
    now["stage"] = name
    train_stage(name, *rest)

def named(self, rows):
    return {**collated(self, rows), "tree_submissions": torch.tensor(sorted({r["submission"] for r in rows}))}

def gathered(self, iterator, number, device):
    batches, items = super(SubmissionBatches, self).get_batch_samples(iterator, number, device)
    with open(seen, "a") as file:
        for batch in batches:
            for submission in batch["tree_submissions"].tolist():
                file.write(json.dumps([now["stage"], self.state.global_step + 1, submission]) + "\\n")
    return batches, items

def stepped(self, args, state, control, **rest):
    if kill == f"{now['stage']} {state.global_step}" and os.environ.get("RANK", "0") == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    on_step_end(self, args, state, control, **rest)

training.run.train.train_stage, training.run.stages.StopOnSignal.on_step_end = staged, stepped
SubmissionBatches._collate, SubmissionBatches.get_batch_samples = named, gathered
training.run.train.train(load_config(Path(config)), resume=Path(resume) if resume else None)
training.run.train.exit_all_ranks()
"""
CONFIG = """
{{model: models/tiny, dataset: data, output_dir: {out}, bf16: false, lora_dropout: 0.0, logging_steps: 1, save_steps: 1,
 sft: {{method: full, learning_rate: 1.0e-3, num_train_epochs: 2, gradient_accumulation_steps: {accumulated}}},
 dpo: {{method: lora, learning_rate: 1.0e-3, num_train_epochs: 1, gradient_accumulation_steps: {accumulated}}}}}
"""


@pytest.mark.nightly
def test_a_killed_run_resumes_with_fewer_or_more_processes(here: Path, make_lab: Any, write_dataset: Any) -> None:
    (here / "data").rename(here / "other")
    write_dataset(make_lab(students=SUBMISSIONS), here / "data")
    whole = Run(here, "whole", processes=1)
    whole.go(1)
    assert [len(step) for step in whole.seen("whole-0").values()] == [4, 3, 4, 3, 4, 3]
    for first, then, stage, step in ((2, 1, "sft", 3), (1, 2, "dpo", 2)):
        run = Run(here, f"from{first}", processes=first)
        run.go(first, kill=f"{stage} {step}")
        run.go(then)
        before, after = run.seen(f"from{first}-0"), run.seen(f"from{first}-1")
        # The step that was killed before its checkpoint is repeated on the same submissions.
        assert before[stage, step] == after[stage, step] and next(iter(after)) == (stage, step)
        assert {**before, **after} == whole.seen("whole-0")
        for line, expected in zip(run.logged(), whole.logged(), strict=True):
            assert line.pop("stage") == expected.pop("stage")
            assert line == pytest.approx(expected, rel=1e-3, abs=1e-5)
        for folder in ("sft", "adapter"):
            one, other = run.weights(folder), whole.weights(folder)
            assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-4


class Run:
    """A run with four submissions per step, started with `processes`."""

    def __init__(self, here: Path, name: str, processes: int) -> None:
        self.here, self.name, self.attempts = here, name, 0
        (here / f"{name}.yaml").write_text(CONFIG.format(out=name, accumulated=4 // processes))
        (here / "program.py").write_text(PROGRAM)

    def go(self, processes: int, kill: str = "") -> None:
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"] if processes == 2 else []
        folder = "" if self.attempts == 0 else str(self.folder)
        seen = f"seen-{self.name}-{self.attempts}.jsonl"
        self.attempts += 1
        done = subprocess.run(
            [sys.executable, *launch, "program.py", f"{self.name}.yaml", folder, kill, seen],
            cwd=self.here,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (done.returncode != 0) == bool(kill), done.stderr[-3000:]

    def seen(self, attempt: str) -> dict[tuple[str, int], list[int]]:
        """The submissions of each step of each stage, in order, of all processes together."""
        steps: dict[tuple[str, int], list[int]] = {}
        for line in (self.here / f"seen-{attempt}.jsonl").read_text().splitlines():
            stage, step, submission = json.loads(line)
            steps.setdefault((stage, step), []).append(submission)
        return {key: sorted(steps[key]) for key in sorted(steps, key=lambda key: (key[0] != "sft", key[1]))}

    @property
    def folder(self) -> Path:
        (folder,) = (path for path in (self.here / self.name).iterdir() if not path.is_symlink())
        return folder

    def logged(self) -> list[dict[str, Any]]:
        """Without timing fields, and without `epoch`, which counts the batches of one process."""
        lines = map(json.loads, (self.folder / "metrics.jsonl").read_text().splitlines())
        return [
            {name: value for name, value in line.items() if name not in (*TIMING_FIELDS, "epoch")} for line in lines
        ]

    def weights(self, folder: str) -> dict[str, Any]:
        from safetensors.torch import load_file

        paths = sorted((self.folder / folder).glob("*.safetensors"))
        return {name: value for path in paths for name, value in load_file(path).items()}
