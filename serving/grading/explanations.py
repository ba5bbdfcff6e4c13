"""The model's reasons for letters that are already chosen: the second step, which changes no rating.

Knows token ids and letters. What cannot be read as a reason is none.
"""

from collections.abc import Sequence

from prompts.encode import PromptEncoder
from prompts.verdict import CLOSING, OPENING, REASONING, parse_verdict
from serving.engines.engine import Engine, EngineFailure

MOST_TOKENS = 160
REASON_FORM = r'([ !#-\[\]-~\u00a1-\uffff]|\\["\\nrtbf])+"\}'
"""The inside of a JSON string as json.dumps writes it, and what closes the verdict."""


def reasonings(
    engine: Engine, encoder: PromptEncoder, asked: Sequence[tuple[tuple[int, ...], str]]
) -> list[str | None]:
    """One reason for each of `asked`, a prompt (token ids) with the letter chosen for it. The engine continues the
    verdict behind the letter, for at most MOST_TOKENS and as far as the context reaches, until its closing quote."""
    if not asked:
        return []
    prompts = [prompt + encoder.reasoning_ids(letter) for prompt, letter in asked]
    room = min(MOST_TOKENS, engine.context_length - max(map(len, prompts)))
    written = engine.write(prompts, room, CLOSING, REASON_FORM) if room > 0 else [None] * len(prompts)
    return [readable(letter, text) for (_, letter), text in zip(asked, written, strict=True)]


def readable(letter: str, text: str | EngineFailure | None) -> str | None:
    """The reason in what the model wrote after `"reasoning": "`, or None where that is no JSON string, or blank."""
    if not isinstance(text, str):
        return None
    try:
        reasoning = parse_verdict(OPENING + letter + REASONING + text + CLOSING).reasoning
    except ValueError:
        return None
    return reasoning if reasoning and reasoning.strip() else None
