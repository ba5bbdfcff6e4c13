"""Failures that all engines tell in the same words. A bad prompt is turned away before an engine works on any."""

from serving.engines.engine import EngineFailure


def refusal(
    prompt: tuple[int, ...], answer_tokens: int, context_length: int, vocabulary: int | None = None
) -> EngineFailure | None:
    """Why a prompt of these token ids cannot be answered with `answer_tokens` more, or None where it can."""
    if not prompt:
        return EngineFailure("the prompt is empty")
    if len(prompt) + answer_tokens > context_length:
        return EngineFailure(f"overlong: {len(prompt)} tokens and the answer, where {context_length} fit")
    if vocabulary is not None and max(prompt) >= vocabulary:
        return EngineFailure("the prompt has tokens that the model does not know")
    return None


def unfinished(max_tokens: int) -> EngineFailure:
    return EngineFailure(f"the answer did not end within {max_tokens} tokens")
