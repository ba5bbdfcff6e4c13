"""A run that is killed several times and resumed gives the same weights and log as an uninterrupted one."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from training.run.metrics import TIMING_FIELDS

STEPS = 6  # of each stage: SFT's three epochs of two, DPO's one and a half of four
MOMENTS = {
    "step": range(1, 7),  # done, neither logged nor saved
    "log": (1, 3, 6),  # in the middle of a log line
    "save": (2, 4, 6),  # in the middle of a checkpoint
    "seal": (2, 4, 6),  # after a checkpoint, before its seal
    "end": (6,),  # after all steps, before the stage's weights are written
}
POINTS = [(stage, n, m) for stage in ("sft", "dpo") for n in range(1, STEPS + 1) for m in MOMENTS if n in MOMENTS[m]]
CONFIG = """
{{model: models/tiny, dataset: data, output_dir: {out}, bf16: false, lora_dropout: 0.1, logging_steps: 3, save_steps: 2,
 sft: {{method: {sft}, learning_rate: 1.0e-3, num_train_epochs: 3, per_device_train_batch_size: 2,
       gradient_accumulation_steps: 2, lm_weight: 0.5, dropout: 0.2, weight_decay: 0.1}},
 dpo: {{method: lora, learning_rate: 1.0e-3, num_train_epochs: 1.5, gradient_accumulation_steps: 2}}}}
"""
# One process that has imported everything forks a child for each run, which kills itself at its point.
PROGRAM = """
import json, os, signal, sys
from pathlib import Path
import training.run.checkpoints, training.run.metrics, training.run.train, training.run.stages
import transformers
from training.config import load_config

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def killing(stage, step, moment):
    def at(trainer_or_state):
        here = getattr(trainer_or_state, "state", trainer_or_state)
        return now["stage"] == stage and here.global_step == step

    now = {}
    train_stage, save_stage = training.run.train.train_stage, training.run.train.save_stage
    seal = training.run.checkpoints.seal
    on_step_end, on_log = training.run.stages.StopOnSignal.on_step_end, training.run.metrics.MetricsLog.on_log
    save_rng = transformers.Trainer._save_rng_state

    def staged(name, *rest):
        now["stage"] = name
        train_stage(name, *rest)
    training.run.train.train_stage = staged
    if moment == "step":
        def stepped(self, args, state, control, **rest):
            at(state) and die()
            on_step_end(self, args, state, control, **rest)
        training.run.stages.StopOnSignal.on_step_end = stepped
    elif moment == "log":
        def logged(self, args, state, control, **rest):
            if at(state):
                on_log(self, args, state, control, **rest)
                os.truncate(self.metrics, self.metrics.stat().st_size - 40)
                die()
            on_log(self, args, state, control, **rest)
        training.run.metrics.MetricsLog.on_log = logged
    elif moment == "save":
        def saved(self, folder):
            at(self) and die()
            save_rng(self, folder)
        transformers.Trainer._save_rng_state = saved
    elif moment == "seal":
        def sealed(folder, run):
            now["stage"] == stage and folder.name.endswith(f"-{step}") and die()
            seal(folder, run)
        training.run.checkpoints.seal = sealed
    elif moment == "end":
        def ended(*args):
            now["stage"] == stage and die()
            save_stage(*args)
        training.run.train.save_stage = ended

def run(config, resume, point):
    child = os.fork()
    if not child:
        point and killing(*point)
        try:
            training.run.train.train(load_config(Path(config)), resume=resume)
        finally:
            os._exit(sys.exc_info()[0] is not None)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

whole, killed, points = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
assert run(whole, None, None) == 0
resume = None
for point in [*points, None]:
    code = run(killed, resume, point)
    assert code == (-signal.SIGKILL if point else 0), (point, code)
    (resume,) = Path("killed").iterdir() if point else (resume,)
    print("killed at" if point else "ended", point, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "kills", "sft"),
    [
        (4, 3, "full"),
        pytest.param(0, 5, "full", marks=pytest.mark.nightly),
        pytest.param(4, 5, "lora", marks=pytest.mark.nightly),
    ],
)
def test_a_killed_and_resumed_run_is_bit_identical(seed: int, kills: int, sft: str, here: Path) -> None:
    points = sorted(random.Random(seed).sample(POINTS, kills), key=POINTS.index)
    print(points)  # noqa: T201 (shown if the test fails)
    for out in ("whole", "killed"):
        (here / f"{out}.yaml").write_text(CONFIG.format(out=out, sft=sft))
    output = run_program(here, "whole.yaml", "killed.yaml", json.dumps(points))
    assert output.count("incomplete checkpoint") == sum(moment in ("save", "seal") for _, _, moment in points)
    (whole,), (killed,) = ([p for p in (here / out).iterdir() if not p.is_symlink()] for out in ("whole", "killed"))
    for folder in ("sft", "adapter"):
        assert difference(weights(whole, folder), weights(killed, folder)) == 0.0
    assert logged(whole) == logged(killed)
    steps = [(line["stage"], line["step"]) for line in logged(killed)]
    assert steps == [(stage, n) for stage in ("sft", "dpo") for n in (1, 3, 6)]


def run_program(here: Path, *arguments: str) -> str:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "COLUMNS": "500"}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout + done.stderr


def weights(run: Path, folder: str) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {k: v for path in sorted((run / folder).glob("*.safetensors")) for k, v in load_file(path).items()}


def difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def logged(run: Path) -> list[dict[str, Any]]:
    """The log lines without timing fields."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [{name: value for name, value in line.items() if name not in TIMING_FIELDS} for line in lines]
