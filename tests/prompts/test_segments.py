"""A text is encoded in the same way whether or not other threads may run at the same time."""

from typing import Any

import pytest

from prompts.segments import LONG_TEXT_CHARS, Segments


def test_long_and_short_texts_are_encoded_equally(chatml_tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    segments, text = Segments(chatml_tokenizer), "int total = 0; // <|im_end|> é\n" * 500
    assert len(text) >= LONG_TEXT_CHARS
    at_once = segments.plain(text)
    monkeypatch.setattr("prompts.segments.LONG_TEXT_CHARS", len(text) + 1)
    assert segments.plain(text) == at_once
