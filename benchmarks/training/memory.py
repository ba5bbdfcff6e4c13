"""Peak memory of a training step on SmolLM2-135M on a CPU, measured and predicted.

    OMP_NUM_THREADS=1 python -m benchmarks.training.memory [--only "LoRA, bfloat16, 4"]

Real weights (`grader model pull smollm2-135m`) and the synthetic submissions of `cpu_time.py`, 429 tokens each.
Each setting is a process of its own that builds the trainer and makes one step, without the pass that warms up.
Measured: VmHWM, the highest resident memory. Predicted: as in `grader train --dry-run`. Prints a line of JSON for each
setting, and a table.

Time: minutes. Figures: docs/measurements/training.md.
"""

import argparse
import json
import multiprocessing
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from transformers import AutoTokenizer

from benchmarks.training.cpu_time import examples
from prompts.base_models import find_base
from training.config import RunConfig
from training.models.loading import empty_model
from training.quiet_libraries import quiet_libraries
from training.run.dry_run import PeakMemory, resident_bytes
from training.run.estimates import count_trained_weights, estimate_memory, estimate_stage
from training.run.stages import StageRun, StageStart, build_trainer
from training.trainers.submission_batches import WarmUpLargestBatch

SETTINGS: dict[str, dict[str, Any]] = {
    "LoRA, bfloat16, 1": {},
    "LoRA, bfloat16, 4": {"submissions": 4},
    "LoRA, bfloat16, 4, top 6 layers": {"submissions": 4, "lora_layers": 6},
    "LoRA, float32, 2": {"submissions": 2, "bf16": False},
    "full, float32, 1": {"method": "full", "bf16": False},
    "full, bfloat16, 1": {"method": "full"},
}
"""Method, type, submissions in the step."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=SETTINGS)
    chosen = parser.parse_args().only or list(SETTINGS)
    out = Table("", "tokens", "predicted, GB", "measured, GB", "predicted : measured")
    # A fork has the libraries in memory already, as a run has after its imports.
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        for name, found in zip(chosen, pool.imap(measure, chosen, chunksize=1), strict=True):
            print(json.dumps({"setting": name, **found}), flush=True)  # noqa: T201
            predicted, measured = sum(found["parts"].values()), found["measured"]
            ratio = f"{predicted / measured:.2f}"
            out.add_row(name, f"{found['tokens']:,}", f"{predicted / 1e9:.2f}", f"{measured / 1e9:.2f}", ratio)
    Console().print(out)


def measure(name: str) -> dict[str, Any]:
    """The tokens of the step, the predicted bytes by part, and the measured bytes."""
    setting, source = dict(SETTINGS[name]), find_base("smollm2-135m")
    submissions, method = setting.pop("submissions", 1), setting.pop("method", "lora")
    stage = {"method": method, "per_device_train_batch_size": submissions, "gradient_accumulation_steps": 1}
    run = RunConfig.model_validate({"model": source.name, "dataset": "d", "max_steps": 1, "sft": stage, **setting})
    data, sft = examples(submissions), run.stages["sft"]
    estimate = estimate_stage(sft, data, seed=0, max_steps=1, processes=1)
    with quiet_libraries(), tempfile.TemporaryDirectory() as folder:
        model = empty_model(source.source)
        trained = count_trained_weights(model, sft, source.lora_targets, run)
        targets, half = source.lora_targets, run.bf16
        parts = {"libraries and data": resident_bytes()} | estimate_memory(
            model, sft, estimate, trained=trained, targets=targets, config=run, half=half
        )
        start = StageStart(source.source, None, targets)
        peak = PeakMemory()
        stage_run = StageRun("sft", run, start, checkpoints=Path(folder))
        trainer = build_trainer(stage_run, data, AutoTokenizer.from_pretrained(source.source), callbacks=[])
        trainer.args.save_strategy = "no"
        trainer.remove_callback(WarmUpLargestBatch)
        trainer.train()
        return {"tokens": estimate.largest.tokens, "measured": peak.bytes(), "parts": parts}


if __name__ == "__main__":
    main()
