"""Text to token ids, a segment at a time, with two ways to read it: trusted, where special tokens are tokens, and
plain, where nothing ever is one. Knows no prompts.
"""

import json
from itertools import pairwise
from typing import Any

from labs_schema.errors import ModelError
from prompts.quoting import quote

LONG = 10_000
"""Characters from which on a text is read while other threads may run, which `encode` alone does not allow."""


class Segments:
    """A tokenizer taken apart so that segments tokenised one by one add up to their text.

    Tokenizers of SentencePiece's kind put a space before every text; here only the start of a prompt has it
    (`opening`), as in these models' own training. The tokenizer that is given is not changed.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.name = str(tokenizer.name_or_path)
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise ModelError(
                f"tokenizer {self.name!r} has no fast backend (tokenizer.json): save it as a fast tokenizer"
            )
        spec = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
        self._first = type(backend).from_str(json.dumps(spec))
        self._trusted = type(backend).from_str(json.dumps(without_word_start(spec)))
        self._plain = type(backend).from_str(json.dumps(without_word_start(spec)))
        self._plain.encode_special_tokens = True
        self.special = frozenset(token["id"] for token in spec["added_tokens"] if token["special"])
        structural = frozenset(
            token["id"] for token in spec["added_tokens"] if quote(token["content"]) != token["content"]
        )
        unknown = {tokenizer.unk_token_id} - {tokenizer.eos_token_id, tokenizer.bos_token_id}
        self.forbidden = (self.special | structural) - unknown
        """Ids that no text from outside may become. What a vocabulary has no piece for is honestly unknown."""

    def opening(self, text: str) -> tuple[int, ...]:
        """The template's text at the very start of a prompt."""
        return tuple(self._first.encode(text, add_special_tokens=False).ids)

    def trusted(self, text: str) -> tuple[int, ...]:
        """The template's text anywhere else."""
        return tuple(self._trusted.encode(text, add_special_tokens=False).ids)

    def plain(self, text: str) -> tuple[int, ...]:
        """Any text. Where structural tokens would still come out, the text is cut inside them and read in parts."""
        encoding = self._read(text)
        if self.forbidden.isdisjoint(encoding.ids):
            return tuple(encoding.ids)
        spans = [span for token, span in zip(encoding.ids, encoding.offsets, strict=True) if token in self.forbidden]
        if short := [text[start:end] for start, end in spans if end - start < 2]:
            raise ModelError(f"tokenizer {self.name!r} has a special token of one character, {short[0]!r}")
        cuts = [0, *((start + end) // 2 for start, end in spans), len(text)]
        return tuple(token for start, end in pairwise(cuts) for token in self.plain(text[start:end]))

    def _read(self, text: str) -> Any:
        if len(text) < LONG:
            return self._plain.encode(text, add_special_tokens=False)
        return self._plain.encode_batch([text], add_special_tokens=False)[0]


def without_word_start(spec: dict[str, Any]) -> dict[str, Any]:
    """A `tokenizer.json` that puts no space before a text: no Prepend, Metaspace `never`, ByteLevel without prefix."""
    return spec | {"normalizer": part_without(spec["normalizer"]), "pre_tokenizer": part_without(spec["pre_tokenizer"])}


def part_without(part: Any) -> Any:
    match part:
        case {"type": "Prepend"}:
            return None
        case {"type": "Metaspace"}:
            return part | {"prepend_scheme": "never"}
        case {"type": "ByteLevel"}:
            return part | {"add_prefix_space": False}
        case {"type": "Sequence"}:
            key = "normalizers" if "normalizers" in part else "pretokenizers"
            return part | {key: [kept for step in part[key] if (kept := part_without(step)) is not None]}
    return part
