"""CPU time of LoRA on SmolLM2-135M: float32, bfloat16, and adapters on the top layers with reused lower states.

    OMP_NUM_THREADS=1 python -m benchmarks.training.cpu_time [--submissions 3] [--epochs 3] [--top 6]

Real weights (`grader model pull smollm2-135m`), synthetic submissions: 300 shared tokens, 3 criteria of 40, answers of
4 tokens. SFT in trees, one submission a step. Tokens per CPU second of this process, start-up excluded, for the first
epoch and for the later ones. MFU counts 2 FLOPs per linear weight, token and pass, against a large matrix product of
the same type, timed in the same process. Prints a table and one line of JSON.

Time: minutes. Figures: docs/measurements/training.md.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from transformers import AutoTokenizer, PrinterCallback, TrainerCallback
from trl import SFTConfig

from prompts.base_models import find_base
from training.config import RunConfig
from training.dataset.examples import CriterionExample, TrainingExample
from training.models.loading import load_model, lora_config
from training.quiet_libraries import quiet_libraries
from training.run.speed import count_frozen_weights, count_linear_weights
from training.run.stages import stage_passes, trainer_arguments
from training.trainers.sft import sft_trainer
from training.trainers.submission_batches import TrainerInputs, WarmUpLargestBatch


class Clock(TrainerCallback):  # type: ignore[misc]
    """CPU seconds at the start and after each step."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.marks = self.marks or [time.process_time()]

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.marks.append(time.process_time())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--top", type=int, default=6)
    given = parser.parse_args()
    rows = [
        ("float32, all layers", measure(given, half=False, layers=None)),
        ("bfloat16, all layers", measure(given, half=True, layers=None)),
        (f"bfloat16, top {given.top} layers", measure(given, half=True, layers=given.top)),
    ]
    out = Table("", "first epoch, tokens/s", "later epochs, tokens/s", "MFU, first", "MFU, later")
    for name, f in rows:
        out.add_row(name, f"{f['first']:.0f}", f"{f['later']:.0f}", f"{f['mfu_first']:.0%}", f"{f['mfu_later']:.0%}")
    Console().print(out)
    print(json.dumps({name: {key: round(value, 3) for key, value in f.items()} for name, f in rows}))  # noqa: T201


def measure(given: argparse.Namespace, *, half: bool, layers: int | None) -> dict[str, float]:
    source, settings = find_base("smollm2-135m"), {"gradient_accumulation_steps": 1, "num_train_epochs": given.epochs}
    run = RunConfig.model_validate({"model": source.name, "dataset": "d", "lora_layers": layers, "sft": settings})
    dtype, clock, (stage,) = torch.bfloat16 if half else torch.float32, Clock(), run.stages.values()
    with quiet_libraries(), tempfile.TemporaryDirectory() as folder:
        model = load_model(source.source, dtype=dtype)
        adapter = lora_config(model, source.lora_targets, run)
        inputs = TrainerInputs(
            AutoTokenizer.from_pretrained(source.source), new_adapter=adapter, adapted_layers=layers, callbacks=(clock,)
        )
        arguments = trainer_arguments(stage, run, Path(folder), bf16=half) | {"save_strategy": "no"}
        trainer = sft_trainer(model, examples(given.submissions), SFTConfig(**arguments, max_length=None), inputs)
        trainer.remove_callback(PrinterCallback)
        trainer.remove_callback(WarmUpLargestBatch)
        trainer.train()
    frozen = count_frozen_weights(model, layers)
    trained = 2.0 * stage_passes("sft", stage, run) * (count_linear_weights(model) - frozen)
    tokens, peak = tokens_per_epoch(trainer), matmul_rate(dtype)
    later_tokens = tokens * (given.epochs - 1)
    first = tokens / (clock.marks[given.submissions] - clock.marks[0])
    later = later_tokens / (clock.marks[-1] - clock.marks[given.submissions])
    later_flops = trained + (0.0 if layers else 2.0 * frozen)
    return {
        "first": first,
        "later": later,
        "mfu_first": first * (trained + 2.0 * frozen) / peak,
        "mfu_later": later * later_flops / peak,
    }


def tokens_per_epoch(trainer: Any) -> int:
    return sum(len(tree) for tree in trainer.data_collator.trees)


def matmul_rate(dtype: torch.dtype) -> float:
    """FLOP per CPU second of a large matrix product."""
    matrix, best = torch.randn(1024, 1024).to(dtype), float("inf")
    for _ in range(5):
        started = time.process_time()
        matrix @ matrix
        best = min(best, time.process_time() - started)
    return 2 * 1024**3 / best


def examples(count: int) -> list[TrainingExample]:
    random = np.random.default_rng(0)

    def ids(n: int) -> tuple[int, ...]:
        return tuple(int(i) for i in random.integers(100, 49_000, n))

    def criterion() -> CriterionExample:
        return CriterionExample(ids(40), ids(4), (ids(4),))

    return [TrainingExample(ids(300), tuple(criterion() for _ in range(3))) for _ in range(count)]


if __name__ == "__main__":
    main()
