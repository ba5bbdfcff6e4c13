"""The model's explanations for letters already chosen: a second step, which changes no rating."""

from collections.abc import Sequence

from prompts.encode import PromptEncoder
from prompts.verdict import CLOSING, OPENING, REASONING, parse_verdict
from serving.engines.engine import Engine, EngineFailure

MAX_TOKENS = 160
REASON_FORM = r'([ !#-\[\]-~\u00a1-\uffff]|\\["\\nrtbf])+"\}'
"""The inside of a JSON string as json.dumps writes it, and the end of the verdict."""


def explanations(
    engine: Engine, encoder: PromptEncoder, answered: Sequence[tuple[tuple[int, ...], str]]
) -> list[str | None]:
    """An explanation for each prompt (token ids) and the letter chosen for it; None if the model wrote none.

    The engine continues the verdict after the letter until its closing quote, for at most `MAX_TOKENS` tokens.
    """
    if not answered:
        return []
    prompts = [prompt + encoder.reasoning_ids(letter) for prompt, letter in answered]
    available = min(MAX_TOKENS, engine.context_length - max(map(len, prompts)))
    written = engine.write(prompts, available, CLOSING, REASON_FORM) if available > 0 else [None] * len(prompts)
    return [readable(letter, text) for (_, letter), text in zip(answered, written, strict=True)]


def readable(letter: str, text: str | EngineFailure | None) -> str | None:
    """The explanation that the model wrote after `"reasoning": "`; None if it is blank or not a JSON string."""
    if not isinstance(text, str):
        return None
    try:
        reasoning = parse_verdict(OPENING + letter + REASONING + text + CLOSING).reasoning
    except ValueError:
        return None
    return reasoning if reasoning and reasoning.strip() else None
