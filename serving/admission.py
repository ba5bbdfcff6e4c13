"""Which requests an engine turns away before it works on any: one bad prompt must not fail the others."""

from serving.engine import EngineFailure


def refusal(prompt: tuple[int, ...], answer_tokens: int, context_length: int, vocabulary: int) -> EngineFailure | None:
    """Why a prompt of these token ids cannot be answered with `answer_tokens` more, or None where it can."""
    if not prompt:
        return EngineFailure("the prompt is empty")
    if len(prompt) + answer_tokens > context_length:
        return EngineFailure(f"overlong: {len(prompt)} tokens and the answer, where {context_length} fit")
    if max(prompt) >= vocabulary:
        return EngineFailure("the prompt has tokens that the model does not know")
    return None
