"""The engine of a head: answers a request from the program itself, not from the prompt's tokens."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from labs_schema.errors import ModelError
from labs_schema.source import code_tokens
from serving.engines.engine import EngineFailure, LabelScores, Query, ScoreRequest
from serving.head import evidence_features as evidence_module
from serving.head import hidden_states as states_module
from serving.head import working_code as code_module
from serving.head.evidence_features import evidence_features
from serving.head.feature_cache import CachedHiddenStates
from serving.head.head import Head, Program
from serving.head.hidden_states import HiddenStates, TransformersHiddenStates
from serving.head.text_features import program_ngrams
from serving.head.working_code import working_code

FEATURE_VERSIONS = (code_tokens.VERSION, states_module.VERSION, evidence_module.VERSION, code_module.VERSION)
"""A head is used only with the versions that it was fitted with."""
NO_SIMILAR_CRITERION = EngineFailure("the head was fitted on no criterion with as many ratings as this one")


class HeadEngine:
    """`head` on the hidden states that `states` gives."""

    name = "head"

    def __init__(self, head: Head, states: HiddenStates, context_length: int) -> None:
        self._head, self._states, self.context_length = head, states, context_length
        self.version = head.info.grader_version
        self._embedding = lru_cache(maxsize=512)(lambda text: self._states.means([text])[0])

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        """Reads each program once for all requests about it."""
        queries = [request.query for request in requests]
        programs = {each.program: each for each in queries if each}
        texts = [working_code(each.submission, each.lab.language) for each in programs.values()]
        states = self._states.means(texts)
        features = {
            program: Program(
                program_ngrams(text, each.lab.language),
                row,
                evidence_features(each.submission.observations, each.lab.name),
            )
            for (program, each), text, row in zip(programs.items(), texts, states, strict=True)
        }
        return [self._answer(each, features[each.program]) if each else NO_QUESTION for each in queries]

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        del max_tokens, stop, form
        return [EngineFailure("a head writes no explanations")] * len(prompts)

    def close(self) -> None:
        self._states.close()

    def _answer(self, query: Query, program: Program) -> LabelScores | EngineFailure:
        criterion = query.criterion
        found = self._head.predict(program, query.lab.name, criterion, self._embedding)
        if found is None:
            return NO_SIMILAR_CRITERION
        titles = [rating.title for rating in criterion.ratings]
        shown = [float(found.logprobs[titles.index(option)]) for option in query.options]
        return LabelScores(tuple(shown), sources=found.sources)


NO_QUESTION = EngineFailure("a head answers only questions about submissions")


def hidden_states(weights: str, tokenizer: Any, base_hash: str, layers: Sequence[int], dtype: str) -> HiddenStates:
    """Cached states of the model with the weights `base_hash`. It is loaded when a program is not in the cache.

    Raises ModelError if it has fewer layers.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(weights)
    if max(layers) > config.num_hidden_layers or min(layers) < 1:
        raise ModelError(
            f"{weights} has the layers 1 to {config.num_hidden_layers}, not {list(layers)}.", code="unsupported-model"
        )

    def open_model() -> HiddenStates:
        return TransformersHiddenStates(weights, tokenizer, layers, dtype)

    return CachedHiddenStates(open_model, len(layers) * config.hidden_size, base_hash, layers, dtype)
