"""Loads the inputs of a run: base model, tokenizer, prompt encoder and training examples."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labs_schema.errors import ModelError
from prompts.base_models import BaseModelSource, find_base
from prompts.encode import PromptEncoder
from prompts.tokenizer import check_available, load_tokenizer
from training.config import RunConfig
from training.dataset.examples import LoadedExamples, TrainingExample, load_examples, with_preferences
from training.dataset.manifest import DEV_FILE
from training.dataset.row_formats import read_pairs
from training.models.loading import context_length_of
from training.run.mixture import Mixture, load_mixture, open_dataset, open_mixture


@dataclass(frozen=True)
class TrainingInputs:
    """`summary`: how many examples there are, were skipped, and are not used by DPO. `validation_hash`: SHA-256 of the
    validation file, empty without one."""

    base: BaseModelSource
    data: Mixture
    tokenizer: Any
    encoder: PromptEncoder
    loaded: LoadedExamples
    summary: str
    validation: LoadedExamples | None = None
    validation_hash: str = ""

    def stage_examples(self, stage: str) -> tuple[TrainingExample, ...]:
        """SFT uses all examples, DPO those with a rejected answer."""
        return with_preferences(self.loaded.examples) if stage == "dpo" else self.loaded.examples


def load_inputs(config: RunConfig) -> TrainingInputs:
    """Raises InputError, OverlongError or ModelError, for instance if a stage would have no examples."""
    base, data = find_base(config.model), open_mixture(config.parts)
    if data.has_external and config.sft and config.sft.answer_only == "letter":
        raise ModelError(
            "answer_only: letter would learn only one token of external answers. Set it to verdict.", code="run-config"
        )
    check_available(base.source)
    tokenizer = load_tokenizer(base.source)
    encoder = PromptEncoder(
        tokenizer,
        context_length=context_length_of(base.source, config.context_length),
        on_overlong="middle" if config.on_overlong == "middle" else "error",
    )
    loaded = load_mixture(data, encoder, on_overlong=config.on_overlong, seed=config.seed)
    inputs = TrainingInputs(base, data, tokenizer, encoder, loaded, _summary(config, data, loaded))
    return with_validation(inputs, config) if config.eval_dataset else inputs


def with_validation(inputs: TrainingInputs, config: RunConfig) -> TrainingInputs:
    """Adds the validation file. Raises InputError, or ModelError if it has another prompt style than the training data,
    no usable row, or submissions that are trained on."""
    path = Path(config.eval_dataset or "")
    opened = open_dataset(path / DEV_FILE if path.is_dir() else path)
    if opened.manifest.style != inputs.data.manifest.style:
        raise ModelError(
            f"{path}: its prompt style differs from that of the training data. Build both together.",
            code="other-prompt-style",
        )
    rows = list(read_pairs(opened.path))
    trained = {(lab, key) for lab, split in inputs.data.manifest.labs.items() for key in split.learned}
    if shared := {(row.lab, row.submission) for row in rows} & trained:
        raise ModelError(
            f"{path}: {len(shared)} of its submissions are trained on. Use the file of `grader build-dataset "
            "--dev-split 0.1`.",
            code="dev-split-overlap",
        )
    loaded = load_examples(rows, inputs.encoder, "skip" if config.on_overlong == "skip" else "error")
    if not loaded.examples:
        raise ModelError(
            f"{path}: no validation examples; {len(loaded.skipped)} did not fit the context.", code="no-examples"
        )
    held_out = {(lab, key) for lab, split in opened.manifest.labs.items() for key in split.test}
    if held_out & {(row.lab, row.submission) for row in rows}:
        logging.getLogger(__name__).warning(
            "%s is the test file: it chooses the checkpoint, so its agreement will be too high. Use --dev-split.", path
        )
    summary = f"{inputs.summary}; validation on {len(loaded.examples)}"
    return replace(inputs, summary=summary, validation=loaded, validation_hash=opened.sha256)


def _summary(config: RunConfig, data: Mixture, loaded: LoadedExamples) -> str:
    names = ", ".join(part.path.name for part in data.parts)
    if not loaded.examples:
        raise ModelError(
            f"{names}: no training examples; {len(loaded.skipped)} did not fit the context.", code="no-examples"
        )
    summary = f"{len(loaded.examples)} {'submissions and external rows' if data.has_external else 'submissions'}"
    if loaded.skipped:
        summary += f", {len(loaded.skipped)} skipped as too long"
    if loaded.cut:
        summary += f", {loaded.cut} without the middle of their code"
    if config.dpo:
        unused = len(loaded.examples) - len(with_preferences(loaded.examples))
        if unused == len(loaded.examples):
            raise ModelError(
                f"{names}: no row has a rejected answer, so DPO has no data. Remove the dpo section.",
                code="no-examples",
            )
        summary += f", {unused} without a rejected answer, which DPO skips" if unused else ""
    return summary
