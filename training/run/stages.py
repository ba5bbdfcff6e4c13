"""One stage of a run, SFT or DPO: the model it starts from, its trainer, and what it leaves. Knows no run's order."""

import math
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import DistributedType, PartialState
from peft import LoraConfig, PeftModel
from transformers import PrinterCallback
from trl import DPOConfig, SFTConfig

from labs_schema.errors import ModelError
from training.config import DpoStage, RunConfig, SftStage, Stage
from training.dataset.examples import TrainingExample
from training.models.bases import Base
from training.models.loading import load_model, lora_config, use_liger
from training.run.callbacks import SealCheckpoints, StopOnInterrupt
from training.run.log_state import LogState
from training.run.speed import passes_of
from training.run_folder import RunFolder
from training.trainers.dpo import dpo_trainer
from training.trainers.dropout import residual_dropout
from training.trainers.optimizers import MuonWithAdamW
from training.trainers.sft import sft_trainer


@dataclass(frozen=True)
class Start:
    """Where a stage begins: full weights at `source`, and on them the adapter of the stage before, if any."""

    source: str
    adapter: Path | None
    lora_targets: tuple[str, ...]


def output_of(name: str, config: RunConfig, run: RunFolder) -> Path:
    """Where a stage leaves its weights or adapter. There once the stage has finished."""
    if name != list(config.stages)[-1]:
        return run.sft
    return run.adapter if config.stages[name].method == "lora" else run.model


def start_of(name: str, config: RunConfig, base: Base, run: RunFolder) -> Start:
    """SFT begins at the base; DPO where SFT ended, on its weights or going on with its adapter."""
    if name == "sft" or config.sft is None:
        return Start(base.source, None, base.lora_targets)
    if config.sft.method == "full":
        return Start(str(run.sft), None, base.lora_targets)
    return Start(base.source, run.sft, base.lora_targets)


def build_trainer(
    stage: SftStage | DpoStage,
    config: RunConfig,
    start: Start,
    examples: Sequence[TrainingExample],
    tokenizer: Any,
    *,
    checkpoints: Path,
    checkpoint: Path | None,
    callbacks: Sequence[Any],
    initial_world_size: int | None = None,
) -> Any:
    """The trainer of a stage, ready to run, perhaps on from `checkpoint`. A new adapter is made where the stage trains
    one and has none yet. `initial_world_size`: the processes whose batches make an optimizer step, if not those that
    there are now. Raises ModelError."""
    processes = PartialState().num_processes
    batches = _batches_per_step(stage, processes, initial_world_size)
    half = use_bf16(config.bf16)
    model, new_adapter = _model(stage, config, start, checkpoint, half)
    optimizer = None
    if stage.optim == "muon":
        rates = {"lr": stage.learning_rate, "adamw_lr": stage.adamw_learning_rate}
        optimizer = MuonWithAdamW(model, **rates, weight_decay=stage.weight_decay)
    shared: dict[str, Any] = {
        "processing_class": tokenizer,
        "packing": stage.packing,
        "peft_config": new_adapter,
        "callbacks": callbacks,
        "optimizers": (optimizer, None),
        "tokens_per_step": stage.tokens_per_step,
        "batches_per_step": batches,
    }
    arguments = trainer_arguments(stage, config, checkpoints, bf16=half)
    arguments["gradient_accumulation_steps"] = math.ceil(batches / processes)
    if isinstance(stage, SftStage):
        settings: dict[str, Any] = {"lm_weight": stage.lm_weight, "answer_only": stage.answer_only}
        trainer = sft_trainer(model, examples, SFTConfig(**arguments, max_length=None), **settings, **shared)
    else:
        trainer = dpo_trainer(model, examples, DPOConfig(**arguments, **dpo_arguments(stage)), **shared)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _batches_per_step(stage: Stage, processes: int, initial_world_size: int | None) -> int:
    batches = stage.gradient_accumulation_steps * (initial_world_size or processes)
    if stage.packing == "none" and batches % processes:
        raise ModelError(
            f"a step of this run is {batches} batches, which {processes} processes cannot share equally. Go on with "
            f"{initial_world_size} processes, or begin a run with packing tree."
        )
    return batches


