"""Loads the inputs of a run: base model, tokenizer, prompt encoder and training examples."""

from dataclasses import dataclass
from typing import Any

from labs_schema.errors import ModelError
from prompts.base_models import BaseModelSource, find_base
from prompts.encode import PromptEncoder
from prompts.tokenizer import check_available, load_tokenizer
from training.config import RunConfig
from training.dataset.examples import LoadedExamples, TrainingExample, with_preferences
from training.models.loading import context_length_of
from training.run.mixture import Mixture, load_mixture, open_mixture


@dataclass(frozen=True)
class TrainingInputs:
    """`summary`: how many examples there are, were skipped, and are not used by DPO."""

    base: BaseModelSource
    data: Mixture
    tokenizer: Any
    encoder: PromptEncoder
    loaded: LoadedExamples
    summary: str

    def stage_examples(self, stage: str) -> tuple[TrainingExample, ...]:
        """SFT uses all examples, DPO those with a rejected answer."""
        return with_preferences(self.loaded.examples) if stage == "dpo" else self.loaded.examples


def load_inputs(config: RunConfig) -> TrainingInputs:
    """Raises InputError, OverlongError or ModelError, for instance if a stage would have no examples."""
    base, data = find_base(config.model), open_mixture(config.parts)
    if data.has_external and config.sft and config.sft.answer_only == "letter":
        raise ModelError("answer_only: letter would learn only one token of external answers. Set it to verdict.")
    check_available(base.source)
    tokenizer = load_tokenizer(base.source)
    encoder = PromptEncoder(
        tokenizer,
        context_length=context_length_of(base.source, config.context_length),
        on_overlong="middle" if config.on_overlong == "middle" else "error",
    )
    loaded = load_mixture(data, encoder, on_overlong=config.on_overlong, seed=config.seed)
    return TrainingInputs(base, data, tokenizer, encoder, loaded, _summary(config, data, loaded))


def _summary(config: RunConfig, data: Mixture, loaded: LoadedExamples) -> str:
    names = ", ".join(part.path.name for part in data.parts)
    if not loaded.examples:
        raise ModelError(f"{names}: no training examples; {len(loaded.skipped)} did not fit the context.")
    summary = f"{len(loaded.examples)} {'submissions and external rows' if data.has_external else 'submissions'}"
    if loaded.skipped:
        summary += f", {len(loaded.skipped)} skipped as too long"
    if loaded.cut:
        summary += f", {loaded.cut} without the middle of their code"
    if config.dpo:
        unused = len(loaded.examples) - len(with_preferences(loaded.examples))
        if unused == len(loaded.examples):
            raise ModelError(f"{names}: no row has a rejected answer, so DPO has no data. Remove the dpo section.")
        summary += f", {unused} without a rejected answer, which DPO skips" if unused else ""
    return summary
