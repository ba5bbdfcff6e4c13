"""The YAML of a training run: settings, validation, overrides."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from labs_schema.errors import InputError, Issue, error_issue, raise_errors
from labs_schema.frozen import Frozen

Positive = Annotated[float, Field(gt=0)]
LossType = Literal[
    "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
    "apo_zero", "apo_down", "discopop", "sigmoid_norm",
]  # fmt: skip
Share = Annotated[float, Field(ge=0, lt=1)]


class Stage(Frozen):
    """The settings that SFT and DPO have in common. Batch sizes count submissions, with all their criteria.

    `warmup_steps` below 1 is a share of all steps. `optim` is an optimizer name of transformers.
    `tokens_per_step` limits a batch by tokens instead of submissions (None: no limit).
    """

    method: Literal["lora", "full"] = "lora"
    packing: Literal["tree", "none"] = "tree"
    learning_rate: Positive = 1e-5
    num_train_epochs: Positive = 1.0
    per_device_train_batch_size: Annotated[int, Field(gt=0)] = 1
    gradient_accumulation_steps: Annotated[int, Field(gt=0)] = 16
    tokens_per_step: Annotated[int, Field(gt=0)] | None = None
    optim: str = "adamw_torch"
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_steps: Annotated[float, Field(ge=0)] = 0.05
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Positive = 1.0


class SftStage(Stage):
    """`answer_only`: learn the complete verdict or only its letter. `lm_weight`: the weight of language modelling on
    problem and code in the loss. `dropout`: the rate of residual dropout."""

    answer_only: Literal["verdict", "letter"] = "verdict"
    lm_weight: Annotated[float, Field(ge=0)] = 0.0
    dropout: Share = 0.0


class DpoStage(Stage):
    """`beta`: strength of the constraint to the reference, the model after SFT. `loss_type`: trl's name of the loss.
    `label_smoothing`: the share of pairs assumed to be flipped (used by `robust` and `exo_pair`)."""

    beta: Positive = 0.1
    loss_type: LossType = "sigmoid"
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0


class HeadStage(Frozen):
    """A head on the frozen base model's hidden states. `labs`: the folder with the labs of the dataset. `layers`: whose
    states are read, 1 is the first; by default those at a third and two thirds of the depth. `strength`: the inverse of
    the L2 penalty."""

    labs: str = "labs"
    layers: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)] | None = None
    strength: Positive = 6.0


class DatasetPart(Frozen):
    """A training file, or a folder with `train.jsonl`. `weight`: how often its submissions (external files: rows)
    are in an epoch: 2 is each twice, 0.3 is 30 % of them, drawn once per run."""

    path: str
    weight: Positive = 1.0


class RunConfig(Frozen):
    """One run: SFT, then DPO; either is optional. Or a `head`, which leaves the model as it is.

    `model`: a preset, a folder or a hub id. `dataset`: a dataset of `grader build-dataset` (its training file or the
    folder of `train.jsonl`), an external file (`training.dataset.external_rows`), or a mixture of these.
    `eval_dataset`: a file of `grader build-dataset --dev-split`, measured every `eval_steps` optimiser steps: a stage's
    result is its checkpoint that is best by validation `loss` or `agreement`, and `patience` evaluations without a
    better one end the stage. `report_to`: services that get the metrics, by their names in transformers.
    `context_length` (tokens) limits the model's own. `on_overlong`: a submission that does not fit stops the run
    (`error`), is skipped and counted (`skip`), or loses the middle of its code (`middle`). `max_steps` limits each
    stage. `lora_layers`: adapters on so many top layers only (None: all); the states of the layers below are computed
    once per submission.
    """

    model: str
    dataset: str | Annotated[tuple[DatasetPart, ...], Field(min_length=1)]
    output_dir: str = "runs"
    seed: int = 0
    on_overlong: Literal["error", "skip", "middle"] = "error"
    context_length: Annotated[int, Field(gt=0)] | None = None
    max_steps: Annotated[int, Field(gt=0)] | None = None
    lora_r: Annotated[int, Field(gt=0)] = 16
    lora_alpha: Annotated[int, Field(gt=0)] = 16
    lora_dropout: Share = 0.1
    lora_layers: Annotated[int, Field(gt=0)] | None = None
    use_rslora: bool = False
    use_dora: bool = False
    use_liger_kernel: bool = False
    load_in_4bit: bool = False
    bf16: bool = True
    gradient_checkpointing: bool = False
    logging_steps: Annotated[int, Field(gt=0)] = 10
    save_steps: Annotated[int, Field(gt=0)] = 200
    eval_dataset: str | None = None
    eval_steps: Annotated[int, Field(gt=0)] = 50
    best_by: Literal["loss", "agreement"] = "loss"
    patience: Annotated[int, Field(gt=0)] | None = None
    report_to: tuple[str, ...] = ()
    sft: SftStage | None = None
    dpo: DpoStage | None = None
    head: HeadStage | None = None

    @property
    def parts(self) -> tuple[DatasetPart, ...]:
        """The files of `dataset`, one or more."""
        return (DatasetPart(path=self.dataset),) if isinstance(self.dataset, str) else self.dataset

    @property
    def stages(self) -> dict[str, SftStage | DpoStage]:
        """The stages of this run, by name, in order."""
        return {name: stage for name, stage in (("sft", self.sft), ("dpo", self.dpo)) if stage}

    @model_validator(mode="after")
    def stages_fit_together(self) -> Self:
        if not self.stages and not self.head:
            raise ValueError("a run needs an sft, a dpo or a head section")
        if self.stages and self.head:
            raise ValueError("a head is a run of its own: train it on the merged weights of the sft and dpo stages")
        if self.sft and self.dpo and self.sft.method == "lora" and self.dpo.method == "full":
            raise ValueError("dpo.method full cannot follow sft.method lora: use lora for both, or full for sft")
        if self.lora_layers and self.sft and self.sft.dropout:
            raise ValueError("lora_layers reuses the states of the lower layers, which sft.dropout would change")
        if self.lora_layers and any(stage.method == "full" for stage in self.stages.values()):
            raise ValueError("lora_layers limits adapters and cannot be combined with method full")
        if self.patience and not self.eval_dataset:
            raise ValueError("patience counts evaluations: set eval_dataset too")
        if self.load_in_4bit and any(stage.method == "full" for stage in self.stages.values()):
            raise ValueError("load_in_4bit trains an adapter and cannot be combined with method full")
        if self.dpo and self.dpo.label_smoothing and self.dpo.loss_type not in ("robust", "exo_pair"):
            raise ValueError("dpo.label_smoothing is used only by dpo.loss_type robust or exo_pair")
        if self.dpo and self.dpo.loss_type == "exo_pair" and not self.dpo.label_smoothing:
            raise ValueError("dpo.loss_type exo_pair needs a dpo.label_smoothing above 0, such as 0.001")
        return self


def load_config(
    path: Path,
    flags: Mapping[str, object] | None = None,
    overrides: Sequence[str] = (),
    stage_flags: Mapping[str, object] | None = None,
) -> RunConfig:
    """Reads `path`, then applies `flags` (top-level fields; None: not given), `stage_flags` (fields of each stage in
    the file) and `overrides` such as `dpo.beta=0.2`.

    Raises InputError with every issue: an unreadable file, an override that is not NAME=VALUE, an unknown or wrong
    field.
    """
    values = _mapping(path)
    values |= _given(flags)
    for stage in ("sft", "dpo"):
        if isinstance(values.get(stage), dict):
            values[stage] |= _given(stage_flags)
    issues = []
    for override in overrides:
        name, equals, value = override.partition("=")
        try:
            if not equals:
                raise ValueError
            _set(values, name.strip().split("."), yaml.safe_load(value))
        except (ValueError, yaml.YAMLError):
            hint = "Write for example --set dpo.beta=0.2; quote a value that YAML would convert."
            issues.append(_issue("--set", override, "NAME=VALUE, with the value as in YAML", hint))
    raise_errors(issues)
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise InputError([_field_issue(str(path), each) for each in error.errors()]) from None


def dump_config(config: RunConfig) -> str:
    """The config as YAML with all fields, readable by `load_config`."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _given(flags: Mapping[str, object] | None) -> dict[str, object]:
    return {name: value for name, value in (flags or {}).items() if value is not None}


def _mapping(path: Path) -> dict[str, Any]:
    hint = "training/recipes/ has examples."
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError([_issue(str(path), "no such file", "the YAML file of a run", hint)]) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise InputError([_issue(str(path), str(error), "the YAML file of a run", hint)]) from None
    if not isinstance(values, dict):
        raise InputError([_issue(str(path), f"a {type(values).__name__}", "fields such as `model: ...`", hint)])
    return values


def _set(values: dict[str, Any], names: Sequence[str], value: object) -> None:
    *sections, last = names
    for section in sections:
        inner = values.get(section)
        values[section] = inner = inner if isinstance(inner, dict) else {}
        values = inner
    values[last] = value


def _field_issue(path: str, error: Any) -> Issue:
    name = ".".join(map(str, error["loc"])) or "the run"
    found = "nothing" if error["type"] == "missing" else repr(error["input"]) if error["loc"] else "this combination"
    return _issue(path, f"{found} in `{name}`", error["msg"], "Fix the YAML, or override it with --set NAME=VALUE.")


def _issue(path: str, found: str, expected: str, hint: str) -> Issue:
    return error_issue("run-config", path, found=found[:300], expected=expected, hint=hint)