def _model(
    stage: Stage, config: RunConfig, start: Start, checkpoint: Path | None, half: bool
) -> tuple[Any, LoraConfig | None]:
    """The model with the adapter that it goes on with, if any, and the settings of the one that is made for it."""
    dtype = torch.bfloat16 if half and stage.method == "lora" else torch.float32
    model = load_model(start.source, dtype=dtype, load_in_4bit=config.load_in_4bit)
    if start.adapter is not None:
        # From a checkpoint with a second adapter (trl's "ref") transformers restores only that one, not the policy's.
        return PeftModel.from_pretrained(model, str(checkpoint or start.adapter), is_trainable=True), None
    if stage.method == "full":
        return model, None
    return model, lora_config(
        model,
        start.lora_targets,
        r=config.lora_r,
        alpha=config.lora_alpha,
        dropout=config.lora_dropout,
        rslora=config.use_rslora,
        dora=config.use_dora,
    )


def trainer_arguments(stage: Stage, config: RunConfig, checkpoints: Path, *, bf16: bool) -> dict[str, Any]:
    """What trl's SFTConfig and DPOConfig have in common."""
    same = (
        "learning_rate num_train_epochs per_device_train_batch_size lr_scheduler_type warmup_steps weight_decay "
        "max_grad_norm"
    )
    return {
        **{name: getattr(stage, name) for name in same.split()},
        "output_dir": str(checkpoints),
        "max_steps": config.max_steps or -1,
        "optim": "adamw_torch" if stage.optim == "muon" else stage.optim,
        "seed": config.seed,
        "bf16": bf16,
        "use_cpu": not torch.cuda.is_available(),
        "use_liger_kernel": use_liger(config.use_liger_kernel),
        "gradient_checkpointing": config.gradient_checkpointing,
        "logging_steps": config.logging_steps,
        "logging_first_step": True,
        "save_strategy": "steps",
        "save_steps": config.save_steps,
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "remove_unused_columns": False,
        "ddp_find_unused_parameters": False,
    }


def dpo_arguments(stage: DpoStage) -> dict[str, Any]:
    """What only trl's DPOConfig has."""
    return {
        "beta": stage.beta,
        "loss_type": [stage.loss_type],
        "label_smoothing": stage.label_smoothing,
        "max_length": None,
    }


def run_trainer(trainer: Any, stage: SftStage | DpoStage, checkpoint: Path | None, mark: str) -> bool:
    """Trains to the end, from `checkpoint` where given; checkpoints are sealed with `mark`. False where Ctrl-C or
    SIGTERM stopped it; then a checkpoint is saved."""
    stop = StopOnInterrupt()
    for callback in (stop, LogState(trainer, checkpoint), SealCheckpoints(mark)):
        trainer.add_callback(callback)
    dropout = stage.dropout if isinstance(stage, SftStage) else 0.0
    with stop.listening(), residual_dropout(trainer.model, dropout) if dropout else nullcontext():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return not stop.stopped


def save_stage(trainer: Any, out: Path, base_model: str) -> None:
    """Writes the adapter, or the whole weights, to `out`, all of it or nothing. `base_model` goes into the adapter's
    config. All processes take part: weights that are shared out (FSDP) come together in the first one."""
    state = PartialState()
    gathered = {}
    if state.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED):
        gathered = {"state_dict": trainer.accelerator.get_state_dict(trainer.model_wrapped)}
    if state.is_main_process:
        model, draft = trainer.accelerator.unwrap_model(trainer.model), out.with_name(out.name + ".part")
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(model, PeftModel):
            model.peft_config["default"].base_model_name_or_path = base_model
            model.save_pretrained(str(draft), selected_adapters=["default"], **gathered)
            (draft / "README.md").unlink(missing_ok=True)
        else:
            model.save_pretrained(str(draft), **gathered)
        draft.rename(out)
    state.wait_for_everyone()


def passes(name: str, stage: Stage, config: RunConfig) -> int:
    """Passes over the weights that a token of this stage takes."""
    return passes_of(full=stage.method == "full", reference=name == "dpo", recomputed=config.gradient_checkpointing)


def compute_dtype(bf16: bool) -> torch.dtype:
    """What matrices are multiplied in."""
    return torch.bfloat16 if use_bf16(bf16) else torch.float32


def use_bf16(wanted: bool) -> bool:
    """bfloat16 only where the device is fast in it: a GPU that has it."""
    return wanted and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
