"""One stage of a run, SFT or DPO: the model it starts from, its trainer, and its result."""

import logging
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
from transformers.integrations import get_available_reporting_integrations
from trl import DPOConfig, SFTConfig

from labs_schema.errors import ModelError
from prompts.base_models import BaseModelSource
from training.config import DpoStage, RunConfig, SftStage, Stage
from training.dataset.examples import TrainingExample
from training.models.finite_weights import non_finite_weight, stored_weights
from training.models.loading import load_model, lora_config, use_liger
from training.run.allocator import map_tensors
from training.run.callbacks import StopOnSignal, ValidateWhileTraining
from training.run.checkpoints import SaveRunningMetrics, SealCheckpoints, checked_checkpoint
from training.run_folder import RunFolder
from training.trainers.dpo import dpo_trainer
from training.trainers.dropout import residual_dropout, save_smaller_lora_inputs
from training.trainers.pretokenized import NonFiniteError
from training.trainers.sft import SftObjective, sft_trainer
from training.trainers.submission_batches import TrainerInputs
from training.trainers.validation import ValidationData

CPU_BF16 = ("avx512_bf16", "amx_bf16", "bf16")
"""Instruction sets for matrix products in bfloat16: x86 since 2020, x86 with tiles, Arm. Twice as fast as float32."""


@dataclass(frozen=True)
class StageStart:
    """The starting point of a stage: full weights at `source`, and perhaps the adapter of the previous stage."""

    source: str
    adapter: Path | None
    lora_targets: tuple[str, ...]


@dataclass(frozen=True)
class StageRun:
    """A stage to run. `checkpoints`: the folder for its checkpoints; `checkpoint`: the one to resume from.
    `initial_world_size`: the number of processes at the start of the run, whose batches form one optimiser step (None:
    as many as there are)."""

    name: str
    config: RunConfig
    start: StageStart
    checkpoints: Path = Path("checkpoints")
    checkpoint: Path | None = None
    initial_world_size: int | None = None

    @property
    def stage(self) -> SftStage | DpoStage:
        return self.config.stages[self.name]


def stage_output(name: str, config: RunConfig, run: RunFolder) -> Path:
    """The folder of a stage's weights or adapter. It exists once the stage has finished."""
    if name != list(config.stages)[-1]:
        return run.sft
    return run.adapter if config.stages[name].method == "lora" else run.model


def stage_start(name: str, config: RunConfig, base: BaseModelSource, run: RunFolder) -> StageStart:
    """SFT starts from the base; DPO from SFT's weights, or continues training SFT's adapter."""
    if name == "sft" or config.sft is None:
        return StageStart(base.source, None, base.lora_targets)
    if config.sft.method == "full":
        return StageStart(str(run.sft), None, base.lora_targets)
    return StageStart(base.source, run.sft, base.lora_targets)


def build_trainer(
    run: StageRun,
    examples: Sequence[TrainingExample],
    tokenizer: Any,
    *,
    callbacks: Sequence[Any],
    validation: tuple[TrainingExample, ...] = (),
) -> Any:
    """The stage's trainer, ready to start or resume. Creates an adapter if the stage trains one and has none yet.

    Raises ModelError.
    """
    map_tensors()
    stage, processes = run.stage, PartialState().num_processes
    batches = _batches_per_step(stage, processes, run.initial_world_size)
    half = use_bf16(run.config.bf16)
    model, new_adapter = _load_model(run, half)
    inputs = TrainerInputs(
        tokenizer=tokenizer,
        packing=stage.packing,
        new_adapter=new_adapter,
        adapted_layers=run.config.lora_layers,
        callbacks=tuple(callbacks),
        tokens_per_step=stage.tokens_per_step,
        batches_per_step=batches,
        validation=ValidationData(validation, run.config.eval_steps, run.config.patience) if validation else None,
    )
    arguments = trainer_arguments(stage, run.config, run.checkpoints, bf16=half)
    arguments["gradient_accumulation_steps"] = math.ceil(batches / processes)
    if isinstance(stage, SftStage):
        objective = SftObjective(lm_weight=stage.lm_weight, letters_only=stage.answer_only == "letter")
        trainer = sft_trainer(model, examples, SFTConfig(**arguments, max_length=None), inputs, objective)
    else:
        trainer = dpo_trainer(model, examples, DPOConfig(**arguments, **dpo_arguments(stage)), inputs)
    trainer.remove_callback(PrinterCallback)
    if stage.method == "lora" and not torch.cuda.is_available():
        save_smaller_lora_inputs(trainer.model, autocast=half)
    return trainer


def _batches_per_step(stage: Stage, processes: int, initial_world_size: int | None) -> int:
    batches = stage.gradient_accumulation_steps * (initial_world_size or processes)
    if stage.packing == "none" and batches % processes:
        raise ModelError(
            f"a step of this run has {batches} batches, which {processes} processes cannot share equally. Resume with "
            f"{initial_world_size} processes, or start a run with packing: tree.",
            code="other-world-size",
        )
    return batches


def _load_model(run: StageRun, half: bool) -> tuple[Any, LoraConfig | None]:
    """The model, with the adapter that is trained further if there is one, and the config of a new adapter."""
    stage, config, start = run.stage, run.config, run.start
    dtype = torch.bfloat16 if half and stage.method == "lora" else torch.float32
    model = load_model(start.source, dtype=dtype, load_in_4bit=config.load_in_4bit)
    if start.adapter is not None:
        # From a checkpoint with a second adapter (trl's "ref") transformers restores only that one, not the policy's.
        return PeftModel.from_pretrained(model, str(run.checkpoint or start.adapter), is_trainable=True), None
    return model, lora_config(model, start.lora_targets, config) if stage.method == "lora" else None


