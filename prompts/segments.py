"""Encodes segments of a prompt: trusted ones, which may contain special tokens, and plain ones, which never do."""

import json
from itertools import pairwise
from typing import Any

from labs_schema.errors import ModelError
from prompts.quoting import quote

LONG_TEXT_CHARS = 10_000
"""From this length on `encode_batch` is used: unlike `encode` it releases the GIL, so other threads can run."""


class Segments:
    """A tokenizer for segments whose ids can be concatenated.

    SentencePiece tokenizers prepend a space to every text. Here only the start of a prompt gets it (`opening`), as in
    the training of these models. The given tokenizer is not modified.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.name = str(tokenizer.name_or_path)
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise ModelError(
                f"tokenizer {self.name!r} has no fast backend (tokenizer.json). Save it as a fast tokenizer.",
                code="unsupported-tokenizer",
            )
        spec = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
        self._first = type(backend).from_str(json.dumps(spec))
        self._trusted = type(backend).from_str(json.dumps(without_leading_space(spec)))
        self._plain = type(backend).from_str(json.dumps(without_leading_space(spec)))
        self._plain.encode_special_tokens = True
        self.special = frozenset(token["id"] for token in spec["added_tokens"] if token["special"])
        structural = frozenset(
            token["id"] for token in spec["added_tokens"] if quote(token["content"]) != token["content"]
        )
        unknown = {tokenizer.unk_token_id} - {tokenizer.eos_token_id, tokenizer.bos_token_id}
        self.forbidden = (self.special | structural) - unknown
        """Ids that untrusted text must never become. The unknown token is allowed: it has no structural meaning."""

    def opening(self, text: str) -> tuple[int, ...]:
        """Template text at the very start of a prompt."""
        return tuple(self._first.encode(text, add_special_tokens=False).ids)

    def trusted(self, text: str) -> tuple[int, ...]:
        """Template text at any other position."""
        return tuple(self._trusted.encode(text, add_special_tokens=False).ids)

    def plain(self, text: str) -> tuple[int, ...]:
        """Untrusted text. Where structural tokens would result, the text is split inside them and encoded in parts."""
        encoding = self._read(text)
        if self.forbidden.isdisjoint(encoding.ids):
            return tuple(encoding.ids)
        spans = [span for token, span in zip(encoding.ids, encoding.offsets, strict=True) if token in self.forbidden]
        if short := [text[start:end] for start, end in spans if end - start < 2]:
            raise ModelError(
                f"tokenizer {self.name!r} has a special token of one character, {short[0]!r}",
                code="unsupported-tokenizer",
            )
        cuts = [0, *((start + end) // 2 for start, end in spans), len(text)]
        return tuple(token for start, end in pairwise(cuts) for token in self.plain(text[start:end]))

    def _read(self, text: str) -> Any:
        if len(text) < LONG_TEXT_CHARS:
            return self._plain.encode(text, add_special_tokens=False)
        return self._plain.encode_batch([text], add_special_tokens=False)[0]


def without_leading_space(spec: dict[str, Any]) -> dict[str, Any]:
    """A `tokenizer.json` that prepends no space: no Prepend, Metaspace `never`, ByteLevel without prefix space."""
    return spec | {part: without_prefix_space(spec[part]) for part in ("normalizer", "pre_tokenizer")}


def without_prefix_space(part: Any) -> Any:
    match part:
        case {"type": "Prepend"}:
            return None
        case {"type": "Metaspace"}:
            return part | {"prepend_scheme": "never"}
        case {"type": "ByteLevel"}:
            return part | {"add_prefix_space": False}
        case {"type": "Sequence"}:
            key = "normalizers" if "normalizers" in part else "pretokenizers"
            return part | {key: [new for step in part[key] if (new := without_prefix_space(step)) is not None]}
    return part
