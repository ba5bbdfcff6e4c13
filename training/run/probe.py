"""A stage tried for a few steps, to know what the whole of it will take. Leaves nothing behind; knows no plan."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from training.config import RunConfig
from training.dataset.examples import TrainingExample
from training.run.inputs import Inputs
from training.run.stages import Start, build_trainer, run_trainer
from training.trainers.submission_batches import heaviest_pass

PROBED_STEPS = 5


@dataclass(frozen=True)
class Probe:
    """Seconds: `start`, to build the trainer and get going, `heaviest` batch forward and back, `step` with everything
    beside it (of `tokens` through the model), `save` a checkpoint; the last two None where steps were too long to be
    tried. `memory`: the GPU's at its highest, bytes."""

    start: float
    heaviest: float
    step: float | None
    tokens: float
    save: float | None
    memory: int

    def seconds(self, *, steps: int, tokens: float, heaviest_tokens: int, save_steps: int) -> float:
        """Of a stage of `steps` with `tokens` in all, a checkpoint every `save_steps` and one at the end, and its
        result. Steps that are longer or shorter than those tried count by their tokens."""
        a_token = self.heaviest / heaviest_tokens
        if self.step is None or self.save is None:
            return self.start + a_token * tokens
        saves = -(-steps // save_steps) + 1
        stepping = steps * self.step + a_token * (tokens - steps * self.tokens)
        return self.start + max(stepping, 0.0) + saves * self.save


def probe(
    name: str, config: RunConfig, inputs: Inputs, examples: tuple[TrainingExample, ...], steps: int, longest: float
) -> Probe:
    """Takes stage `name` through its heaviest batch twice, and where `longest` seconds are likely to be enough, through
    its first steps (at most `steps`) and a checkpoint. Raises ModelError where this machine cannot run it."""
    stage, steps = config.stages[name], min(steps, PROBED_STEPS)
    tried = config.model_copy(update={"max_steps": steps, "save_steps": steps, "logging_steps": 1})
    clock = _StepClock()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        start = Start(inputs.base.source, None, inputs.base.lora_targets)
        trainer = build_trainer(
            stage,
            tried,
            start,
            examples,
            inputs.tokenizer,
            checkpoints=Path(folder),
            checkpoint=None,
            callbacks=[clock],
        )
        build = time.monotonic() - begun
        cold, warm = _timed(trainer), _timed(trainer)
        heaviest = min(cold, warm)
        if heaviest * stage.gradient_accumulation_steps * steps <= longest:
            run_trainer(trainer, stage, None, "dry run")
    memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    if not clock.marks:
        return Probe(build + cold, heaviest, None, 0.0, None, memory)
    (first, first_tokens), (last, last_tokens) = clock.marks[min(1, steps - 1)], clock.marks[-1]
    counted = max(steps - 1, 1)
    step, tokens = (last - first) / counted, (last_tokens - first_tokens) / counted
    first_step = clock.marks[1][0] - clock.marks[0][0] - heaviest - step
    return Probe(build + cold + max(first_step, 0.0), heaviest, step, tokens, clock.ended - last, memory)


def _timed(trainer: Any) -> float:
    begun = time.monotonic()
    heaviest_pass(trainer)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic() - begun


class _StepClock(TrainerCallback):  # type: ignore[misc]
    """`marks`: when training began and when each step ended, with the tokens so far. `ended`: all of it, with its
    checkpoint."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []
        self.ended = 0.0
        self.tokens = 0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.marks.append((time.monotonic(), 0))

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.marks.append((time.monotonic(), self.tokens))

    def on_log(self, _args: Any, _state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        self.tokens = int((logs or {}).get("num_tokens", self.tokens))
        self.marks[-1] = (self.marks[-1][0], self.tokens)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.ended = time.monotonic()