def trainer_arguments(stage: Stage, config: RunConfig, checkpoints: Path, *, bf16: bool) -> dict[str, Any]:
    """The arguments that trl's SFTConfig and DPOConfig have in common."""
    same = (
        "learning_rate num_train_epochs per_device_train_batch_size lr_scheduler_type warmup_steps weight_decay "
        "max_grad_norm optim"
    )
    return {
        **{name: getattr(stage, name) for name in same.split()},
        "output_dir": str(checkpoints),
        "max_steps": config.max_steps or -1,
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
        "metric_for_best_model": f"eval_{config.best_by}",
        "greater_is_better": config.best_by == "agreement",
        "report_to": reporting_services(config.report_to),
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "remove_unused_columns": False,
        "ddp_find_unused_parameters": False,
    }


def reporting_services(names: Sequence[str]) -> list[str]:
    """transformers' names of the services to report to. Raises ModelError for one that is unknown or not installed."""
    available = get_available_reporting_integrations()
    if unknown := sorted(set(names) - set(available)):
        raise ModelError(
            f"report_to: {', '.join(unknown)} cannot be used. Installed: {', '.join(available)}. Install the service's "
            "package, or remove the name.",
            code="run-config",
        )
    return [name for name in names if name != "tensorboard"]  # always written, to the run folder


def dpo_arguments(stage: DpoStage) -> dict[str, Any]:
    """The arguments that only trl's DPOConfig has."""
    return {
        "beta": stage.beta,
        "loss_type": [stage.loss_type],
        "label_smoothing": stage.label_smoothing,
        "max_length": None,
    }


def run_trainer(trainer: Any, run: StageRun, checkpoint_owner: str) -> bool:
    """Trains to the end, from `run.checkpoint` if given. `checkpoint_owner`: the run's id in new checkpoints.

    Returns False if Ctrl-C or SIGTERM stopped it, after a checkpoint.
    """
    stop = StopOnSignal()
    if trainer.validation is not None:
        trainer.add_callback(ValidateWhileTraining(trainer))
    for callback in (stop, SaveRunningMetrics(trainer, run.checkpoint), SealCheckpoints(trainer, checkpoint_owner)):
        trainer.add_callback(callback)
    dropout = run.stage.dropout if isinstance(run.stage, SftStage) else 0.0
    with stop.listening(), residual_dropout(trainer.model, dropout) if dropout else nullcontext():
        trainer.train(resume_from_checkpoint=str(run.checkpoint) if run.checkpoint else None)
    return not stop.stopped


def best_checkpoint(trainer: Any, run: StageRun) -> Path | None:
    """The checkpoint with the best validation, None if that is the trained model itself, or without a validation.

    Raises ModelError if the checkpoint changed."""
    state = trainer.state
    if trainer.validation is None or state.best_global_step in (None, 0, state.global_step):
        return None
    return checked_checkpoint(run.checkpoints / f"checkpoint-{state.best_global_step}")


def save_stage(trainer: Any, out: Path, base_model: str, best: Path | None = None) -> None:
    """Writes the adapter, or the full weights, to `out`, all of it or nothing: those of the checkpoint `best`, or else
    the trainer's. `base_model` is recorded in the adapter's config.
    All processes must call this: sharded weights (FSDP) are gathered on the first one.

    Raises NonFiniteError, and writes nothing, if a weight is not finite."""
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
        if best is not None:
            _replace_weights(draft, best)
        if (bad := non_finite_weight(stored_weights(draft))) is not None:
            shutil.rmtree(draft)
            step = trainer.state.global_step
            raise NonFiniteError(f"the weights {bad} are not finite", step, trainer.step_rate, step)
        draft.rename(out)
    state.wait_for_everyone()


def _replace_weights(draft: Path, best: Path) -> None:
    weights = list(best.glob("*.safetensors*"))
    if not weights:  # a checkpoint of FSDP with SHARDED_STATE_DICT
        logging.getLogger(__name__).warning("%s has no whole weights, so those of the last step are used", best)
        return
    for path in draft.glob("*.safetensors*"):
        path.unlink()
    for path in weights:
        shutil.copy(path, draft)


def stage_passes(name: str, stage: Stage, config: RunConfig) -> int:
    """Passes over the weights per token: forward and backward to the inputs, and one more each for training all weights
    (backward to the weights), for DPO (forward of the reference) and for gradient checkpointing (forward again)."""
    return 2 + (stage.method == "full") + (name == "dpo") + config.gradient_checkpointing


def compute_dtype(bf16: bool) -> torch.dtype:
    """The dtype of matrix products."""
    return torch.bfloat16 if use_bf16(bf16) else torch.float32


def use_bf16(requested: bool) -> bool:
    """bfloat16 only on a GPU, or a CPU, with matrix products in it; elsewhere float32 is faster."""
    if torch.cuda.is_available():
        return requested and torch.cuda.is_bf16_supported()
    capabilities = torch.cpu.get_capabilities()
    return requested and any(capabilities.get(name) for name in CPU_BF16)
