"""What a run needs before its first stage: base, tokenizer, encoder, examples. Knows no trainer."""

from dataclasses import dataclass
from typing import Any

from labs_schema.errors import ModelError
from prompts.encode import PromptEncoder
from prompts.tokenizer import check_available, load_tokenizer
from training.config import RunConfig
from training.dataset.examples import Loaded, TrainingExample, with_preferences
from training.models.bases import Base, find_base
from training.models.loading import context_of
from training.run.mixture import Mixture, load_mixture, open_mixture


@dataclass(frozen=True)
class Inputs:
    base: Base
    data: Mixture
    tokenizer: Any
    encoder: PromptEncoder
    loaded: Loaded
    told: str
    """How many examples there are, were left out, and how many DPO does not use."""


def open_inputs(config: RunConfig) -> Inputs:
    """Raises InputError, OverlongError or ModelError, also where a stage would have nothing to learn from."""
    base, data = find_base(config.model), open_mixture(config.parts)
    if data.is_foreign and config.sft and config.sft.answer_only == "letter":
        raise ModelError("answer_only letter would learn one token of other programs' answers: set it to verdict.")
    check_available(base.source)
    tokenizer = load_tokenizer(base.source)
    encoder = PromptEncoder(
        tokenizer,
        context_length=context_of(base.source, config.context_length),
        on_overlong="middle" if config.on_overlong == "middle" else "error",
    )
    loaded = load_mixture(data, encoder, on_overlong=config.on_overlong, seed=config.seed)
    names = ", ".join(part.path.name for part in data.parts)
    if not loaded.examples:
        raise ModelError(f"{names}: no submission to train on; {len(loaded.skipped)} did not fit the context.")
    told = f"{len(loaded.examples)} {'submissions and rows' if data.is_foreign else 'submissions'}"
    if loaded.skipped:
        told += f", {len(loaded.skipped)} left out as too long"
    if loaded.cut:
        told += f", {loaded.cut} without the middle of their code, to fit"
    if config.dpo:
        unused = len(loaded.examples) - len(stage_examples("dpo", loaded))
        if unused == len(loaded.examples):
            raise ModelError(f"{names}: no row has a rejected answer, so there is nothing for DPO. Leave dpo out.")
        told += f", {unused} not used by DPO for want of a rejected answer" if unused else ""
    return Inputs(base, data, tokenizer, encoder, loaded, told)


def stage_examples(name: str, loaded: Loaded) -> tuple[TrainingExample, ...]:
    """SFT learns from all examples, DPO from those with a rejected answer."""
    return with_preferences(loaded.examples) if name == "dpo" else loaded.examples
